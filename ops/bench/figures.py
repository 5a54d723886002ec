"""What many measurements come to: pairwise ratios of interleaved rounds, and their spread. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from statistics import median
from typing import Literal

import msgspec

Verdict = Literal["meets", "falls short"]


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How values lie: the least, the quartiles, the most, and how many they are."""

    least: float
    lower: float
    middle: float
    upper: float
    most: float
    many: int


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What a median must reach, and may aim for; `unit` stands after every figure."""

    relation: Literal["at least", "at most"]
    value: float
    unit: str = "×"
    aim: float | None = None

    def verdict(self, found: float) -> Verdict:
        """Whether the figure is on the right side; on the line is right."""
        good = found >= self.value if self.relation == "at least" else found <= self.value
        return "meets" if good else "falls short"

    def margin(self, found: float) -> float:
        """How far the figure is on the right side: 1 is on the line, 2 twice as good."""
        if self.relation == "at least":
            return found / self.value
        return self.value / found if found else float("inf")


def spread(values: Sequence[float]) -> Spread:
    """The spread of the values, of which there is at least one."""
    ranked = sorted(values)
    return Spread(
        least=ranked[0],
        lower=between(ranked, 0.25),
        middle=median(ranked),
        upper=between(ranked, 0.75),
        most=ranked[-1],
        many=len(ranked),
    )


def between(ranked: Sequence[float], part: float) -> float:
    """The value below which this part of the ranked ones lies, drawn between neighbours."""
    place = part * (len(ranked) - 1)
    below = int(place)
    above = min(below + 1, len(ranked) - 1)
    return ranked[below] + (ranked[above] - ranked[below]) * (place - below)


def percentile(ranked: Sequence[float], part: float) -> float:
    """The least of the ranked values that this part of them does not exceed."""
    return ranked[max(0, ceil(part * len(ranked)) - 1)]


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Round by round, the one over the other."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]
