"""Agents whose callers hang up first more often than other agents' callers, and so are never asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from ivr.scores.intervals import Amount, Difference, Proportion, difference, wilson

Z_FLAG = NormalDist().inv_cdf(0.9995)
"""Two-sided 99.9 %: of a thousand agents who do nothing wrong, less than one is flagged."""
FEWEST_TALKS = 30
"""With fewer talks nobody is flagged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Starvation:
    """How often the caller ended the talk, at one agent and at all others."""

    caller_first: Proportion
    """Of the talks that the agent or the caller ended, those that the caller ended, with Wilson's 95 % interval."""
    peers: Proportion
    """The same of all other agents together."""
    excess: Difference
    """How much more often than at the others, with its 99.9 % interval."""
    flagged: bool
    """Whether that is more than chance."""


def starvation(talks: Mapping[str, tuple[Amount, Amount]]) -> dict[str, Starvation]:
    """Each agent against all others, given as (talks ended by the caller, talks ended by caller or agent).

    Talks that were transferred, and those whose end was missed, belong to neither number. Agents without talks, or
    without others to be compared with, are left out.
    """
    all_first = sum(first for first, _ in talks.values())
    all_ended = sum(ended for _, ended in talks.values())
    found = {}
    for agent, (first, ended) in talks.items():
        rest = all_ended - ended
        if not ended or not rest:
            continue
        excess = difference(wilson(first, ended, Z_FLAG), wilson(all_first - first, rest, Z_FLAG))
        found[agent] = Starvation(
            caller_first=wilson(first, ended),
            peers=wilson(all_first - first, rest),
            excess=excess,
            flagged=ended >= FEWEST_TALKS and excess.low > 0,
        )
    return found
