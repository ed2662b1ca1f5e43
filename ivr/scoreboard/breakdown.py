"""Scores told apart by one or two dimensions."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from ivr.scoreboard.board import People, RatedQuestion, Scoreboard, ScoreQuery, counted, people
from ivr.scores.scored import Scored, scored
from storage import queries
from storage.records import Dimension, FunnelRow, TallyRow

GroupBy = Literal["agent", "team", "queue", "reason", "flow", "question", "day", "week", "month"]
"""By what scores are told apart. A week begins on Monday; weeks and months are named by their first day."""
_FROM: Mapping[GroupBy, Dimension] = {
    "agent": "agent",
    "team": "agent",
    "queue": "queue",
    "reason": "reason",
    "flow": "flow",
    "day": "day",
    "week": "day",
    "month": "day",
}
Key = str | date


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What is said of the ratings of one group."""

    keys: tuple[Key, ...]
    """One for each dimension, in the order asked for: a code (``""`` when not known) or a day."""
    question: RatedQuestion
    """Whose answers these are: the headline question's, unless told apart by question."""
    scored: Scored
    """When told apart by question, the response is that of the group without its question."""


async def breakdown(board: Scoreboard, query: ScoreQuery, by: Sequence[GroupBy]) -> list[Group]:
    """The groups that have ratings or surveys, in the order of their keys.

    `by` are one or two different dimensions. Told apart by flow, every flow is told with its own headline question, and
    the query's own flow does not narrow. Raises ValueError for other `by`.
    """
    if not 1 <= len(by) <= 2 or len({*by}) != len(by):
        raise ValueError(f"scores are told apart by one or two different dimensions, not by {list(by)}")
    who = await people(board, query)
    by_flow, by_question = "flow" in by, "question" in by
    stored = list(dict.fromkeys([*(_FROM[name] for name in by if name != "question"), "flow"]))
    narrowed = counted(query, who, any_flow=by_flow)
    questions = _questions(board, query, by_flow=by_flow, by_question=by_question)
    tallies: dict[tuple[Key, ...], list[TallyRow]] = defaultdict(list)
    steps: dict[tuple[Key, ...], list[FunnelRow]] = defaultdict(list)
    asked: dict[tuple[Key, ...], RatedQuestion] = {}
    found = await queries.tallies(board.database, narrowed, by=stored, is_rating=None if by_question else True)
    for tally in found:
        question = questions.get((tally.flow or "", tally.question))
        if question:
            key = _key(by, tally, who, tally.question)
            tallies[key].append(tally)
            asked[key] = question
    for row in await queries.funnel(board.database, narrowed, by=stored):
        for (flow, code), question in questions.items():
            if flow == row.flow:
                key = _key(by, row, who, code)
                steps[key].append(row)
                asked.setdefault(key, question)
    return [
        Group(
            keys=key,
            question=asked[key],
            scored=scored(tallies[key], steps[key], values=asked[key].values, satisfied=asked[key].satisfied),
        )
        for key in sorted(asked, key=lambda key: tuple(map(str, key)))
    ]


def _questions(
    board: Scoreboard, query: ScoreQuery, *, by_flow: bool, by_question: bool
) -> dict[tuple[str, str], RatedQuestion]:
    """The questions whose answers are told, by flow and code."""
    flows = board.flows if by_flow else {query.flow: board.flows[query.flow]}
    return {
        (code, question.code): question
        for code, flow in flows.items()
        for question in (flow.headline, *(flow.others if by_question else ()))
    }


def _key(by: Sequence[GroupBy], row: TallyRow | FunnelRow, who: People, question: str) -> tuple[Key, ...]:
    parts: Mapping[GroupBy, Callable[[], Key]] = {
        "agent": lambda: row.agent or "",
        "team": lambda: who.team(row.agent or ""),
        "queue": lambda: row.queue or "",
        "reason": lambda: row.reason or "",
        "flow": lambda: row.flow or "",
        "question": lambda: question,
        "day": lambda: first_day(row.day, "day"),
        "week": lambda: first_day(row.day, "week"),
        "month": lambda: first_day(row.day, "month"),
    }
    return tuple(parts[name]() for name in by)


def first_day(day: date | None, of: Literal["day", "week", "month"]) -> date:
    """The first day of the day, week or month in which `day` lies."""
    assert day is not None  # counts that are told apart by day have one
    match of:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            return day
