"""The two clocks drawn, and as a table: what was believed, over what was true.

Across is the day asked about, up is the day it was known. Neither is to scale: a column is a
stretch between two days on which some answer changes, a row one between two recordings, so that a
gap of three weeks in ten years is seen. Not here: what was believed (`projections.two_clocks`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from api.console import civil_words, words
from api.console.tables import Cell, Column, Table
from projections.two_clocks import Belief, Span, TwoClocks
from projections.walk import BEGINNING

LEFT, TOP, RIGHT, BOTTOM = 170, 14, 20, 78
ROW = 34
INNER = 700
_LABEL = 84
"""The room that a date takes."""


class Box(NamedTuple):
    """One answer, believed over a stretch; the words are left out where they have no room."""

    x: float
    y: float
    width: float
    height: float
    decision: str
    text: str
    title: str


class Tick(NamedTuple):
    """A day on an axis."""

    at: float
    text: str


class Drawing(NamedTuple):
    """Everything that is drawn, in units of the picture; a cross-hair may be outside of it."""

    width: int
    height: int
    boxes: list[Box]
    across: list[Tick]
    up: list[Tick]
    cross_x: float
    cross_y: float | None
    left: int
    right: int
    top: int
    bottom: int


def drawing(picture: TwoClocks, *, effective_at: datetime, known_at: datetime) -> Drawing:
    """The picture, with the moment asked about marked in it."""
    columns = _columns(picture)
    rows = picture.beliefs
    bottom = TOP + ROW * len(rows)
    step = INNER / (len(columns) + 1)

    def across(moment: datetime) -> float:
        return LEFT + step * bisect_right(columns, moment)

    boxes = [
        _box(row, span, y=bottom - ROW * (n + 1), across=across)
        for n, row in enumerate(rows)
        for span in row.spans
    ]
    return Drawing(
        width=LEFT + INNER + RIGHT,
        height=bottom + BOTTOM,
        boxes=boxes,
        across=_ticks([(LEFT + step * (n + 1), one) for n, one in enumerate(columns)]),
        up=[Tick(bottom - ROW * n, text) for n, text in enumerate(_known(rows))],
        cross_x=across(effective_at) + step * _within(columns, effective_at),
        cross_y=_height(rows, known_at, bottom),
        left=LEFT,
        right=LEFT + INNER,
        top=TOP,
        bottom=bottom,
    )


def clocks_table(picture: TwoClocks, caption: str, leads: Callable[[Span, Belief], str]) -> Table:
    """The same, a row for each stretch of each state of knowledge, the newest first.

    `leads` says where the page about such a moment is.
    """
    columns = (
        Column("known_from", "Known from"),
        Column("known_until", "Known until"),
        Column("effective_from", "About the days from"),
        Column("effective_until", "Up to"),
        Column("decision", "May process?"),
        Column("live", "Basis"),
        Column("page", "Look"),
    )
    rows = [
        (
            Cell(civil_words.at(row.since), civil_words.machine(row.since)),
            _end(row.until, "now"),
            _start(span.start),
            _end(span.end, "for ever"),
            _decision(span),
            Cell(_bases(span), span.live),
            Cell("Look from here", leads(span, row), leads(span, row)),
        )
        for row in reversed(picture.beliefs)
        for span in row.spans
    ]
    return Table(name="clocks", caption=caption, columns=columns, rows=rows)


def _columns(picture: TwoClocks) -> list[datetime]:
    starts = {span.start for row in picture.beliefs for span in row.spans}
    return sorted(starts - {BEGINNING})


def _box(row: Belief, span: Span, *, y: float, across: Callable[[datetime], float]) -> Box:
    x = LEFT if span.start == BEGINNING else across(span.start)
    end = LEFT + INNER if span.end is None else across(span.end)
    said = words.decision(span.decision).label
    bases = _bases(span)
    whole = f"{said}: {bases}" if bases else said
    width = end - x
    text = next((one for one in (whole, said) if len(one) * 7.6 + 10 <= width), "")
    title = (
        f"{whole}. Days from {_since(span.start)} to {_until(span.end)},"
        f" as known from {civil_words.day(row.since)} to {_until(row.until)}"
    )
    return Box(x, y, width, ROW, span.decision.value, text, title)


def _known(rows: Sequence[Belief]) -> list[str]:
    """The day of each recording, with the time where a day has several."""
    days = [civil_words.day(row.since) for row in rows]
    return [
        civil_words.brief(row.since) if days.count(day) > 1 else day
        for row, day in zip(rows, days, strict=True)
    ]


def _since(start: datetime) -> str:
    return "the beginning" if start == BEGINNING else civil_words.day(start)


def _until(end: datetime | None) -> str:
    return "now" if end is None else civil_words.day(end)


def _bases(span: Span) -> str:
    return ", ".join(words.basis(letter).label for letter in span.live)


def _ticks(found: Sequence[tuple[float, datetime]]) -> list[Tick]:
    """The days that have room for their label, the later of two that have not."""
    kept: list[Tick] = []
    for x, moment in reversed(found):
        if not kept or kept[-1].at - x >= _LABEL:
            kept.append(Tick(x, civil_words.day(moment)))
    return kept[::-1]


def _within(columns: Sequence[datetime], moment: datetime) -> float:
    """How far into its column the moment is; before the first and after the last, halfway."""
    n = bisect_right(columns, moment)
    if n in (0, len(columns)):
        return 0.5
    start, end = columns[n - 1], columns[n]
    return (moment - start) / (end - start)


def _height(rows: Sequence[Belief], known_at: datetime, bottom: float) -> float | None:
    """Where the state of knowledge is, None where it is not in the picture."""
    for n, row in enumerate(rows):
        if row.since <= known_at and (row.until is None or known_at < row.until):
            return bottom - ROW * (n + 0.5)
    return None


def _start(moment: datetime) -> Cell:
    if moment == BEGINNING:
        return Cell("the beginning", None)
    return Cell(civil_words.when(moment), civil_words.machine(moment))


def _end(moment: datetime | None, otherwise: str) -> Cell:
    if moment is None:
        return Cell(otherwise, None)
    return Cell(civil_words.when(moment), civil_words.machine(moment))


def _decision(span: Span) -> Cell:
    said = words.decision(span.decision)
    return Cell(said.label, span.decision.value, tag=said.tag)
