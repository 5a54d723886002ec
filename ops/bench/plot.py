"""The rows as one picture: how far each is on the right side of its limit. Pure.

A box a row, drawn from its quartiles, its line from the least to the most, on a scale where 1 is
the limit and twice as far right is twice as good.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import log10

from ops.bench.results import Row, figure, required

LABEL, WIDTH, LINE, TOP = 420, 620, 26, 56
MARGINS = (0.01, 100.0)
"""What lies beyond is drawn at the edge."""
TICKS = (0.01, 0.1, 0.5, 1.0, 2.0, 10.0, 100.0)
GOOD, BAD = "#00703c", "#d4351c"
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#0b0c0c}.s{fill:#505a5f}"
    ".g{stroke:#b1b4b6}.l{stroke:#0b0c0c;stroke-width:2}"
)


def picture(title: str, rows: Sequence[Row]) -> str:
    """The whole SVG."""
    height = TOP + LINE * len(rows) + 30
    width = LABEL + WIDTH + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text x="10" y="20">{escape(title)}</text>',
        *_scale(height),
        *(part for n, one in enumerate(rows) for part in _row(one, TOP + LINE * n)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def place(margin: float) -> float:
    """Where a margin lies, from the left."""
    least, most = MARGINS
    kept = min(max(margin, least), most)
    return LABEL + WIDTH * (log10(kept) - log10(least)) / (log10(most) - log10(least))


def _scale(height: int) -> Iterator[str]:
    for tick in TICKS:
        x = f"{place(tick):.1f}"
        kind = "l" if tick == 1 else "g"
        yield f'<line class="{kind}" x1="{x}" x2="{x}" y1="{TOP - 8}" y2="{height - 24}"/>'
        word = "limit" if tick == 1 else figure(tick, "×")
        yield f'<text class="s" x="{x}" y="{height - 8}" text-anchor="middle">{word}</text>'


def _row(one: Row, y: int) -> Iterator[str]:
    found, margin = one.found, one.limit.margin
    least, lower, upper, most = sorted(
        place(margin(each)) for each in (found.least, found.lower, found.upper, found.most)
    )
    colour = GOOD if one.verdict == "meets" else BAD
    middle, at = place(one.margin), y + 10
    told = f"{one.key}: {figure(found.middle, one.limit.unit)}, required {required(one.limit)}"
    yield f'<text x="{LABEL - 10}" y="{y + 14}" text-anchor="end">{escape(told)}</text>'
    yield f'<line x1="{least:.1f}" x2="{most:.1f}" y1="{at}" y2="{at}" stroke="{colour}"/>'
    yield (
        f'<rect x="{lower:.1f}" y="{y + 3}" width="{max(upper - lower, 1):.1f}" height="14"'
        f' fill="{colour}" fill-opacity="0.35"/>'
    )
    yield (
        f'<line x1="{middle:.1f}" x2="{middle:.1f}" y1="{y + 2}" y2="{y + 18}" stroke="{colour}"'
        ' stroke-width="3"/>'
    )
