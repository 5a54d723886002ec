"""Identifiers of real shape, put into every place of every call: who looks for them finds none.

Nobody has them: the numbers are well-formed and made up. Not here: where they are looked for.
"""

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

import msgspec

from tests.http.routes import BODIES, Call, made

CANARIES = {
    "NHS number": "4857773457",
    "National Insurance number": "AB123456C",
    "e-mail address": "anastasia.okonkwo@canary.example",
    "UPN": "T801234567012",
    "name and date of birth": "Anastasia Okonkwo-Canary 14/03/1984",
}
TRACES = {
    **{name: (text,) for name, text in CANARIES.items()},
    "NHS number": ("4857773457", "485 777 3457", "485-777-3457"),
    "National Insurance number": ("AB123456C", "AB 12 34 56 C"),
    "name and date of birth": ("Okonkwo-Canary", "Anastasia Okonkwo", "14/03/1984"),
}
"""By what each is found again, in whatever spelling."""
HEADERS = (
    "accept",
    "authorization",
    "content-type",
    "cookie",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "last-event-id",
    "ledger-on-behalf-of",
    "ledger-reason",
    "origin",
    "prefer",
    "referer",
    "traceparent",
    "tracestate",
    "user-agent",
    "x-forwarded-for",
    "x-request-id",
)


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A request: as httpx takes it, and whether its caller is known."""

    call: Call
    request: dict[str, Any]
    stranger: bool = False


def found_in(text: str) -> list[str]:
    """Which of them the text holds, plain, percent-encoded, or as JSON spells it."""
    lowered = text.lower()
    return [
        name
        for name, traces in TRACES.items()
        if any(
            spelt.lower() in lowered
            for trace in traces
            for spelt in (trace, quote(trace, safe=""), quote_plus(trace), json.dumps(trace)[1:-1])
        )
    ]


def requests_of(call: Call, parameters: Mapping[Call, list[str]]) -> Iterator[Sent]:
    """Requests of the call with a canary in each place, and each canary in turn."""
    turn = itertools.cycle(CANARIES.values())
    yield from _in_path(call, turn)
    yield from _in_query(call, parameters.get(call, []), turn)
    yield from in_headers(call, turn)
    if call[0] != "GET":
        yield from _in_body(call, turn)


def _in_path(call: Call, turn: Iterator[str]) -> Iterator[Sent]:
    template = call[1]
    if "{" in template:
        for canary in CANARIES.values():
            parts = [
                quote(canary, safe="") if part.startswith("{") else part
                for part in template.split("/")
            ]
            yield _of(call, url="/".join(parts))
    yield _of(call, url=f"{made(call)['url']}/{quote(next(turn), safe='')}")
    yield Sent(call=call, request={"method": "DELETE", "url": f"/{quote(next(turn), safe='')}"})
    wrong = f"{made(call)['url']}?{quote(next(turn), safe='')}"
    yield Sent(call=call, request={"method": "PATCH", "url": wrong})


def _in_query(call: Call, parameters: list[str], turn: Iterator[str]) -> Iterator[Sent]:
    for name in (*parameters, "unknown"):
        yield _of(call, params={name: next(turn)})
    if parameters:
        yield _of(call, params={name: next(turn) for name in parameters})
    yield _of(call, params={next(turn): "1"})


def in_headers(call: Call, turn: Iterator[str] | None = None) -> Iterator[Sent]:
    """Requests of the call as it should be, with a canary in one header after the other."""
    turn = turn or itertools.cycle(CANARIES.values())
    for name in HEADERS:
        canary = next(turn)
        if name == "authorization":
            yield _of(call, headers={name: f"Bearer {canary}"}, stranger=True)
            yield _of(call, headers={name: canary}, stranger=True)
        else:
            yield _of(call, headers={name: canary}, json=BODIES.get(call))
    yield _of(call, headers={f"x-{next(turn).split()[0].partition('@')[0]}": "1"})


def _in_body(call: Call, turn: Iterator[str]) -> Iterator[Sent]:
    whole = BODIES.get(call, {})
    for place in _places(whole):
        yield _of(call, json=_with(whole, place, next(turn)))
    yield _of(call, json={**whole, "unknown": next(turn), next(turn): 1})
    for content in (
        f'{{"{next(turn)}": ',
        f'{{"a": "{next(turn)}", "a": "{next(turn)}"}}',
        json.dumps(next(turn)),
        next(turn),
        "[" * 100 + json.dumps(next(turn)) + "]" * 100,
        json.dumps({"x": next(turn)}) + " " * 2_000_000,
    ):
        yield _of(call, content=content.encode(), headers={"content-type": "application/json"})
    for kind in ("text/plain", "application/xml", f"text/{next(turn).split()[0]}"):
        yield _of(call, content=next(turn).encode(), headers={"content-type": kind})


Place = tuple[str | int, ...]


def _places(value: Any, place: Place = ()) -> Iterator[Place]:
    """Where texts stand in a body; of a long list its first entry is enough."""
    match value:
        case dict():
            for name, one in value.items():
                yield from _places(one, (*place, name))
        case list():
            for n, one in enumerate(value[:1]):
                yield from _places(one, (*place, n))
        case str():
            yield place


def _with(value: Any, place: Place, text: str) -> Any:
    if not place:
        return text
    changed = value.copy()
    changed[place[0]] = _with(value[place[0]], place[1:], text)
    return changed


def _of(call: Call, *, stranger: bool = False, **more: Any) -> Sent:
    """The call with this instead of what it usually has; a body of its own unless one is given."""
    request = made(call)
    headers = request.pop("headers") | more.pop("headers", {})
    if "content" in more or more.get("json", 1) is None:
        request.pop("json", None)
    elif call in BODIES:
        request["json"] = BODIES[call]
    kept = {name: value for name, value in more.items() if value is not None}
    return Sent(call=call, request={**request, "headers": headers, **kept}, stranger=stranger)
