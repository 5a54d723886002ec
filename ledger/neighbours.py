"""Which streams next to this one a fact concerns, and as what it stands on each.

A merge or a reattribution concerns the other person; what a person asks us to stop, everybody held
to be the same; what is said of an entry, everybody on whose stream that entry stands. One step at a
time: `counterparts` goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import cast

import msgspec

from ledger.events import (
    EntryAnnulled,
    EntryReattributed,
    EntrySuperseded,
    ErasureExecuted,
    Fact,
    IdentityMerged,
    IdentityUnmerged,
    MovedFact,
)
from ledger.history import MOVES, Dossier, Item, about, belongings, in_effect, standing_moves
from ledger.wire import basis_of, fact_from_builtins, fact_to_builtins

CARRIERS = (*MOVES, IdentityUnmerged)
CORRECTIONS = (EntryAnnulled, EntrySuperseded)


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """Where an entry also stands: on another person's stream, under this id there.

    `left` where it no longer counts there: what is said of it then goes there without its content,
    which is about somebody else.
    """

    subject: str
    entry: str
    left: bool = False


def onward(fact: Fact, dossier: Dossier, now: datetime) -> Iterator[tuple[str, Fact]]:
    """The streams next to this one that the fact concerns, and the fact as each takes it."""
    if isinstance(fact, CARRIERS):
        if fact.from_ == dossier.subject:
            yield _carried(fact, dossier)
    elif isinstance(fact, CORRECTIONS):
        for where in elsewhere(dossier, fact.entry, now):
            theirs = msgspec.structs.replace(fact, entry=where.entry)
            yield where.subject, basis_of(theirs) if where.left else theirs
    elif fact.protective or isinstance(fact, ErasureExecuted):
        yield from _passed_on(fact, dossier, now)
    elif named := about(fact):
        for where in _holders(dossier, named, now):
            yield where.subject, basis_of(fact) if where.left else fact


def _carried(
    fact: EntryReattributed | IdentityMerged | IdentityUnmerged, dossier: Dossier
) -> tuple[str, Fact]:
    if isinstance(fact, EntryReattributed):
        return fact.to, msgspec.structs.replace(fact, moved=_moved(_leaving(fact, dossier)))
    if isinstance(fact, IdentityMerged):
        return fact.into, msgspec.structs.replace(fact, moved=_moved(belongings(dossier)))
    return fact.into, fact


def _leaving(fact: EntryReattributed, dossier: Dossier) -> list[Item]:
    """The entry and all that was said of it: an invalid consent is invalid wherever it counts."""
    found = belongings(dossier)
    subjects = {one.entry: about(one.fact) for one in found}
    return [one for one in found if fact.entry in _chain(one.entry, subjects.get)]


def _chain(entry: str, subject_of: Callable[[str], str | None]) -> list[str]:
    """The entry, the one that it says something of, and so on."""
    found: list[str] = []
    named: str | None = entry
    while named is not None and named not in found:
        found.append(named)
        named = subject_of(named)
    return found


def _passed_on(fact: Fact, dossier: Dossier, now: datetime) -> Iterator[tuple[str, Fact]]:
    """What the person asks to stop binds every identity held to be theirs, and goes on to do so.

    So does an erasure: each identity has keys of its own. A merged-away identity takes nothing
    else. Where the merge turns out to be wrong, neither of the
    two is free of what was asked while it stood: that waits for a person to say whose it was.
    """
    into = survivor(dossier, now)
    if into is not None:
        yield into, _said_by(fact, dossier.subject, into)
    for name in _merged_into(dossier):
        yield name, basis_of(_said_by(fact, dossier.subject, name))


def _merged_into(dossier: Dossier) -> Iterator[str]:
    """The identities whose record has become part of this one: each has what was passed on."""
    for one in standing_moves(dossier.items) if _moved_ever(dossier) else ():
        if isinstance(one.fact, IdentityMerged) and one.fact.into == dossier.subject:
            yield one.fact.from_


def _said_by(fact: Fact, subject: str | None, other: str) -> Fact:
    """The fact on the other's stream: what the person said of themself, the other did."""
    own = getattr(fact, "given_by", None) == subject
    return msgspec.structs.replace(fact, given_by=other) if own else fact


