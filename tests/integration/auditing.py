"""Chains of reads over a test's ledger, rows to write to them, and what stands in the table.

async with auditing(ledger) as reads:
    await reads.write(rows(ledger, 3))
assert broken(ledger) == []
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, LiteralString

from ledger.answer import Answer, encode
from ledger.batch import Watching, unwatched
from ledger.seal import DataKey, seal_bytes
from ledger.store import open_pool
from projections.checks import Checks, Query
from projections.read_audit import (
    About,
    Asker,
    Kind,
    Read,
    of_answer,
    question,
    reads_of,
    sha256,
)
from projections.read_chains import SESSION, ReadChains
from projections.read_verification import Broken, Chain, verify_chains
from tests.integration.wired import Founded, Wired

ASKED_AT = datetime(2026, 6, 1, 12, tzinfo=UTC)


@asynccontextmanager
async def auditing(
    ledger: Founded,
    *,
    clock: Callable[[], float] = time.monotonic,
    watching: Watching = unwatched,
    session: LiteralString = SESSION,
    size_max: int = 2,
) -> AsyncIterator[ReadChains]:
    """The reads of one process; several at once are several processes."""
    pool = open_pool(ledger.database, size_max=size_max, session=session)
    async with pool:
        yield ReadChains(
            pool,
            own=ledger.identity.stream,
            entropy=ledger.random.randbytes,
            clock=clock,
            watching=watching,
        )


def rows(ledger: Founded, many: int, *, client: str = "test", **more: Any) -> list[Read]:
    """Rows of one request, each about somebody else unless one is named."""
    abouts = []
    for _ in range(many):
        subject = more.get("subject") or ledger.subject()
        usual: dict[str, Any] = {
            "kind": "CHECK",
            "log": ledger.identity.log_of(subject),
            "answered_at": ASKED_AT,
            "subject": subject,
            "purpose": "PHOTO",
            "question": question(known_at=None, at_position=None),
            "effective_at": ASKED_AT,
            "known_at": ASKED_AT,
            "decision": "PERMIT",
            "digest": sha256(b"answer"),
        }
        abouts.append(About(**usual | more))
    return reads_of(Asker(client=client), abouts, entropy=ledger.random.randbytes)


async def asked(
    ledger: Founded, wired: Wired, query: Query, *, store: bool = False, kind: Kind = "CHECK"
) -> tuple[Answer, Read]:
    """The answer, and the row that it leaves."""
    (found,) = await Checks(wired.reader, wired.rulebook).batch([query])
    stored = None
    if store:
        key = (await wired.keys.subject_keys([query.subject], create=True))[query.subject]
        assert isinstance(key, DataKey)
        stored = seal_bytes(
            encode(found.answer),
            subject=query.subject,
            key=key,
            entropy=os.urandom,
            what="answer",
        )
    about = of_answer(found, kind, stored=stored)
    (one,) = reads_of(Asker(client="test"), [about], entropy=os.urandom)
    async with auditing(ledger) as reads:
        await reads.write([one])
    return found.answer, one


def written(ledger: Founded) -> list[tuple[int, Any, int, Any]]:
    """Log, chain, number and id of every row."""
    return ledger.sql("SELECT log, chain, n, id FROM read_audit ORDER BY log, chain, n")


def verified(ledger: Founded, *, last: int | None = None) -> list[Chain | Broken]:
    """What verifying says of every chain."""
    return verified_at(ledger.database, range(ledger.identity.logs), last=last)


def verified_at(
    database: str, logs: Iterable[int], *, last: int | None = None
) -> list[Chain | Broken]:
    """The same, of a database of whomever."""

    async def found() -> list[Chain | Broken]:
        async with open_pool(database, size_max=1) as pool:
            return [one async for one in verify_chains(pool, logs, last=last)]

    return asyncio.run(found())


def broken(ledger: Founded) -> list[tuple[int, str]]:
    """The first bad row of each chain that has one."""
    return [(one.n, one.wrong) for one in verified(ledger) if isinstance(one, Broken)]
