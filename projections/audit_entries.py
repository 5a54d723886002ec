"""Whether the entries of a range are as recorded, by their own columns and by one another.

The leaf is spelt again from the columns and compared byte for byte: that is the whole check of a
leaf, and costs less than reading it. Whether the entries are those that were recorded at all, only
the tree over their hashes tells (`audit_tree`). Not here: what is sealed (`audit_content`).
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from uuid import UUID

import msgspec

from ledger.disclosure import commitment
from ledger.store import Identity
from ledger.tlog.leaf import LEAF_BYTES_MAX, SEQ_MAX, Leaf, MalformedLeaf, leaf_hash, parse_leaf
from projections.audit_findings import Findings

EntryRow: TypeAlias = tuple[int, str, int, str, str, bytes, bytes, bytes, bytes]
"""n, stream, version, name, event id, digests, leaf, leaf hash, stamp: `audit_entries.sql`."""
Place: TypeAlias = tuple[int, int, str | None]
"""n and version of an entry, and the hash of the one before it in its stream, as its leaf says."""
Before: TypeAlias = tuple[int, int, bytes]
"""n, version and leaf hash of the last entry of a stream so far."""

_PREV_CHARS = 44
_RANDOM, _TIMED = ({version + variant for variant in "89ab"} for version in "47")
"""How the version and the variant of a stream and of an event id are spelt."""
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Checked(msgspec.Struct, kw_only=True):
    """What a range of entries leaves to be held against its neighbours, and against the tree.

    `hashes` are as stored, None where an entry is missing. `stamps` are those of the first and the
    last entry, in microseconds since 2000. `emptied` have no leaf, which an erasure may explain.
    """

    hashes: list[bytes | None] = []
    firsts: dict[str, Place] = {}
    lasts: dict[str, Before] = {}
    emptied: list[int] = []
    stamps: tuple[int, int] | None = None


class EntryChecks:
    """The entries of one range of a log, each taken once and in order."""

    def __init__(self, identity: Identity, start: int, findings: Findings) -> None:
        self._identity = identity
        self._found = findings
        self._origin = identity.log_origin(findings.log)
        self._middle = f'","log":"{self._origin}","prev":"'
        # Whatever stands before it in a leaf has one length.
        self._prev_at = len(f'{{"commitment":"{"c" * 44}","event_id":"{"e" * 36}{self._middle}')
        self._next = start + 1
        self._names: set[str] = set()
        self._spelt = moments()
        self.checked = Checked()

    def take(self, rows: Iterable[EntryRow]) -> None:
        """The next rows."""
        hashes, firsts, lasts = self.checked.hashes, self.checked.firsts, self.checked.lasts
        for row in rows:
            n, stream, version, _, _, _, _, hash_, stamp = row
            if n != self._next and not self._placed(n):
                continue
            self._next = n + 1
            hashes.append(hash_)
            at = int.from_bytes(stamp, "big", signed=True)
            self._check_time(n, at)
            said = self._said(row, at)
            before = lasts.get(stream)
            if before is None:
                self._check_log(n, stream)
                firsts[stream] = (n, version, said)
            elif not follows(before, version, said):
                misplaced(self._found, before, (n, version, said))
            lasts[stream] = (n, version, hash_)

    def end(self, stop: int) -> Checked:
        """What is left to be done, with every entry up to `stop` taken or missing."""
        self._placed(stop + 1)
        return self.checked

    def _placed(self, n: int) -> bool:
        """Whether the n-th comes next, or after some that are missing; else it came before."""
        missing = n - self._next
        if missing > 0:
            self._found.add("ENTRY_MISSING", self._next, "there is no entry", last=n - 1)
            self.checked.hashes += [None] * missing
            self._next = n
        elif missing < 0:
            self._found.add("ENTRY_TWICE", n, "there are two entries of this number")
        return missing >= 0

    def _check_time(self, n: int, at: int) -> None:
        stamps = self.checked.stamps
        if stamps is not None and at < stamps[1]:
            out_of_time(self._found, n)
        self.checked.stamps = (at if stamps is None else stamps[0], at)

    def _check_log(self, n: int, stream: str) -> None:
        many = self._identity.logs > 1 and stream != ""
        if many and self._identity.log_of(UUID(stream)) != self._found.log:
            self._found.add("WRONG_LOG", n, "is of a stream that belongs to another log")

    def _said(self, row: EntryRow, at: int) -> str | None:
        """The hash before it, as the leaf has it; None where there is no leaf to say it."""
        _, stream, version, name, event, digests, leaf, hash_, _ = row
        text = leaf.decode("latin-1")
        prev = text[self._prev_at : self._prev_at + _PREV_CHARS] if version > 1 else ""
        committed = b2a_base64(commitment(digests), newline=False).decode()
        # Joined, as the append does it: no value of a sound leaf has anything to escape.
        expected = (
            f'{{"commitment":"{committed}","event_id":"{event}{self._middle}{prev}",'
            f'"recorded_at":"{self._spelt(at)}","seq":{version},"stream":"{stream}",'
            f'"type":"{name}","v":1}}'
        )
        if (
            text == expected
            and leaf_hash(leaf) == hash_
            and name in self._names
            and stream[14:20:5] in _RANDOM
            and event[14:20:5] in _TIMED
            and 0 < version <= SEQ_MAX
            and len(leaf) <= LEAF_BYTES_MAX
        ):
            return prev
        return self._examined(row, at)

    def _examined(self, row: EntryRow, at: int) -> str | None:
        """The same of a leaf that is not at once seen to be sound, with what is wrong with it."""
        n, leaf, hash_ = row[0], row[6], row[7]
        if not leaf:
            self.checked.emptied.append(n)
            return None
        hashed = leaf_hash(leaf) == hash_
        if not hashed:
            self._found.add("LEAF_HASH", n, "its leaf has another hash than the one kept with it")
        try:
            read = parse_leaf(leaf)
        except MalformedLeaf as error:
            self._found.add("LEAF_MALFORMED", n, f"its leaf is none: {error}")
            return None
        if differing := self._differing(read, row, at):
            self._found.add("LEAF_DIFFERS", n, f"its leaf says otherwise than its row: {differing}")
        self._names.add(read.type)
        return b2a_base64(read.prev, newline=False).decode() if hashed else None

    def _differing(self, read: Leaf, row: EntryRow, at: int) -> str:
        """The members of the leaf that its row contradicts."""
        _, stream, version, name, event, digests, _, _, _ = row
        moment = read.recorded_at.replace(tzinfo=None).isoformat(timespec="microseconds")
        said = {
            "commitment": (read.commitment, commitment(digests)),
            "event_id": (str(read.event_id), event),
            "log": (read.log, self._origin),
            "recorded_at": (f"{moment}Z", self._spelt(at)),
            "seq": (read.seq, version),
            "stream": (str(read.stream), stream),
            "type": (read.type, name),
        }
        return ", ".join(member for member, (leaf, row_) in said.items() if leaf != row_)


def follows(before: Before, version: int, said: str | None) -> bool:
    """Whether an entry of this version that says this comes next in its stream."""
    if before[1] + 1 != version:
        return False
    return said is None or b2a_base64(before[2], newline=False).decode() == said


def moments() -> Callable[[int], str]:
    """Spells stamps as leaves do; one that no leaf can have is spelt as nothing."""
    held, spelt = -1, ""

    def moment(at: int) -> str:
        nonlocal held, spelt
        second, micros = divmod(at, 1_000_000)
        if second != held:
            try:
                spelt = (_EPOCH + timedelta(seconds=second)).isoformat()[:19]
            except OverflowError:
                return ""
            held = second
        return f"{spelt}.{micros:06d}Z"

    return moment


def misplaced(found: Findings, before: Before | None, entry: Place) -> None:
    """Say why the entry does not follow the one before it in its stream, or none."""
    n, version, _ = entry
    place, held = (before[0], before[1]) if before else (0, 0)
    if held + 1 != version:
        found.add("STREAM_GAP", n, f"is version {version} of a stream that has {held} before it")
    else:
        detail = f"the entry {n} says that {place}, before it in its stream, had another hash"
        found.add("CHAIN", place, detail, last=n)


def out_of_time(found: Findings, n: int) -> None:
    """Say that the entry is stamped earlier than the one before it."""
    found.add("TIME_ORDER", n, "is stamped earlier than the entry before it")
