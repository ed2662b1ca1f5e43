"""A score: what is said of an agent, or of an agent's callers with one reason, from counted ratings."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from ivr.scores.intervals import Amount, Proportion, wilson
from ivr.scores.measures import Mean, Nps, is_nps, mean, nps


class RatingCount(Protocol):
    """How many ratings of one value there are in one bucket; a row of the tallies is one."""

    @property
    def value(self) -> int: ...
    @property
    def ratings(self) -> Amount: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Ratings in numbers; never without its n."""

    n: Amount
    """Ratings counted; a rating that several agents share counts as much of one as is theirs."""
    mean: Mean | None
    """Of the values; None when n is 0."""
    satisfied: Proportion | None
    """CSAT: the share of ratings whose value the question calls satisfied; None when n is 0."""
    distribution: Mapping[int, Amount]
    """Ratings by value, every value of the question present, ascending."""
    nps: Nps | None = None
    """Net Promoter Score; None when n is 0, and for a question that does not go from 0 to 10."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """How many of those who were asked gave a rating: answered / offered, and no other denominator."""

    offered: Amount
    answered: Amount

    @property
    def rate(self) -> float | None:
        """From 0 to 1; None when nobody was asked."""
        return float(self.answered / self.offered) if self.offered else None


def score(counts: Iterable[RatingCount], *, values: Collection[int], satisfied: Collection[int]) -> Score:
    """The score of the ratings in `counts`.

    `values` are those that the question can give, `satisfied` those that count as satisfied (top-2-box: the two best).
    A value that is no longer among `values` (an earlier version of the flow had it) counts all the same.
    """
    by_value: defaultdict[int, Amount] = defaultdict(int)
    for row in counts:
        by_value[row.value] += row.ratings
    n = sum(by_value.values())
    return Score(
        n=n,
        mean=mean(by_value, values) if n else None,
        nps=nps(by_value) if n and is_nps(values) else None,
        satisfied=wilson(sum(by_value.get(value, 0) for value in set(satisfied)), n) if n else None,
        distribution={value: by_value.get(value, 0) for value in sorted({*values, *by_value})},
    )
