"""Confidence intervals of proportions."""

import math
from dataclasses import dataclass

from ivr.scores.beta import beta_quantile
from storage.records import Amount as Amount

Z_95 = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution: two-sided 95 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportion:
    """A share of `n`, with its interval."""

    count: Amount
    n: Amount
    """More than 0."""
    low: float
    """Lower bound of the interval, from 0 to 1."""
    high: float
    """Upper bound of the interval, from 0 to 1."""

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return float(self.count / self.n)


def wilson(count: Amount, n: Amount, z: float = Z_95) -> Proportion:
    """The share `count / n` with its Wilson score interval, without continuity correction.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927), 209-212;
    recommended for small n by Brown, Cai and DasGupta, Statistical Science 16 (2001), 101-133.

    A rating that several agents share counts in parts. The sum of the parts is then taken for n; the effective number
    of ratings (L. Kish, Survey Sampling, 1965) is never smaller, so the interval is at worst too wide.

    Raises ValueError unless 0 <= count <= n and n > 0.
    """
    if n <= 0 or not 0 <= count <= n:
        raise ValueError(f"a proportion needs 0 <= count <= n and n > 0, not {count} of {n}")
    n_, p = float(n), float(count / n)
    spread = z * z / n_
    centre = (p + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(p * (1 - p) / n_ + spread / (4 * n_))
    low = 0.0 if count == 0 else centre - half
    high = 1.0 if count == n else centre + half
    return Proportion(count=count, n=n, low=low, high=high)


def exact(count: Amount, n: Amount) -> Proportion:
    """The share `count / n` with the exact 95 % interval, which covers the truth in at least 95 of 100 cases.

    C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
    Biometrika 26 (1934), 404-413, in its form with beta quantiles. Wider than Wilson's: for when being wrong is worse
    than being vague. Raises ValueError unless 0 <= count <= n and n > 0.
    """
    if n <= 0 or not 0 <= count <= n:
        raise ValueError(f"a proportion needs 0 <= count <= n and n > 0, not {count} of {n}")
    k, n_ = float(count), float(n)
    low = beta_quantile(0.025, k, n_ - k + 1) if k > 0 else 0.0
    high = beta_quantile(0.975, k + 1, n_ - k) if k < n_ else 1.0
    return Proportion(count=count, n=n, low=low, high=high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How much a share is larger than another one, with its interval; from -1 to 1."""

    value: float
    low: float
    high: float


def difference(first: Proportion, second: Proportion) -> Difference:
    """How much larger `first` is than `second`, two shares of different ratings, with the level of their intervals.

    R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in Medicine 17
    (1998), 873-890, method 10: from the Wilson intervals of both.
    """
    value = first.share - second.share
    return Difference(
        value=value,
        low=value - math.hypot(first.share - first.low, second.high - second.share),
        high=value + math.hypot(first.high - first.share, second.share - second.low),
    )
