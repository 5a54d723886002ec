"""Single answers, and what is written: what each call sends, and what it makes of the response.

Not here: lists and the feed (`client_lists`), connections, tokens and waiting (`client`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Unpack
from uuid import UUID

from api.client_core import WAIT_SECONDS, Core, Flow, write_key
from api.client_errors import Broken, Invalid, LogForked, Malformed, TooLarge
from api.client_exchange import Call, outcome_unknown
from api.client_positions import NO_FLOOR, Floor
from api.client_questions import (
    About,
    Day,
    Entry,
    Moment,
    Pins,
    Question,
    When,
    entries_body,
    json_body,
    query_of,
    subject_of,
)
from api.client_results import (
    Answer,
    Bases,
    BatchAnswers,
    Catalogue,
    Compared,
    Difference,
    Recorded,
    Resolved,
)

BATCH_MAX = 1000
"""Questions in one request: the service takes no more."""


def check(core: Core, subject: UUID | str, purpose: str, **about: Unpack[About]) -> Flow[Answer]:
    """May we process this person's data for this purpose, on which basis, and why.

    A deny is an answer and no error: ask for its `permitted`, and take every error for a deny. The
    answer takes into account whatever this client has written about the person before.
    """
    question = Question(subject, purpose, **about)
    body, floor = question.asked(core.positions), core.positions.floor()
    reply = yield core.post("/v1/checks", body, wait=_wait([body]))
    answer = reply.read(Answer)
    _saw(core, answer, question, floor)
    return answer


def check_many(core: Core, questions: Iterable[Question]) -> Flow[list[Answer]]:
    """The answers in the order of the questions, however many there are.

    All that name no state of knowledge are answered on one: at one position of each log, and what
    is recorded while they are asked is not taken into account. Those that name no moment are
    answered at moments within the first request, or the first about people of another log. Where
    people are in several logs, the catalogue is that of each log's position.
    """
    every, pins = list(questions), Pins(core.positions)
    waiting = deque(every[n : n + BATCH_MAX] for n in range(0, len(every), BATCH_MAX))
    found: list[Answer] = []
    while waiting:
        chunk = waiting.popleft()
        try:
            found += yield from _on_one_state(core, chunk, pins)
        except TooLarge:
            if len(chunk) == 1:
                raise
            half = len(chunk) // 2
            waiting.extendleft([chunk[half:], chunk[:half]])
    return found


def _on_one_state(core: Core, chunk: Sequence[Question], pins: Pins) -> Flow[list[Answer]]:
    try:
        found = yield from _batch(core, chunk, pins.asked(chunk, guess=True))
    except Malformed as error:
        # Somebody's log is another than was guessed.
        if not error.names("at_position"):
            raise
        found = yield from _batch(core, chunk, pins.asked(chunk, guess=False))
    moved = [n for n, one in enumerate(found) if pins.moved(chunk[n], one)]
    if moved:
        again = [chunk[n] for n in moved]
        answers = yield from _batch(core, again, pins.asked(again, guess=False))
        for n, one in zip(moved, answers, strict=True):
            found[n] = one
    for question, one in zip(chunk, found, strict=True):
        pins.take(question, one)
    return found


def _batch(
    core: Core, questions: Sequence[Question], bodies: Sequence[Mapping[str, object]]
) -> Flow[list[Answer]]:
    ids = [str(n) for n in range(len(bodies))]
    floor = core.positions.floor()
    checks = [{"id": id_, **body} for id_, body in zip(ids, bodies, strict=True)]
    reply = yield core.post("/v1/checks/batch", {"checks": checks}, wait=_wait(bodies))
    found = reply.read(BatchAnswers).answers
    if [one.id for one in found] != ids:
        raise Broken("answers other questions than were asked", request_id=reply.request_id)
    for question, body, one in zip(questions, bodies, found, strict=True):
        _saw(core, one.answer, question, NO_FLOOR if "at_position" in body else floor)
    return [one.answer for one in found]


def bases(
    core: Core,
    subject: UUID | str,
    *,
    effective_at: Day | None = None,
    known_at: When | None = None,
    min_position: str | None = None,
) -> Flow[dict[str, Answer]]:
    """The answer for every purpose of the catalogue that the token's grant covers, by purpose."""
    about = subject_of(subject)
    query = query_of(
        effective_at=effective_at, known_at=known_at, min_position=core.least(about, min_position)
    )
    floor = NO_FLOOR if known_at is not None else core.positions.floor()
    reply = yield core.get(f"/v1/subjects/{about}/bases", query)
    found = {one.purpose: one.answer for one in reply.read(Bases).bases}
    for one in found.values():
        core.positions.saw(one.position, subject=about, floor=floor)
        core.positions.saw_common(one.catalogue, floor=floor)
    return found


