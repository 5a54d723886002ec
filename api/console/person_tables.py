"""The tables of the page about a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from api.console import civil_words, words
from api.console.clocks import clocks_table
from api.console.happenings import timeline_table
from api.console.looking import Look
from api.console.moments import Moments
from api.console.person_read import Shown
from api.console.tables import Cell, Column, Table
from api.console.viewing import HOME, address
from ledger.answer import Answer
from ledger.terms import Decision, Flag
from projections.checks import Answered
from projections.two_clocks import Belief, Span
from projections.walk import BEGINNING


def place_of(found: Look) -> str:
    """Where the person's page is."""
    return f"{HOME}/people/{found.subject}"


def dated(asked: Moments) -> str:
    """Both dates, as titles and captions have them."""
    effective = "today" if asked.effective_at is None else civil_words.when(asked.effective_at)
    if asked.known_at is None:
        return f"{effective}, on what is known now"
    return f"{effective}, as known on {civil_words.when(asked.known_at)}"


def tables_of(shown: Shown) -> Iterator[Table]:
    """Every table of the page, the picture's among them."""
    yield bases_table(shown)
    yield timeline_table(list(shown.history), "What happened")
    if shown.picture is not None:
        yield picture_table(shown)


def bases_table(shown: Shown) -> Table:
    """Every purpose, with its basis, since when, and whether the data may be processed for it."""
    columns = (
        Column("purpose", None),
        Column("title", "Purpose"),
        Column("live", "Basis"),
        Column("since", "Since"),
        Column("decision", "May process?"),
        Column("decision_today", None),
        Column("flags", None),
        Column("position", None),
        Column("catalogue", None),
        Column("rulebook", None),
        Column("page", "Why"),
    )
    since = {one.purpose: one.since for one in shown.turns.standings}
    rows = [tuple(_cells(shown, one, since[one.query.purpose])) for one in shown.answers]
    caption = f"Basis for each purpose: {dated(shown.look.moments)}"
    return Table(name="bases", caption=caption, columns=columns, rows=rows)


def picture_table(shown: Shown) -> Table:
    """What was believed, over what was true, for the purpose of the picture."""
    assert shown.picture is not None, "it is asked for where there is a picture"
    purpose = shown.picture.purpose
    place = place_of(shown.look)

    def leads(span: Span, row: Belief) -> str:
        start = row.since if span.start == BEGINNING else span.start
        return address(
            place,
            effective_at=civil_words.machine(start),
            known_at=civil_words.machine(row.since),
            purpose=purpose,
        )

    return clocks_table(shown.picture, f"Two clocks: {shown.title(purpose)}", leads)


def in_words(answer: Answer) -> str:
    """What the answer rests on; where on nothing, why not."""
    if answer.relied_on:
        return "; ".join(
            dict.fromkeys(_reliance(one.article6, one.source) for one in answer.relied_on)
        )
    said = [words.flag(one).label for one in answer.flags if one is not Flag.LATE_GAP]
    return "; ".join(said) or "No basis"


def _reliance(article6: str, source: str | None) -> str:
    label = f"{words.basis(article6).label}, Article 6(1)({article6})"
    return f"{label}, {source}" if source else label


def _cells(shown: Shown, one: Answered, since: datetime) -> Iterator[Cell]:
    answer, purpose = one.answer, one.query.purpose
    title = shown.title(purpose)
    yield Cell(purpose)
    yield Cell(title)
    yield Cell(in_words(answer), answer.live)
    yield _since(since)
    said = words.decision(answer.decision)
    yield Cell(said.label, answer.decision.value, tag=said.tag, note=_note(shown, one))
    yield Cell("", _today(shown, one).value)
    yield Cell("", tuple(str(flag) for flag in answer.flags))
    yield Cell("", answer.position)
    yield Cell("", answer.catalogue)
    yield Cell("", answer.rulebook)
    why = address(f"{place_of(shown.look)}/why", purpose=purpose, **shown.look.moments.query())
    yield Cell("Why", why, why, hidden=f": {title}")


def _today(shown: Shown, one: Answered) -> Decision:
    return shown.corrected.get(one.query.purpose, one).answer.decision


def _note(shown: Shown, one: Answered) -> str:
    """What is to be noticed beside the decision."""
    notes = []
    if Flag.LATE_GAP in one.answer.flags:
        notes.append(words.flag(Flag.LATE_GAP).label)
    if one.query.purpose in shown.corrected:
        now, then = _today(shown, one), one.answer.decision
        notes.append(
            f"Known today: {words.decision(now).label}" if now != then else "Known today: differs"
        )
    return ". ".join(notes)


def _since(since: datetime) -> Cell:
    if since == BEGINNING:
        return Cell("always", None)
    return Cell(civil_words.day(since), civil_words.machine(since))