def elsewhere(dossier: Dossier, entry: str, now: datetime) -> Iterator[Elsewhere]:
    """Where the entry also stands, so that a correction reaches it there too."""
    own = _own(dossier, entry)
    if own is None:
        yield from _holders(dossier, entry, now)
    elif isinstance(own.fact, CARRIERS):
        yield _other_side(own.fact, dossier, entry)
    else:
        yield from _copies(dossier, own)
        yield from _holders(dossier, entry, now)


def _holders(dossier: Dossier, entry: str, now: datetime) -> Iterator[Elsewhere]:
    """Where the entry went from here, and where it came from."""
    yield from departed(dossier, entry, now)
    yield from _survivor(dossier, entry, now)
    for one in reversed(in_effect(dossier.items)):
        fact = one.fact
        if isinstance(fact, MOVES) and any(moved.entry == entry for moved in brought(one)):
            yield Elsewhere(subject=fact.from_, entry=entry, left=True)
    for name in _merged_into(dossier):
        yield Elsewhere(subject=name, entry=entry, left=True)


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
    for subject, _ in onward(one.fact, before, one.recorded_at):
        yield Elsewhere(subject=subject, entry=entry)


def departed(dossier: Dossier, entry: str, now: datetime) -> Iterator[Elsewhere]:
    """The person for whom the entry counts since it, or what it is about, last left."""
    named = chain(dossier, entry)
    moves = [
        one
        for one in dossier.at(now).items
        if isinstance(one.fact, EntryReattributed) and one.fact.entry in named
    ]
    for one in sorted(moves, key=lambda each: (each.recorded_at, each.n))[-1:]:
        last = cast(EntryReattributed, one.fact)
        if last.from_ == dossier.subject:
            yield Elsewhere(subject=last.to, entry=entry)


def chain(dossier: Dossier, entry: str) -> list[str]:
    """The entry, what it says something of, and so on, recorded here or brought here."""
    return _chain(entry, lambda each: _spoken_of(dossier, each))


def _spoken_of(dossier: Dossier, entry: str) -> str | None:
    """What the entry is about, recorded here or brought here."""
    fact = entry_of(dossier, entry)
    return None if fact is None else about(fact)


def entry_of(dossier: Dossier, entry: str) -> Fact | None:
    """The fact of the entry, recorded here or brought here."""
    for one in dossier.items:
        if one.entry == entry:
            return one.fact
        for moved in brought(one):
            if moved.entry == entry:
                return fact_from_builtins(moved.fact)
    return None


def brought(one: Item) -> tuple[MovedFact, ...]:
    """The facts that the entry carries from another person's stream."""
    return getattr(one.fact, "moved", None) or ()


def survivor(dossier: Dossier, now: datetime) -> str | None:
    """The identity that this one has become part of."""
    return dossier.at(now).merged_into if _moved_ever(dossier) else None


def _moved_ever(dossier: Dossier) -> bool:
    """Whether anything was ever moved from or to here: mostly nothing was, and all is simple."""
    return any(isinstance(one.fact, MOVES) for one in dossier.items)


def _survivor(dossier: Dossier, entry: str, now: datetime) -> Iterator[Elsewhere]:
    into = survivor(dossier, now)
    if into is not None:
        yield Elsewhere(subject=into, entry=entry)


def _moved(found: Iterable[Item]) -> tuple[MovedFact, ...]:
    return tuple(
        MovedFact(
            entry=one.entry,
            recorded_at=one.recorded_at,
            fact=fact_to_builtins(basis_of(one.fact)),
        )
        for one in found
    )
