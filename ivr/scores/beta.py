"""The beta distribution, for exact intervals and for shrunk shares; the scientific libraries are no dependency."""

import math
from statistics import NormalDist

_TINY = 1e-300
_PRECISION = 1e-10
_SMALL_STEP = 1e-3
_MOST_TERMS = 10_000


def beta_cdf(x: float, a: float, b: float) -> float:
    """The probability that a variable with the distribution Beta(a, b) is at most `x`; a and b are more than 0.

    The regularised incomplete beta function by its continued fraction, DLMF 8.17.22 (https://dlmf.nist.gov/8.17), with
    the method of W. J. Lentz, Applied Optics 15 (1976), 668-671.
    """
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    # The fraction converges quickly below the mean; above it the other tail is computed.
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_cdf(1 - x, b, a)
    log_front = a * math.log(x) + b * math.log1p(-x) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    return min(1.0, math.exp(log_front) * _fraction(x, a, b) / a)


def beta_quantile(probability: float, a: float, b: float) -> float:
    """The x at which `beta_cdf(x, a, b)` is `probability`, to 9 decimals.

    By Halley's method (cubic convergence; W. Gander, American Mathematical Monthly 92 (1985), 131-134) from the
    expansion of E. A. Cornish and R. A. Fisher (1937) by skewness, kept within bounds by halving. `probability` lies
    between 0 and 1, both excluded.
    """
    low, high = 0.0, 1.0
    log_constant = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    spread = math.sqrt(a * b / (a + b + 1)) / (a + b)
    skewness = 2 * (b - a) * math.sqrt(a + b + 1) / ((a + b + 2) * math.sqrt(a * b))
    z = NormalDist().inv_cdf(probability)
    x = a / (a + b) + spread * (z + skewness * (z * z - 1) / 6)
    while high - low > _PRECISION:
        if not low < x < high:
            x = (low + high) / 2
        above = beta_cdf(x, a, b) - probability
        low, high = (low, x) if above > 0 else (x, high)
        density = math.exp(log_constant + (a - 1) * math.log(x) + (b - 1) * math.log1p(-x))
        newton = above / density if density > _TINY else 1.0
        step = newton / max(0.5, 1 - newton * ((a - 1) / x - (b - 1) / (1 - x)) / 2)
        # What is left after a step is about its cube, in units of the distance on which the density changes.
        if abs(step) < _SMALL_STEP * min(spread, x, 1 - x) and low <= x - step <= high:
            return x - step
        x -= step
    return (low + high) / 2


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _MOST_TERMS):
        at = a + 2 * m
        even = m * (b - m) * x / ((at - 1) * at)
        odd = -(a + m) * (a + b + m) * x / (at * (at + 1))
        d, c = 1 / (1 + even * d or _TINY), 1 + even / c or _TINY
        value *= d * c
        d, c = 1 / (1 + odd * d or _TINY), 1 + odd / c or _TINY
        step = d * c
        value *= step
        if -1e-12 < step - 1 < 1e-12:
            break
    return value


def _not_zero(value: float) -> float:
    return value or _TINY
