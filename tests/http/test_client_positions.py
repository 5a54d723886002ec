"""What a client remembers of each log, and what it makes of a log that contradicts it."""

import json
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api import client_calls as calls
from api.client import Broken, Incomplete, LogForked, Question
from api.client_core import Core
from api.client_exchange import Reply
from api.client_positions import NO_FLOOR, PLACES_MAX, Positions
from tests.http.clients import FACES, Act, Face, Send, Wire, answers, pauses

PERSON = UUID(int=2)


@pytest.fixture(params=FACES)
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def told(position: str, *, catalogue: str = "0:1:cccccccc") -> dict[str, Any]:
    """An answer that names these positions."""
    lists = ("live", "relied_on", "conditions", "denied_categories", "flags", "late_gaps")
    return {
        "decision": "DENY",
        **{name: [] for name in (*lists, "because", "due")},
        "next_change_at": None,
        "effective_at": "2026-06-01T00:00:00Z",
        "known_at": "2026-06-01T00:00:00Z",
        "position": position,
        "rulebook": "r",
        "catalogue": catalogue,
    }


def saying(*positions: str) -> list[Act]:
    return [answers(200, told(one)) for one in positions]


def recorded(position: str, **headers: str) -> Act:
    """The receipt of a write."""
    body = {"position": position, "version": 1, "entries": []}
    return answers(201, body, **headers)


def client_of(kind: str, *acts: Act, always: Act | None = None) -> Face:
    return Face(kind, "http://ledger.test", "t", wire=Wire(*acts, always=always), attempts=1)


def test_a_log_that_grows_is_the_same_log(kind: str) -> None:
    client = client_of(kind, *saying("0:5:aaaaaaaa", "0:5:aaaaaaaa", "0:9:bbbbbbbb"))

    for _ in range(3):
        client.check(PERSON, "PHOTO")


@pytest.mark.parametrize(
    "later",
    [
        answers(200, told("0:4:aaaaaaaa")),
        answers(200, told("0:5:bbbbbbbb")),
        answers(200, told("0:6:aaaaaaaa", catalogue="0:1:dddddddd")),
    ],
)
def test_a_log_with_less_or_with_another_entry_is_not_answered_from(kind: str, later: Act) -> None:
    client = client_of(kind, *saying("0:5:aaaaaaaa"), always=later)
    client.check(PERSON, "PHOTO")

    for person in (PERSON, uuid4()):
        with pytest.raises(LogForked, match="stop"):
            client.check(person, "PHOTO")


def test_what_was_recorded_may_not_be_gone(kind: str) -> None:
    client = client_of(kind, recorded("0:7:aaaaaaaa"), *saying("0:6:aaaaaaaa"))
    client.record(PERSON, {})

    with pytest.raises(LogForked):
        client.check(PERSON, "PHOTO")


def test_what_a_forked_log_recorded_is_named_by_its_key(kind: str) -> None:
    client = client_of(kind, recorded("0:7:aaaaaaaa"), recorded("0:6:aaaaaaaa"))
    client.record(PERSON, {})

    with pytest.raises(LogForked) as raised:
        client.record(PERSON, {}, key="k")
    assert raised.value.key == "k"


def test_a_write_that_is_repeated_may_be_old(kind: str) -> None:
    client = client_of(
        kind, *saying("0:9:bbbbbbbb"), recorded("0:7:aaaaaaaa", idempotency_replayed="true")
    )
    client.check(PERSON, "PHOTO")

    assert client.record(PERSON, {}).replayed


def test_a_catalogue_that_was_adopted_may_not_be_gone(kind: str) -> None:
    client = client_of(kind, recorded("0:8:aaaaaaaa"), *saying("0:9:bbbbbbbb"))
    client.adopt({})

    with pytest.raises(LogForked):
        client.check(PERSON, "PHOTO")


def test_a_question_about_the_past_says_nothing_of_the_present(kind: str) -> None:
    client = client_of(kind, *saying("0:9:bbbbbbbb", "0:4:aaaaaaaa", "0:3:aaaaaaaa"))
    client.check(PERSON, "PHOTO")

    client.check(PERSON, "PHOTO", known_at="2026-01-01T00:00:00Z")
    client.check(PERSON, "PHOTO", at_position="0:3")


