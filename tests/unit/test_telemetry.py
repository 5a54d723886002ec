"""What is told of a request: its route, how it ended, how long it took, and nothing of a person."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

from api import noted
from api.telemetry import Telemetry
from api.telemetry_http import parent_of
from ledger.batch import Batcher
from ledger.errors import Unavailable
from tests.unit.telemetry import Asked, Kept, ask, samples

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ROUTE = "/v1/subjects/{subject}/entries"
DURATION = "http_server_request_duration_seconds_count"


def told(story: Callable[[], Awaitable[Any]]) -> Any:
    async def bounded() -> Any:
        async with asyncio.timeout(30):
            return await story()

    return asyncio.run(bounded())


def asked(kept: Kept, handler: Callable[[], Awaitable[int | None]], **about: Any) -> None:
    told(lambda: ask(kept.telemetry, handler, Asked(**about)))


async def fine() -> int:
    return 200


def parent(flags: str = "01") -> tuple[tuple[bytes, bytes], ...]:
    return ((b"traceparent", f"00-{TRACE}-{SPAN}-{flags}".encode()),)


# Spans.


def test_a_span_is_named_for_its_method_and_route_and_says_how_it_ended():
    kept = Kept()
    asked(kept, fine)

    (span,) = kept.spans()
    assert span.name == f"GET {ROUTE}"
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.route": ROUTE,
        "http.response.status_code": 200,
        "url.scheme": "http",
    }
    assert (span.parent, span.links, span.events) == (None, (), ())
    assert span.status.status_code is StatusCode.UNSET
    assert "9434765919" not in span.to_json()
    assert "192.0.2.7" not in span.to_json()


def test_what_was_noted_is_on_the_span_and_counted():
    async def refuses() -> int:
        noted.note_problem("refused")
        noted.note_refusal("CONSENT_ALREADY_WITHDRAWN")
        return 422

    async def permits() -> int:
        noted.note_answers(["PERMIT"])
        return 200

    async def many() -> int:
        noted.note_answers(["PERMIT", "DENY", "DENY"])
        return 200

    kept = Kept()
    for handler in (refuses, permits, many):
        asked(kept, handler)

    refused, permitted, both = (dict(one.attributes or {}) for one in kept.spans())
    assert refused["error.type"] == "refused"
    assert refused["ledger.refusal"] == "CONSENT_ALREADY_WITHDRAWN"
    assert (permitted["ledger.decision"], permitted["ledger.answers"]) == ("PERMIT", 1)
    assert ("ledger.decision" in both, both["ledger.answers"]) == (False, 3)
    assert kept.samples("ledger_checks_total") == {("PERMIT",): 2, ("DENY",): 2}
    assert kept.samples("ledger_refusals_total") == {("CONSENT_ALREADY_WITHDRAWN",): 1}
    assert kept.samples("ledger_problems_total") == {("refused",): 1}


def test_an_error_that_escapes_names_its_type_and_none_of_its_words():
    async def breaks() -> int:
        raise ValueError("Ana Smith 9434765919")

    kept = Kept()
    with pytest.raises(ValueError, match="Ana"):
        asked(kept, breaks)

    (span,) = kept.spans()
    attributes = dict(span.attributes or {})
    assert attributes["error.type"] == "ValueError"
    assert "http.response.status_code" not in attributes
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert "Smith" not in span.to_json()
    assert kept.samples(DURATION) == {("GET", ROUTE, "none"): 1}


def test_a_status_beyond_500_is_an_error_and_one_below_is_not():
    kept = Kept()
    for code in (503, 404):
        asked(kept, partial(_coming_to, code))

    statuses = [one.status.status_code for one in kept.spans()]
    assert statuses == [StatusCode.ERROR, StatusCode.UNSET]


async def _coming_to(code: int) -> int:
    return code


def test_methods_routes_and_schemes_that_anybody_can_make_up_have_one_name():
    kept = Kept()
    asked(kept, fine, method="QQ123456C", template=None, scheme="9434765919")

    (span,) = kept.spans()
    assert span.name == "_OTHER unmatched"
    assert dict(span.attributes or {})["url.scheme"] == "http"
    assert kept.samples(DURATION) == {("_OTHER", "unmatched", "200"): 1}


def test_the_route_of_the_root_and_of_a_tail_are_plain():
    kept = Kept()
    for template in ("/", "/{path:str}", "/problems/{slug:str}"):
        asked(kept, fine, template=template, scheme="https")

    routes = [dict(one.attributes or {})["http.route"] for one in kept.spans()]
    assert routes == ["/", "/{path}", "/problems/{slug}"]
    assert dict(kept.spans()[0].attributes or {})["url.scheme"] == "https"


def test_no_request_is_in_hand_any_more_and_none_is_noted_outside_of_one():
    kept = Kept()

    async def during() -> int:
        assert kept.samples("http_server_active_requests") == {(): 1}
        return 200

    asked(kept, during)
    noted.note_problem("internal")
    noted.note_refusal("X")
    noted.note_answers(["PERMIT"])

    assert kept.samples("http_server_active_requests") == {(): 0}
    assert noted.trace_id() is None
    assert kept.samples("ledger_problems_total") == {}


# Parents and sampling.


def test_the_callers_span_is_the_parent():
    kept = Kept()
    seen: list[str | None] = []

    async def looks() -> int:
        seen.append(noted.trace_id())
        return 200

    asked(kept, looks, headers=(*parent(), (b"tracestate", b"nhs=9434765919")))

    (span,) = kept.spans()
    assert span.parent is not None
    assert format_span_id(span.parent.span_id) == SPAN
    assert span.context is not None
    assert format_trace_id(span.context.trace_id) == TRACE
    assert seen == [TRACE]
    assert not span.context.trace_state


def test_without_a_collector_the_callers_trace_is_known_all_the_same():
    seen: list[str | None] = []

    async def looks() -> int:
        seen.append(noted.trace_id())
        return 200

    telemetry = Telemetry()
    told(lambda: ask(telemetry, looks, Asked(headers=parent())))
    told(lambda: ask(telemetry, looks, Asked()))

    assert seen == [TRACE, None]
    assert samples(telemetry, DURATION) == {("GET", ROUTE, "200"): 2}


def test_a_request_is_sampled_as_its_caller_decided_or_else_by_the_ratio():
    for ratio, headers, many in (
        (0.0, (), 0),
        (0.0, parent("01"), 1),
        (1.0, parent("00"), 0),
        (1.0, (), 1),
    ):
        kept = Kept(ratio=ratio)
        asked(kept, fine, headers=headers)
        assert len(kept.spans()) == many
        assert kept.samples(DURATION) == {("GET", ROUTE, "200"): 1}


def test_the_ratio_is_about_what_it_says():
    kept = Kept(ratio=0.25)

    async def story() -> None:
        for _ in range(2000):
            await ask(kept.telemetry, fine, Asked())

    told(story)
    # Six standard deviations on either side.
    assert 384 < len(kept.spans()) < 616


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01x",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-\xe9",
        f" 00-{TRACE}-{SPAN}-01",
    ],
)
def test_what_is_no_traceparent_is_none(value):
    assert parent_of([(b"traceparent", value.encode("latin-1"))]) is None


def test_a_later_version_may_say_more_and_two_headers_say_nothing():
    more = f"01-{TRACE}-{SPAN}-00-more".encode()

    assert parent_of([(b"traceparent", more)]) == (TRACE, SPAN, False)
    assert parent_of([(b"traceparent", more), (b"traceparent", more)]) is None
    assert parent_of([(b"other", more)]) is None


# Flushes.


async def doubled(numbers: Sequence[int]) -> list[int]:
    await asyncio.sleep(0)
    if 13 in numbers:
        raise Unavailable("Ana Smith")
    return [2 * number for number in numbers]


def test_a_flush_has_a_span_that_is_linked_to_those_of_its_requests():
    kept = Kept()
    batcher = Batcher(doubled, watch=kept.telemetry.watching("append"))

    async def submits() -> int:
        await batcher.submit(4)
        return 201

    async def story() -> None:
        await asyncio.gather(*(ask(kept.telemetry, submits, Asked()) for _ in range(3)))

    told(story)
    flushes = [one for one in kept.spans() if one.name == "ledger append"]
    requests = {one.context.span_id for one in kept.spans() if one.name == f"GET {ROUTE}"}

    assert [dict(one.attributes or {})["ledger.flush.requests"] for one in flushes] == [3]
    assert {link.context.span_id for one in flushes for link in one.links} == requests
    assert len(requests) == 3
    assert flushes[0].parent is None
    assert kept.samples("ledger_flush_requests_sum") == {("append",): 3}
    assert kept.samples("ledger_flush_wait_seconds_count") == {("append",): 3}
    assert kept.samples("ledger_flush_duration_seconds_count") == {("append",): 1}


def test_a_flush_of_requests_that_nobody_samples_has_none_and_is_counted():
    kept = Kept(ratio=0.0)
    batcher = Batcher(doubled, watch=kept.telemetry.watching("read"))

    async def submits() -> int:
        await batcher.submit(4)
        return 200

    asked(kept, submits)
    told(lambda: batcher.submit(5))

    assert kept.spans() == ()
    assert kept.samples("ledger_flush_requests_sum") == {("read",): 2}


def test_one_sampled_request_is_enough_and_the_others_are_not_linked():
    kept = Kept(ratio=0.0)
    batcher = Batcher(doubled, watch=kept.telemetry.watching("read"))

    async def submits() -> int:
        await batcher.submit(4)
        return 200

    async def story() -> None:
        headers: tuple[Any, ...] = ((), parent(), ())
        await asyncio.gather(*(ask(kept.telemetry, submits, Asked(headers=one)) for one in headers))

    told(story)
    (flush,) = [one for one in kept.spans() if one.name == "ledger read"]
    assert [format_trace_id(link.context.trace_id) for link in flush.links] == [TRACE]
    assert dict(flush.attributes or {})["ledger.flush.requests"] == 3


def test_a_flush_that_fails_names_the_type_of_its_error_and_none_of_its_words():
    kept = Kept()
    batcher = Batcher(doubled, watch=kept.telemetry.watching("append"))

    async def submits() -> int:
        with pytest.raises(Unavailable):
            await batcher.submit(13)
        return 503

    asked(kept, submits)
    (flush,) = [one for one in kept.spans() if one.name == "ledger append"]
    assert dict(flush.attributes or {})["error.type"] == "Unavailable"
    assert flush.status.status_code is StatusCode.ERROR
    assert "Smith" not in flush.to_json()
    assert kept.samples("ledger_flush_failures_total") == {("append",): 1}
    assert json.loads(flush.to_json())["events"] == []


# The page.


def test_the_page_names_every_metric_and_no_other_with_its_labels():
    page = (Path(__file__).parents[2] / "ops" / "docs" / "telemetry.md").read_text("utf-8")
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ((?:`\w+`(?:, )?)*) ?\| ", page, re.MULTILINE)
    told_of = {name: set(_words(labels)) for names, labels in rows for name in _words(names)}
    metrics = Telemetry().metrics
    metrics.watch_pools({})
    metrics.watch_keys(lambda: 0.0)
    there = {one.name for one in metrics.registry.collect() if not one.name.startswith("process_")}

    assert {name for name in told_of if name.startswith(("ledger_", "http_"))} == there
    labels = {
        name: set(getattr(one, "_labelnames", ()))
        for one in vars(metrics).values()
        if (name := getattr(one, "_name", None))
    }
    assert {name: told_of[name] for name in labels} == labels


def _words(text: str) -> list[str]:
    return re.findall(r"`(\w+)`", text)
