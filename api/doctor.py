"""`ledger doctor`'s checks: whether this ledger is as it must be, each check with what to do.

Not here: what roles may do (`privileges`), printing (`cli_care`), or mending anything (`rebuild`,
`migrate`).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import psycopg

import migrations
from api.erasing import restored
from api.privileges import login, privileges
from api.runtime import Places, Runtime, running
from api.settings import Settings
from api.signing import Signers
from ledger.errors import Fault, LedgerError
from ledger.seal import Destroyed
from projections.everyone import Progress
from projections.integrator import Integrator
from projections.read_verification import Broken, verify_chains
from projections.rebuild import Rebuild
from projections.replay import replay

CLOCK_APART = timedelta(seconds=5)
DISK_FREE_MIN = 1 << 30
SAMPLE = 100
"""How many dossiers, and rows of each chain of reads, are looked at unless all are asked for."""

_SOME = "SELECT subject FROM dossier WHERE log = %s AND subject >= %s ORDER BY subject LIMIT %s"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One check: whether all is well, and what was seen or what to do."""

    check: str
    ok: bool
    detail: str


class Examination(msgspec.Struct, frozen=True, kw_only=True):
    """What is examined: a place, and whether every dossier is or a sample of them."""

    where: Places
    settings: Settings
    full: bool
    progress: Progress | None = None

    async def findings(self) -> AsyncIterator[Finding]:
        """Every check in turn; those that need a ledger only where one can be opened."""
        for name, check in (("database", _database), ("migrations", _migrations)):
            found = await asyncio.to_thread(_found, name, check, self.where)
            yield found
            if not found.ok:
                return
        yield await asyncio.to_thread(_found, "privileges", privileges, self.where)
        yield await asyncio.to_thread(_found, "login", login, self.where)
        yield await asyncio.to_thread(_found, "disk", _disk, self.where)
        try:
            async with running(self.where, self.settings) as ledger:
                yield await _awaited("clock", _clock(ledger))
                yield await _awaited("keys", _keys(ledger, self.where))
                yield await _awaited("signer", _signer(ledger))
                yield await _awaited("erasures", restored(ledger).check())
                yield await _awaited("dossiers", self._dossiers(ledger))
                yield await _awaited("read audit", self._reads(ledger))
        except (LedgerError, psycopg.Error, OSError) as error:
            yield Finding(check="ledger", ok=False, detail=_first_line(error))

    async def _reads(self, ledger: Runtime) -> str:
        """Every chain of the read audit, or its end, is as it was written."""
        chains = looked = 0
        last = None if self.full else SAMPLE
        logs = range(ledger.identity.logs)
        async for one in verify_chains(ledger.pool, logs, last=last):
            if isinstance(one, Broken):
                raise Fault(f"{one}: keep this database as it is, and compare it with a backup")
            chains, looked = chains + 1, looked + one.rows
        which = "all" if self.full else f"the last {SAMPLE}"
        return f"{which} rows of {chains} chains are as they were written ({looked} rows)"

    async def _dossiers(self, ledger: Runtime) -> str:
        """Every derived row, or a sample of dossiers, is what the entries make it."""
        if self.full:
            rebuild = Rebuild(ledger.reader, ledger.rulebook, ledger.pool)
            checked = await rebuild.check(progress=self.progress)
            if checked.difference is not None:
                raise Fault(checked.difference)
            return f"all {checked.streams} agree with their entries"
        sample = await _sample(ledger)
        for subject in sample:
            await _agrees(ledger, subject)
        return f"a sample of {len(sample)} agrees with its entries; --full compares all"


def _found(name: str, check: Callable[[Places], str], where: Places) -> Finding:
    try:
        return Finding(check=name, ok=True, detail=check(where))
    except (LedgerError, migrations.MigrationError, psycopg.Error, OSError) as error:
        return Finding(check=name, ok=False, detail=_first_line(error))


async def _awaited(name: str, check: Awaitable[str]) -> Finding:
    try:
        return Finding(check=name, ok=True, detail=await check)
    except (LedgerError, psycopg.Error, OSError) as error:
        return Finding(check=name, ok=False, detail=_first_line(error))


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _database(where: Places) -> str:
    versions = []
    for conninfo in (where.database, where.keys):
        with psycopg.connect(conninfo, connect_timeout=10) as connection:
            versions.append(connection.info.parameter_status("server_version") or "unknown")
    kind = "embedded, for evaluation" if where.embedded else "as configured"
    return f"PostgreSQL {versions[0]}, {kind}; keys in PostgreSQL {versions[1]}"


