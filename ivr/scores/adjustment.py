"""What an agent's callers were to be expected to say, given why and where they called, against what they said."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
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

    @property
    def points(self) -> float:
        """How much more or less than expected, as a share of the ratings; from -1 to 1."""
        return (float(self.satisfied) - self.expected) / float(self.n)


def adjusted(agents: Mapping[str, Mapping[Stratum, Rated]]) -> dict[str, Adjusted]:
    """Indirect standardisation: each agent who has ratings, against the mix of kinds of calls that the agent had.

    P. Armitage, G. Berry and J. N. S. Matthews, Statistical Methods in Medical Research, 4th ed. (2002), chapter 19.
    Not the ratio of observed and expected, which leads beyond 100 %, but their difference is added to the share of all.
    Over all agents the expected add up to the satisfied.

    What it cannot see: a kind of call that only one agent takes is expected to go as that agent's go, so such calls say
    nothing of that agent; and two agents with different kinds of calls are compared through what others made of these.
    """
    kinds: dict[Stratum, tuple[Amount, Amount]] = {}
    for had in agents.values():
        for kind, rated in had.items():
            n, satisfied = kinds.get(kind, (0, 0))
            kinds[kind] = n + rated.n, satisfied + rated.satisfied
    usual = {kind: float(satisfied / n) if n else 0.0 for kind, (n, satisfied) in kinds.items()}
    ratings = sum(n for n, _ in kinds.values())
    overall = float(sum(satisfied for _, satisfied in kinds.values()) / ratings) if ratings else 0.0
    found = {}
    for agent, had in agents.items():
        n = sum(rated.n for rated in had.values())
        if n <= 0:
            continue
        satisfied = sum(rated.satisfied for rated in had.values())
        expected = sum(float(rated.n) * usual[kind] for kind, rated in had.items())
        share = overall + (float(satisfied) - expected) / float(n)
        found[agent] = Adjusted(n=n, satisfied=satisfied, expected=expected, share=min(1.0, max(0.0, share)))
    return found