def test_answers_may_overtake_one_another() -> None:
    core = Core(positions=Positions(), stated={})
    slow, quick = (calls.check(core, PERSON, "PHOTO") for _ in range(2))
    for one in (slow, quick):
        next(one)
    for one, position in ((quick, "0:9:bbbbbbbb"), (slow, "0:5:aaaaaaaa")):
        body = json.dumps(told(position)).encode()
        with pytest.raises(StopIteration) as done:
            one.send(Reply(status_code=200, headers={}, body=body))
        assert done.value.value.position == position


def test_a_position_that_is_none_is_no_answer(kind: str) -> None:
    for text in ("", "5", "0:5:AAAAAAAA", "x" * 9):
        with pytest.raises(Broken):
            client_of(kind, *saying(text)).check(PERSON, "PHOTO")


def test_as_many_places_are_remembered_as_said() -> None:
    positions = Positions()
    for n in range(1, PLACES_MAX + 2):
        positions.saw(f"0:{n}:aaaaaaaa")

    positions.saw("0:1:bbbbbbbb")
    with pytest.raises(LogForked):
        positions.saw("0:3:bbbbbbbb")


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6), st.integers(0, 1), st.booleans())),
)
def test_a_client_notices_what_a_list_of_all_it_saw_shows(
    seen: list[tuple[int, int, int, bool]],
) -> None:
    positions, believed = Positions(), list[tuple[int, int, int]]()
    for log, n, kind, present in seen:
        same = all(other == kind for one, at, other in believed if (one, at) == (log, n))
        grown = all(at <= n for one, at, _ in believed if one == log)
        floor = positions.floor() if present else NO_FLOOR
        text = f"{log}:{n}:{kind:08x}"
        if same and (grown or not present):
            positions.saw(text, floor=floor)
            believed.append((log, n, kind))
        else:
            with pytest.raises(LogForked):
                positions.saw(text, floor=floor)


class TwoLogs:
    """A service whose people are in two logs, each of which grows with every request."""

    def __init__(self) -> None:
        self.grown = 100
        self.asked: list[list[str | None]] = []

    def act(self, request: httpx2.Request, send: Send) -> httpx2.Response:
        """The answers, or the problem of a position that is another log's."""
        self.grown += 1
        checks = json.loads(request.content)["checks"]
        self.asked.append([one.get("at_position") for one in checks])
        for n, one in enumerate(checks):
            if one.get("at_position", self.log(one)[0])[0] != self.log(one)[0]:
                wrong = {"pointer": f"/checks/{n}/at_position", "code": "malformed"}
                body = {"type": "/problems/malformed", "errors": [wrong]}
                headers = {"content-type": "application/problem+json"}
                return httpx2.Response(400, json=body, headers=headers)
        found = [{"id": one["id"], "answer": told(self.position(one))} for one in checks]
        return httpx2.Response(200, json={"answers": found})

    def log(self, one: dict[str, Any]) -> str:
        """The person's log."""
        return str(UUID(one["subject"]).int % 2)

    def position(self, one: dict[str, Any]) -> str:
        """Where the answer stands."""
        place = f"{self.log(one)}:{self.grown}:{self.grown:08x}"
        return str(one.get("at_position", place))


def one_state(monkeypatch: pytest.MonkeyPatch, people: list[int]) -> tuple[TwoLogs, list[str]]:
    """The service, and where each answer of a batch in requests of two stands."""
    monkeypatch.setattr(calls, "BATCH_MAX", 2)
    service = TwoLogs()
    client = client_of("blocking", always=service.act)
    found = client.check_many([Question(UUID(int=one), "PHOTO") for one in people])
    return service, [one.position for one in found]


def test_a_long_batch_over_one_log_is_pinned_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    service, positions = one_state(monkeypatch, [2, 4, 6, 8, 2])

    assert service.asked == [[None, None], ["0:101:00000065"] * 2, ["0:101:00000065"]]
    assert {*positions} == {"0:101:00000065"}


