"""Scores of agents, each also by call reason, from tallies and funnel counts."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ivr.scores.intervals import Amount
from ivr.scores.score import Response, Score, score
from storage.records import FunnelRow, TallyRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What callers gave, and how many of those who were asked."""

    score: Score
    response: Response


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentScore:
    """One agent's callers."""

    agent: str
    """The agent's code; ``""`` for ratings whose agent is not known."""
    name: str
    total: Scored
    by_reason: Mapping[str, Scored]
    """By reason code in alphabetical order; ``""`` for calls whose reason is not known."""


def scored(
    tallies: Iterable[TallyRow], funnel: Iterable[FunnelRow], *, values: Collection[int], satisfied: Collection[int]
) -> Scored:
    """All of these ratings and surveys together."""
    steps: dict[str, Amount] = defaultdict(int)
    for row in funnel:
        steps[row.step] += row.surveys
    return Scored(
        score=score(tallies, values=values, satisfied=satisfied),
        response=Response(offered=steps["offered"], answered=steps["answered"]),
    )


def agent_scores(
    tallies: Iterable[TallyRow],
    funnel: Iterable[FunnelRow],
    *,
    names: Mapping[str, str],
    values: Collection[int],
    satisfied: Collection[int],
) -> list[AgentScore]:
    """One score for each agent in `names`, `tallies` or `funnel`, by name and then code: an order, and no ranking.

    `tallies` and `funnel` are told apart by agent and reason, and hold ratings of one question only.
    """
    ratings: dict[tuple[str, str], list[TallyRow]] = defaultdict(list)
    for tally in tallies:
        ratings[tally.agent or "", tally.reason or ""].append(tally)
    steps: dict[tuple[str, str], list[FunnelRow]] = defaultdict(list)
    for row in funnel:
        steps[row.agent or "", row.reason or ""].append(row)

    def together(keys: Iterable[tuple[str, str]]) -> Scored:
        rows = [row for key in keys for row in ratings.get(key, ())]
        counts = [row for key in keys for row in steps.get(key, ())]
        return scored(rows, counts, values=values, satisfied=satisfied)

    keys_of: dict[str, list[tuple[str, str]]] = {agent: [] for agent in names}
    for key in sorted({*ratings, *steps}):
        keys_of.setdefault(key[0], []).append(key)
    return [
        AgentScore(
            agent=agent,
            name=names.get(agent, ""),
            total=together(keys),
            by_reason={key[1]: together([key]) for key in keys},
        )
        for agent, keys in sorted(keys_of.items(), key=lambda item: (names.get(item[0], ""), item[0]))
    ]
