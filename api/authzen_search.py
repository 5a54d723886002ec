"""AuthZEN action search: everything that may be done with one person's data, page by page.

Every page is of one moment and one state of knowledge, which the token carries: an entry recorded
between two pages moves nothing.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Annotated

import msgspec
from litestar import Response, post

from api.access import client_of, needs
from api.asking import asked_of_all
from api.authzen import ACTION_SEARCH, body_of, placed
from api.authzen_answers import permits
from api.authzen_questions import Caller, Context, Resource, ResourceProperties, behalf, times
from api.authzen_words import ACTIONS, CALLERS, RECIPIENT, Words
from api.body import AnyRequest, instant
from api.checks import answered
from api.cursors import LIMIT_MAX, list_of
from api.state import runtime
from ledger.answer import Answer
from ledger.civil import format_instant
from ledger.errors import Malformed
from projections.checks import Query

Act = tuple[str, str]
"""A purpose and an action."""


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of the results is wanted."""

    token: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=0)] | None = None


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """On whose behalf, and about whom."""

    subject: Caller
    resource: Resource
    context: Context | None = None
    page: Page | None = None


class Purposed(msgspec.Struct, frozen=True, kw_only=True):
    """The purpose of an action."""

    processing_activity_id: str


class Permitted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An action that may be done; asked by itself it is answered true at the same moment."""

    name: str
    properties: Purposed | None = None


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of the results this is; an empty `next_token` is the end."""

    next_token: str
    count: int
    total: int


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """A page of what may be done."""

    page: Shown
    results: list[Permitted]


class Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a page begins, the moments of all of them, and the search that they belong to."""

    search: str
    limit: Annotated[int, msgspec.Meta(ge=0)]
    start: Annotated[int, msgspec.Meta(ge=0)] = 0
    effective_at: str | None = None
    known_at: str | None = None


@post(ACTION_SEARCH, guards=[needs("check")], status_code=200)
async def action_search(request: AnyRequest) -> Response[bytes]:
    """What may be done with this person's data, for which purposes."""
    body = await body_of(request, Search)
    words = runtime(request).authzen_words
    place = _place(body, client=client_of(request).id)
    query, on_behalf_of = _query(body, place, words), behalf(body.subject)
    if query is None:
        return answered(_page([], place, None))
    try:
        found, query = await _found(request, query, on_behalf_of=on_behalf_of)
    except Malformed as error:
        raise placed(error) from error
    return answered(_page(_named(found, words), place, query))


def _place(body: Search, *, client: str) -> Place:
    """Where to begin: at the beginning, or where the token says, if it is of this search."""
    page = body.page or Page()
    search = list_of(client, body.subject, body.resource, body.context)
    limit = None if page.limit is None else min(page.limit, LIMIT_MAX)
    if page.token is None:
        return Place(search=search, limit=LIMIT_MAX if limit is None else limit)
    try:
        place = msgspec.json.decode(urlsafe_b64decode(page.token), type=Place)
    except (ValueError, msgspec.DecodeError) as error:
        message = "is no token of this service: begin the search again"
        raise Malformed(message, field="page.token") from error
    if place.search != search or limit not in (None, place.limit):
        message = "belongs to another search: repeat it unchanged, or begin again without a token"
        raise Malformed(message, field="page.token")
    return place


def _query(body: Search, place: Place, words: Words) -> Query | None:
    """The question about every purpose, or None where the ledger knows no such thing."""
    effective_at, known_at = times(body.context)
    kind = words.kind(body.subject.type)
    subject = words.person(body.resource.type, body.resource.id)
    if subject is None or kind not in (*CALLERS, RECIPIENT):
        return None
    properties = body.resource.properties or ResourceProperties()
    return Query(
        subject=subject,
        purpose="",
        data=properties.data or "ordinary",
        recipient=body.subject.id if kind == RECIPIENT else None,
        effective_at=effective_at or instant(place.effective_at, field="page.token"),
        known_at=instant(place.known_at, field="page.token") or known_at,
    )


async def _found(
    request: AnyRequest, query: Query, *, on_behalf_of: str
) -> tuple[list[Act], Query]:
    """Everything that is permitted, and the question with the moments that were answered."""
    found: list[Act] = []
    for action in ACTIONS if query.recipient is None else ("share",):
        asked = msgspec.structs.replace(query, operation=ACTIONS[action])
        answers = await asked_of_all(request, asked, on_behalf_of=on_behalf_of)
        if not answers:
            break
        found += [(purpose, action) for purpose, answer in answers if permits(answer)]
        query = _fixed(query, answers[0][1])
    return sorted(found), query


def _fixed(query: Query, answer: Answer) -> Query:
    """The same question later, whatever is recorded meanwhile."""
    return msgspec.structs.replace(
        query,
        effective_at=query.effective_at or answer.effective_at,
        known_at=answer.known_at,
    )


def _named(found: list[Act], words: Words) -> list[Permitted]:
    """The actions in the face's own words, and then in the deployment's."""
    own = [
        Permitted(name=action, properties=Purposed(processing_activity_id=purpose))
        for purpose, action in found
    ]
    theirs = [
        Permitted(name=name)
        for name, doing in sorted(words.actions.items())
        if (doing.purpose, doing.action) in found
    ]
    return own + theirs


def _page(every: list[Permitted], place: Place, query: Query | None) -> Results:
    shown = every[place.start : place.start + place.limit]
    start = place.start + len(shown)
    token = _token(place, start, query) if query is not None and start < len(every) else ""
    return Results(page=Shown(next_token=token, count=len(shown), total=len(every)), results=shown)


def _token(place: Place, start: int, query: Query) -> str:
    """Where the next page begins; what it says is what its bearer asked, or may ask."""
    effective_at, known_at = query.effective_at, query.known_at
    following = msgspec.structs.replace(
        place,
        start=start,
        effective_at=format_instant(effective_at) if isinstance(effective_at, datetime) else None,
        known_at=None if known_at is None else format_instant(known_at),
    )
    return urlsafe_b64encode(msgspec.json.encode(following)).decode()
