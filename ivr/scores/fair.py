"""The fair comparison of agents: by the same mix of calls, little data drawn to the middle, and bands, not ranks."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ivr.scores.adjustment import Rated, Stratum, adjusted
from ivr.scores.intervals import Proportion, wilson
from ivr.scores.shrinkage import Shrunk, prior, shrunk

FEWEST_RATINGS = 10
"""An agent with fewer has no place in the order, unless the settings say otherwise."""
Standing = Literal["above", "near", "below"]
"""Where an agent's interval lies: above the share of all, around it, or below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The places that an agent may hold: all those whose intervals overlap are tied."""

    first: int
    """The best place, from 1: one more than there are agents who are clearly better."""
    last: int
    """The last place: all but the agents who are clearly worse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FairScore:
    """One agent among the others."""

    plain: Proportion
    """What the callers said, with Wilson's interval."""
    expected: float
    """The share that was to be expected of this agent's mix of calls, from 0 to 1."""
    adjusted: float
    """The share with the usual mix of calls, from 0 to 1."""
    fair: Shrunk
    """The adjusted share, drawn towards the share of all by as much as there are few ratings."""
    band: Band | None
    """None for an agent with too few ratings."""
    standing: Standing | None
    """On which side of the share of all the whole interval lies; None for an agent with too few ratings."""


def fair_scores(agents: Mapping[str, Mapping[Stratum, Rated]], *, fewest: int = FEWEST_RATINGS) -> dict[str, FairScore]:
    """Compare all agents who have ratings, given as ratings by kind of call.

    Two agents are tied when their 95 % intervals overlap, which is stricter than a test at 5 %: agents who do not
    differ are told apart in fewer than one of a hundred pairs (N. Schenker and J. F. Gentleman, "On judging the
    significance of differences by examining the overlap between confidence intervals", The American Statistician 55
    (2001), 182-186).
    """
    found = adjusted(agents)
    known = prior([(one.share, one.weight) for one in found.values()])
    estimates = {agent: shrunk(one.share, one.weight, known) for agent, one in found.items()}
    ranked = {agent for agent, one in found.items() if one.n >= fewest}
    bands = _bands({agent: estimates[agent] for agent in ranked})
    n = sum(float(one.n) for one in found.values())
    # As for the prior's mean: a share of all that is 0 or 1 would have every interval on one side.
    overall = (sum(float(one.satisfied) for one in found.values()) + 0.5) / (n + 1)
    return {
        agent: FairScore(
            plain=wilson(one.satisfied, one.n),
            expected=one.expected / float(one.n),
            adjusted=one.share,
            fair=estimates[agent],
            band=bands.get(agent),
            standing=_standing(estimates[agent], overall) if agent in ranked else None,
        )
        for agent, one in found.items()
    }


def _bands(estimates: Mapping[str, Shrunk]) -> dict[str, Band]:
    lows = sorted(one.low for one in estimates.values())
    highs = sorted(one.high for one in estimates.values())
    return {
        agent: Band(
            first=1 + len(lows) - bisect_right(lows, one.high),
            last=len(highs) - bisect_left(highs, one.low),
        )
        for agent, one in estimates.items()
    }


def _standing(estimate: Shrunk, overall: float) -> Standing:
    if estimate.low > overall:
        return "above"
    return "below" if estimate.high < overall else "near"
