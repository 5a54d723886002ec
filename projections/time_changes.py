"""Changes by time alone as they are kept: each once, under the next number of its log.

Whoever computes people anew calls this first, in the same transaction: the rows about to be
replaced say since when there is anything to look for. Not here: what such a change is (`by_time`),
or who is told of it (`feed`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from psycopg import AsyncConnection

from ledger.reader import Loaded, latest
from ledger.rules.rulebook import RuleBook
from projections.by_time import Before, Stretch, TimeChange, changes, since_known, stretches
from projections.derived import Basis
from projections.everyone import rows_on
from projections.sql import statement
from projections.standing import Standing


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """People of one log as just loaded and computed; `followed` entries were followed before."""

    log: int
    loaded: Mapping[UUID, Loaded]
    now: Mapping[UUID, Sequence[Standing]]
    followed: int


class _Change(TimeChange, frozen=True, kw_only=True):
    subject: UUID


async def keep_changes(connection: AsyncConnection, found: Found, rulebook: RuleBook) -> None:
    """What time alone changed for these people is written; for the erased among them, forgotten."""
    erased = [subject for subject, one in found.loaded.items() if one.dossier.destroyed]
    if erased:
        values: dict[str, object] = {"log": found.log, "subjects": erased}
        await connection.execute(statement("forget_time_changes"), values)
    rows = await _kept(connection, found.log, [*found.loaded.keys() - set(erased)])
    new = [
        msgspec.convert({**msgspec.structs.asdict(one), "subject": subject}, _Change)
        for subject, kept in rows.items()
        for one in await _changes(found, subject, kept, rulebook)
    ]
    if new:
        await _write(connection, found, new)


async def _kept(
    connection: AsyncConnection, log: int, subjects: Sequence[UUID]
) -> dict[UUID, dict[str, Basis]]:
    """The rows of each of them so far, by purpose."""
    rows: dict[UUID, dict[str, Basis]] = {subject: {} for subject in subjects}
    values = {"log": log, "subjects": subjects}
    for one in await rows_on(connection, Basis, "bases_of", values):
        rows[one.subject][one.purpose] = one
    return rows


async def _changes(
    found: Found, subject: UUID, kept: Mapping[str, Basis], rulebook: RuleBook
) -> list[TimeChange]:
    """What time alone changed for this person; others get their turn between two stretches."""
    loaded = found.loaded[subject]
    until = _moment(loaded)
    new: list[TimeChange] = []
    for one in _way(loaded, kept, followed=found.followed):
        for now in found.now[subject]:
            before = _before(kept.get(now.purpose))
            new += changes(one, before, now, rulebook=rulebook, until=until)
        await asyncio.sleep(0)
    return new


def _way(loaded: Loaded, kept: Mapping[str, Basis], *, followed: int) -> tuple[Stretch, ...]:
    """The time since the rows at hand, which were computed together, were computed."""
    row = next(iter(kept.values()), None)
    if row is None:
        return since_known(loaded.dossier, loaded.catalogue, n=followed)
    return stretches(loaded.dossier, loaded.catalogue, n=row.n, catalogue_n=row.catalogue_n)


def _before(row: Basis | None) -> Before | None:
    if row is None:
        return None
    return Before(decision=row.decision, live=tuple(row.live), next_change_at=row.next_change_at)


def _moment(loaded: Loaded) -> datetime:
    """The present, as people were computed at it."""
    return max(loaded.head.now, latest(loaded.head, loaded.catalogue_place))


async def _write(connection: AsyncConnection, found: Found, new: Sequence[_Change]) -> None:
    some = next(iter(found.loaded.values()))
    place = some.catalogue_place
    values: dict[str, object] = {
        "log": found.log,
        "rows": msgspec.json.encode(new).decode(),
        "noted_at": some.head.now,
        "n": some.head.size,
        "catalogue_n": place.n if place else 0,
    }
    await connection.execute(statement("hold_time_changes"), values)
    await connection.execute(statement("keep_time_changes"), values)