def _migrations(where: Places) -> str:
    waiting = [f"ledger/{name}" for name in migrations.pending(where.database, "ledger")]
    waiting += [f"keys/{name}" for name in migrations.pending(where.keys, "keys")]
    if waiting:
        raise Fault(f"{', '.join(waiting)} not run: run `ledger migrate`")
    return "both databases are at this release"


def _disk(where: Places) -> str:
    free = shutil.disk_usage(where.folder).free
    if free < DISK_FREE_MIN:
        raise Fault(f"{free >> 20} MiB free under {where.folder}: make room, or appends will fail")
    return f"{free >> 30} GiB free under {where.folder}"


async def _clock(ledger: Runtime) -> str:
    """The clock that stamps entries is near ours, and not behind the last stamp."""
    now = datetime.fromtimestamp(time.time(), UTC)
    heads = [await ledger.store.head(log) for log in range(ledger.identity.logs)]
    apart = max(abs(head.now - now) for head in heads)
    if apart > CLOCK_APART:
        raise Fault(f"the database's clock is {apart.total_seconds():.0f} s from this machine's")
    if any(head.recorded_at > head.now for head in heads):
        raise Fault("the last entry is stamped later than the database's clock: it went back")
    return f"within {CLOCK_APART.seconds} s of this machine's, and ahead of the last entry"


async def _keys(ledger: Runtime, where: Places) -> str:
    """The key-encrypting key opens a data key that is stored."""
    name = await asyncio.to_thread(_a_key, where)
    if name is None:
        return "no person has a key yet"
    found = await ledger.keys.by_id([name])
    if isinstance(found.get(name), Destroyed | None):
        return "the only key looked at was destroyed just now"
    return "the key-encrypting key opens a stored key"


def _a_key(where: Places) -> tuple[UUID, int] | None:
    with psycopg.connect(where.keys) as connection:
        query = "SELECT key_id, key_version FROM subject_key WHERE state = 'live' LIMIT 1"
        row: tuple[UUID, int] | None = connection.execute(query).fetchone()
        return row


async def _signer(ledger: Runtime) -> str:
    """Each signer can be asked from here, and each log begins with what it signed."""
    sockets = ledger.settings.signer_sockets
    if sockets is None:
        beside = "the service starts its own" if ledger.places.embedded else "nothing is signed"
        return f"no signer_sockets are set: {beside}"
    integrator = Integrator(ledger.pool, ledger.identity, Signers(Path(sockets)))
    sizes = [(await integrator.check(log)).size for log in range(ledger.identity.logs)]
    return f"each log begins with what was signed of it ({sum(sizes)} entries)"


async def _sample(ledger: Runtime) -> list[UUID]:
    """Some subjects, from a random place of each log on."""
    share = max(1, SAMPLE // ledger.identity.logs)
    found: list[UUID] = []
    for log in range(ledger.identity.logs):
        start = UUID(bytes=os.urandom(16))
        some = await _subjects(ledger, log, start, share)
        if len(some) < share:
            some += await _subjects(ledger, log, UUID(int=0), share - len(some))
        found += dict.fromkeys(some)
    return found


async def _subjects(ledger: Runtime, log: int, start: UUID, many: int) -> list[UUID]:
    async with ledger.pool.connection() as connection:
        cursor = await connection.execute(_SOME, [log, start, many])
        return [subject for (subject,) in await cursor.fetchall()]


async def _agrees(ledger: Runtime, subject: UUID) -> None:
    """The dossier is what the entries make it; one that moved on in between is read again."""
    own = subject == ledger.identity.stream
    about, log = (None, 0) if own else (subject, ledger.identity.log_of(subject))
    for _ in range(3):
        folded = await replay(ledger.reader, about)
        loaded = (
            await ledger.reader.own()
            if own
            else (await ledger.reader.subjects(log, [subject]))[subject]
        )
        kept = loaded.dossier
        if (folded.items, folded.destroyed) == (kept.items, kept.destroyed):
            return
    raise Fault("a dossier is not what its entries make it: run `ledger rebuild`")
