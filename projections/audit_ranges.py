"""The ranges of a log, each checked by itself over one connection, in this process or in several.

What a range cannot know by itself, it hands on: the first and the last entry of each of its
streams, its subtrees, and what its checkpoints claim. Not here: putting ranges together (`audit`).
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from typing import TypeVar, cast

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import class_row

from ledger.store import Identity
from ledger.tlog.policy import Policy
from ledger.tlog.tiles import BITS
from projections.audit_checkpoints import (
    CheckpointChecks,
    CheckpointRow,
    Claim,
    CosignatureRow,
    Lines,
)
from projections.audit_entries import Checked, EntryChecks, EntryRow
from projections.audit_findings import LISTED_MAX, AuditFinding, Code, Findings
from projections.audit_tree import Hash, Subtrees, check_tiles
from projections.sql import statement

CHUNK = 256
"""Rows that are handed over at once: few enough that the server goes on meanwhile."""
ROLES = ("ledger_auditor", "ledger_app")
"""The first of these that the login can become, reads; else the login itself."""
_SESSION = """
SET default_transaction_read_only = on; SET search_path = public; SET timezone = 'UTC';
SET plan_cache_mode = 'force_generic_plan'; SET enable_seqscan = off; SET jit = off;
"""

R = TypeVar("R")


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What of a log is audited: its first `size` entries, of which the tree has `tree_size`.

    A range is 2^depth leaves, and depth a multiple of the height of a tile. `held` are checkpoints
    that were kept elsewhere.
    """

    identity: Identity
    log: int
    size: int
    tree_size: int
    depth: int
    policy: Policy | None = None
    held: tuple[Claim, ...] = ()
    listed_max: int = LISTED_MAX

    def starts(self) -> range:
        """Where ranges begin; an empty log has one."""
        return range(0, max(1, self.size), 1 << self.depth)


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """A range that was checked, and what it hands on; `claims` each with the subtrees below it."""

    start: int
    stop: int
    checked: Checked
    root: Hash
    peaks: list[Hash]
    claims: list[tuple[Claim, list[Hash]]]
    lines: Lines
    listed: list[AuditFinding]
    counts: dict[Code, int]


def connected(conninfo: str) -> psycopg.Connection:
    """A connection that only reads, as an auditor where the login may be one."""
    connection = psycopg.connect(conninfo, autocommit=True)
    connection.execute(_SESSION)
    for role in ROLES:
        try:
            connection.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue):
            continue
        break
    return connection


def rows(
    connection: psycopg.Connection, kind: type[R], name: str, values: Mapping[str, object]
) -> list[R]:
    """The rows of the statement."""
    with connection.cursor(row_factory=class_row(kind), binary=True) as cursor:
        return cursor.execute(statement(name), values, prepare=True).fetchall()


class Ranges:
    """Checks ranges of one log, one after another."""

    def __init__(self, connection: psycopg.Connection, scope: Scope) -> None:
        self._connection = connection
        self._scope = scope

    def passed(self, start: int) -> Passed:
        """The range from this leaf on, by its index."""
        scope = self._scope
        stop = min(scope.size, start + (1 << scope.depth))
        found = Findings(scope.log, listed_max=scope.listed_max)
        checked = self._entries(start, stop, found)
        tree = Subtrees(start, checked.hashes)
        self._check_tiles(start, stop, tree, found)
        claims, lines = self._claims(start, stop, found)
        whole = tree.row(scope.depth)
        checked.hashes = checked.hashes[-1:]
        return Passed(
            start=start,
            stop=stop,
            checked=checked,
            root=whole[0] if whole else None,
            peaks=tree.peaks(stop),
            claims=[(one, tree.peaks(one.size)) for one in claims],
            lines=lines,
            listed=found.listed,
            counts=found.counts,
        )

    def _entries(self, start: int, stop: int, found: Findings) -> Checked:
        checks = EntryChecks(self._scope.identity, start, found)
        values = {"log": self._scope.log, "start": start, "stop": stop}
        with self._connection.cursor(binary=True) as cursor:
            streamed = cursor.stream(statement("audit_entries"), values, binary=True, size=CHUNK)
            checks.take(cast("Iterator[EntryRow]", streamed))
        return checks.end(stop)

    def _check_tiles(self, start: int, stop: int, tree: Subtrees, found: Findings) -> None:
        """Those of the levels below the range's own root."""
        for height in range(BITS, self._scope.depth, BITS):
            first = start >> height
            last = min(stop, self._scope.tree_size) >> height
            if last > first:
                made = dict(zip(range(first, last), tree.row(height), strict=False))
                stored = self.tiles(height // BITS, first, last)
                check_tiles(found, height // BITS, made, stored)

    def tiles(self, level: int, start: int, stop: int) -> dict[int, bytes]:
        """The stored hashes [start, stop) of a level."""
        values = {"log": self._scope.log, "level": level, "start": start, "stop": stop}
        with self._connection.cursor(binary=True) as cursor:
            cursor.execute(statement("audit_tiles"), values, prepare=True)
            return dict(cast("list[tuple[int, bytes]]", cursor.fetchall()))

    def _claims(self, start: int, stop: int, found: Findings) -> tuple[list[Claim], Lines]:
        """Of the checkpoints whose size lies in the range, in the order of their sizes."""
        scope = self._scope
        # The checkpoint of an empty log stands before the first entry.
        values = {"log": scope.log, "start": start if start else -1, "stop": stop}
        lines: dict[int, list[CosignatureRow]] = {}
        for one in rows(self._connection, CosignatureRow, "audit_cosignatures", values):
            lines.setdefault(one.size, []).append(one)
        checks = CheckpointChecks(scope.identity.log_origin(scope.log), scope.policy, found)
        stored = rows(self._connection, CheckpointRow, "audit_checkpoints", values)
        held = [one for one in scope.held if values["start"] < one.size <= stop]
        claims = sorted([*checks.claims(stored, lines), *held], key=lambda one: one.size)
        return claims, checks.lines


# Several processes.


@contextmanager
def every_range(
    conninfo: str, ranges: Ranges, scope: Scope, *, processes: int
) -> Iterator[Iterator[Passed]]:
    """The ranges in order, checked here, or by so many processes with connections of their own."""
    if processes == 1:
        yield map(ranges.passed, scope.starts())
        return
    with ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(conninfo, scope),
    ) as pool:
        try:
            yield _in_order(pool, scope, ahead=2 * processes)
        finally:
            pool.shutdown(cancel_futures=True)


def _in_order(pool: ProcessPoolExecutor, scope: Scope, *, ahead: int) -> Iterator[Passed]:
    """No more of them wait to be put together than `ahead`, however slow that is."""
    waiting: deque[Future[Passed]] = deque()
    for start in scope.starts():
        waiting.append(pool.submit(_passed, start))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


_here: list[Ranges] = []
"""In a process of the pool: what it checks ranges with."""


def _begin(conninfo: str, scope: Scope) -> None:
    _here.append(Ranges(connected(conninfo), scope))


def _passed(start: int) -> Passed:
    return _here[0].passed(start)
