"""Shares of few ratings, drawn towards the share of all: the less there is, the more."""

from collections.abc import Collection
from dataclasses import dataclass

from ivr.scores.beta import beta_quantile

FEWEST_AGENTS = 5
"""With fewer, nothing can be said of how much agents differ."""
WEAK_STRENGTH = 8.0
"""The strength of the prior then: as if everybody had eight ratings that say the share of all."""
MOST_STRENGTH = 50.0
"""However alike the agents are, nobody is held to be like the others by more than fifty ratings: one who does much
worse than all the others has to be found within a month or two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is known of an agent of whom there is no rating yet: the beta distribution of the agents' shares."""

    mean: float
    """From 0 to 1, both excluded."""
    strength: float
    """How many ratings it outweighs; the larger, the less the agents differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shrunk:
    """What is to be believed of an agent's share."""

    share: float
    low: float
    """Lower bound of the central 95 % of what is believed."""
    high: float


def prior(shares: Collection[tuple[float, float]]) -> Prior:
    """How the agents' shares are distributed, estimated from `shares`: pairs of a share from 0 to 1 and its n.

    J. C. Kleinman, "Proportions with extraneous variance: single and independent samples", JASA 68 (1973), 46-54: the
    beta-binomial distribution by moments, each agent weighted with n.
    """
    known = [(share, n) for share, n in shares if n > 0]
    total = sum(n for _, n in known)
    if not total:
        return Prior(mean=0.5, strength=WEAK_STRENGTH)
    centre = sum(share * n for share, n in known) / total
    # A share of all that is 0 or 1 would say that nothing else can ever happen.
    mean = (centre * total + 0.5) / (total + 1)
    if len(known) < FEWEST_AGENTS:
        return Prior(mean=mean, strength=WEAK_STRENGTH)
    scatter = sum(n * (share - centre) ** 2 for share, n in known)
    by_chance = centre * (1 - centre) * (len(known) - 1)
    by_agents = centre * (1 - centre) * (total - sum(n * n for _, n in known) / total - (len(known) - 1))
    correlation = (scatter - by_chance) / by_agents if by_agents > 0 else 0.0
    strength = 1 / correlation - 1 if correlation > 0 else MOST_STRENGTH
    return Prior(mean=mean, strength=min(MOST_STRENGTH, max(1.0, strength)))


def shrunk(share: float, n: float, known: Prior) -> Shrunk:
    """The share of an agent with `n` ratings (from 0) in the light of all agents: the beta posterior.

    B. Efron and C. Morris, "Stein's paradox in statistics", Scientific American 236 (1977), 119-127, says why this is
    nearer to the truth than the plain share. The interval says nothing of the uncertainty of the prior itself.
    """
    a = known.mean * known.strength + share * n
    b = (1 - known.mean) * known.strength + (1 - share) * n
    return Shrunk(share=a / (a + b), low=beta_quantile(0.025, a, b), high=beta_quantile(0.975, a, b))
