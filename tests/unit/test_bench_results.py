"""What a run of the bench makes of its measurements: spreads, verdicts, the table, the picture."""

import statistics
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.bench.figures import Limit, between, percentile, ratios, spread
from ops.bench.plot import MARGINS, picture, place
from ops.bench.results import Section, Table, document, figure, line, required, row

VALUES = st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=40)
AT_LEAST = Limit(relation="at least", value=1.2, aim=1.5)
AT_MOST = Limit(relation="at most", value=40, unit="µs")


@given(VALUES)
def test_a_spread_is_in_order_and_has_the_median(values: list[float]) -> None:
    found = spread(values)
    assert found.least <= found.lower <= found.middle <= found.upper <= found.most
    assert (found.least, found.middle, found.most, found.many) == (
        min(values),
        statistics.median(values),
        max(values),
        len(values),
    )


def test_quartiles_are_drawn_between_neighbours() -> None:
    assert [between([1, 2, 3, 4, 5], part) for part in (0, 0.25, 0.5, 0.75, 1)] == [1, 2, 3, 4, 5]
    assert between([10.0, 20.0], 0.25) == 12.5
    assert between([7.0], 0.75) == 7.0


@given(VALUES, st.floats(0, 1))
def test_a_percentile_is_the_least_value_that_enough_do_not_exceed(
    values: list[float], part: float
) -> None:
    ranked = sorted(values)
    enough = [one for one in ranked if sum(each <= one for each in ranked) >= part * len(ranked)]
    assert percentile(ranked, part) == min(enough)


def test_the_99th_percentile_of_a_hundred_is_the_99th() -> None:
    assert percentile([float(n) for n in range(1, 101)], 0.99) == 99.0


def test_ratios_pair_the_rounds() -> None:
    assert ratios([10, 30], [5, 10]) == [2, 3]
    with pytest.raises(ValueError, match="shorter"):
        ratios([1, 2], [1])


@pytest.mark.parametrize(
    ("limit", "found", "verdict", "margin"),
    [
        (AT_LEAST, 1.2, "meets", 1.0),
        (AT_LEAST, 1.19, "falls short", 1.19 / 1.2),
        (AT_MOST, 40.0, "meets", 1.0),
        (AT_MOST, 80.0, "falls short", 0.5),
        (AT_MOST, 0.0, "meets", float("inf")),
    ],
)
def test_on_the_line_is_enough(limit: Limit, found: float, verdict: str, margin: float) -> None:
    assert limit.verdict(found) == verdict
    assert limit.margin(found) == pytest.approx(margin)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.2345, "×", "1.23×"),
        (0.0123456, "×", "0.0123×"),
        (12345.6, "/s", "12,346 /s"),
        (99.96, "", "100"),
        (0.0, "ms", "0 ms"),
        (0.00004, "×", "0×"),
        (2.0, "×", "2×"),
    ],
)
def test_figures_have_three_digits(value: float, unit: str, text: str) -> None:
    assert figure(value, unit) == text


def test_a_limit_is_told_with_its_aim() -> None:
    assert required(AT_LEAST) == "≥ 1.2× (aim 1.5×)"
    assert required(AT_MOST) == "≤ 40 µs"


def test_the_median_decides_and_not_the_best() -> None:
    short = row("checks", "check", "SELECT", AT_LEAST, [1.1, 9.0, 1.0])
    assert line(short) == (
        "`checks`", "check", "SELECT", "≥ 1.2× (aim 1.5×)", "1.1×", "1.05× … 5.05×", "1× … 9×",
        "3 rounds", "**falls short**",
    )  # fmt: skip


def test_the_page_has_every_row_once_and_counts_them() -> None:
    sections = [
        Section(
            title="Checks",
            rows=(row("a", "work", "limit", AT_LEAST, [2.0]), row("b", "w", "l", AT_MOST, [50.0])),
            tables=(Table(columns=("Side", "Of"), lines=(("a | b", "1"),)),),
            notes=("What was done.",),
        ),
        Section(title="Nothing", rows=()),
    ]
    text = document("Results", [("Seed", "bench")], sections)
    lines = text.splitlines()
    assert lines[0] == "# Results"
    assert "| Seed | bench |" in lines
    assert sum(one.startswith("| `a` |") for one in lines) == 1
    assert "1 of 2 rows meet their limit." in lines
    assert lines.index("## Checks") < lines.index("What was done.") < lines.index("## Nothing")
    assert "| a \\| b | 1 |" in lines
    assert text.endswith("\n")
    widths = {one.replace("\\|", "").count("|") for one in lines if one.startswith("| `")}
    assert widths == {10}


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_a_better_margin_lies_no_further_left(one: float, other: float) -> None:
    assert (place(one) <= place(other)) is (
        min(max(one, MARGINS[0]), MARGINS[1]) <= min(max(other, MARGINS[0]), MARGINS[1])
    )


def test_the_picture_is_svg_with_a_box_a_row() -> None:
    rows = [
        row("good", "w", "l", AT_LEAST, [2.0, 2.5, 3.0]),
        row("short <&>", "w", "l", AT_MOST, [80.0, 90.0, 100.0]),
    ]
    drawn = ET.fromstring(picture("Against the limits", rows))  # noqa: S314 - our own
    name = "{http://www.w3.org/2000/svg}"
    boxes = [one for one in drawn.iter(f"{name}rect") if one.get("fill-opacity")]
    limit = place(1.0)
    assert [float(one.attrib["x"]) > limit for one in boxes] == [True, False]
    assert all(float(one.attrib["width"]) > 0 for one in boxes)
    texts = [one.text for one in drawn.iter(f"{name}text")]
    assert "short <&>: 90 µs, required ≤ 40 µs" in texts
    assert texts.count("limit") == 1
