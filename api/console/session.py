"""Sessions: who is signed in, and why they said they look, in one sealed cookie.

Nothing is kept here but that a session was ended, so every process opens every session, also after
a restart. A session lasts eight hours, and half an hour without a request. What a person may do is
looked up again with each request, by their role. Not here: how somebody comes by one (`sign_in`).
"""

from __future__ import annotations

import asyncio
import hmac
import os
import time
from collections.abc import Callable, Mapping
from typing import cast
from uuid import UUID

import msgspec
from litestar.datastructures import Cookie

from api.access import Connection, Forbidden
from api.console.forms import SESSION_FIELD
from api.console.session_cookies import cookie, cookies_of, gone, header_of
from api.console.session_ended import Ended
from api.console.session_seal import Seals
from api.console.viewing import Viewer
from api.exchange import promise
from api.grants import GrantTable, client_from

NAME = "session"
LASTS_SECONDS = 8 * 60 * 60
IDLE_SECONDS = 30 * 60
RENEWED_SECONDS = 60
"""After how long a request gives the session a later end."""
SKEW_SECONDS = 60
"""By how much the clocks of two machines that serve one console may differ."""
BYTES_MAX = 2800
"""Of a session before it is sealed: a browser keeps a cookie of 4,096 bytes."""
NAME_CHARACTERS_MAX = 60
_SENT_ELSEWHERE = (
    "this form was not sent from a page of your session: open the page again, and send it anew"
)


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody whom a provider vouched for: their client id here, their name, and their role."""

    client: str
    name: str
    role: str


class Stated(msgspec.Struct, frozen=True, array_like=True):
    """Why somebody looks at a person."""

    subject: bytes
    reason: str


class Session(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One sign-in, from `began` to its end; moments in seconds, `seen` that of the last renewal."""

    id: bytes
    provider: str
    person: Person
    form_token: str
    began: int
    seen: int
    reasons: tuple[Stated, ...] = ()


class SignedInViewer(Viewer, frozen=True, kw_only=True):
    """A viewer with their session."""

    session: Session


class CookieSessions:
    """The sessions of people whom `provider` vouched for, at the console that `origin` serves.

    `roles` says what a person of each role may do: one who has none of these has no session.
    """

    def __init__(
        self,
        seals: Seals,
        ended: Ended,
        *,
        origin: str,
        provider: str,
        roles: Mapping[str, GrantTable],
        clock: Callable[[], float] = time.time,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._seals = seals
        self._ended = ended
        self._origin = origin
        self._provider = provider
        self._roles = roles
        self._clock = clock
        self._entropy = entropy

    async def viewer(self, connection: Connection) -> SignedInViewer | None:
        """Who is signed in; their session ends half an hour from now, or with its eight hours."""
        session = self._opened(cookies_of(connection).get(NAME, ""))
        if session is None or self._ended.has(session.id):
            return None
        now = int(self._clock())
        if now - session.seen >= RENEWED_SECONDS:
            session = msgspec.structs.replace(session, seen=now)
            self._keep(session)
        return self._viewer(session)

    async def reason(self, viewer: Viewer, subject: UUID) -> str | None:
        """The reason stated in this session; of many, the newest are remembered."""
        stated = cast(SignedInViewer, viewer).session.reasons
        return next((one.reason for one in stated if one.subject == subject.bytes), None)

    async def state_reason(self, viewer: Viewer, subject: UUID, reason: str) -> None:
        """The reason counts for this person until the session ends."""
        session = cast(SignedInViewer, viewer).session
        others = tuple(one for one in session.reasons if one.subject != subject.bytes)
        stated = (*others, Stated(subject.bytes, reason))
        self._keep(_fitting(msgspec.structs.replace(session, reasons=stated)))

    def check_form(self, connection: Connection, viewer: Viewer, sent: Mapping[str, str]) -> None:
        """Raises `Forbidden` where the form was not sent from a page of this session."""
        token = sent.get(SESSION_FIELD, "")
        if not hmac.compare_digest(token.encode(), viewer.form_token.encode()):
            raise Forbidden(_SENT_ELSEWHERE)
        check_origin(connection, self._origin)

    def begun(self, person: Person) -> Cookie:
        """The cookie of a new session."""
        now = int(self._clock())
        session = Session(
            id=self._entropy(16),
            provider=self._provider,
            person=msgspec.structs.replace(person, name=person.name[:NAME_CHARACTERS_MAX]),
            form_token=self._entropy(16).hex(),
            began=now,
            seen=now,
        )
        return self._sealed(session)

    async def end(self, viewer: SignedInViewer) -> Cookie:
        """The session counts no more, wherever its cookie is shown; the browser forgets it."""
        await asyncio.to_thread(self._ended.add, viewer.session.id, self._clock())
        return gone(NAME)

    def _opened(self, text: str) -> Session | None:
        """The session, if it is one of this provider's, of a role that there is, and not over."""
        plain = self._seals.open(NAME, text)
        if plain is None:
            return None
        try:
            session = msgspec.msgpack.decode(plain, type=Session)
        except msgspec.DecodeError:
            return None
        ours = session.provider == self._provider and session.person.role in self._roles
        return session if ours and self._lasts(session) else None

    def _lasts(self, session: Session) -> bool:
        now = self._clock()
        begun = session.began <= now + SKEW_SECONDS and session.seen <= now + SKEW_SECONDS
        return begun and now < min(session.began + LASTS_SECONDS, session.seen + IDLE_SECONDS)

    def _viewer(self, session: Session) -> SignedInViewer:
        person = session.person
        return SignedInViewer(
            client=client_from(person.client, [self._roles[person.role].named()]),
            name=person.name,
            form_token=session.form_token,
            session=session,
        )

    def _keep(self, session: Session) -> None:
        """The response to the request in hand brings the session as it is now."""
        promise("set-cookie", header_of(self._sealed(session)))

    def _sealed(self, session: Session) -> Cookie:
        return cookie(NAME, self._seals.seal(NAME, msgspec.msgpack.encode(session)))


def check_origin(connection: Connection, origin: str) -> None:
    """Raises `Forbidden` unless the browser says that a page of this origin sent the request.

    `Sec-Fetch-Site` cannot be set by a page; a browser without it is believed by its `Origin`,
    which is `null` where the page's policy is to send no referrer.
    """
    site = connection.headers.get("sec-fetch-site")
    named = connection.headers.get("origin", "null")
    ours = named == origin or (named == "null" and site is not None)
    if not ours or site not in (None, "same-origin"):
        raise Forbidden(_SENT_ELSEWHERE)


def _fitting(session: Session) -> Session:
    """With the newest of its reasons, as many as fit."""
    while len(session.reasons) > 1 and len(msgspec.msgpack.encode(session)) > BYTES_MAX:
        session = msgspec.structs.replace(session, reasons=session.reasons[1:])
    return session