@pytest.mark.parametrize(
    "people", [[1, 2, 3, 4, 5], [2, 4, 1, 3, 6, 8], [2, 4, 1, 6, 3, 2, 1], [1, 3, 2, 2, 2, 1, 5]]
)
def test_a_long_batch_over_two_logs_has_one_position_of_each(
    monkeypatch: pytest.MonkeyPatch, people: list[int]
) -> None:
    _, positions = one_state(monkeypatch, people)

    assert [int(one[0]) for one in positions] == [one % 2 for one in people]
    assert len({*positions}) == 2


def test_a_long_batch_stays_where_it_began_whatever_is_seen_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls, "BATCH_MAX", 2)
    service = TwoLogs()
    client = client_of("blocking", always=service.act)

    def overtaken(request: httpx2.Request, send: Send) -> httpx2.Response:
        client.wire.acts.append(answers(200, told("0:999:aaaaaaaa")))
        client.check(PERSON, "PHOTO")
        return service.act(request, send)

    client.wire.acts.extend((service.act, overtaken))
    found = client.check_many([Question(PERSON, "PHOTO")] * 3)
    assert [one.position for one in found] == ["0:101:00000065"] * 3


def test_a_question_of_a_long_batch_that_wants_more_is_answered_on_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls, "BATCH_MAX", 2)
    service = TwoLogs()
    client = client_of("blocking", always=service.act)
    more, less = (Question(PERSON, "PHOTO", min_position=one) for one in ("0:102", "0:101"))
    found = client.check_many([Question(PERSON, "PHOTO")] * 2 + [more, less])

    assert [one.position[:5] for one in found] == ["0:101", "0:101", "0:102", "0:101"]
    assert len(service.asked) == 2


PEOPLE: dict[str, Any] = {
    "people": [{"subject": str(PERSON), "decision": "PERMIT", "live": ["a"]}],
    "complete": True,
    "next": None,
    "effective_at": "2026-06-01T00:00:00Z",
    "known_at": "2026-06-01T00:00:00Z",
    "positions": ["0:5:aaaaaaaa"],
    "catalogue": "0:1:cccccccc",
}
MORE = {**PEOPLE, "complete": False, "next": "on"}


@pytest.mark.parametrize(
    "pages",
    [
        [{**PEOPLE, "complete": False}],
        [{**PEOPLE, "next": "on"}],
        [MORE, {**PEOPLE, "positions": ["0:6:bbbbbbbb"]}],
        [MORE, {**PEOPLE, "catalogue": "0:6:bbbbbbbb"}],
        [MORE, {**PEOPLE, "complete": False}],
    ],
)
def test_a_list_that_is_cut_short_or_moves_is_an_error(
    kind: str, pages: list[dict[str, Any]]
) -> None:
    client = client_of(kind, *[answers(200, one) for one in pages])

    with pytest.raises(Incomplete):
        client.population("PHOTO")


def test_a_list_goes_on_from_its_cursor(kind: str) -> None:
    client = client_of(kind, answers(200, MORE), answers(200, PEOPLE))

    assert [one.subject for one in client.population("PHOTO", decision="PERMIT")] == [PERSON] * 2
    first, second = (one.url.params for one in client.wire.requests)
    assert dict(second) == {**dict(first), "cursor": "on"}


def test_exposures_that_are_not_all_are_an_error(kind: str) -> None:
    body = {"people": [], "complete": False, "positions": []}

    with pytest.raises(Incomplete):
        client_of(kind, answers(200, body)).exposures(
            "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
        )


def test_who_follows_a_feed_that_does_not_wait_waits(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = pauses(monkeypatch)
    checkpoint = {"cursor": "0:5-0", "positions": [], "time": PEOPLE["known_at"], "behind": 0}
    body = {"events": [], "next": "0:5-0", "complete": True, "checkpoint": checkpoint}
    client = client_of(kind, always=answers(200, body))

    assert len(client.first("feed", 4)) == 4
    assert slept == [0.2] * 3
    assert [one.url.params["after"] for one in client.wire.requests] == ["earliest"] + ["0:5-0"] * 3
