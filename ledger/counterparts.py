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
    """An entry on its way into a stream; `subject` None is the ledger's own.

    `known_as` is the entry that it is about as the stream before it calls that.
    """

    subject: str | None
    entry: str
    fact: Fact
    known_as: str | None = None

    @property
    def key(self) -> tuple[str | None, str | None]:
        """What a stream takes once: something said there of one entry, or of none."""
        return self.subject, about(self.fact)


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """Where an entry also stands: on another person's stream, under this id there.

    `left` where it no longer counts there: what is said of it then goes there without its content,
    which is about somebody else.
    """

    subject: str
    entry: str
    left: bool = False


class Spread:
    """The streams that one fact reaches, from its own to the next; each takes it once."""

    def __init__(self, first: Planned) -> None:
        self._waiting = deque([first])
        self._seen: set[tuple[str | None, str | None]] = set()

    def next(self) -> Planned | None:
        """The next stream to look at, with what is on its way there."""
        return self._waiting.popleft() if self._waiting else None

    def onto(
        self, one: Planned, *, dossier: Dossier, now: datetime, entry_ids: Callable[[], str]
    ) -> Planned | None:
        """The entry as the stream takes it, or None where it has nothing that this is about."""
        here = _resolved(one, dossier)
        if here is None or here.key in self._seen:
            return None
        self._seen.add(here.key)
        nexts = [
            Planned(
                subject=subject,
                entry=entry_ids(),
                fact=msgspec.structs.replace(theirs, counterpart=one.entry),
                known_as=about(here.fact),
            )
            for subject, theirs in _onward(here.fact, dossier, now)
        ]
        self._waiting.extend(nexts)
        return _linked(here, nexts[0].entry) if isinstance(here.fact, CARRIERS) and nexts else here


def _linked(here: Planned, counterpart: str) -> Planned:
    fact = msgspec.structs.replace(here.fact, counterpart=counterpart)
    return msgspec.structs.replace(here, fact=fact)


def _resolved(one: Planned, dossier: Dossier) -> Planned | None:
    """The same about the entry that this stream has for what the one before it called otherwise.

    None where it has none, or where it takes nothing more.
    """
    if isinstance(one.fact, MOVES):
        return one
    named = about(one.fact)
    if dossier.destroyed:
        return None
    if named is None or one.known_as is None or _has(dossier, named):
        return one
    for own in dossier.items:
        if own.fact.counterpart == one.known_as:
            fact = msgspec.structs.replace(one.fact, **{cast(str, one.fact.refers): own.entry})
            return msgspec.structs.replace(one, fact=fact)
    return None


def _has(dossier: Dossier, entry: str) -> bool:
    """The entry was recorded here or brought here."""
    return any(
        one.entry == entry or any(moved.entry == entry for moved in _brought(one))
        for one in dossier.items
    )


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
    """The entry and what was said of it: an invalid consent is invalid wherever it counts.

    Without what is known there already: the entry may be coming back.
    """
    acts = (*CORRECTIONS, EntryReattributed)
    return [
        one
        for one in dossier.at(now).items
        if fact.entry in (one.entry, about(one.fact))
        and not isinstance(one.fact, acts)
        and not _known_by(dossier, one, fact.to)
    ]


def _known_by(dossier: Dossier, one: Item, subject: str) -> bool:
    """What was said stands with the other person, unless the entry left them since."""
    own, named = _own(dossier, one.entry), about(one.fact)
    if own is None or named is None:
        return False
    places = _holders(_before(dossier, own), named, own.recorded_at)
    found = next((each for each in places if each.subject == subject), None)
    return found is not None and (found.left or not _sent(dossier, own, subject))


def _sent(dossier: Dossier, one: Item, subject: str) -> bool:
    """A move to the other person from before the item stands, so that what came back left them."""
    return any(
        isinstance(each.fact, EntryReattributed) and each.fact.to == subject
        for each in in_effect(dossier.items)
        if each.fact.refers == "entry" and each.n < one.n
    )


def _before(dossier: Dossier, one: Item) -> Dossier:
    return Dossier(dossier.subject, dossier.items[: dossier.items.index(one)])


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
    before = _before(dossier, one)
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
    named = (entry, _about(dossier, entry))
    moves = [
        one
        for one in dossier.at(now).items
        if isinstance(one.fact, EntryReattributed) and one.fact.entry in named
    ]
    for one in sorted(moves, key=lambda each: (each.recorded_at, each.n))[-1:]:
        last = cast(EntryReattributed, one.fact)
        if last.from_ == dossier.subject:
            yield Elsewhere(subject=last.to, entry=entry)


def _about(dossier: Dossier, entry: str) -> str | None:
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
