"""Checks over HTTP: many in flight, one at a time, and a thousand in a batch."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median
from uuid import UUID

from ops.bench.bed import OURS, Bed, Measured, interleaved
from ops.bench.figures import Limit, ratios
from ops.bench.fill import Subject
from ops.bench.load import Expected
from ops.bench.people import PURPOSE
from ops.bench.probe import commits
from ops.bench.results import Row, Section, Table, figure, row

IN_FLIGHT = (32, 64)
BATCH = 1000
HOT = 0.1
"""This part of the people is asked about half of the time."""
SIDES = {
    OURS: "`POST /v1/checks`, everything on",
    "select": "bare handler, one prepared SELECT by key",
    "ready": "bare handler, a ready struct",
    "obvious": "the obvious build",
}
COLUMNS = (
    "Side", "In flight", "Answers/s", "p50 ms", "p99 ms", "Application CPU µs",
    "PostgreSQL CPU µs", "Load CPU µs",
)  # fmt: skip
NOTE = (
    f"Half of the checks are about {HOT:.0%} of the people. Every answer's code and decision are"
    " looked at. CPU is for each answer."
)


def checks(bed: Bed) -> Section:
    """32 and 64 in flight, against the three applications."""
    requests = asked(bed)
    rows: list[Row] = []
    lines: list[tuple[str, ...]] = []
    for in_flight in IN_FLIGHT:
        for name in SIDES:
            bed.cell(name, requests[name], in_flight=in_flight, seconds=bed.plan.seconds / 2)
        sides = {
            name: partial(bed.cell, name, requests[name], in_flight=in_flight) for name in SIDES
        }
        found = interleaved(bed.plan.rounds, sides)
        rows += _check_rows(in_flight, found)
        lines += [described(SIDES[name], in_flight, found[name]) for name in SIDES]
    table = Table(columns=COLUMNS, lines=tuple(lines))
    return Section(title="Checks", rows=tuple(rows), tables=(table,), notes=(NOTE,))


def _check_rows(in_flight: int, found: dict[str, list[Measured]]) -> list[Row]:
    work = f"check, {in_flight} in flight"
    rates = {name: [one.rate for one in cells] for name, cells in found.items()}
    cpu = {name: [one.app_us for one in cells] for name, cells in found.items()}
    at_least, at_most = partial(Limit, relation="at least"), partial(Limit, relation="at most")
    key = f"checks-{in_flight}"
    return [
        row(
            f"{key}-select", work, SIDES["select"], at_least(value=1.2, aim=1.5),
            ratios(rates[OURS], rates["select"]),
        ),
        row(
            f"{key}-ready", work, SIDES["ready"], at_least(value=0.5),
            ratios(rates[OURS], rates["ready"]),
        ),
        row(
            f"{key}-ready-cpu", f"{work}: application CPU", SIDES["ready"], at_most(value=2.0),
            ratios(cpu[OURS], cpu["ready"]),
        ),
        row(
            f"{key}-obvious", work, SIDES["obvious"], at_least(value=5),
            ratios(rates[OURS], rates["obvious"]),
        ),
    ]  # fmt: skip


def lone(bed: Bed) -> Section:
    """One at a time, with what of it is the commit of the read audit."""
    requests = asked(bed)
    sides: dict[str, Callable[[], Measured]] = {
        name: partial(bed.cell, name, requests[name], in_flight=1) for name in (OURS, "select")
    }
    for side in sides.values():
        side()
    commit: list[float] = []

    def with_commit() -> Measured:
        commit.append(commits(bed.bare, seconds=bed.plan.seconds / 3))
        return sides["select"]()

    found = interleaved(bed.plan.rounds, {OURS: sides[OURS], "select": with_commit})
    ours, theirs = ([one.p50 for one in found[name]] for name in (OURS, "select"))
    limit = Limit(relation="at most", value=2.0)
    share = [one / whole for one, whole in zip(commit, ours, strict=True)]
    without = [
        (whole - one) / other for whole, one, other in zip(ours, commit, theirs, strict=True)
    ]
    return Section(
        title="One check at a time",
        rows=(
            row("lone", "one check at a time, p50", SIDES["select"], limit, ratios(ours, theirs)),
        ),
        tables=(
            Table(
                columns=COLUMNS,
                lines=tuple(described(SIDES[name], 1, found[name]) for name in found),
            ),
        ),
        notes=(
            f"A commit of one row that waits for the disk takes {figure(median(commit), 'ms')} at"
            f" the median: {median(share):.0%} of a check. Without it the ratio is"
            f" {figure(median(without), '×')}.",
        ),
    )


def batch(bed: Bed) -> Section:
    """A thousand checks in a request, against as many single ones."""
    batches = bed.keep("batches", _batches(bed))
    single = asked(bed)[OURS]
    sides = {
        "batch": partial(bed.cell, OURS, batches, in_flight=1),
        "single": partial(bed.cell, OURS, single, in_flight=64),
    }
    for side in sides.values():
        side()
    found = interleaved(bed.plan.rounds, sides)
    rates = [one.rate * BATCH for one in found["batch"]], [one.rate for one in found["single"]]
    names = {"batch": "batch of 1,000, one at a time", "single": "single checks"}
    lines = (
        described(names["batch"], 1, found["batch"]),
        described(names["single"], 64, found["single"]),
    )
    limit = Limit(relation="at least", value=5)
    return Section(
        title="Batches",
        rows=(row("batch", "batch of 1,000", "1,000 checks, 64 in flight", limit, ratios(*rates)),),
        tables=(Table(columns=COLUMNS, lines=lines),),
        notes=("A batch is one answer here: multiply its answers by a thousand.",),
    )


def asked(bed: Bed) -> dict[str, str]:
    """The same questions for each side, and what each must answer."""
    people = weighted(bed.filled.people)
    checks = [_check(bed, one.subject, one.decision) for one in people]
    always = [Expected(request=one.request, code=200, holds=_holds("PERMIT")) for one in checks]
    right, same = bed.keep("checks", checks), bed.keep("always", always)
    return {name: same if name == "ready" else right for name in SIDES}


def weighted(people: Sequence[Subject]) -> list[Subject]:
    """Each so often as they are asked about: some are much more than others."""
    hot = max(1, int(len(people) * HOT))
    return [*people[hot:], *(one for one in people[:hot] for _ in range(int(1 / HOT) - 1))]


def _check(bed: Bed, subject: UUID, decision: str) -> Expected:
    body = {"subject": str(subject), "purpose": PURPOSE}
    return Expected(request=bed.request("/v1/checks", body), code=200, holds=_holds(decision))


def _holds(decision: str, times: int = 1) -> dict[str, int]:
    return {f'"decision":"{decision}"': times}


def _batches(bed: Bed) -> list[Expected]:
    chance = random.Random(bed.plan.seed)
    people = weighted(bed.filled.people)
    found = []
    for _ in range(bed.plan.batches):
        some = chance.choices(people, k=BATCH)
        asked = [
            {"id": str(n), "subject": str(one.subject), "purpose": PURPOSE}
            for n, one in enumerate(some)
        ]
        permitted = sum(one.decision == "PERMIT" for one in some)
        found.append(
            Expected(
                request=bed.request("/v1/checks/batch", {"checks": asked}),
                code=200,
                holds=_holds("PERMIT", permitted) | _holds("DENY", BATCH - permitted),
            )
        )
    return found


def described(name: str, in_flight: int, cells: Sequence[Measured]) -> tuple[str, ...]:
    """Medians over the rounds, as the line of a table; a dash is what nobody told."""

    def middle(field: str) -> str:
        found = median(getattr(one, field) for one in cells)
        return figure(found) if found else "–"

    fields = ("rate", "p50", "p99", "app_us", "postgres_us", "load_us")
    return (name, str(in_flight), *map(middle, fields))
