"""What an entry brings onto another person's stream: merges, reattributions, and their corrections.

An entry that concerns two people is recorded on both streams by one request, the restrictive side
first; the receiving side carries the moved facts with their original times. What is said later of a
fact follows it from stream to stream. Pure: it plans, one stream after the other, and `work` grows
them. Not here: how moved facts count (`history`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import cast

import msgspec

from ledger.events import (
    EntryAnnulled,
    EntryReattributed,
    EntrySuperseded,
    Fact,
    IdentityMerged,
    IdentityUnmerged,
    MovedFact,
)
from ledger.history import Dossier, Item, about, belongings, in_effect
from ledger.terms import Reason, Refusal
from ledger.wire import basis_of, fact_from_builtins, fact_to_builtins

MOVES = (EntryReattributed, IdentityMerged)
CARRIERS = (*MOVES, IdentityUnmerged)
CORRECTIONS = (EntryAnnulled, EntrySuperseded)


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """An entry on its way into a stream; `subject` None is the ledger's own."""

    subject: str | None
    entry: str
    fact: Fact


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """Where an entry also stands: on another person's stream, under this id there.

    `left` where it no longer counts there: what is said of it then goes there without its content,
    which is about somebody else.
    """

    subject: str
    entry: str
    left: bool = False


class Spread:
    """The streams that one fact reaches, from its own to the next.

    What it is about may have several ids, one for each time that it was brought somewhere: `_names`
    has those met so far. Each stream takes the fact once for each.
    """

    def __init__(self, first: Planned) -> None:
        self._first = first
        self._waiting = deque([first])
        self._names = {about(first.fact)} - {None}
        self._seen: set[tuple[str | None, str | None]] = set()

    def next(self) -> Planned | None:
        """The next stream to look at, with what is on its way there."""
        return self._waiting.popleft() if self._waiting else None

    def onto(
        self, one: Planned, *, dossier: Dossier, now: datetime, entry_ids: Callable[[], str]
    ) -> list[Planned]:
        """The entries as the stream takes them; none where it has nothing that this is about."""
        grown: list[Planned] = []
        for named in self._targets(one, dossier):
            if (one.subject, named) not in self._seen:
                self._seen.add((one.subject, named))
                entry = entry_ids() if grown else one.entry
                fact = _about(one.fact, named)
                if grown:
                    fact = msgspec.structs.replace(fact, counterpart=one.entry)
                grown.append(self._grow(one.subject, entry, fact, dossier, now, entry_ids))
        return grown

    def _targets(self, one: Planned, dossier: Dossier) -> list[str | None]:
        """What the stream has of that which the fact is about."""
        named = about(one.fact)
        if named is None or isinstance(one.fact, MOVES):
            return [named] if isinstance(one.fact, MOVES) or not dossier.destroyed else []
        if dossier.destroyed:
            return []
        found = self._met_again(list(_ids(dossier)))
        first = [named] if one is self._first or _has(dossier, named) else []
        return [*first, *(name for name in found if name != named)]

    def _met_again(self, ids: list[tuple[str, str | None]]) -> list[str]:
        """The ids that the stream has for it; each may lead to another."""
        found: list[str] = []
        while new := [(name, link) for name, link in ids if self._is_met(name, link, found)]:
            for name, link in new:
                found.append(name)
                self._names.update({name, link} - {None})
        return found

    def _is_met(self, name: str, link: str | None, found: list[str]) -> bool:
        return name not in found and not self._names.isdisjoint({name, link})

    def _grow(
        self,
        subject: str | None,
        entry: str,
        fact: Fact,
        dossier: Dossier,
        now: datetime,
        entry_ids: Callable[[], str],
    ) -> Planned:
        nexts = [
            Planned(
                subject=other,
                entry=entry_ids(),
                fact=msgspec.structs.replace(theirs, counterpart=entry),
            )
            for other, theirs in _onward(fact, dossier, now)
        ]
        self._waiting.extend(nexts)
        if isinstance(fact, CARRIERS) and nexts:
            fact = msgspec.structs.replace(fact, counterpart=nexts[0].entry)
        return Planned(subject=subject, entry=entry, fact=fact)


def _about(fact: Fact, named: str | None) -> Fact:
    """The same said of the entry under the name that the stream has for it."""
    if named is None or fact.refers is None:
        return fact
    return msgspec.structs.replace(fact, **{fact.refers: named})


