"""Two periods, or two groups, against each other."""

import math
from dataclasses import dataclass
from statistics import NormalDist

from ivr.scores.intervals import Amount, Difference, Proportion, difference, wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How the second differs from the first."""

    first: Proportion
    second: Proportion
    change: Difference
    """The second less the first, with its 95 % interval."""
    p_value: float
    """How often chance alone makes a difference at least as large, from 0 to 1."""


def compare(first: tuple[Amount, Amount], second: tuple[Amount, Amount]) -> Comparison | None:
    """Compare two shares, each given as (count, n); None when one of them has no ratings.

    The test is the score test for two independent shares (K. Pearson 1900): its square is the chi-squared of the table
    of two by two, without continuity correction.
    """
    if not first[1] or not second[1]:
        return None
    one, two = wilson(*first), wilson(*second)
    n, m = float(first[1]), float(second[1])
    pooled = (float(first[0]) + float(second[0])) / (n + m)
    error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    z = (two.share - one.share) / error if error else 0.0
    p_value = 2 * NormalDist().cdf(-abs(z))
    return Comparison(first=one, second=two, change=difference(two, one), p_value=min(1.0, p_value))
