"""What an agent's callers were to be expected to say, given why and where they called, against what they said."""

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from ivr.scores.intervals import Amount

Stratum = TypeVar("Stratum", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """Ratings of one kind of call: those with one reason in one queue, say."""

    n: Amount
    satisfied: Amount
    """From 0 to n."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """An agent's ratings beside those that were to be expected."""

    n: Amount
    """More than 0."""
    satisfied: Amount
    expected: float
    """How many would be satisfied, had each kind of this agent's callers rated as all callers of that kind did."""
    share: float
    """The agent's share of satisfied callers if the agent had the usual mix of calls, from 0 to 1."""
    weight: float
    """How many ratings of the usual mix vary by chance as little as these; more than 0, at most n."""

    @property
    def points(self) -> float:
        """How much more or less than expected, as a share of the ratings; from -1 to 1."""
        return (float(self.satisfied) - self.expected) / float(self.n)


def adjusted(agents: Mapping[str, Mapping[Stratum, Rated]]) -> dict[str, Adjusted]:
    """Indirect standardisation: each agent who has ratings, against the mix of kinds of calls that the agent had.

    P. Armitage, G. Berry and J. N. S. Matthews, Statistical Methods in Medical Research, 4th ed. (2002), chapter 19.
    Not the ratio of observed and expected, which leads beyond 100 %, but their difference is added to the share of all.
    Over all agents the expected add up to the satisfied.

    Where half of the callers are satisfied, chance moves a share most. An agent with such calls is therefore taken to
    have fewer ratings: `weight` is n by the effect of the mix on the variance (L. Kish, Survey Sampling, 1965).

    What it cannot see: a kind of call that only one agent takes is expected to go as that agent's go, so such calls say
    nothing of that agent; and two agents with different kinds of calls are compared through what others made of these.
    """
    # Counted in whole parts of a rating: exact as fractions are, and many times as fast.
    amounts = [amount for had in agents.values() for rated in had.values() for amount in (rated.n, rated.satisfied)]
    parts = math.lcm(*{amount.denominator for amount in amounts})
    counts = {
        agent: [
            (
                kind,
                rated.n.numerator * (parts // rated.n.denominator),
                rated.satisfied.numerator * (parts // rated.satisfied.denominator),
            )
            for kind, rated in had.items()
            if rated.n
        ]
        for agent, had in agents.items()
    }
    kinds: defaultdict[Stratum, list[int]] = defaultdict(lambda: [0, 0])
    for counted in counts.values():
        for kind, n, satisfied in counted:
            both = kinds[kind]
            both[0] += n
            both[1] += satisfied
    usual = {kind: satisfied / n for kind, (n, satisfied) in kinds.items()}
    overall = sum(satisfied for _, satisfied in kinds.values()) / (sum(n for n, _ in kinds.values()) or 1)
    usual_variance = overall * (1 - overall)
    found = {}
    for agent, counted in counts.items():
        n_of_all = satisfied_of_all = 0
        expected = variance = 0.0
        for kind, n, satisfied in counted:
            n_of_all += n
            satisfied_of_all += satisfied
            share = usual[kind]
            expected += n * share
            variance += n * share * (1 - share)
        if not n_of_all:
            continue
        share = overall + (satisfied_of_all - expected) / n_of_all
        effect = max(1.0, variance / n_of_all / usual_variance) if usual_variance else 1.0
        found[agent] = Adjusted(
            n=_amount(n_of_all, parts),
            satisfied=_amount(satisfied_of_all, parts),
            expected=expected / parts,
            share=min(1.0, max(0.0, share)),
            weight=n_of_all / parts / effect,
        )
    return found


def _amount(counted: int, parts: int) -> Amount:
    return Fraction(counted, parts) if parts > 1 else counted
