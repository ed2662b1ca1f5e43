"""What drives satisfaction: per reason, and per question of the flow."""

from collections.abc import Mapping
from dataclasses import dataclass

from ivr.scoreboard.board import Scoreboard, ScoreQuery, counted, people
from ivr.scores.drivers import Driver, correlation, drivers
from storage import queries
from storage.answer_pairs import answer_pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class DriversView:
    """Importance against performance."""

    reasons: Mapping[str, Driver]
    """By code (``""`` when not known): importance is the share of all ratings, performance that of the satisfied."""
    questions: Mapping[str, Driver]
    """By code, the flow's other questions: importance is how much its answers go together with the rating, from -1 to
    1, performance the mean answer as a share of the scale. Questions without varying answers are left out."""


async def drivers_view(board: Scoreboard, query: ScoreQuery) -> DriversView:
    """The drivers of the query's flow in its period."""
    who = await people(board, query)
    flow = board.flows[query.flow]
    rated = await queries.rated(
        board.database,
        counted(query, who),
        question=flow.headline.code,
        satisfied=flow.headline.satisfied,
        by=("reason",),
    )
    every = sum(row.n for row in rated)
    reasons = {row.reason or "": (row.n, float(row.n / every), float(row.satisfied / row.n)) for row in rated}
    questions = {}
    for question in flow.others:
        pairs = await answer_pairs(
            board.database,
            counted(query, who),
            begins=query.begins,
            ends=query.ends,
            question=question.code,
            headline=flow.headline.code,
        )
        together = correlation(pairs)
        lowest, highest = min(question.values), max(question.values)
        if together is not None and highest > lowest:
            n = sum(pairs.values())
            mean = sum(value * count for (value, _), count in pairs.items()) / n
            questions[question.code] = (n, together, (mean - lowest) / (highest - lowest))
    return DriversView(reasons=drivers(reasons), questions=drivers(questions))
