"""What an entry brings onto another person's stream: merges, reattributions, and their corrections.

An entry that concerns two people is recorded on both streams by one request, the restrictive side
first; the receiving side carries the moved facts with their original times. Pure: it plans, and
`record` appends. Not here: how moved facts count (`history`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

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
from ledger.history import Dossier, Item, about, belongings
from ledger.wire import basis_of, fact_to_builtins


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """An entry on its way into a stream; `subject` None is the ledger's own."""

    subject: str | None
    entry: str
    fact: Fact


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True):
    """Where an entry also stands: on another person's stream, under this id there."""

    subject: str
    entry: str


def planned(
    fact: Fact, *, dossier: Dossier, now: datetime, entry: str, other_entry: str
) -> list[Planned]:
    """The entry and, where it concerns somebody else too, its counterpart on their stream."""
    other = _counterpart(fact, dossier, now)
    if other is None:
        return [Planned(subject=dossier.subject, entry=entry, fact=fact)]
    subject, theirs = other
    return [
        Planned(subject=dossier.subject, entry=entry, fact=_linked(fact, other_entry)),
        Planned(subject=subject, entry=other_entry, fact=_linked(theirs, entry)),
    ]


def _linked(fact: Fact, counterpart: str) -> Fact:
    """The fact naming its counterpart, where its type can."""
    if "counterpart" not in fact.__struct_fields__:
        return fact
    return msgspec.structs.replace(fact, counterpart=counterpart)


def _counterpart(fact: Fact, dossier: Dossier, now: datetime) -> tuple[str, Fact] | None:
    if isinstance(fact, EntryReattributed):
        return fact.to, msgspec.structs.replace(fact, moved=_moved(_leaving(fact, dossier, now)))
    if isinstance(fact, IdentityMerged):
        return fact.into, msgspec.structs.replace(fact, moved=_moved(belongings(dossier)))
    if isinstance(fact, IdentityUnmerged):
        return fact.into, fact
    if isinstance(fact, EntryAnnulled | EntrySuperseded):
        where = elsewhere(dossier, fact.entry, now)
        if where is None:
            return None
        return where.subject, msgspec.structs.replace(fact, entry=where.entry)
    return _follows(fact, dossier) or _passed_on(fact, dossier, now)


def _leaving(fact: EntryReattributed, dossier: Dossier, now: datetime) -> list[Item]:
    """The entry and what was said of it: an invalid consent is invalid wherever it counts."""
    acts = (EntryAnnulled, EntryReattributed, EntrySuperseded)
    return [
        one
        for one in dossier.at(now).items
        if fact.entry in (one.entry, about(one.fact)) and not isinstance(one.fact, acts)
    ]


def _follows(fact: Fact, dossier: Dossier) -> tuple[str, Fact] | None:
    """What is said about an entry reaches it where it counts now."""
    named = getattr(fact, fact.refers) if fact.refers else None
    where = _reattributed(dossier, named) if named else None
    return None if where is None else (where.subject, fact)


def _passed_on(fact: Fact, dossier: Dossier, now: datetime) -> tuple[str, Fact] | None:
    """A merged-away identity takes nothing new, but passes on what the person asks to stop."""
    survivor = dossier.at(now).merged_into
    if survivor is None or not fact.protective:
        return None
    if getattr(fact, "given_by", None) == dossier.subject:
        return survivor, msgspec.structs.replace(fact, given_by=survivor)
    return survivor, fact


def elsewhere(dossier: Dossier, entry: str, now: datetime) -> Elsewhere | None:
    """Where the entry also stands, so that a correction reaches it there too."""
    found = [one for one in dossier.items if one.entry == entry]
    fact = found[0].fact if found else None
    if isinstance(fact, EntryReattributed | IdentityMerged | IdentityUnmerged):
        target = fact.to if isinstance(fact, EntryReattributed) else fact.into
        other = target if fact.from_ == dossier.subject else fact.from_
        return Elsewhere(subject=other, entry=fact.counterpart or entry)
    if isinstance(fact, EntryAnnulled | EntrySuperseded):
        where = elsewhere(dossier, fact.entry, now)
        if where is None:
            return None
        return Elsewhere(subject=where.subject, entry=fact.counterpart or entry)
    return _left_for(dossier, entry, now)


def _left_for(dossier: Dossier, entry: str, now: datetime) -> Elsewhere | None:
    """The person for whom the entry counts instead of this one."""
    where = _reattributed(dossier, entry)
    if where is not None:
        return where
    survivor = dossier.at(now).merged_into
    return None if survivor is None else Elsewhere(subject=survivor, entry=entry)


def _reattributed(dossier: Dossier, entry: str) -> Elsewhere | None:
    named = {entry, *(about(one.fact) for one in dossier.items if one.entry == entry)}
    for one in reversed(dossier.items):
        fact = one.fact
        if (
            isinstance(fact, EntryReattributed)
            and fact.entry in named
            and fact.from_ == dossier.subject
        ):
            return Elsewhere(subject=fact.to, entry=entry)
    return None


def _moved(found: Iterable[Item]) -> tuple[MovedFact, ...]:
    return tuple(
        MovedFact(
            entry=one.entry,
            recorded_at=one.recorded_at,
            fact=fact_to_builtins(basis_of(one.fact)),
        )
        for one in found
    )
