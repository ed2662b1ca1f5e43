"""The table of agents: each one's score, and where it stands among the others'."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from ivr.scoreboard.board import People, Scoreboard, ScoreQuery, counted, people
from ivr.scores.adjustment import Rated
from ivr.scores.fair import FEWEST_RATINGS, FairScore, fair_scores
from ivr.scores.scored import Scored, scored
from storage import queries
from storage.records import FunnelRow, TallyRow


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRow:
    """One agent."""

    agent: str
    """The code; ``""`` for ratings whose agent is not known."""
    name: str
    team: str
    scored: Scored
    fair: FairScore | None
    """None without ratings, and for ratings whose agent is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentsTable:
    """All agents of a period."""

    everybody: Scored
    """Of all who are shown, and of ratings whose agent is not known where nothing narrows to some."""
    ranked: int
    """How many agents have a place in the order."""
    fewest: int
    """Fewer ratings than that give no place."""
    rows: Sequence[AgentRow]
    """By name and then code: an order, and no ranking."""


async def agents_table(board: Scoreboard, query: ScoreQuery, *, only: str | None = None) -> AgentsTable:
    """Every agent who is known or was asked about; with a row for `only` one of them if given.

    Agents are compared with those who are shown, never with others: whoever sees one team compares within it.
    """
    who = await people(board, query)
    headline = board.flows[query.flow].headline
    narrowed = counted(query, who)
    every, funnel, fair = await asyncio.gather(
        queries.tallies(board.database, narrowed, by=("agent",), is_rating=True),
        queries.funnel(board.database, narrowed, by=("agent",)),
        _fair(board, query, who),
    )
    tallies = [row for row in every if row.question == headline.code]
    ratings: dict[str, list[TallyRow]] = defaultdict(list)
    steps: dict[str, list[FunnelRow]] = defaultdict(list)
    for tally in tallies:
        ratings[tally.agent or ""].append(tally)
    for row in funnel:
        steps[row.agent or ""].append(row)
    rows = [
        AgentRow(
            agent=code,
            name=who.name(code),
            team=who.team(code),
            scored=scored(ratings[code], steps[code], values=headline.values, satisfied=headline.satisfied),
            fair=fair.get(code),
        )
        for code in sorted({*who.known, *ratings, *steps}, key=lambda code: (who.name(code).casefold(), code))
        if only in (None, code)
    ]
    return AgentsTable(
        everybody=scored(tallies, funnel, values=headline.values, satisfied=headline.satisfied),
        ranked=sum(1 for one in fair.values() if one.band),
        fewest=FEWEST_RATINGS,
        rows=rows,
    )


async def _fair(board: Scoreboard, query: ScoreQuery, who: People) -> dict[str, FairScore]:
    """Where each known agent stands, by the kinds of calls that the agent had."""
    headline = board.flows[query.flow].headline
    kinds: dict[str, dict[tuple[str, str], Rated]] = defaultdict(dict)
    for row in await queries.rated(
        board.database,
        counted(query, who),
        question=headline.code,
        satisfied=headline.satisfied,
        by=("agent", "queue", "reason"),
    ):
        if row.agent:
            kinds[row.agent][row.queue or "", row.reason or ""] = Rated(n=row.n, satisfied=row.satisfied)
    return fair_scores(kinds)
