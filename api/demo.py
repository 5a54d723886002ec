"""The demo: a ledger of its own with Bolton's catalogues and made-up people, served on loopback.

A second start finds what the first one loaded. A ledger that holds anything else is left alone.
Not here: the people (`demo_people`), or the command (`cli_demo`).
"""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterator
from uuid import UUID

import msgspec

from api.access import SCOPES
from api.demo_people import SCHEME, STORIES, identifier, lines
from api.import_ids import Ids
from api.importing import CLIENT, Importing, Unrecorded
from api.runtime import Places, Runtime, running
from api.settings import Settings
from api.trust import local_issuer
from ledger.errors import Fault, Malformed
from ledger.events import NoticePublished
from ledger.record import Command, Refused
from ledger.wire import read_fact

SOURCE = "demo-1"
LOADED = "demo/loaded"
FIRST = f"import/{SOURCE}/1"
TOKEN_SECONDS = 12 * 60 * 60
PORTS_TRIED = 100
PURPOSE = "P18a"
"""Photographs, on consent: the purpose that the demo asks about."""
_LAST = {"type": "NoticePublished", "effective_at": "2026-09-15", "notice": "V4.1"}


class Demo(msgspec.Struct, frozen=True, kw_only=True):
    """What the demo prints: two people to ask about, and how much is loaded."""

    consented: UUID
    withdrew: UUID
    entries: int
    left_out: tuple[Unrecorded, ...]


async def load(where: Places, settings: Settings) -> Demo:
    """Everything loaded, now or before; raises where the ledger is somebody else's."""
    async with running(where, settings) as ledger:
        left_out: list[Unrecorded] = []
        if not await ledger.store.seen(0, client=CLIENT, key=LOADED):
            await _check_ours(ledger)
            with Ids() as ids:
                importing = Importing(ledger, ids, source=SOURCE, report=left_out.append)
                await importing.run(lines())
            await _finish(ledger)
        return Demo(
            consented=await _person(ledger, "S01"),
            withdrew=await _person(ledger, "S03"),
            entries=(await ledger.store.head(0)).size,
            left_out=tuple(left_out),
        )


async def _check_ours(ledger: Runtime) -> None:
    """The ledger is empty, or an earlier start of the demo was interrupted in it."""
    empty = (await ledger.store.head(0)).size == 0
    if not empty and not await ledger.store.seen(0, client=CLIENT, key=FIRST):
        message = "holds a ledger that is not the demo's: name an empty directory"
        raise Malformed(message, field="--data")


async def _finish(ledger: Runtime) -> None:
    """The entry that says that all of it is loaded."""
    fact = read_fact(_LAST)
    assert isinstance(fact, NoticePublished), "the notice of the last line"
    done = await ledger.recorder.record(
        Command(subject=None, facts=(fact,), client=CLIENT, key=LOADED)
    )
    if isinstance(done, Refused):
        raise Fault(f"the demo cannot be finished: {done.refusal.message}")


async def _person(ledger: Runtime, story: str) -> UUID:
    """The first person who lives through the history."""
    number = list(STORIES).index(story) + 1
    return await ledger.keys.resolve(scheme=SCHEME, value=identifier(number))


def free_port(host: str, wanted: int, *, exact: bool) -> int:
    """A port that is free now: the one wanted, or unless it must be that one, the next that is."""
    for port in range(wanted, wanted + (1 if exact else PORTS_TRIED)):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((host, port))
            except OSError:
                continue
            found: int = tried.getsockname()[1]
            return found
    raise Malformed(f"{wanted} cannot be used on {host}: choose another", field="--port")


def printed(demo: Demo, where: Places, settings: Settings) -> Iterator[str]:
    """What the demo says once it serves: where, a token, and three questions to try."""
    url = f"http://{settings.host}:{settings.port}"
    token = local_issuer(settings).token("demo", SCOPES, seconds=TOKEN_SECONDS)
    yield f"Ledger: {url}"
    yield f"Console: {url}/console"
    yield f"Data:   {where.folder} ({demo.entries} entries; nobody in it is real)"
    yield f"Token:  {token}"
    if demo.left_out:
        yield f"Note:   {len(demo.left_out)} lines were refused, first {demo.left_out[0].message}"
    yield ""
    yield "# May we use a photograph? Consent was given: PERMIT."
    yield _check(url, token, demo.consented)
    yield "# And of somebody who withdrew at a home visit? DENY, and why."
    yield _check(url, token, demo.withdrew)
    yield "# What was recorded about that person, and when we learned of it."
    yield _curl(url, token, f"/v1/subjects/{demo.withdrew}/entries")
    yield ""
    yield "Stop with Ctrl-C."


def _check(url: str, token: str, subject: UUID) -> str:
    body = msgspec.json.encode({"subject": str(subject), "purpose": PURPOSE}).decode()
    sent = f"-H 'Content-Type: application/json' -d {shlex.quote(body)}"
    return f"{_curl(url, token, '/v1/checks')} {sent}"


def _curl(url: str, token: str, path: str) -> str:
    return f"curl -sS {url}{path} -H 'Authorization: Bearer {token}'"
