"""Who answered, against all who called."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from ivr.scoreboard.board import People, Scoreboard, ScoreQuery, counted, people
from ivr.scores.coverage import Called, Weighted, plain, weighted
from ivr.scores.intervals import Amount, Proportion, wilson
from storage import queries

Key = TypeVar("Key", str, int)
Group = list[Amount]
"""Calls, and those of them that were rated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """The calls of one group."""

    key: str | int
    """A code (``""`` when not known), an hour, or a place in `storage.records.TALK_BANDS` (-1 when not known)."""
    calls: Amount
    """More than 0."""
    rated: Proportion
    """Those of the calls that were rated, with its interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageView:
    """Who answered, told apart in several ways, each in the order of its keys."""

    by_hour: Sequence[Covered]
    """By the hour in which the call ended; empty for whoever sees only some agents."""
    by_talk: Sequence[Covered]
    """By how long it was talked; empty for whoever sees only some agents."""
    by_reason: Sequence[Covered]
    by_agent: Sequence[Covered]
    plain: Proportion | None
    """The share of the satisfied among the ratings of the query's flow; None without any."""
    weighted: Weighted | None
    """The same with each kind of call (reason and queue) weighted by its calls; None without ratings."""


async def coverage_view(board: Scoreboard, query: ScoreQuery) -> CoverageView:
    """Who answered in a period. A flow narrows the satisfied alone."""
    who = await people(board, query)
    narrowed = counted(query, who, any_flow=True)
    database = board.database
    hours: dict[int, Group] = defaultdict(_nothing)
    talks: dict[int, Group] = defaultdict(_nothing)
    if who.only is None:
        for row in await queries.coverage(database, narrowed):
            _add(hours[row.hour], row.calls, row.rated)
            _add(talks[row.talk_band], row.calls, row.rated)
    agents: dict[str, Group] = defaultdict(_nothing)
    for (agent,), calls in (await queries.calls_by(database, narrowed, ("agent",))).items():
        _add(agents[agent], calls, 0)
    for (agent,), rated in (await queries.ratings_by(database, narrowed, ("agent",))).items():
        _add(agents[agent], 0, rated)
    reasons: dict[str, Group] = defaultdict(_nothing)
    calls_of_kind = await queries.calls_by(database, narrowed, ("queue", "reason"))
    for (_, reason), calls in calls_of_kind.items():
        _add(reasons[reason], calls, 0)
    for (reason,), rated in (await queries.ratings_by(database, narrowed, ("reason",))).items():
        _add(reasons[reason], 0, rated)
    kinds = await _kinds(board, query, who, calls_of_kind)
    return CoverageView(
        by_hour=_covered(hours),
        by_talk=_covered(talks),
        by_reason=_covered(reasons),
        by_agent=_covered(agents),
        plain=plain(kinds),
        weighted=weighted(kinds),
    )


async def _kinds(
    board: Scoreboard, query: ScoreQuery, who: People, calls: Mapping[tuple[str, ...], Amount]
) -> dict[tuple[str, ...], Called]:
    """The kinds of calls (queue and reason) with the ratings of the query's flow."""
    headline = board.flows[query.flow].headline
    rated = {
        (row.queue or "", row.reason or ""): row
        for row in await queries.rated(
            board.database,
            counted(query, who),
            question=headline.code,
            satisfied=headline.satisfied,
            by=("queue", "reason"),
        )
    }
    return {
        kind: Called(
            # Ratings of calls that are not over yet are there before their calls.
            calls=max(calls.get(kind, 0), rated[kind].n if kind in rated else 0),
            rated=rated[kind].n if kind in rated else 0,
            satisfied=rated[kind].satisfied if kind in rated else 0,
        )
        for kind in {*calls, *rated}
    }


def _nothing() -> Group:
    return [0, 0]


def _add(group: Group, calls: Amount, rated: Amount) -> None:
    group[0] += calls
    group[1] += rated


def _covered(groups: Mapping[Key, Group]) -> list[Covered]:
    return [
        Covered(key=key, calls=max(calls, rated), rated=wilson(rated, max(calls, rated)))
        for key, (calls, rated) in sorted(groups.items())
        if calls or rated
    ]
