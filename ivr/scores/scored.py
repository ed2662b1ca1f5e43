"""A score with its response: what callers gave, and how many of those who were asked."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from ivr.scores.intervals import Amount
from ivr.scores.score import Response, Score, score
from storage.records import FunnelRow, TallyRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What callers gave, and how many of those who were asked."""

    score: Score
    response: Response


def scored(
    tallies: Iterable[TallyRow], funnel: Iterable[FunnelRow], *, values: Collection[int], satisfied: Collection[int]
) -> Scored:
    """All of these ratings and surveys together; the ratings are those of one question."""
    steps: dict[str, Amount] = defaultdict(int)
    for row in funnel:
        steps[row.step] += row.surveys
    return Scored(
        score=score(tallies, values=values, satisfied=satisfied),
        response=Response(offered=steps["offered"], answered=steps["answered"]),
    )
