"""What drives satisfaction: importance against performance."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ivr.scores.intervals import Amount

Quadrant = Literal["fix_first", "keep", "watch", "nice"]
"""Important and poor, important and good, unimportant and poor, unimportant and good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A question, or a reason, in the plane of importance and performance."""

    n: Amount
    importance: float
    performance: float
    """From 0 to 1."""
    quadrant: Quadrant


def correlation(together: Mapping[tuple[int, int], Amount]) -> float | None:
    """How much two answers of the same callers go together, from -1 to 1; counts by (answer, rating).

    K. Pearson, Proceedings of the Royal Society 58 (1895), 240-242. None when one of the two never varies.
    """
    n = float(sum(together.values()))
    if not n:
        return None
    mean_x = sum(x * float(count) for (x, _), count in together.items()) / n
    mean_y = sum(y * float(count) for (_, y), count in together.items()) / n
    xx = sum((x - mean_x) ** 2 * float(count) for (x, _), count in together.items())
    yy = sum((y - mean_y) ** 2 * float(count) for (_, y), count in together.items())
    xy = sum((x - mean_x) * (y - mean_y) * float(count) for (x, y), count in together.items())
    return xy / math.sqrt(xx * yy) if xx > 0 and yy > 0 else None


def drivers(found: Mapping[str, tuple[Amount, float, float]]) -> dict[str, Driver]:
    """Sort into quadrants what is given as (n, importance, performance); the lines are the plain means of both.

    J. A. Martilla and J. C. James, "Importance-performance analysis", Journal of Marketing 41 (1977), 77-79.
    """
    if not found:
        return {}
    important = sum(importance for _, importance, _ in found.values()) / len(found)
    good = sum(performance for _, _, performance in found.values()) / len(found)
    return {
        name: Driver(
            n=n,
            importance=importance,
            performance=performance,
            quadrant=_quadrant(important=importance >= important, good=performance >= good),
        )
        for name, (n, importance, performance) in found.items()
    }


def _quadrant(*, important: bool, good: bool) -> Quadrant:
    if important:
        return "keep" if good else "fix_first"
    return "nice" if good else "watch"
