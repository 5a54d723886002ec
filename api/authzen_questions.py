"""AuthZEN requests, and the question to the ledger that each of them is.

Source: OpenID AuthZEN Authorization API 1.0; from the Dutch government profile,
`processing_activity_id` and `time`. Fields not named here are ignored, as the standard demands of
a receiver. Not here: the answer (`authzen_answers`).
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Annotated, Literal

import msgspec

from api.asking import WORDS_MAX, check_purpose
from api.authzen_words import ACTIONS, CALLERS, PERSON, RECIPIENT, Words
from api.body import instant, instant_or_day
from api.checks import Categories
from ledger.errors import Malformed
from ledger.terms import DataClass
from ledger.wire import unreadable
from projections.checks import BATCH_MAX, Query

Semantic = Literal["execute_all", "deny_on_first_deny", "permit_on_first_permit"]
_TO_THE_MINUTE = re.compile(r"([0-9-]{10}T[0-9:]{5})(Z|[+-][0-9:]{5})")
"""As every example of the standard writes a time: no RFC 3339, and no less an instant."""


class Properties(msgspec.Struct, frozen=True, kw_only=True):
    """Properties of which none is read."""


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """What the standard calls the subject: who would act, or a recipient."""

    type: str
    id: str
    properties: Properties | None = None


class ActionProperties(msgspec.Struct, frozen=True, kw_only=True):
    """For which purpose, to whom, and under which exception of article 18(2)."""

    processing_activity_id: str | None = None
    recipient: str | None = None
    exception: str | None = None


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """What would be done."""

    name: str
    properties: ActionProperties | None = None


class ResourceProperties(msgspec.Struct, frozen=True, kw_only=True):
    """Which data: a class, or categories of the catalogue."""

    data: DataClass | Categories | None = None


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """About whom."""

    type: str
    id: str
    properties: ResourceProperties | None = None


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """When it would take effect, and on what was known; times are RFC 3339 strings."""

    time: str | None = None
    known_at: str | None = None


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One question, whole."""

    subject: Caller
    action: Action
    resource: Resource
    context: Context | None = None


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation that may leave out what stands above it; what it names, it names whole."""

    subject: Caller | msgspec.UnsetType = msgspec.UNSET
    action: Action | msgspec.UnsetType = msgspec.UNSET
    resource: Resource | msgspec.UnsetType = msgspec.UNSET
    context: Context | None = None


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How many of the evaluations are wanted."""

    evaluations_semantic: Semantic = "execute_all"


class Evaluations(Part, frozen=True, kw_only=True):
    """Many questions, with what they have in common."""

    evaluations: Annotated[tuple[msgspec.Raw, ...], msgspec.Meta(max_length=BATCH_MAX)] | None = (
        None
    )
    options: Options | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A question to the ledger, on whose behalf it is asked, and where in the body it stands."""

    query: Query
    on_behalf_of: str
    within: str = ""


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """Why the ledger has no such question: nothing that it could permit is named."""

    reason: str


def whole(part: Part, above: Part | None = None, *, within: str = "") -> Evaluation:
    """The part with what stands above it, or `Malformed` naming what neither has."""
    found = {}
    for name in ("subject", "action", "resource"):
        value = getattr(part, name)
        if value is msgspec.UNSET and above is not None:
            value = getattr(above, name)
        if value is msgspec.UNSET:
            raise Malformed("is required", field=f"{within}{name}")
        found[name] = value
    context = part.context or (above.context if above else None)
    return Evaluation(**found, context=context)


def item(raw: msgspec.Raw, above: Part, *, within: str) -> Evaluation:
    """One of the evaluations, or `Malformed` naming what is wrong with it."""
    try:
        part = msgspec.json.decode(raw, type=Part)
    except msgspec.ValidationError as error:
        raise unreadable(error, field=within) from error
    return whole(part, above, within=f"{within}.")


def question(one: Evaluation, words: Words, *, within: str = "") -> Asked | Unknown:
    """What the evaluation asks the ledger."""
    effective_at, known_at = times(one.context, within=within)
    given = one.action.properties or ActionProperties()
    doing = words.doing(one.action.name)
    if doing is None:
        return Unknown(reason=f"the action is none of these: {', '.join(ACTIONS)}")
    subject = words.person(one.resource.type, one.resource.id)
    if subject is None:
        return Unknown(reason=f"the resource is no {PERSON} with an id of this ledger")
    purpose = _one_of(doing.purpose, _read(words, given.processing_activity_id))
    if purpose is None:
        return Unknown(reason="action.properties.processing_activity_id names no one purpose")
    recipient = _recipient(one, given, words, sharing=doing.action == "share")
    if isinstance(recipient, Unknown):
        return recipient
    data = one.resource.properties.data if one.resource.properties else None
    query = Query(
        subject=subject,
        purpose=_recordable(purpose, within=within),
        operation=doing.operation,
        data=data or "ordinary",
        recipient=recipient,
        exception=given.exception,
        effective_at=effective_at,
        known_at=known_at,
    )
    return Asked(query=query, on_behalf_of=behalf(one.subject, within=within), within=within)


def behalf(caller: Caller, *, within: str = "") -> str:
    """On whose behalf it is asked, as the read audit has it."""
    words = f"{caller.type}:{caller.id}"
    if len(words) > WORDS_MAX or not words.isprintable():
        message = f"type and id must be printable, and under {WORDS_MAX} characters together"
        raise Malformed(message, field=f"{within}subject")
    return words


def times(
    context: Context | None, *, within: str = ""
) -> tuple[datetime | date | None, datetime | None]:
    """The moment asked about and the one known by; errors name the field `within` the body."""
    if context is None:
        return None, None
    time = None if context.time is None else _TO_THE_MINUTE.sub(r"\1:00\2", context.time)
    return (
        instant_or_day(time, field=f"{within}context.time"),
        instant(context.known_at, field=f"{within}context.known_at"),
    )


def _recordable(purpose: str, *, within: str) -> str:
    try:
        return check_purpose(purpose)
    except Malformed as error:
        field = f"{within}action.properties.processing_activity_id"
        raise Malformed(error.message, field=field) from error


def _read(words: Words, purpose: str | None) -> str | None:
    return None if purpose is None else words.purpose(purpose)


def _one_of(first: str | None, second: str | None) -> str | None:
    """The one that is given; None where neither is, or where they differ."""
    if first is None or second is None or first == second:
        return first if second is None else second
    return None


def _recipient(
    one: Evaluation, given: ActionProperties, words: Words, *, sharing: bool
) -> str | Unknown | None:
    """To whom; a subject that is a recipient is asked about nothing else than what it receives."""
    kind = words.kind(one.subject.type)
    if kind in CALLERS:
        return given.recipient
    if kind != RECIPIENT:
        return Unknown(reason=f"the subject is none of these: {', '.join((*CALLERS, RECIPIENT))}")
    recipient = _one_of(one.subject.id, given.recipient)
    if not sharing or recipient is None:
        return Unknown(reason="a recipient may ask to `share` with itself alone")
    return recipient
