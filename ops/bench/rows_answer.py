"""What needs no server: `answer` over few and many entries, and what sealing an entry costs."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from functools import partial
from statistics import median

import psycopg

from ledger.answer import answer
from ledger.history import Dossier
from ledger.rules.rulebook import uk_gdpr
from ops.bench.bed import Bed, Wrong
from ops.bench.figures import Limit, ratios
from ops.bench.overhead import LIMIT_US, compared
from ops.bench.people import person
from ops.bench.questions import common_dossier, dossier_of, question
from ops.bench.results import Row, Section, Table, figure, row

SIZES = (20, 1000)
PEOPLE = 20
"""So many people of each size: what one of them happens to have does not decide."""


def answers(bed: Bed) -> Section:
    """CPU of one answer: of a dossier just decoded, and of one that was asked before."""
    common = common_dossier()
    asked = {size: _people(size, bed.plan.seed) for size in SIZES}
    for some in asked.values():
        _check(some, common)
    found: dict[tuple[int, bool], list[float]] = {
        (size, first): [] for first in (True, False) for size in SIZES
    }
    for _ in range(bed.plan.rounds):
        for (size, first), values in found.items():
            values.append(_cpu_us(asked[size], common, bed.plan.seconds / 3, first=first))
    return Section(
        title="The answer",
        rows=tuple(one for first in (True, False) for one in _rows(found, first=first)),
        tables=(
            Table(
                columns=("Entries", "Question", "Median µs", "Least µs", "Most µs"),
                lines=tuple(
                    (str(size), "first" if first else "later", *_described(each))
                    for (size, first), each in found.items()
                ),
            ),
        ),
        notes=(
            f"{PEOPLE} people of each size, asked in turn, each question at a moment of its own."
            " The first question of a decoded dossier sorts out what counts; later ones find that"
            " done, as in a dossier that the service holds. Every decision is the one known"
            " beforehand.",
        ),
    )


def _rows(found: dict[tuple[int, bool], list[float]], *, first: bool) -> list[Row]:
    few, many = (found[size, first] for size in SIZES)
    key, word = ("answer", "first") if first else ("answer-held", "later")
    at_most = partial(Limit, relation="at most")
    return [
        row(
            f"{key}-20",
            f"`answer`, 20 entries, {word}: CPU",
            "–",
            at_most(value=40, unit="µs"),
            few,
        ),
        row(
            f"{key}-1000",
            f"`answer`, 1,000 entries, {word}: CPU",
            "20 entries",
            at_most(value=25),
            ratios(many, few),
        ),
    ]


def _described(values: Sequence[float]) -> tuple[str, ...]:
    return tuple(figure(one) for one in (median(values), min(values), max(values)))


def overhead(bed: Bed) -> Section:
    """Sealing, leaf and receipt of one entry, against the cryptography alone."""
    with psycopg.connect(bed.bare, autocommit=True) as connection, bed.still():
        costs = compared(connection, rounds=bed.plan.rounds)
    limit = Limit(relation="at most", value=LIMIT_US, unit="µs")
    work = "sealing, leaf and receipt of one entry, CPU"
    parts = ("sealing", "receipt", "leaf", "cryptography alone")
    return Section(
        title="What sealing costs",
        rows=(row("overhead", work, "–", limit, [sum(one[:3]) for one in costs]),),
        tables=(
            Table(
                columns=("Part", "Median µs", "Least µs", "Most µs"),
                lines=tuple(
                    (part, *_described(each))
                    for part, each in zip(parts, zip(*costs, strict=True), strict=True)
                ),
            ),
        ),
        notes=("Sealing and receipt in this process, the leaf in PostgreSQL.",),
    )


def _people(size: int, seed: str) -> list[tuple[Dossier, str]]:
    chance = random.Random(f"{seed} answers {size}")
    made = [person(chance, size=size) for _ in range(PEOPLE)]
    return [(dossier_of(one), one.decision) for one in made]


def _check(some: Sequence[tuple[Dossier, str]], common: Dossier) -> None:
    law = uk_gdpr()
    for one, decision in some:
        if answer(question(0), one, common, law).decision.value != decision:
            raise Wrong("an answer is not the one that was known beforehand")


def _cpu_us(
    some: Sequence[tuple[Dossier, str]], common: Dossier, seconds: float, *, first: bool
) -> float:
    """Microseconds of this process for each answer; `first` asks nobody's dossier twice."""
    law, n = uk_gdpr(), 0
    begun, ends = time.process_time(), time.process_time() + seconds
    while time.process_time() < ends:
        for held, _ in some:
            one = Dossier(held.subject, held.items) if first else held
            answer(question(n), one, common, law)
            n += 1
    return (time.process_time() - begun) / n * 1e6