def _ids(dossier: Dossier) -> Iterator[tuple[str, str | None]]:
    """Every entry that was recorded here or brought here, with the one that it came from."""
    for one in dossier.items:
        yield one.entry, one.fact.counterpart
        for moved in _brought(one):
            yield moved.entry, cast("str | None", moved.fact.get("counterpart"))


def _has(dossier: Dossier, entry: str) -> bool:
    return any(name == entry for name, _ in _ids(dossier))


def _onward(fact: Fact, dossier: Dossier, now: datetime) -> Iterator[tuple[str, Fact]]:
    """The streams next to this one that the fact concerns, and the fact as each takes it."""
    if isinstance(fact, CARRIERS):
        if fact.from_ == dossier.subject:
            yield _carried(fact, dossier, now)
    elif isinstance(fact, CORRECTIONS):
        for where in elsewhere(dossier, fact.entry, now):
            theirs = msgspec.structs.replace(fact, entry=where.entry)
            yield where.subject, basis_of(theirs) if where.left else theirs
    elif fact.protective:
        yield from _passed_on(fact, dossier, now)
    elif named := about(fact):
        for where in _holders(dossier, named, now):
            yield where.subject, basis_of(fact) if where.left else fact


def _carried(
    fact: EntryReattributed | IdentityMerged | IdentityUnmerged, dossier: Dossier, now: datetime
) -> tuple[str, Fact]:
    if isinstance(fact, EntryReattributed):
        return fact.to, msgspec.structs.replace(fact, moved=_moved(_leaving(fact, dossier, now)))
    if isinstance(fact, IdentityMerged):
        return fact.into, msgspec.structs.replace(fact, moved=_moved(belongings(dossier)))
    return fact.into, fact


def _leaving(fact: EntryReattributed, dossier: Dossier, now: datetime) -> list[Item]:
    """The entry and what was said of it: an invalid consent is invalid wherever it counts."""
    acts = (*CORRECTIONS, EntryReattributed)
    return [
        one
        for one in dossier.at(now).items
        if fact.entry in (one.entry, about(one.fact)) and not isinstance(one.fact, acts)
    ]


def _passed_on(fact: Fact, dossier: Dossier, now: datetime) -> Iterator[tuple[str, Fact]]:
    """A merged-away identity takes nothing new, but passes on what the person asks to stop."""
    survivor = dossier.at(now).merged_into
    if survivor is not None:
        own = getattr(fact, "given_by", None) == dossier.subject
        yield survivor, msgspec.structs.replace(fact, given_by=survivor) if own else fact


def elsewhere(dossier: Dossier, entry: str, now: datetime) -> Iterator[Elsewhere]:
    """Where the entry also stands, so that a correction reaches it there too."""
    own = _own(dossier, entry)
    if own is None:
        yield from _holders(dossier, entry, now)
    elif isinstance(own.fact, CARRIERS):
        yield _other_side(own.fact, dossier, entry)
    else:
        yield from _copies(dossier, own)
        if isinstance(own.fact, CORRECTIONS):
            yield from _survivor(dossier, entry, now)
            yield from _restored(dossier, own, now)
        else:
            yield from _holders(dossier, entry, now)


def _holders(dossier: Dossier, entry: str, now: datetime) -> Iterator[Elsewhere]:
    """Where the entry went from here, and where it came from."""
    yield from _departed(dossier, entry, now)
    yield from _survivor(dossier, entry, now)
    for one in reversed(in_effect(dossier.items)):
        fact = one.fact
        if isinstance(fact, MOVES) and any(moved.entry == entry for moved in _brought(one)):
            yield Elsewhere(subject=fact.from_, entry=entry, left=True)


def _own(dossier: Dossier, entry: str) -> Item | None:
    return next((one for one in dossier.items if one.entry == entry), None)


def _other_side(
    fact: EntryReattributed | IdentityMerged | IdentityUnmerged, dossier: Dossier, entry: str
) -> Elsewhere:
    target = fact.to if isinstance(fact, EntryReattributed) else fact.into
    other = target if fact.from_ == dossier.subject else fact.from_
    return Elsewhere(subject=other, entry=fact.counterpart or entry)


def _copies(dossier: Dossier, one: Item) -> Iterator[Elsewhere]:
    """Where the entry was brought when it was recorded, or where it came from."""
    before = Dossier(dossier.subject, dossier.items[: dossier.items.index(one)])
    entry = one.fact.counterpart or one.entry
    for subject, _ in _onward(one.fact, before, one.recorded_at):
        yield Elsewhere(subject=subject, entry=entry)
    for each in before.items if one.fact.protective else ():
        if isinstance(each.fact, IdentityMerged) and each.fact.into == dossier.subject:
            yield Elsewhere(subject=each.fact.from_, entry=entry, left=True)


