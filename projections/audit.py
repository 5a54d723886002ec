"""A whole log held against itself, its tree and its checkpoints: what is wrong, and where first.

It reads what an auditor may read, which is no content, and in bounded memory but for the last leaf
hash of each stream. Not here: what is sealed (`audit_content`), what is derived (`rebuild`), and
whether what was recorded is true.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

import msgspec
import psycopg

from ledger.errors import Fault, Malformed
from ledger.reader import position
from ledger.store import Identity
from ledger.tlog.note import Note
from ledger.tlog.policy import Policy
from ledger.tlog.tiles import BITS
from projections.audit_checkpoints import Claim, History, Lines, held_claim
from projections.audit_entries import Before, follows, misplaced, out_of_time
from projections.audit_findings import LISTED_MAX, AuditFinding, Code, Findings
from projections.audit_ranges import Passed, Ranges, Scope, connected, every_range, rows
from projections.audit_tree import Frontier, Hash, check_tiles
from projections.everyone import Progress

DEPTH = 16
"""A range has 65,536 leaves."""
PARALLEL_RANGES_MIN = 8
"""A log of fewer ranges is not worth the start of other processes."""

MayBeEmpty = Callable[[int, int], bool]
"""Whether an erasure allows the leaf of the entry with this log and n to be empty."""


def never(log: int, n: int) -> bool:  # noqa: ARG001 (the answer where nothing was erased)
    """No leaf may be empty."""
    return False


class Auditing(msgspec.Struct, frozen=True, kw_only=True):
    """How logs are audited: with which keys, and against which checkpoints kept elsewhere.

    So many processes at most check ranges of 2^depth leaves.
    """

    policy: Policy | None = None
    held: tuple[Note, ...] = ()
    may_be_empty: MayBeEmpty = never
    processes: int = 1
    depth: int = DEPTH
    listed_max: int = LISTED_MAX
    progress: Progress | None = None


class Audited(msgspec.Struct, frozen=True, kw_only=True, tag_field="part", tag="log"):
    """What was audited of a log, and what was found.

    `signed`, `witnessed` and `held` are the sizes of the largest checkpoints that agree with the
    entries and that are signed by the log, cosigned by the policy's quorum, or were kept
    elsewhere: nothing vouches for what came after. `root` is in base64, None where a leaf is
    missing.
    """

    log: int
    origin: str
    position: str
    entries: int
    streams: int
    emptied: int
    root: str | None
    checkpoints: int
    signed: int
    witnessed: int
    held: int
    cosignatures: int
    cosignatures_not_checked: int
    findings: int
    counts: dict[Code, int]
    listed: list[AuditFinding]


class _Pin(msgspec.Struct, frozen=True, kw_only=True):
    origin: str
    logs: int
    stream: UUID
    head_origin: str
    size: int
    leaf_hash: bytes | None
    stamp: bytes
    tree_size: int
    checkpoint_size: int
    first_n: int | None
    beyond_n: int | None
    last_n: int | None

    @property
    def identity(self) -> Identity:
        return Identity(origin=self.origin, logs=self.logs, stream=self.stream)


class _Stray(msgspec.Struct, frozen=True, kw_only=True):
    code: Code
    n: int
    last: int
    detail: str


class _Twice(msgspec.Struct, frozen=True, kw_only=True):
    first_n: int
    last_n: int


def audit(conninfo: str, auditing: Auditing) -> Iterator[Audited]:
    """Every log of the ledger in turn, each as far as it is when its turn comes.

    Raises `Malformed` where a checkpoint that was kept elsewhere is none of this ledger's.
    """
    with connected(conninfo) as connection:
        identity = _pinned(connection, 0).identity
        held = _held(auditing, identity)
        for log, claims in enumerate(held):
            yield _LogAudit(connection, auditing, log, claims).audited(conninfo)


class _LogAudit:
    """The audit of one log, put together range by range."""

    def __init__(
        self,
        connection: psycopg.Connection,
        auditing: Auditing,
        log: int,
        held: Sequence[Claim],
    ) -> None:
        self._connection = connection
        self._auditing = auditing
        self._pin = pin = _pinned(connection, log)
        self._scope = Scope(
            identity=pin.identity,
            log=log,
            size=pin.size,
            tree_size=min(pin.size, pin.tree_size),
            depth=auditing.depth,
            policy=auditing.policy,
            held=tuple(held),
            listed_max=auditing.listed_max,
        )
        self._ranges = Ranges(connection, self._scope)
        self._found = Findings(log, listed_max=auditing.listed_max)
        self._history = History(self._found)
        self._frontier = Frontier(auditing.depth)
        self._lasts: dict[str, bytes] = {}
        self._lines = Lines()
        self._emptied = 0
        self._stamp: int | None = None
        self._end: Hash = None
        self._root: Hash = None

    def audited(self, conninfo: str) -> Audited:
        """All of it."""
        self._check_pin()
        starts = self._scope.starts()
        processes = self._auditing.processes if len(starts) >= PARALLEL_RANGES_MIN else 1
        with every_range(conninfo, self._ranges, self._scope, processes=processes) as passed:
            for one in passed:
                self._join(one)
                if self._auditing.progress:
                    self._auditing.progress(one.stop, self._scope.size)
        self._history.end()
        self._check_head()
        self._check_strays()
        return self._summed_up()

    def _check_pin(self) -> None:
        """What is beyond the end of the log, or says that the log was longer."""
        pin, found, size = self._pin, self._found, self._pin.size
        if pin.head_origin != pin.identity.log_origin(self._scope.log):
            found.add("HEAD", size, "its head names another origin than the ledger")
        if pin.first_n is not None and pin.first_n < 1:
            found.add("ENTRY_BEYOND_END", pin.first_n, "stands before the first entry")
        if pin.beyond_n is not None:
            detail = f"stand beyond the end that the head of the log names, {size}"
            found.add("ENTRY_BEYOND_END", pin.beyond_n, detail, last=pin.last_n)
        longer = {"its tree": pin.tree_size, "a checkpoint": pin.checkpoint_size}
        longer["a checkpoint held elsewhere"] = max(
            (one.size for one in self._scope.held), default=0
        )
        for what, had in longer.items():
            if had > size:
                found.add("CUT_OFF", size + 1, f"are gone: {what} has {had} leaves", last=had)

    def _join(self, passed: Passed) -> None:
        """Hold a range against those before it."""
        self._found.take(passed.listed, passed.counts)
        self._join_entries(passed)
        for claim, peaks in passed.claims:
            self._history.take(claim, self._frontier.root(peaks))
        self._root = self._frontier.root(passed.peaks)
        self._end = passed.checked.hashes[-1] if passed.checked.hashes else None
        self._lines.verified += passed.lines.verified
        self._lines.not_checked += passed.lines.not_checked
        if passed.stop - passed.start == 1 << self._scope.depth:
            for height, index, root in self._frontier.add(passed.root):
                self._check_tile(height, index, root)

    def _join_entries(self, passed: Passed) -> None:
        checked, lasts = passed.checked, self._lasts
        for stream, place in checked.firsts.items():
            before = _unpacked(lasts[stream]) if stream in lasts else None
            # Nothing before it: then it is the first of its stream, and says so.
            if not follows(before or (0, 0, b""), place[1], place[2]):
                misplaced(self._found, before, place)
        lasts.update((stream, _packed(last)) for stream, last in checked.lasts.items())
        if checked.stamps is not None:
            if self._stamp is not None and checked.stamps[0] < self._stamp:
                out_of_time(self._found, passed.start + 1)
            self._stamp = checked.stamps[1]
        for n in checked.emptied:
            if self._auditing.may_be_empty(self._scope.log, n):
                self._emptied += 1
            else:
                self._found.add("LEAF_EMPTIED", n, "its leaf is empty, and no erasure allows it")

    def _check_tile(self, height: int, index: int, root: Hash) -> None:
        """Of the levels from a whole range on."""
        level = height // BITS
        if height % BITS == 0 and (index + 1) << height <= self._scope.tree_size:
            stored = self._ranges.tiles(level, index, index + 1)
            check_tiles(self._found, level, {index: root}, stored)

    def _check_head(self) -> None:
        """The head of the log says of the last entry what that says of itself."""
        pin = self._pin
        if pin.size and self._end is None:
            return  # It is missing, and that was found.
        if pin.leaf_hash != self._end:
            self._found.add("HEAD", pin.size, "the head of the log has another hash of it")
        if pin.size and int.from_bytes(pin.stamp, "big", signed=True) != self._stamp:
            self._found.add("HEAD", pin.size, "the head of the log has another stamp of it")

    def _check_strays(self) -> None:
        """What only a look at the whole log tells."""
        found, log = self._found, self._scope.log
        for one in rows(self._connection, _Stray, "audit_strays", {"log": log}):
            found.add(one.code, one.n, one.detail, last=one.last)
        values = {"log": log, "limit": self._scope.listed_max}
        for twice in rows(self._connection, _Twice, "audit_events_twice", values):
            detail = f"is the event of entry {twice.first_n} again"
            found.add("EVENT_TWICE", twice.last_n, detail)

    def _summed_up(self) -> Audited:
        scope, history = self._scope, self._history
        return Audited(
            log=scope.log,
            origin=scope.identity.log_origin(scope.log),
            position=position(scope.log, scope.size, self._end),
            entries=scope.size,
            streams=len(self._lasts),
            emptied=self._emptied,
            root=None if self._root is None else base64.b64encode(self._root).decode(),
            checkpoints=history.checked,
            signed=history.signed,
            witnessed=history.witnessed,
            held=history.held,
            cosignatures=self._lines.verified,
            cosignatures_not_checked=self._lines.not_checked,
            findings=self._found.counts.total(),
            counts=dict(self._found.counts),
            listed=self._found.listed,
        )


def _pinned(connection: psycopg.Connection, log: int) -> _Pin:
    try:
        found = rows(connection, _Pin, "audit_pin", {"log": log})
    except psycopg.errors.UndefinedTable as error:
        raise Fault("this database holds no ledger, or an older one: `ledger migrate`") from error
    if not found:
        raise Fault(f"this database has no ledger, or that ledger no log {log}")
    return found[0]


def _held(auditing: Auditing, identity: Identity) -> list[list[Claim]]:
    """The claims of checkpoints that were kept elsewhere, by log."""
    logs = {identity.log_origin(log): log for log in range(identity.logs)}
    found: list[list[Claim]] = [[] for _ in logs]
    for note in auditing.held:
        origin, claim = held_claim(note, auditing.policy)
        if origin not in logs:
            raise Malformed("is of a log that this ledger does not have", field="checkpoint")
        found[logs[origin]].append(claim)
    return found


def _packed(last: Before) -> bytes:
    """As small as may be: there is one for each stream."""
    n, version, hash_ = last
    return n.to_bytes(8, "big") + version.to_bytes(8, "big", signed=True) + hash_


def _unpacked(packed: bytes) -> Before:
    return (
        int.from_bytes(packed[:8], "big"),
        int.from_bytes(packed[8:16], "big", signed=True),
        packed[16:],
    )
