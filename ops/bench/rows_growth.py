"""Whether it stays as fast as it grows: two ledgers that differ in size alone."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from statistics import median

from ops.bench import growth_rows
from ops.bench.bed import Bed, Wrong
from ops.bench.figures import Limit
from ops.bench.growth import beside, make
from ops.bench.growth_rows import Paired, Side
from ops.bench.results import Row, Section, Table, figure, row

PAGE = 1000
"""People on the first page of a list."""
DECISION = "PERMIT"
HOT = 100
"""So many people are asked about again and again, whatever the size."""


def growth(bed: Bed) -> Section:
    """Lone checks on either, and the first page of a list on the larger one."""
    sizes = bed.plan.grown
    with ExitStack() as stack:
        stack.enter_context(bed.still())
        few, many = (_side(bed, stack, entries) for entries in sizes)
        try:
            ask = partial(
                growth_rows.checks, few, many, rounds=bed.plan.rounds, each=bed.plan.grown_checks
            )
            anybody, same = ask(), ask(hot=HOT)
            page = growth_rows.page(many, decision=DECISION, limit=PAGE)
        except growth_rows.Wrong as error:
            raise Wrong(str(error)) from error
    larger, smaller = (f"{size:,} entries" for size in reversed(sizes))
    return Section(
        title="Growth",
        rows=_rows(anybody, same, page, larger=larger, smaller=smaller),
        tables=(
            _checks_table({"anybody": anybody, f"{HOT} people": same}, (smaller, larger)),
            Table(
                columns=("Rows of the page", "Index pages a row", "Table pages a row", "ms"),
                lines=(
                    (
                        f"{page.rows:,}",
                        figure(page.index_pages),
                        figure(page.table_pages),
                        figure(page.milliseconds),
                    ),
                ),
            ),
        ),
        notes=(
            "Both ledgers are on one server. A check reads, opens and answers, and commits its row"
            " of the read audit. Where anybody may be asked about, hardly anybody is asked about"
            " twice in the larger one, and nearly everybody in the smaller: what is held of them"
            f" from one time to the next is in that ratio, and not in that of the same {HOT}.",
            f"Making the larger one took {_seconds(many)}.",
        ),
    )


def _rows(
    anybody: Paired, same: Paired, page: growth_rows.Pages, *, larger: str, smaller: str
) -> tuple[Row, ...]:
    at_most = partial(Limit, relation="at most")
    listed = f"first page of a population, {larger}"
    return (
        row(
            "growth-check",
            f"one check at a time of anybody, in process, p50, {larger}",
            smaller,
            at_most(value=1.2),
            anybody.ratios("p50"),
        ),
        row(
            "growth-check-same",
            f"the same of {HOT} people, {larger}",
            smaller,
            at_most(value=1.2),
            same.ratios("p50"),
        ),
        row(
            "growth-page",
            f"{listed}: index pages a row",
            "–",
            at_most(value=4, unit="pages"),
            [page.index_pages],
            per="page",
        ),
        row(
            "growth-scans",
            f"{listed}: tables read whole",
            "–",
            at_most(value=0, unit="tables"),
            [page.sequential],
            per="page",
        ),
    )


def _side(bed: Bed, stack: ExitStack, entries: int) -> Side:
    where = stack.enter_context(beside(bed.where, bed.settings, f"grown_{entries}"))
    grown = make(where, bed.settings, entries=entries, seed=bed.plan.seed)
    return Side(where=where, settings=bed.settings, grown=grown)


def _seconds(side: Side) -> str:
    return ", ".join(f"{figure(took, 's')} ({name})" for name, took in side.grown.seconds.items())


def _checks_table(found: dict[str, Paired], sizes: tuple[str, str]) -> Table:
    fields = ("p50", "p99", "app_us", "postgres_us")
    return Table(
        columns=("Of", "Ledger", "p50 ms", "p99 ms", "Application CPU µs", "PostgreSQL CPU µs"),
        lines=tuple(
            (
                who,
                size,
                *(figure(median(getattr(one, field) for one in samples)) for field in fields),
            )
            for who, paired in found.items()
            for size, samples in zip(sizes, (paired.small, paired.large), strict=True)
        ),
    )