def _restored(dossier: Dossier, one: Item, now: datetime) -> Iterator[Elsewhere]:
    """What the correction gives effect again, once it is itself taken back: void there as here.

    Both were recorded before the entry left, so that no correction of it stands elsewhere.
    """
    fact = cast("EntryAnnulled | EntrySuperseded", one.fact)
    target = _own(dossier, fact.entry)
    if target is None or not isinstance(target.fact, CORRECTIONS):
        return
    if not any(any(_copies(dossier, each)) for each in (one, target)):
        yield from elsewhere(dossier, target.fact.entry, now)


def _departed(dossier: Dossier, entry: str, now: datetime) -> Iterator[Elsewhere]:
    """The person for whom the entry counts since it, or what it is about, last left."""
    named = (entry, _spoken_of(dossier, entry))
    moves = [
        one
        for one in dossier.at(now).items
        if isinstance(one.fact, EntryReattributed) and one.fact.entry in named
    ]
    for one in sorted(moves, key=lambda each: (each.recorded_at, each.n))[-1:]:
        last = cast(EntryReattributed, one.fact)
        if last.from_ == dossier.subject:
            yield Elsewhere(subject=last.to, entry=entry)


def _spoken_of(dossier: Dossier, entry: str) -> str | None:
    """What the entry is about, recorded here or brought here."""
    for one in dossier.items:
        if one.entry == entry:
            return about(one.fact)
        for moved in _brought(one):
            if moved.entry == entry:
                return about(fact_from_builtins(moved.fact))
    return None


def _brought(one: Item) -> tuple[MovedFact, ...]:
    return getattr(one.fact, "moved", None) or ()


def _survivor(dossier: Dossier, entry: str, now: datetime) -> Iterator[Elsewhere]:
    survivor = dossier.at(now).merged_into
    if survivor is not None:
        yield Elsewhere(subject=survivor, entry=entry)


def _moved(found: Iterable[Item]) -> tuple[MovedFact, ...]:
    return tuple(
        MovedFact(
            entry=one.entry,
            recorded_at=one.recorded_at,
            fact=fact_to_builtins(basis_of(one.fact)),
        )
        for one in found
    )


def obstacle(one: Planned, *, dossier: Dossier, now: datetime) -> Refusal | None:
    """Why the stream cannot take its side of the entry, where two people are concerned."""
    fact = one.fact
    if dossier.destroyed:
        if not isinstance(fact, MOVES):
            return None
        message = "every key of the other subject was destroyed: nothing can move there"
        return Refusal(reason=Reason.SUBJECT_ERASED, pointer=pointer(fact), message=message)
    undone = _undone(fact, dossier)
    survivor = dossier.at(now).merged_into
    arrives = isinstance(fact, CARRIERS) and fact.from_ != dossier.subject
    if survivor is not None and (arrives or undone):
        message = (
            f"one of the two was merged into {survivor}: name that subject, or unmerge them first"
        )
        return Refusal(reason=Reason.IDENTITY_MERGED, pointer=pointer(fact), message=message)
    if any(_left(dossier, each, now) for each in undone):
        message = "what came with it has moved on since: take back that move first"
        return Refusal(reason=Reason.NOT_ANNULLABLE, pointer=pointer(fact), message=message)
    return None


def _undone(fact: Fact, dossier: Dossier) -> list[Item]:
    """The moves from or to here that the fact takes back; the merge by which this one ended aside.

    A merge can always be taken back from the side that it ended.
    """
    return [one for one in dossier.items if _takes_back(fact, one) and not _ended_by(dossier, one)]


def _takes_back(fact: Fact, one: Item) -> bool:
    if isinstance(fact, CORRECTIONS):
        return fact.entry == one.entry and isinstance(one.fact, MOVES)
    if not (isinstance(fact, IdentityUnmerged) and isinstance(one.fact, IdentityMerged)):
        return False
    return (fact.from_, fact.into) == (one.fact.from_, one.fact.into)


def _ended_by(dossier: Dossier, one: Item) -> bool:
    return isinstance(one.fact, IdentityMerged) and one.fact.from_ == dossier.subject


def _left(dossier: Dossier, carrier: Item, now: datetime) -> bool:
    return any(any(_departed(dossier, one.entry, now)) for one in _brought(carrier))


def pointer(fact: Fact) -> str:
    """The field that names the other person, or the entry through which they are concerned."""
    fields = fact.__struct_fields__
    return next((name for name in ("to", "into", "entry") if name in fields), "subject")
