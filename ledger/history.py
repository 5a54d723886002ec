"""What counts at a state of knowledge: the entries recorded by then, after their corrections.

A `Dossier` holds all entries of one stream; its `at` keeps what a question may use.
Corrections act for every known_at from their own `recorded_at` (law, section 9.2); the newest acts
first, so that an annulled annulment is void. Not here: what the facts mean (`rules/`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from datetime import datetime
from operator import attrgetter
from typing import TypeVar, TypeVarTuple, cast

import msgspec

from ledger.events import (
    ConsentGranted,
    ConsentInvalidated,
    EntryAnnulled,
    EntryReattributed,
    EntrySuperseded,
    EqualityOptOutReceived,
    ErasureExecuted,
    Fact,
    IdentityMerged,
    IdentityUnmerged,
    KeyDestroyed,
    MovedFact,
)
from ledger.events.base import PersonAct
from ledger.terms import EVERY_PURPOSE
from ledger.wire import fact_from_builtins

MOVES = (EntryReattributed, IdentityMerged)
"""What brings facts from one person's stream onto another's."""
INDELIBLE: tuple[type[Fact], ...] = (ErasureExecuted, KeyDestroyed)
"""What was destroyed stays destroyed: no correction brings it back."""
_CORRECTING = {*MOVES, IdentityUnmerged, EntryAnnulled, EntrySuperseded, ConsentInvalidated}
"""What changes which other entries count, or from when."""

T = TypeVar("T")
More = TypeVarTuple("More")


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """An entry as answers see it: its fact, when it took effect, and when it was known.

    `known_from` is later than `recorded_at` only for a fact that was moved from another person's
    stream: it counts here from the moment it was moved.
    """

    n: int
    entry: str
    recorded_at: datetime
    fact: Fact
    at: datetime
    known_from: datetime

    @property
    def order(self) -> tuple[datetime, datetime, int]:
        """The order in which facts follow one another: effect, recording, position."""
        return (self.at, self.recorded_at, self.n)


_ORDER = attrgetter("at", "recorded_at", "n")
_RECORDING = attrgetter("recorded_at", "n")
_AT = attrgetter("at")


def until(items: Sequence[Item], at: datetime) -> Sequence[Item]:
    """Of items in order, those that are in effect by `at`."""
    if not items or items[-1].at <= at:
        return items
    return items[: bisect_right(items, at, key=_AT)]


def since(items: Sequence[Item], at: datetime) -> Sequence[Item]:
    """Of items in order, those that take effect at `at` or later."""
    return items[bisect_left(items, at, key=_AT) :] if items else items


def together(these: Sequence[Item], those: Sequence[Item]) -> Sequence[Item]:
    """The items of both, each in order, in one order."""
    return sorted([*these, *those], key=_ORDER) if these and those else these or those


def about(fact: Fact) -> str | None:
    """The entry that this one says something of."""
    return getattr(fact, fact.refers) if fact.refers else None


def item(
    *, n: int, entry: str, recorded_at: datetime, fact: Fact, known_from: datetime | None = None
) -> Item:
    """The entry, with the instant from which its fact has effect."""
    return Item(
        n=n,
        entry=entry,
        recorded_at=recorded_at,
        fact=fact,
        at=takes_effect(fact, recorded_at),
        known_from=known_from or recorded_at,
    )


def takes_effect(fact: Fact, recorded_at: datetime) -> datetime:
    """When the fact bites: for a person's act, no later than its recording unless asked for later.

    An opt-out under DPA 2018 Schedule 1 paragraph 8(5) bites when its reasonable period ends.
    """
    reached = reached_us(fact, recorded_at)
    return max(fact.period_ends_at, reached) if type(fact) is EqualityOptOutReceived else reached


def reached_us(fact: Fact, recorded_at: datetime) -> datetime:
    """When the fact itself happened; a person's act no later than recorded or asked for."""
    if not isinstance(fact, PersonAct):
        return fact.effective_at
    return min(fact.effective_at, _latest(fact, recorded_at))


def _latest(fact: PersonAct, recorded_at: datetime) -> datetime:
    """The last moment at which the act may bite: a caller's clock may run ahead of ours.

    Where only `received_at` is given, an effect after our own clock is one that was asked for; but
    a receipt that lies ahead of our clock says nothing.
    """
    if fact.requested_effective_at is not None:
        return max(recorded_at, fact.requested_effective_at)
    told = fact.received_at is not None and fact.received_at <= recorded_at
    return fact.effective_at if told else recorded_at


