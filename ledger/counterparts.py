"""What an entry brings onto another person's stream: merges, reattributions, and their corrections.

An entry that concerns two people is recorded on both streams by one request, the restrictive side
first; the receiving side carries the moved facts with their original times. What is said later of a
fact follows it from stream to stream. Pure: it plans, one stream after the other, and `work` grows
them. Not here: how moved facts count (`history`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple, cast

import msgspec

from ledger.events import EntryReattributed, Fact, IdentityMerged, IdentityUnmerged
from ledger.history import MOVES, Dossier, Item, about, item, standing_moves
from ledger.neighbours import CARRIERS, CORRECTIONS, brought, chain, departed, onward, survivor
from ledger.terms import Reason, Refusal


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """An entry on its way into a stream; `subject` None is the ledger's own.

    `remakes` where it gives effect again to a move that the stream must be able to take.
    """

    subject: str | None
    entry: str
    fact: Fact
    remakes: bool = False


class Spread:
    """The streams that one fact reaches, from its own to the next.

    What it is about may have several ids, one for each time that it was brought somewhere: `_names`
    has those met so far. Each stream takes the fact once for each.
    """

    def __init__(self, first: Planned) -> None:
        self.first = first
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
        first = [named] if one is self.first or _has(dossier, named) else []
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
        remakes = bool(_changed(fact, dossier, now).remade)
        nexts = [
            Planned(
                subject=other,
                entry=entry_ids(),
                fact=msgspec.structs.replace(theirs, counterpart=entry),
                remakes=remakes,
            )
            for other, theirs in onward(fact, dossier, now)
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
        for moved in brought(one):
            yield moved.entry, cast("str | None", moved.fact.get("counterpart"))


def _has(dossier: Dossier, entry: str) -> bool:
    return any(name == entry for name, _ in _ids(dossier))


def obstacle(one: Planned, *, dossier: Dossier, now: datetime) -> Refusal | None:
    """Why the stream cannot take its side of the entry, where two people are concerned."""
    fact = one.fact
    if dossier.destroyed or dossier.erasing:
        if not (one.remakes or isinstance(fact, MOVES)):
            return None
        message = "the other subject is erased: nothing can move there"
        return Refusal(reason=Reason.SUBJECT_ERASED, pointer=pointer(fact), message=message)
    changed = _changed(fact, dossier, now)
    merged = survivor(dossier, now)
    arrives = isinstance(fact, CARRIERS) and fact.from_ != dossier.subject
    undone = [each for each in changed.undone if not _ended_by(dossier, each)]
    if merged is not None and (arrives or undone or changed.remade):
        message = (
            f"one of the two was merged into {merged}: name that subject, or unmerge them first"
        )
        return Refusal(reason=Reason.IDENTITY_MERGED, pointer=pointer(fact), message=message)
    if any(_left(dossier, each, now) for each in undone):
        message = "what came with it has moved on since: take back that move first"
        return Refusal(reason=Reason.NOT_ANNULLABLE, pointer=pointer(fact), message=message)
    if any(_stale(dossier, each, now) for each in changed.remade):
        message = "what it moves has changed since it was taken back: record the move anew"
        return Refusal(reason=Reason.NOT_ANNULLABLE, pointer=pointer(fact), message=message)
    return None


class _Changed(NamedTuple):
    """The moves from or to here that an entry takes back, and those to which it gives effect."""

    undone: list[Item]
    remade: list[Item]


def _changed(fact: Fact, dossier: Dossier, now: datetime) -> _Changed:
    if not isinstance(fact, (*CORRECTIONS, IdentityUnmerged)):
        return _Changed([], [])
    before = standing_moves(dossier.items)
    after = standing_moves([*dossier.items, *_as_said_here(fact, dossier, now)])
    numbers = {one.n for one in before}, {one.n for one in after}
    return _Changed(
        undone=[one for one in before if one.n not in numbers[1]],
        remade=[one for one in after if one.n not in numbers[0]],
    )


def _as_said_here(fact: Fact, dossier: Dossier, now: datetime) -> Iterator[Item]:
    """The fact as the next entry, about what the stream has under that id or as its counterpart."""
    n = max((one.n for one in dossier.items), default=0) + 1
    if isinstance(fact, IdentityUnmerged):
        yield item(n=n, entry="", recorded_at=now, fact=fact)
    for one in dossier.items if isinstance(fact, CORRECTIONS) else ():
        if about(fact) in (one.entry, one.fact.counterpart):
            yield item(n=n, entry="", recorded_at=now, fact=_about(fact, one.entry))


def _ended_by(dossier: Dossier, one: Item) -> bool:
    """A merge can always be taken back from the side that it ended."""
    return isinstance(one.fact, IdentityMerged) and one.fact.from_ == dossier.subject


def _left(dossier: Dossier, carrier: Item, now: datetime) -> bool:
    return any(any(departed(dossier, one.entry, now)) for one in brought(carrier))


def _stale(dossier: Dossier, move: Item, now: datetime) -> bool:
    """Something was recorded here while the move was taken back that it would leave behind."""
    fact = cast("EntryReattributed | IdentityMerged", move.fact)
    if fact.from_ != dossier.subject:
        return False
    if isinstance(fact, EntryReattributed) and fact.entry not in _counting(dossier, now):
        return True
    return any(
        one.n > move.n
        and not _stood(move, dossier.items[:place])
        and not _bears_on(one, move, dossier)
        and (isinstance(fact, IdentityMerged) or fact.entry in chain(dossier, one.entry))
        for place, one in enumerate(dossier.items)
    )


def _counting(dossier: Dossier, now: datetime) -> set[str]:
    return {one.entry for one in dossier.at(now).items}


def _stood(move: Item, items: Sequence[Item]) -> bool:
    """The move stood before what comes next, which so went along with it."""
    return any(one.n == move.n for one in standing_moves(items))


def _bears_on(one: Item, move: Item, dossier: Dossier) -> bool:
    """The entry takes back the move, or what takes it back."""
    if not isinstance(one.fact, (*CORRECTIONS, IdentityUnmerged)):
        return False
    named = chain(dossier, one.entry)
    return any(
        each.n == move.n or isinstance(each.fact, IdentityUnmerged)
        for each in dossier.items
        if each.entry in named
    )


def pointer(fact: Fact) -> str:
    """The field that names the other person, or the entry through which they are concerned."""
    fields = fact.__struct_fields__
    return next((name for name in ("to", "into", "entry") if name in fields), "subject")
