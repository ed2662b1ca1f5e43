"""Shares over time, and whether they vary by more than chance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ivr.scores.intervals import Amount

RUN = 9
"""So many points in a row on one side of the centre are more than chance."""
Signal = Literal["above", "below", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartPoint:
    """One day, week or month of a control chart; shares from 0 to 1."""

    n: Amount
    share: float | None
    """None when n is 0."""
    lower: float | None
    """Lower control limit; None when n is 0."""
    upper: float | None
    signal: Signal | None
    """Why this point is more than chance: beyond a limit, or the ninth or later in a row on one side; else None."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlChart:
    """A share over time, with the limits within which it varies by chance alone."""

    centre: float | None
    """The share of all points together; None without ratings."""
    points: tuple[ChartPoint, ...]


def p_chart(counts: Sequence[tuple[Amount, Amount]]) -> ControlChart:
    """The control chart of shares `count / n`, given as pairs (count, n) in the order of time.

    W. A. Shewhart, Economic Control of Quality of Manufactured Product (1931): three standard errors, each with its own
    n. A run of nine on one side: L. S. Nelson, "The Shewhart control chart: tests for special causes", Journal of
    Quality Technology 16 (1984), 237-239, test 2.
    """
    total = sum(n for _, n in counts)
    if not total:
        empty = ChartPoint(n=0, share=None, lower=None, upper=None, signal=None)
        return ControlChart(centre=None, points=(empty,) * len(counts))
    centre = float(sum(count for count, _ in counts) / total)
    points: list[ChartPoint] = []
    side, run = 0, 0
    for count, n in counts:
        if not n:
            points.append(ChartPoint(n=0, share=None, lower=None, upper=None, signal=None))
            continue
        share = float(count / n)
        reach = 3 * math.sqrt(centre * (1 - centre) / float(n))
        now = (share > centre) - (share < centre)
        run = run + 1 if now == side and now else 1
        side = now
        signal: Signal | None = None
        if share > centre + reach:
            signal = "above"
        elif share < centre - reach:
            signal = "below"
        elif side and run >= RUN:
            signal = "run"
        lower, upper = max(0.0, centre - reach), min(1.0, centre + reach)
        points.append(ChartPoint(n=n, share=share, lower=lower, upper=upper, signal=signal))
    return ControlChart(centre=centre, points=tuple(points))