class History:
    """The facts of one stream that count at one state of knowledge, by type and in order."""

    __slots__ = ("_made", "by_type", "destroyed", "elsewhere", "items", "merge")

    def __init__(
        self,
        items: Iterable[Item],
        *,
        merge: Item | None = None,
        destroyed: bool = False,
        elsewhere: frozenset[str] = frozenset(),
    ) -> None:
        self.items = tuple(sorted(items, key=_ORDER))
        self.merge = merge
        self.destroyed = destroyed
        self.elsewhere = elsewhere
        self.by_type: defaultdict[type[Fact], list[Item]] = defaultdict(list)
        for one in self.items:
            self.by_type[type(one.fact)].append(one)
        self._made: dict[Hashable, object] = {}

    @property
    def merged_into(self) -> str | None:
        """The subject whose record this one has become part of."""
        return None if self.merge is None else cast(IdentityMerged, self.merge.fact).into

    def of(self, kind: type[Fact]) -> Sequence[Item]:
        """Every entry of the type, in order."""
        return self.by_type.get(kind, ())

    def for_purpose(self, kind: type[Fact], purpose: str) -> Sequence[Item]:
        """Every entry of the type that concerns the purpose, or every purpose, in order."""
        if kind not in self.by_type:
            return ()
        found = self.once(_by_purpose, kind)
        return found.get(purpose, found[EVERY_PURPOSE])

    def said_of(self, entry: str, kind: type[Fact]) -> Sequence[Item]:
        """Every entry of the type that says something of that entry, in order."""
        return self.once(_by_referred, kind).get(entry, ()) if kind in self.by_type else ()

    def once(self, make: Callable[[History, *More], T], *more: *More) -> T:
        """What `make` says of this history: worked out when first asked for, and then kept."""
        key = (make, *more)
        if key not in self._made:
            self._made[key] = make(self, *more)
        return self._made[key]  # type: ignore[return-value]

    def without(self, left_out: frozenset[tuple[int, str]]) -> History:
        """The same history as if these entries (by n and id) had not been recorded."""
        kept = [one for one in self.items if (one.n, one.entry) not in left_out]
        if len(kept) == len(self.items):
            return self
        return History(kept, merge=self.merge, destroyed=self.destroyed, elsewhere=self.elsewhere)


def _by_purpose(history: History, kind: type[Fact]) -> dict[str, list[Item]]:
    """The entries of the type by purpose; what concerns every purpose stands with each."""
    every: list[Item] = []
    found = {EVERY_PURPOSE: every}
    for one in history.of(kind):
        named = one.fact.purpose or EVERY_PURPOSE  # type: ignore[attr-defined]
        if named == EVERY_PURPOSE:
            for some in found.values():
                some.append(one)
        else:
            found.setdefault(named, every[:]).append(one)
    return found


def _by_referred(history: History, kind: type[Fact]) -> dict[str | None, list[Item]]:
    """The entries of the type by the entry that each says something of."""
    found: defaultdict[str | None, list[Item]] = defaultdict(list)
    for one in history.of(kind):
        found[about(one.fact)].append(one)
    return found


class Dossier:
    """All entries of one stream in the order of recording: what every (E, K) is answered from."""

    __slots__ = ("_earlier", "_head", "destroyed", "items", "subject")

    def __init__(
        self, subject: str | None, items: Iterable[Item] = (), *, destroyed: bool = False
    ) -> None:
        self.subject = subject
        self.items = tuple(items)
        self.destroyed = destroyed
        self._head: History | None = None
        self._earlier: tuple[datetime, History] | None = None

    @property
    def version(self) -> int:
        """How many entries the stream has."""
        return len(self.items)

    @property
    def erasing(self) -> bool:
        """Whether the person is to be erased: it is recorded, and their keys are still there."""
        return any(
            isinstance(one.fact, ErasureExecuted) and one.fact.purpose == EVERY_PURPOSE
            for one in self.items
        )

    def at(self, known_at: datetime) -> History:
        """What counts at `known_at`; the newest view is kept, and the last earlier one."""
        if self.items and known_at < self.items[-1].recorded_at:
            if self._earlier is None or self._earlier[0] != known_at:
                recorded = [one for one in self.items if one.recorded_at <= known_at]
                self._earlier = (known_at, _view(self, recorded))
            return self._earlier[1]
        self._head = self._head or _view(self, self.items)
        return self._head


def _view(dossier: Dossier, visible: Sequence[Item]) -> History:
    """The history of the stream where these of its entries are known."""
    recorded = History(visible, destroyed=dossier.destroyed)
    if _CORRECTING.isdisjoint(recorded.by_type):
        return recorded
    own = in_effect(visible)
    arrived = _arrivals(own, dossier.subject)
    standing = in_effect([*own, *arrived]) if arrived else own
    away = _moved_away(standing, dossier.subject)
    kept = [one for one in standing if not _gone(one, away)]
    return History(
        _backdated(kept),
        merge=_merge(standing, dossier.subject),
        destroyed=dossier.destroyed,
        elsewhere=_elsewhere(visible, arrived, away),
    )


