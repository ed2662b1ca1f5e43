"""Who answered, against all who called: and what the score would be if everybody had answered alike."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ivr.scores.adjustment import Stratum
from ivr.scores.intervals import Z_95, Amount, Proportion, wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """The calls of one kind."""

    calls: Amount
    rated: Amount
    """Those that were rated; from 0 to calls."""
    satisfied: Amount
    """From 0 to rated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighted:
    """A share of satisfied callers, each kind of call weighted by its calls and not by its ratings."""

    share: float
    low: float
    """Lower bound of the 95 % interval, from 0."""
    high: float
    covered: float
    """The share of the calls that are of a kind with ratings, from 0 to 1; of the others nothing is known."""


def plain(kinds: Mapping[Stratum, Called]) -> Proportion | None:
    """The share of satisfied callers of all ratings; None without ratings."""
    rated = sum(kind.rated for kind in kinds.values())
    return wilson(sum(kind.satisfied for kind in kinds.values()), rated) if rated else None


def weighted(kinds: Mapping[Stratum, Called]) -> Weighted | None:
    """The post-stratified share; None without ratings.

    D. Holt and T. M. F. Smith, "Post stratification", Journal of the Royal Statistical Society A 142 (1979), 33-46. It
    corrects for kinds of calls that answer more rarely, and not for callers who answer more rarely within a kind.
    In a kind where all ratings agree, the variance is taken from Wilson's midpoint: agreement of few is no certainty.
    """
    rated = [kind for kind in kinds.values() if kind.rated]
    calls = sum(float(kind.calls) for kind in rated)
    every = sum(float(kind.calls) for kind in kinds.values())
    if not calls:
        return None
    share = variance = 0.0
    for kind in rated:
        weight, n = float(kind.calls) / calls, float(kind.rated)
        mine = float(kind.satisfied) / n
        midpoint = (mine + Z_95 * Z_95 / (2 * n)) / (1 + Z_95 * Z_95 / n)
        share += weight * mine
        variance += weight * weight * midpoint * (1 - midpoint) / n
    half = Z_95 * math.sqrt(variance)
    return Weighted(share=share, low=max(0.0, share - half), high=min(1.0, share + half), covered=calls / every)