def diff(
    core: Core, subject: UUID | str, before: Moment, after: Moment
) -> Flow[tuple[Compared, ...]]:
    """Every purpose at two moments; each change has its causes: learned, or happened."""
    about = subject_of(subject)
    query = query_of(
        effective_at=before.effective_at,
        known_at=before.known_at,
        then_effective_at=after.effective_at,
        then_known_at=after.known_at,
        min_position=core.least(about, None),
    )
    reply = yield core.get(f"/v1/subjects/{about}/bases/diff", query)
    return reply.read(Difference).purposes


def resolve(core: Core, scheme: str, value: str) -> Flow[UUID]:
    """The subject that an identifier stands for, made up at the first time of asking.

    The only call that takes an identifier. Keep the subject, and not what it was made of.
    """
    reply = yield core.post("/v1/subjects/resolve", {"scheme": scheme, "value": value})
    return reply.read(Resolved).subject


def record(
    core: Core,
    subject: UUID | str,
    *entries: Entry,
    key: str | None = None,
    if_version: int | None = None,
) -> Flow[Recorded]:
    """Record what happened to one person: all of it or, with an error, nothing.

    Once, however often it is sent: under `key`, or one made here, which an error names too. Later
    answers about the person take it into account. `if_version` is the version that the person's
    stream must have, 0 for one without entries; else `VersionConflict`.
    """
    about = subject_of(subject)
    path, body = f"/v1/subjects/{about}/entries", entries_body(entries)
    made = write_key(key)
    call = core.write("POST", path, body, key=made, if_version=if_version)
    return (yield from _written(core, call, made, about))


def record_common(
    core: Core, *entries: Entry, key: str | None = None, if_version: int | None = None
) -> Flow[Recorded]:
    """Record what is about no one person: notices, bases for all, policy, law. Else the same."""
    made = write_key(key)
    body = entries_body(entries)
    call = core.write("POST", "/v1/entries", body, key=made, if_version=if_version)
    return (yield from _written(core, call, made, None))


def catalogue(core: Core) -> Flow[Catalogue]:
    """The catalogue adopted last; raises `NotFound` before the first."""
    reply = yield core.get("/v1/catalogue", {})
    return Catalogue(document=reply.read(dict[str, object]), version=reply.version)


def adopt(
    core: Core,
    document: Mapping[str, object] | bytes | str,
    *,
    effective_at: When | None = None,
    key: str | None = None,
    if_version: int | None = None,
) -> Flow[Recorded]:
    """Adopt a whole catalogue document, in force from `effective_at` or from now."""
    text = document.encode() if isinstance(document, str) else document
    body = text if isinstance(text, bytes) else json_body(text)
    made = write_key(key)
    call = core.write("PUT", "/v1/catalogue", body, key=made, if_version=if_version)
    call = replace(call, query=query_of(effective_at=effective_at))
    return (yield from _written(core, call, made, None))


def _written(core: Core, call: Call, key: str, subject: UUID | None) -> Flow[Recorded]:
    floor = core.positions.floor()
    reply = yield call
    replayed = reply.headers.get("idempotency-replayed") == "true"
    past = NO_FLOOR if replayed else floor
    try:
        found = reply.read(Recorded)
        core.positions.must_see(found.position, subject=subject, floor=past)
        if subject is None:
            core.positions.saw_common(found.position, floor=past)
    except Broken as error:
        raise outcome_unknown(error, key) from error
    except LogForked as error:
        error.key = key
        raise
    return replace(found, key=key, replayed=replayed)


def call(
    core: Core,
    method: str,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    body: bytes | None = None,
    key: str | None = None,
) -> Flow[bytes]:
    """The body of any other call's answer; with `key` it is a write, and is sent again as one."""
    if not path.startswith("/"):
        raise Invalid("path: must begin with /")
    headers = dict(core.stated)
    if body is not None:
        headers["content-type"] = "application/json"
    if key is not None:
        headers["idempotency-key"] = write_key(key)
    reply = yield Call(
        method=method,
        path=path,
        query=query or {},
        headers=headers,
        body=body,
        key=key,
        repeatable=method in ("GET", "HEAD"),
    )
    return reply.body


def _saw(core: Core, answer: Answer, question: Question, floor: Floor) -> None:
    past = NO_FLOOR if question.past else floor
    core.positions.saw(answer.position, subject=question.subject, floor=past)
    core.positions.saw_common(answer.catalogue, floor=past)


def _wait(bodies: Sequence[Mapping[str, object]]) -> int:
    return WAIT_SECONDS if any("min_position" in one for one in bodies) else 0