def belongings(dossier: Dossier) -> list[Item]:
    """What a move may carry over: every entry of this identity but those that left it.

    Corrections come along, and what they take back: either may be taken back in its turn.
    """
    own = in_effect(dossier.items)
    away = _moved_away(own, dossier.subject)
    carriers = (EntryReattributed, IdentityMerged, IdentityUnmerged)
    return [
        one
        for one in (*dossier.items, *_arrivals(own, dossier.subject))
        if not isinstance(one.fact, carriers) and not _gone(one, away)
    ]


def standing_moves(items: Sequence[Item]) -> list[Item]:
    """The merges and reattributions, from or to here, that nothing has taken back."""
    own = in_effect(items)
    return [
        one
        for one in own
        if isinstance(one.fact, EntryReattributed)
        or (isinstance(one.fact, IdentityMerged) and not _undone(own, one))
    ]


def in_effect(items: Sequence[Item]) -> list[Item]:
    """The items that no standing correction takes back, newest correction first.

    What one move brought has one n: of those the last in `items` is the newest.
    """
    void: set[str] = set()
    corrections = (one for one in items if isinstance(one.fact, EntryAnnulled | EntrySuperseded))
    recorded = sorted(corrections, key=_RECORDING)
    for one in reversed(recorded):
        if one.entry not in void:
            void.add(cast(EntryAnnulled, one.fact).entry)
    return [one for one in items if one.entry not in void or isinstance(one.fact, INDELIBLE)]


def _arrivals(own: Sequence[Item], subject: str | None) -> list[Item]:
    """The facts that standing moves brought from other people's streams."""
    return [moved for carrier in own for moved in _moved_in(carrier, own, subject)]


def _moved_in(carrier: Item, own: Sequence[Item], subject: str | None) -> list[Item]:
    """The facts that this entry brought from another person's stream."""
    fact = carrier.fact
    if isinstance(fact, EntryReattributed) and fact.to == subject:
        return [_arrive(carrier, moved, fact.from_, fact.to) for moved in fact.moved or ()]
    if isinstance(fact, IdentityMerged) and fact.into == subject and not _undone(own, carrier):
        return [_arrive(carrier, moved, fact.from_, fact.into) for moved in fact.moved or ()]
    return []


def _arrive(carrier: Item, moved: MovedFact, origin: str, target: str) -> Item:
    fact = fact_from_builtins(moved.fact)
    if getattr(fact, "given_by", None) == origin:
        fact = msgspec.structs.replace(fact, given_by=target)
    return item(
        n=carrier.n,
        entry=moved.entry,
        recorded_at=moved.recorded_at,
        fact=fact,
        known_from=carrier.recorded_at,
    )


def _undone(standing: Sequence[Item], merge: Item) -> bool:
    fact = cast(IdentityMerged, merge.fact)
    return any(
        isinstance(later.fact, IdentityUnmerged)
        and (later.recorded_at, later.n) > (merge.recorded_at, merge.n)
        and (later.fact.from_, later.fact.into) == (fact.from_, fact.into)
        for later in standing
    )


def _moved_away(standing: Sequence[Item], subject: str | None) -> dict[str, tuple[datetime, int]]:
    """Entries that count for another person instead, with the last moment at which they left."""
    return {
        one.fact.entry: (one.recorded_at, one.n)
        for one in sorted(standing, key=_RECORDING)
        if isinstance(one.fact, EntryReattributed) and one.fact.from_ == subject
    }


def _gone(one: Item, away: dict[str, tuple[datetime, int]]) -> bool:
    """The entry left after it came; what had been said of it left with it."""
    moves = (away.get(one.entry), away.get(about(one.fact) or ""))
    return any(left is not None and left > (one.known_from, one.n) for left in moves)


def _elsewhere(
    visible: Sequence[Item], arrived: Sequence[Item], away: dict[str, tuple[datetime, int]]
) -> frozenset[str]:
    """Entries that are another person's now: they left, or a move that was taken back had come.

    One that was taken back where it is, is nobody's, and so not among them.
    """
    carriers = [one.fact for one in visible if isinstance(one.fact, MOVES)]
    known = {moved.entry for fact in carriers for moved in fact.moved or ()}
    here = {one.entry for one in (*visible, *arrived) if not _gone(one, away)}
    return frozenset(known.union(away).difference(here))


def _merge(standing: Sequence[Item], subject: str | None) -> Item | None:
    """The entry by which this identity became another's, where that stands."""
    for one in reversed(standing):
        fact = one.fact
        if (
            isinstance(fact, IdentityMerged)
            and fact.from_ == subject
            and not _undone(standing, one)
        ):
            return one
    return None


def _backdated(kept: list[Item]) -> list[Item]:
    """A finding that a grant was never valid has effect from that grant."""
    grants = {one.entry: one.at for one in kept if isinstance(one.fact, ConsentGranted)}
    return [
        msgspec.structs.replace(one, at=grants.get(one.fact.consent, one.at))
        if isinstance(one.fact, ConsentInvalidated)
        else one
        for one in kept
    ]
