"""What a worker holds after many checks over many people, against after a few."""

from __future__ import annotations

from ops.bench.bed import OURS, Bed
from ops.bench.figures import Limit
from ops.bench.load import Expected
from ops.bench.people import PURPOSE
from ops.bench.processes import held_mib
from ops.bench.results import Section, Table, figure, row

IN_FLIGHT = 64
CELL_S = 8.0
NOBODY = "DENY"
"""What is answered about those who never consented."""


def memory(bed: Bed) -> Section:
    """A worker started anew, asked about everybody alike."""
    some, many = bed.plan.memory_checks
    requests = bed.keep("everybody", _everybody(bed))
    bed.restart()
    held: list[tuple[int, float]] = []
    done = 0
    for wanted in (some, many):
        while done < wanted:
            left = (wanted - done) / RATE_GUESS
            seconds = min(CELL_S, max(MIN_S, left))
            done += bed.cell(OURS, requests, in_flight=IN_FLIGHT, seconds=seconds).answers
        held.append((done, held_mib(bed.programs[OURS].pid)))
    (few_done, few), (all_done, all_) = held
    people = len(bed.filled.people) + len(bed.filled.writers)
    limit = Limit(relation="at most", value=1.2)
    return Section(
        title="Memory of a worker",
        rows=(
            row(
                "memory",
                f"memory after {all_done:,} checks over {people:,} people",
                f"after {few_done:,}",
                limit,
                [all_ / few],
                per="run",
            ),
        ),
        tables=(
            Table(
                columns=("Checks", "Memory MiB"),
                lines=tuple((f"{checks:,}", figure(mib)) for checks, mib in held),
            ),
        ),
        notes=(
            "`--million` asks a million checks about a hundred thousand people, and takes as long"
            " as that takes.",
        ),
    )


RATE_GUESS = 2_000
"""Checks a second that a cell is assumed to bring; where it brings fewer, another follows."""
MIN_S = 0.5


def _everybody(bed: Bed) -> list[Expected]:
    decisions = [(one.subject, one.decision) for one in bed.filled.people]
    decisions += [(one, NOBODY) for one in bed.filled.writers]
    return [
        Expected(
            request=bed.request("/v1/checks", {"subject": str(subject), "purpose": PURPOSE}),
            code=200,
            holds={f'"decision":"{decision}"': 1},
        )
        for subject, decision in decisions
    ]
