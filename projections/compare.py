"""Two moments side by side: what changed for each purpose, and because of what.

The way from (E1, K1) to (E2, K2), of which K1 is the less known, goes by way of (E1, K2): what
differs up to there was learned, what differs from there on happened. A cause is an instant on that
way at which the answer changed, with the entries behind it; either direction has the same causes.
Pure, over dossiers. Not here: loading them, or positions (`checks`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Literal

import msgspec

from ledger.answer import Answer
from ledger.history import Dossier, Item
from ledger.rules.rulebook import RuleBook
from projections.walk import Ask, asking, learned_at, over_effect

COMPARED = (
    "decision",
    "live",
    "relied_on",
    "conditions",
    "denied_categories",
    "flags",
    "late_gaps",
)
"""The parts of an answer that can change: the rest says how it was come to, or when."""


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A moment asked about, and a state of knowledge, with the positions that its answers name."""

    effective_at: datetime
    known_at: datetime
    position: str = ""
    catalogue: str = ""


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """One change on the way: `learned` at an instant of recording, or `happened` at one of effect.

    By entries recorded, or taking effect, at that instant; else by time alone (an expiry, a
    birthday, a line's end): `entries` are then those it acted on.
    """

    kind: Literal["learned", "happened"]
    by: Literal["entry", "time"]
    at: datetime
    changed: tuple[str, ...]
    entries: tuple[str, ...]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One purpose at both moments; unchanged where `changed` is empty, and then without causes."""

    purpose: str
    before: Answer
    after: Answer
    changed: tuple[str, ...]
    causes: tuple[Cause, ...]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What answers about one person are given from."""

    person: Dossier
    catalogue: Dossier
    rulebook: RuleBook

    def asking(self, purpose: str) -> Ask:
        """Asks about the purpose."""
        return asking(purpose, self.person, self.catalogue, self.rulebook)

    def without(self, *entries: Item) -> Record:
        """The same record as if these entries had never been made."""
        return msgspec.structs.replace(
            self,
            person=_without(self.person, entries),
            catalogue=_without(self.catalogue, entries),
        )

    def items(self) -> Iterator[Item]:
        """Every entry, about the person and about no one person."""
        yield from self.person.items
        yield from self.catalogue.items


def compare(
    record: Record, *, before: Moment, after: Moment, purposes: Iterable[str]
) -> list[Compared]:
    """Every purpose with its two answers, what differs, and why."""
    return [_compared(record, purpose, before, after) for purpose in purposes]


def learned(
    record: Record, purpose: str, *, effective_at: datetime, after: datetime, until: datetime
) -> list[Cause]:
    """What was learned in (after, until] that changed the answer about one moment."""
    ask = record.asking(purpose)
    known = learned_at(record.person, record.catalogue, after=after, until=until)
    answers = [ask(effective_at, moment) for moment in (after, *known)]
    return [
        _learned(record, purpose, one, two) for one, two in pairwise(answers) if changes(one, two)
    ]


def happened(
    record: Record, purpose: str, *, known_at: datetime, after: datetime, until: datetime
) -> list[Cause]:
    """What happened in (after, until] that changed the answer, on one state of knowledge."""
    answers = list(over_effect(record.asking(purpose), after, until, known_at))
    return [
        _happened(record, purpose, one, two) for one, two in pairwise(answers) if changes(one, two)
    ]


def changes(before: Answer, after: Answer) -> tuple[str, ...]:
    """The parts in which two answers differ; that another entry declares the same line is none."""
    return tuple(name for name in COMPARED if _part(before, name) != _part(after, name))


def _part(one: Answer, name: str) -> object:
    if name == "relied_on":
        return [(line.article6, line.source, line.suspended) for line in one.relied_on]
    return getattr(one, name)


def _compared(record: Record, purpose: str, before: Moment, after: Moment) -> Compared:
    one, two = (_asked(record, purpose, each) for each in (before, after))
    changed = changes(one, two)
    causes = _causes(record, purpose, before, after) if changed else []
    return Compared(purpose=purpose, before=one, after=two, changed=changed, causes=tuple(causes))


def _asked(record: Record, purpose: str, moment: Moment) -> Answer:
    found = record.asking(purpose)(moment.effective_at, moment.known_at)
    return msgspec.structs.replace(found, position=moment.position, catalogue=moment.catalogue)


def _causes(record: Record, purpose: str, before: Moment, after: Moment) -> list[Cause]:
    """From the less to the more known, so that both directions have the same causes."""
    less, more = sorted((before, after), key=lambda each: each.known_at)
    ask = record.asking(purpose)
    between = ask(less.effective_at, more.known_at)
    causes: list[Cause] = []
    if changes(ask(less.effective_at, less.known_at), between):
        causes += learned(
            record,
            purpose,
            effective_at=less.effective_at,
            after=less.known_at,
            until=more.known_at,
        )
    if changes(between, ask(more.effective_at, more.known_at)):
        start, end = sorted((less.effective_at, more.effective_at))
        causes += happened(record, purpose, known_at=more.known_at, after=start, until=end)
    return causes


def _learned(record: Record, purpose: str, one: Answer, two: Answer) -> Cause:
    new = [each for each in record.items() if each.recorded_at == two.known_at]
    decisive = _decisive(record, purpose, new, two)
    return Cause(
        kind="learned",
        by="entry",
        at=two.known_at,
        changed=changes(one, two),
        entries=decisive or tuple(each.entry for each in new),
    )


def _happened(record: Record, purpose: str, one: Answer, two: Answer) -> Cause:
    known = (each for each in record.items() if each.recorded_at <= two.known_at)
    new = [each for each in known if each.at == two.effective_at]
    entries = _decisive(record, purpose, new, two) or _arrived(record, one, two)
    return Cause(
        kind="happened",
        by="entry" if entries else "time",
        at=two.effective_at,
        changed=changes(one, two),
        entries=entries or _used(one, two),
    )


def _decisive(record: Record, purpose: str, new: Sequence[Item], found: Answer) -> tuple[str, ...]:
    """Those without any one of which the answer were another, or without all of which it were."""

    def matter(*entries: Item) -> bool:
        ask = record.without(*entries).asking(purpose)
        return bool(changes(ask(found.effective_at, found.known_at), found))

    needed = [each for each in new if matter(each)]
    if not needed and new and matter(*new):
        needed = list(new)
    return tuple(each.entry for each in needed)


def _arrived(record: Record, one: Answer, two: Answer) -> tuple[str, ...]:
    """Facts moved here from another person that took effect then and are used."""
    here = record.person.at(two.known_at).items
    effective = {each.entry for each in here if each.at == two.effective_at}
    return tuple(entry for entry in _used(one, two) if entry in effective)


def _used(one: Answer, two: Answer) -> tuple[str, ...]:
    """The entries of the findings, and of the late gaps, that only one of the answers has."""
    before, after = ({step for step in each.because if step.matched} for each in (one, two))
    steps = [step for step in two.because + one.because if step in before ^ after]
    found = [entry for step in steps for entry in step.entries]
    gaps = {each.entry for each in one.late_gaps} ^ {each.entry for each in two.late_gaps}
    return tuple(dict.fromkeys((*found, *sorted(gaps))))


def _without(dossier: Dossier, entries: Sequence[Item]) -> Dossier:
    left_out = {(one.n, one.entry) for one in entries}
    kept = [one for one in dossier.items if (one.n, one.entry) not in left_out]
    if len(kept) == len(dossier.items):
        return dossier
    return Dossier(dossier.subject, kept, destroyed=dossier.destroyed)
