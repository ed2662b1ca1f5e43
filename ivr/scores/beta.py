"""The beta distribution, for exact intervals and for shrunk shares; the scientific libraries are no dependency."""

import math
from statistics import NormalDist

_TINY = 1e-300
_PRECISION = 1e-10
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
    """The x at which `beta_cdf(x, a, b)` is `probability`, to 10 decimals.

    By Newton's method, kept within bounds by halving. `probability` lies between 0 and 1, both excluded.
    """
    low, high = 0.0, 1.0
    log_constant = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    mean = a / (a + b)
    spread = math.sqrt(mean * (1 - mean) / (a + b + 1))
    x = mean + spread * NormalDist().inv_cdf(probability)
    while high - low > _PRECISION:
        if not low < x < high:
            x = (low + high) / 2
        above = beta_cdf(x, a, b) - probability
        low, high = (low, x) if above > 0 else (x, high)
        density = math.exp(log_constant + (a - 1) * math.log(x) + (b - 1) * math.log1p(-x))
        step = above / density if density > _TINY else 1.0
        if abs(step) < _PRECISION and low <= x - step <= high:
            return x - step
        x -= step
    return (low + high) / 2


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, _MOST_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1 / _not_zero(1 + even * d), _not_zero(1 + even / c)
        value *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1 / _not_zero(1 + odd * d), _not_zero(1 + odd / c)
        step = d * c
        value *= step
        if abs(step - 1) < 1e-15:
            break
    return value


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
