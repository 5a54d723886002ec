"""What a run found, as a person reads it: rows beside their limits, and plain tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ops.bench.figures import Limit, Spread, Verdict, spread


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One requirement, and what was measured: its median counts. `per` says what one value is."""

    key: str
    work: str
    against: str
    limit: Limit
    found: Spread
    per: str = "rounds"

    @property
    def verdict(self) -> Verdict:
        """Whether the median meets the limit."""
        return self.limit.verdict(self.found.middle)

    @property
    def margin(self) -> float:
        """How far the median is on the right side: 1 is on the line."""
        return self.limit.margin(self.found.middle)


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Figures beside one another; they are of this machine in this hour."""

    columns: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """What one part of the run found; `notes` say what was done, a sentence each."""

    title: str
    rows: tuple[Row, ...]
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()


def row(
    key: str, work: str, against: str, limit: Limit, values: Sequence[float], *, per: str = "rounds"
) -> Row:
    """The row of these values, one a round."""
    return Row(key=key, work=work, against=against, limit=limit, found=spread(values), per=per)


HEADINGS = (
    "Row", "Work", "Held against", "Required", "Median", "Quartiles", "Least … most", "Of",
    "Verdict",
)  # fmt: skip


def document(heading: str, about: Iterable[tuple[str, str]], sections: Sequence[Section]) -> str:
    """The whole page in Markdown."""
    rows = [one for section in sections for one in section.rows]
    return "\n".join(
        [
            f"# {heading}",
            "",
            *written(Table(columns=("", ""), lines=tuple(about))),
            "",
            *written(Table(columns=HEADINGS, lines=tuple(line(one) for one in rows))),
            "",
            f"{sum(one.verdict == 'meets' for one in rows)} of {len(rows)} rows meet their limit.",
            *(text for section in sections for text in _section(section)),
            "",
        ]
    )


def line(one: Row) -> tuple[str, ...]:
    """The row as the cells of a table."""
    found, unit = one.found, one.limit.unit
    return (
        f"`{one.key}`",
        one.work,
        one.against,
        required(one.limit),
        figure(found.middle, unit),
        f"{figure(found.lower, unit)} … {figure(found.upper, unit)}",
        f"{figure(found.least, unit)} … {figure(found.most, unit)}",
        f"{found.many} {one.per}",
        one.verdict if one.verdict == "meets" else f"**{one.verdict}**",
    )


def required(limit: Limit) -> str:
    """The limit in words."""
    sign = "≥" if limit.relation == "at least" else "≤"
    aim = f" (aim {figure(limit.aim, limit.unit)})" if limit.aim is not None else ""
    return f"{sign} {figure(limit.value, limit.unit)}{aim}"


def figure(value: float, unit: str = "") -> str:
    """Three significant digits, thousands grouped, and the unit."""
    if value == 0 or abs(value) >= 100:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.3g}"
        text = f"{value:.4f}".rstrip("0").rstrip(".") if "e" in text else text
    gap = "" if unit in ("", "×") else " "
    return f"{text}{gap}{unit}"


def written(table: Table) -> Iterator[str]:
    """The table in Markdown."""
    for cells in (table.columns, ["---"] * len(table.columns), *table.lines):
        yield "| " + " | ".join(one.replace("|", "\\|") for one in cells) + " |"


def _section(section: Section) -> Iterator[str]:
    yield from ("", f"## {section.title}", "")
    yield from section.notes
    for table in section.tables:
        yield ""
        yield from written(table)
