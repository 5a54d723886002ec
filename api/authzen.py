"""AuthZEN Authorization API 1.0: may this be done, one question or many; and what is offered here.

Searching for actions is `authzen_search`. Searches for subjects and for resources are not offered:
they would name everybody who may be processed, or everybody of whom a caller may know.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

import msgspec
from litestar import Response, get, post
from litestar.exceptions import NotFoundException

from api.access import Forbidden, covering, needs
from api.asking import asked, asked_together, read_id
from api.authzen_answers import Decided, decided, failed, unknown
from api.authzen_questions import (
    Asked,
    Evaluation,
    Evaluations,
    Options,
    Unknown,
    item,
    question,
    times,
    whole,
)
from api.body import AnyRequest, read
from api.checks import answered
from api.problems import WrongMediaType
from api.state import runtime
from ledger.errors import Malformed

EVALUATION, EVALUATIONS = "/access/v1/evaluation", "/access/v1/evaluations"
ACTION_SEARCH = "/access/v1/search/action"

Read = Asked | Unknown | Malformed | Forbidden
T = TypeVar("T")


class Many(msgspec.Struct, frozen=True, kw_only=True):
    """The decisions, in the order of the evaluations."""

    evaluations: list[Decided]


class Offered(msgspec.Struct, frozen=True, kw_only=True):
    """Which parts of the standard are offered, and where: AuthZEN section 9.1."""

    policy_decision_point: str
    access_evaluation_endpoint: str
    access_evaluations_endpoint: str
    search_action_endpoint: str


@post(EVALUATION, guards=[needs("check")], status_code=200)
async def evaluation(request: AnyRequest) -> Response[bytes]:
    """Whether it may be done; a denial is an answer, and no error."""
    return answered(await _single(request, await body_of(request, Evaluation)))


@post(EVALUATIONS, guards=[needs("check")], status_code=200)
async def evaluations(request: AnyRequest) -> Response[bytes]:
    """Whether each may be done, in order; what one of them lacks spoils none of the others."""
    body = await body_of(request, Evaluations)
    if not body.evaluations:
        return answered(await _single(request, whole(body)))
    times(body.context)
    questions = [_read(request, body, n) for n in range(len(body.evaluations))]
    semantic = (body.options or Options()).evaluations_semantic
    if semantic == "execute_all":
        return answered(Many(evaluations=await _every(request, questions)))
    stop = semantic == "permit_on_first_permit"
    return answered(Many(evaluations=await _until(request, questions, stop=stop)))


@get("/.well-known/authzen-configuration")
async def configuration(request: AnyRequest) -> Response[bytes]:
    """What is offered, under the address that callers know this service by."""
    base = runtime(request).settings.public_url
    if base is None:
        raise NotFoundException
    return answered(
        Offered(
            policy_decision_point=base,
            access_evaluation_endpoint=base + EVALUATION,
            access_evaluations_endpoint=base + EVALUATIONS,
            search_action_endpoint=base + ACTION_SEARCH,
        )
    )


async def body_of(request: AnyRequest, kind: type[T]) -> T:
    """The body as `kind`; the certification wants 400 where the media type is another."""
    try:
        return await read(request, kind, bytes_max=runtime(request).settings.body_bytes_max)
    except WrongMediaType as error:
        raise Malformed("must be application/json", field="content-type") from error


async def _single(request: AnyRequest, one: Evaluation) -> Decided:
    found = question(one, runtime(request).authzen_words)
    if isinstance(found, Unknown):
        return unknown(found)
    return await _answered(request, found)


async def _answered(request: AnyRequest, one: Asked) -> Decided:
    """The ledger's answer; `known_at`, which it may refuse, is named as it is here."""
    try:
        answer = await asked(request, one.query, on_behalf_of=one.on_behalf_of)
    except Malformed as error:
        raise placed(error, within=one.within) from error
    return decided(answer, read=read_id(request))


def placed(error: Malformed, *, within: str = "") -> Malformed:
    """The ledger's word on a moment, naming it where this face has it."""
    return Malformed(error.message, field=f"{within}context.{error.field}")


def _read(request: AnyRequest, body: Evaluations, n: int) -> Read:
    """The question that one of the evaluations is, or what is wrong with it."""
    within = f"evaluations[{n}]"
    try:
        one = item((body.evaluations or ())[n], body, within=within)
        found = question(one, runtime(request).authzen_words, within=f"{within}.")
        if isinstance(found, Asked):
            covering(request, [found.query.purpose])
    except (Malformed, Forbidden) as error:
        return error
    return found


async def _every(request: AnyRequest, questions: Sequence[Read]) -> list[Decided]:
    """A decision for each; those that can be asked are asked together."""
    timely = await _by_the_clock(request, questions)
    able = [one for one in timely if isinstance(one, Asked)]
    queries, behalf = [one.query for one in able], [one.on_behalf_of for one in able]
    answers = iter(await asked_together(request, queries, behalf=behalf))
    read = read_id(request)
    return [
        decided(next(answers), read=read) if isinstance(one, Asked) else _unasked(one)
        for one in timely
    ]


async def _by_the_clock(request: AnyRequest, questions: Sequence[Read]) -> list[Read]:
    """The same, where knowledge of what is yet to come is an error of its own question alone."""
    moments = [one.query.known_at for one in questions if isinstance(one, Asked)]
    if not any(moments):
        return list(questions)
    now = (await runtime(request).store.head(0)).now
    return [_timely(one, now) if isinstance(one, Asked) else one for one in questions]


def _timely(one: Asked, now: datetime) -> Asked | Malformed:
    if one.query.known_at is None or one.query.known_at <= now:
        return one
    message = "must not be later than the ledger's clock"
    return placed(Malformed(message, field="known_at"), within=one.within)


async def _until(request: AnyRequest, questions: Sequence[Read], *, stop: bool) -> list[Decided]:
    """Decisions up to the first that is `stop`: what is not told is not asked, nor audited."""
    found: list[Decided] = []
    for each in questions:
        found.append(await _one(request, each))
        if found[-1].decision is stop:
            break
    return found


async def _one(request: AnyRequest, one: Read) -> Decided:
    if not isinstance(one, Asked):
        return _unasked(one)
    try:
        return await _answered(request, one)
    except Malformed as error:
        return failed(error)


def _unasked(one: Unknown | Malformed | Forbidden) -> Decided:
    return unknown(one) if isinstance(one, Unknown) else failed(one)
