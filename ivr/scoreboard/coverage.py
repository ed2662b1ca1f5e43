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
    hours: dict[int, list[Amount]] = defaultdict(lambda: [0, 0])
    talks: dict[int, list[Amount]] = defaultdict(lambda: [0, 0])
    if who.only is None:
        for row in await queries.coverage(board.database, narrowed):
            for groups, key in ((hours, row.hour), (talks, row.talk_band)):
                groups[key][0] += row.calls
                groups[key][1] += row.calls if row.value is not None else 0
    reasons: dict[str, list[Amount]] = defaultdict(lambda: [0, 0])
    agents: dict[str, list[Amount]] = defaultdict(lambda: [0, 0])
    for call in await queries.call_counts(board.database, narrowed, by=("agent", "reason")):
        reasons[call.reason or ""][0] += call.calls
        agents[call.agent or ""][0] += call.calls
    for tally in await queries.tallies(board.database, narrowed, by=("agent", "reason"), is_rating=True):
        reasons[tally.reason or ""][1] += tally.ratings
        agents[tally.agent or ""][1] += tally.ratings
    kinds = await _kinds(board, query, who)
    return CoverageView(
        by_hour=_covered(hours),
        by_talk=_covered(talks),
        by_reason=_covered(reasons),
        by_agent=_covered(agents),
        plain=plain(kinds),
        weighted=weighted(kinds),
    )


async def _kinds(board: Scoreboard, query: ScoreQuery, who: People) -> dict[tuple[str, str], Called]:
    headline = board.flows[query.flow].headline
    calls: dict[tuple[str, str], Amount] = defaultdict(int)
    for row in await queries.call_counts(board.database, counted(query, who, any_flow=True), by=("queue", "reason")):
        calls[row.queue or "", row.reason or ""] += row.calls
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


def _covered(groups: Mapping[Key, list[Amount]]) -> list[Covered]:
    return [
        Covered(key=key, calls=max(calls, rated), rated=wilson(rated, max(calls, rated)))
        for key, (calls, rated) in sorted(groups.items())
        if calls or rated
    ]
