"""The formulas behind the scores a second time, from their sources; quantiles are scipy's."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

from tests.recount.facts import Z, wilson

Had = tuple[float, float]
"""How many ratings of one kind there were, and how many of them were satisfied."""
FEWEST = 10
MOST_STRENGTH = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one agent stands; shares from 0 to 1."""

    n: float
    fair: float
    low: float
    high: float
    first: int | None = None
    last: int | None = None
    standing: str | None = None


def places(agents: Mapping[str, Mapping[tuple[str, str], Had]]) -> dict[str, Place]:
    """docs/scores.md, 2 to 4, for agents who have ratings, by kind of call."""
    kinds: dict[tuple[str, str], list[float]] = {}
    for had in agents.values():
        for kind, (n, good) in had.items():
            both = kinds.setdefault(kind, [0.0, 0.0])
            both[0], both[1] = both[0] + n, both[1] + good
    usual = {kind: good / n for kind, (n, good) in kinds.items()}
    total = sum(n for n, _ in kinds.values())
    every = sum(good for _, good in kinds.values()) / total
    line = (every * total + 0.5) / (total + 1)
    adjusted: dict[str, tuple[float, float]] = {}
    amounts: dict[str, float] = {}
    for agent, had in agents.items():
        n = amounts[agent] = sum(some for some, _ in had.values())
        gain = sum(good - some * usual[kind] for kind, (some, good) in had.items()) / n
        # Calls about which callers disagree more than usual count as fewer.
        spread = sum(some * usual[kind] * (1 - usual[kind]) for kind, (some, _) in had.items()) / n
        usual_spread = every * (1 - every)
        adjusted[agent] = (min(1.0, max(0.0, every + gain)), min(n, n * usual_spread / spread) if spread else n)
    mean, strength = beta_binomial(list(adjusted.values()))
    found = {}
    for agent, (share, weight) in adjusted.items():
        a, b = mean * strength + share * weight, (1 - mean) * strength + (1 - share) * weight
        low, high = stats.beta.ppf([0.025, 0.975], a, b)
        found[agent] = Place(n=amounts[agent], fair=a / (a + b), low=low, high=high)
    ranked = [one for one in found.values() if one.n >= FEWEST]
    return {
        agent: one
        if one.n < FEWEST
        else Place(
            n=one.n,
            fair=one.fair,
            low=one.low,
            high=one.high,
            first=1 + sum(1 for other in ranked if other.low > one.high),
            last=sum(1 for other in ranked if other.high >= one.low),
            standing="above" if one.low > line else "below" if one.high < line else "near",
        )
        for agent, one in found.items()
    }


def beta_binomial(shares: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The mean and the strength of the agents' shares, by moments (Kleinman 1973), from each share and its n.

    A share of n varies by mean (1 - mean) (1 + (n - 1) r) / n, where r is how alike the ratings of one agent are. The
    scatter of the shares around their mean, each weighted with n, is expected to be the sum of n by that variance, less
    the part of each in the mean: an equation of the first degree for r. The strength is 1 / r - 1.
    """
    total = sum(n for _, n in shares)
    centre = sum(share * n for share, n in shares) / total
    mean = (centre * total + 0.5) / (total + 1)
    if len(shares) < 5:
        return mean, 8.0
    scatter = sum(n * (share - centre) ** 2 for share, n in shares) / (centre * (1 - centre))
    without_r = sum(1 - n / total for _, n in shares)
    with_r = sum((1 - n / total) * (n - 1) for _, n in shares)
    r = (scatter - without_r) / with_r
    return mean, min(MOST_STRENGTH, max(1.0, 1 / r - 1)) if r > 0 else MOST_STRENGTH


def mean_interval(ratings: Mapping[int, float], lowest: int, highest: int) -> tuple[float, float] | None:
    """Student's, within the scale; of ratings that are all the same Wilson's; None with fewer than two."""
    n = sum(ratings.values())
    if n < 2:
        return None
    given = [value for value, some in ratings.items() if some]
    if len(given) == 1:
        scale = highest - lowest
        low, high = wilson((given[0] - lowest) / scale * n, n)
        return lowest + scale * max(0.0, low), lowest + scale * min(1.0, high)
    mean = sum(value * some for value, some in ratings.items()) / n
    squares = sum(value * value * some for value, some in ratings.items())
    error = math.sqrt((squares - n * mean * mean) / (n - 1) / n)
    half = float(stats.t.ppf(0.975, n - 1)) * error
    return max(lowest, mean - half), min(highest, mean + half)


def nps(ratings: Mapping[int, float]) -> tuple[float, float, float]:
    """Per cent: 9 and 10 less 0 to 6, and Bonett's and Price's interval: one more of each, then as usual."""
    n = sum(ratings.values())
    up, down = (sum(some for value, some in ratings.items() if value in part) for part in ((9, 10), range(7)))
    p, q = (up + 1) / (n + 2), (down + 1) / (n + 2)
    half = Z * math.sqrt((p * (1 - p) + q * (1 - q) + 2 * p * q) / (n + 2))
    return 100 * (up - down) / n, 100 * max(-1.0, p - q - half), 100 * min(1.0, p - q + half)


def newcombe(first: Had, second: Had, z: float = Z) -> tuple[float, float]:
    """The interval of how much larger the share of the second is; both as (n, count)."""
    (low, high), (other_low, other_high) = (bounds(count, n, z) for n, count in (second, first))
    share, other = second[1] / second[0], first[1] / first[0]
    return (
        share - other - math.sqrt((share - low) ** 2 + (other_high - other) ** 2),
        share - other + math.sqrt((high - share) ** 2 + (other - other_low) ** 2),
    )


def bounds(count: float, n: float, z: float = Z) -> tuple[float, float]:
    """Wilson's bounds for another level: those for `Z` of what is as certain."""
    return wilson(count * (Z / z) ** 2, n * (Z / z) ** 2)


def p_value(first: Had, second: Had) -> float:
    """Of the table of two by two, by chi-squared without correction; both as (n, count)."""
    table = [[count, n - count] for n, count in (first, second)]
    return float(stats.chi2_contingency(table, correction=False).pvalue)


def signals(shares: Sequence[tuple[float, float]], centre: float) -> list[str | None]:
    """Which points of a p-chart are more than chance, from (n, count): beyond three errors, or ninth in a row."""
    sides = ""
    found: list[str | None] = []
    for n, count in shares:
        if not n:
            found.append(None)
            continue
        away = count / n - centre
        sides += "+" if away > 0 else "-" if away < 0 else "0"
        if abs(away) > 3 * math.sqrt(centre * (1 - centre) / n):
            found.append("above" if away > 0 else "below")
        else:
            found.append("run" if sides[-9:] in ("+" * 9, "-" * 9) else None)
    return found


def weighted(kinds: Mapping[tuple[str, str], tuple[float, float, float]]) -> tuple[float, float, float]:
    """Holt's and Smith's post-stratified share with its interval; each kind as (calls, n, satisfied)."""
    rated = [one for one in kinds.values() if one[1]]
    every = sum(calls for calls, _, _ in rated)
    share = sum(calls / every * good / n for calls, n, good in rated)
    # The middle of Wilson's interval.
    middles = [sum(wilson(good, n)) / 2 for _, n, good in rated]
    variance = sum(
        (calls / every) ** 2 * middle * (1 - middle) / n for (calls, n, _), middle in zip(rated, middles, strict=True)
    )
    half = Z * math.sqrt(variance)
    return share, max(0.0, share - half), min(1.0, share + half)
