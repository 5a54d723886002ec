"""What happened to a person, entry by entry, in words: the timeline of a page.

Shown is what answers use of each entry, from the record as it was read for them; the words that
people wrote beside it stand on the entry's own page. Not here: how it is drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import NamedTuple

from api.console import civil_words, words
from api.console.looking import Look
from api.console.tables import Cell, Column, Table
from ledger.catalogue import Purpose
from ledger.civil import london_date
from ledger.events import (
    BirthRecorded,
    DateOfBirthRecorded,
    EntryAnnulled,
    EntrySuperseded,
    Fact,
    RestrictionApplied,
    name_of,
)
from ledger.history import Item, in_effect
from ledger.terms import EVERY_PURPOSE

PAGE = 20
_TIMELESS = (DateOfBirthRecorded, BirthRecorded)
"""Their time of effect has no meaning of its own."""
_APART = frozenset({"effective_at", "purpose", "precision", "civil_dates", "counterpart", "moved"})
"""Fields that are said elsewhere, or are for machines."""


class Detail(NamedTuple):
    """A field of an entry as people read it; `entry` is the entry that it names."""

    label: str
    text: str
    entry: str | None = None


class Happening(NamedTuple):
    """One entry: what it was, when it took effect and was recorded, and what became of it.

    Where it is `timeless`, when it took effect means nothing; `late` is by how many days a fact
    that takes something away was recorded after it took effect.
    """

    entry: str
    n: int
    type: str
    heading: str
    purpose: str | None
    at: datetime
    recorded_at: datetime
    details: tuple[Detail, ...]
    timeless: bool
    late: int
    known: bool
    begun: bool
    moved_here: bool
    taken_back_by: str | None


def happenings(look: Look, purposes: Mapping[str, Purpose]) -> list[Happening]:
    """Everything recorded about the person that the viewer may see, the newest in effect first."""
    own = look.loaded.dossier
    items = [*own.items, *_arrived(look)]
    shown = [one for one in items if look.grant.shows(one.fact)]
    standing = {(one.n, one.entry) for one in in_effect(items)}
    back = {
        one.fact.entry: one.entry
        for one in items
        if isinstance(one.fact, EntryAnnulled | EntrySuperseded) and (one.n, one.entry) in standing
    }
    ordered = sorted(shown, key=lambda one: one.order, reverse=True)
    return [_happening(look, one, purposes, back) for one in ordered]


def timeline_table(found: list[Happening], caption: str) -> Table:
    """The same as a table."""
    columns = (
        Column("entry", "Entry"),
        Column("type", "What"),
        Column("purpose", "Purpose"),
        Column("effective_at", "Took effect"),
        Column("recorded_at", "Recorded"),
        Column("late_days", "Recorded late by days", numeric=True),
        Column("taken_back_by", "Taken back by"),
        Column("details", "Details"),
    )
    rows = [
        (
            Cell(one.entry),
            Cell(one.heading, one.type),
            Cell(one.purpose or ""),
            Cell(civil_words.when(one.at), civil_words.machine(one.at)),
            Cell(civil_words.at(one.recorded_at), civil_words.machine(one.recorded_at)),
            Cell(str(one.late), one.late),
            Cell(one.taken_back_by or ""),
            Cell("; ".join(f"{detail.label}: {detail.text}" for detail in one.details)),
        )
        for one in found
    ]
    return Table(name="timeline", caption=caption, columns=columns, rows=rows)


def details(fact: Fact, purposes: Mapping[str, Purpose], subject: str | None) -> Iterator[Detail]:
    """Every field of the fact that says something to a reader."""
    for name in type(fact).__struct_fields__:
        label, held = words.words().field.get(name), getattr(fact, name)
        if label is None or name in _APART or held is None:
            continue
        referred = str(held) if name == fact.refers else None
        if name == "ground":
            held = _ground(fact, str(held))
        text = _title(held, purposes) if name == "purpose" else _text(name, held, subject)
        yield Detail(label, text, referred)


def purpose_title(named: str | None, purposes: Mapping[str, Purpose]) -> str | None:
    """The title of the purpose that an entry names."""
    return None if named is None else _title(named, purposes)


def _title(named: object, purposes: Mapping[str, Purpose]) -> str:
    if named == EVERY_PURPOSE:
        return "every purpose"
    found = purposes.get(str(named))
    return found.title if found else str(named)


def _happening(
    look: Look, one: Item, purposes: Mapping[str, Purpose], back: Mapping[str, str]
) -> Happening:
    fact = one.fact
    return Happening(
        entry=one.entry,
        n=one.n,
        type=name_of(fact),
        heading=words.words().entry[name_of(fact)],
        purpose=purpose_title(getattr(fact, "purpose", None), purposes),
        at=one.at,
        recorded_at=one.recorded_at,
        details=tuple(details(fact, purposes, look.loaded.dossier.subject)),
        timeless=isinstance(fact, _TIMELESS),
        late=_late(one),
        known=one.known_from <= look.known_at,
        begun=one.at <= look.effective_at,
        moved_here=one.known_from > one.recorded_at,
        taken_back_by=back.get(one.entry),
    )


def _late(one: Item) -> int:
    """By how many days answers did not know of what takes something away."""
    if not one.fact.restrictive:
        return 0
    return max(0, (london_date(one.known_from) - london_date(one.at)).days)


def _arrived(look: Look) -> list[Item]:
    """What a merge or a move brought here from another record."""
    own = {(one.n, one.entry) for one in look.loaded.dossier.items}
    view = look.loaded.dossier.at(look.now.pin.known_at)
    return [one for one in view.items if (one.n, one.entry) not in own]


def _ground(fact: Fact, letter: str) -> str:
    """The letter of an article, with the article."""
    article = "18(1)" if isinstance(fact, RestrictionApplied) else "17(1)"
    return f"Article {article}({letter})" if len(letter) == 1 else letter


def _text(name: str, held: object, subject: str | None) -> str:
    """The value in words."""
    if isinstance(held, bool):
        return "yes" if held else "no"
    if isinstance(held, date):
        return civil_words.when(held)
    if isinstance(held, tuple):
        return ", ".join(_text(name, one, subject) for one in held)
    if name == "article6":
        return words.basis(str(held)).label
    return "the person themself" if held == subject else words.value(str(held))
