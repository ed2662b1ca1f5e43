"""Scores told apart by one or two dimensions."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from ivr.scoreboard.board import RatedQuestion, Scoreboard, ScoreQuery, counted, people
from ivr.scores.scored import Scored, scored
from storage import queries
from storage.records import Dimension, FunnelRow, TallyRow

GroupBy = Literal["agent", "team", "queue", "reason", "flow", "question", "day", "week", "month"]
"""By what scores are told apart. A week begins on Monday; weeks and months are named by their first day."""
_FROM: Mapping[GroupBy, Dimension] = {
    "agent": "agent",
    "team": "team",
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
    return (await breakdowns(board, query, [by]))[0]


async def breakdowns(board: Scoreboard, query: ScoreQuery, several: Sequence[Sequence[GroupBy]]) -> list[list[Group]]:
    """Several breakdowns of the same ratings, read once. By flow or question all of them are told apart, or none."""
    for by in several:
        if not 1 <= len(by) <= 2 or len({*by}) != len(by):
            raise ValueError(f"scores are told apart by one or two different dimensions, not by {list(by)}")
    by_flow, by_question = ({name in by for by in several} for name in ("flow", "question"))
    if len(by_flow) > 1 or len(by_question) > 1:
        raise ValueError("scores by flow or question are read apart from others")
    who = await people(board, query)
    narrowed = counted(query, who, any_flow=True in by_flow)
    names = [name for by in several for name in by if name != "question"]
    stored = list(dict.fromkeys([*(_FROM[name] for name in names), "flow"]))
    is_rating = None if True in by_question else True
    tallies, funnel = await asyncio.gather(
        queries.tallies(board.database, narrowed, by=stored, is_rating=is_rating),
        queries.funnel(board.database, narrowed, by=stored),
    )
    questions = _questions(board, query, by_flow=True in by_flow, by_question=True in by_question)
    return [_groups(by, tallies, funnel, questions) for by in several]


def _groups(
    by: Sequence[GroupBy],
    counts: Sequence[TallyRow],
    funnel: Sequence[FunnelRow],
    questions: Mapping[tuple[str, str], RatedQuestion],
) -> list[Group]:
    parts = [_PARTS[name] for name in by]
    tallies: dict[tuple[Key, ...], list[TallyRow]] = defaultdict(list)
    steps: dict[tuple[Key, ...], list[FunnelRow]] = defaultdict(list)
    asked: dict[tuple[Key, ...], RatedQuestion] = {}
    for tally in counts:
        question = questions.get((tally.flow or "", tally.question))
        if question:
            key = tuple(part(tally, tally.question) for part in parts)
            tallies[key].append(tally)
            asked[key] = question
    for row in funnel:
        for (flow, code), question in questions.items():
            if flow == row.flow:
                key = tuple(part(row, code) for part in parts)
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


_PARTS: Mapping[GroupBy, Callable[[TallyRow | FunnelRow, str], Key]] = {
    "agent": lambda row, _: row.agent or "",
    "team": lambda row, _: row.team or "",
    "queue": lambda row, _: row.queue or "",
    "reason": lambda row, _: row.reason or "",
    "flow": lambda row, _: row.flow or "",
    "question": lambda _, question: question,
    "day": lambda row, _: first_day(row.day, "day"),
    "week": lambda row, _: first_day(row.day, "week"),
    "month": lambda row, _: first_day(row.day, "month"),
}
"""One part of a group's key, from a row and the question that it is about."""
