"""Checks over HTTP: one question, up to a thousand, every purpose of a person at one moment."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery

from api.access import needs
from api.asking import asked, asked_of_all, asked_together
from api.body import AnyRequest, instant, instant_or_day, read
from api.ready import Answering, Ready
from api.state import runtime
from ledger.answer import Answer
from ledger.errors import Malformed
from ledger.terms import DataClass, Operation
from projections.checks import BATCH_MAX, Explain, Position, Query, explained, parse_position

Categories = Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=100)]
NO_STORE = {"cache-control": "no-store"}


class CheckBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question; times are RFC 3339 strings, `effective_at` also a day.

    `store` asks that the answer is kept, to be compared with a later replay.
    """

    subject: UUID
    purpose: str
    operation: Operation = "USE"
    data: DataClass | Categories = "ordinary"
    recipient: str | None = None
    exception: str | None = None
    effective_at: str | None = None
    known_at: str | None = None
    at_position: str | None = None
    min_position: str | None = None
    explain: Explain = "summary"
    store: bool = False

    def query(self, *, within: str = "") -> Query:
        """The question as the projection takes it; errors name the field `within` the body."""
        return Query(
            subject=self.subject,
            purpose=self.purpose,
            operation=self.operation,
            data=self.data,
            recipient=self.recipient,
            exception=self.exception,
            effective_at=instant_or_day(self.effective_at, field=f"{within}effective_at"),
            known_at=instant(self.known_at, field=f"{within}known_at"),
            at_position=_position(self.at_position, field=f"{within}at_position"),
            min_position=_position(self.min_position, field=f"{within}min_position"),
        )


def _position(text: str | None, *, field: str) -> Position | None:
    return None if text is None else parse_position(text, field=field)


class BatchCheck(CheckBody, frozen=True, kw_only=True):
    """A question of a batch, told apart by its `id`."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class BatchBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to a thousand questions, answered in their order on one position a log."""

    checks: Annotated[tuple[BatchCheck, ...], msgspec.Meta(min_length=1, max_length=BATCH_MAX)]


class BatchAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to the question of this `id`."""

    id: str
    answer: Answer


class BatchAnswers(msgspec.Struct, frozen=True, kw_only=True):
    """The answers, in the order of the questions."""

    answers: list[BatchAnswer]


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """One purpose's answer."""

    purpose: str
    answer: Answer


class Bases(msgspec.Struct, frozen=True, kw_only=True):
    """Every purpose at one moment."""

    bases: list[Basis]


def answered(body: object, *, status_code: int = 200) -> Response[bytes]:
    """JSON that nobody may store."""
    return Response(
        msgspec.json.encode(body),
        status_code=status_code,
        media_type="application/json",
        headers=NO_STORE,
    )


@Answering("/v1/checks", http_method="POST", guards=[needs("check")], status_code=200)
async def check(request: AnyRequest) -> Ready:
    """May we process this person's data for this purpose, on which basis, and why."""
    ledger = runtime(request)
    body = await read(request, CheckBody, bytes_max=ledger.settings.body_bytes_max)
    found = await asked(request, body.query(), store=body.store)
    return Ready(explained(found, body.explain))


@Answering("/v1/checks/batch", http_method="POST", guards=[needs("check")], status_code=200)
async def check_batch(request: AnyRequest) -> Ready:
    """Up to a thousand questions at once."""
    ledger = runtime(request)
    body = await read(request, BatchBody, bytes_max=ledger.settings.body_bytes_max)
    if len({one.id for one in body.checks}) != len(body.checks):
        raise Malformed("an id stands twice", field="checks")
    answers = await asked_together(
        request,
        [one.query(within=f"checks[{n}].") for n, one in enumerate(body.checks)],
        stored={n for n, one in enumerate(body.checks) if one.store},
    )
    found = [
        BatchAnswer(id=one.id, answer=explained(answer, one.explain))
        for one, answer in zip(body.checks, answers, strict=True)
    ]
    return Ready(BatchAnswers(answers=found))


@get("/v1/subjects/{subject:uuid}/bases", guards=[needs("history")])
async def bases(
    request: AnyRequest,
    subject: FromPath[UUID],
    effective_at: FromQuery[str | None] = None,
    known_at: FromQuery[str | None] = None,
    min_position: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Every purpose of the catalogue, for one person at one moment."""
    query = Query(
        subject=subject,
        purpose="",
        effective_at=instant_or_day(effective_at, field="effective_at"),
        known_at=instant(known_at, field="known_at"),
        min_position=_position(min_position, field="min_position"),
    )
    found = await asked_of_all(request, query)
    return answered(
        Bases(
            bases=[
                Basis(purpose=purpose, answer=explained(answer, "summary"))
                for purpose, answer in found
            ]
        )
    )
