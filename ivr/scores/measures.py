"""What ratings are summed up to, apart from the share of the satisfied: a mean, or the Net Promoter Score."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from ivr.scores.beta import beta_quantile
from ivr.scores.intervals import Z_95, Amount, wilson

PROMOTERS = frozenset({9, 10})
DETRACTORS = frozenset(range(7))
NPS_VALUES = tuple(range(11))
"""A question with exactly these values is one for the Net Promoter Score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """The mean of ratings, on the question's own scale."""

    n: Amount
    value: float
    low: float | None
    """Lower bound of the 95 % interval, within the scale; None with fewer than two ratings."""
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Nps:
    """Net Promoter Score: per cent promoters (9, 10) less per cent detractors (0 to 6)."""

    n: Amount
    promoters: Amount
    detractors: Amount
    score: float
    """From -100 to 100."""
    low: float
    """Lower bound of the 95 % interval, from -100."""
    high: float
    """Upper bound of the 95 % interval, up to 100."""


def is_nps(values: Collection[int]) -> bool:
    """Whether a question with these values is one for the Net Promoter Score."""
    return sorted(values) == list(NPS_VALUES)


def mean(distribution: Mapping[int, Amount], values: Collection[int]) -> Mean | None:
    """The mean of the ratings in `distribution` with its 95 % interval; None without ratings.

    Student, "The probable error of a mean", Biometrika 6 (1908), 1-25, cut off at the ends of the scale `values`.
    Ratings that are all the same have no variance, of which Student would conclude that the mean is certain. Then the
    interval is Wilson's for the mean as a share of the scale: nothing on a bounded scale varies more than yes and no.
    """
    n = sum(distribution.values())
    if n <= 0:
        return None
    value = float(sum(rating * count for rating, count in distribution.items()) / n)
    if n < 2:
        return Mean(n=n, value=value, low=None, high=None)
    lowest = min(*values, *distribution)
    highest = max(*values, *distribution)
    variance = sum(float(count) * (rating - value) ** 2 for rating, count in distribution.items()) / (float(n) - 1)
    if variance == 0:
        scale, rating_of_all = highest - lowest, next(rating for rating, count in distribution.items() if count)
        share = wilson(Fraction(rating_of_all - lowest, scale) * n, n) if scale else None
        low, high = (lowest + scale * share.low, lowest + scale * share.high) if share else (value, value)
        return Mean(n=n, value=value, low=low, high=high)
    half = student_quantile(float(n) - 1) * math.sqrt(variance / float(n))
    return Mean(n=n, value=value, low=max(lowest, value - half), high=min(highest, value + half))


def nps(distribution: Mapping[int, Amount]) -> Nps | None:
    """The Net Promoter Score of ratings from 0 to 10; None without ratings.

    F. F. Reichheld, "The one number you need to grow", Harvard Business Review 81 (2003), 46-54. The interval is that
    for the difference of two shares of the same ratings: D. G. Bonett and R. M. Price, "Adjusted Wald confidence
    interval for a difference of binomial proportions based on paired data", Journal of Educational and Behavioral
    Statistics 37 (2012), 479-488.
    """
    n = sum(distribution.values())
    if n <= 0:
        return None
    promoters = sum((distribution.get(value, 0) for value in PROMOTERS), start=0 * n)
    detractors = sum((distribution.get(value, 0) for value in DETRACTORS), start=0 * n)
    more = float(n) + 2
    up, down = (float(promoters) + 1) / more, (float(detractors) + 1) / more
    half = Z_95 * math.sqrt((up + down - (up - down) ** 2) / more)
    return Nps(
        n=n,
        promoters=promoters,
        detractors=detractors,
        score=100 * float((promoters - detractors) / n),
        low=100 * max(-1.0, up - down - half),
        high=100 * min(1.0, up - down + half),
    )


@cache
def student_quantile(degrees: float, probability: float = 0.975) -> float:
    """The quantile of Student's distribution, above its median, from that of a beta distribution (DLMF 8.17)."""
    x = beta_quantile(2 * (1 - probability), degrees / 2, 0.5)
    return math.sqrt(degrees * (1 - x) / x)
