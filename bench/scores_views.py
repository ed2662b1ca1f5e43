"""How long what pages and API show of scores takes as a whole: several reads side by side, and what is made of them."""

import random
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bench.scores_data import AGENTS, DAYS, FLOW, LAST_DAY, QUESTION, SITE
from bench.scores_sides import PERIODS, Listening, explained
from ivr.scoreboard.agents import agents_table
from ivr.scoreboard.board import RatedFlow, RatedQuestion, Scoreboard, ScoredSite, ScoreQuery
from ivr.scoreboard.breakdown import breakdown
from ivr.scoreboard.trend import trend
from storage.engine import Database

ZONE = ZoneInfo("Asia/Taipei")


async def measure_views(database: Database, *, times: int) -> None:
    """Print a line for each view and period."""
    print("| in milliseconds | median | longest | its statements alone, one after the other |")
    print("|---|---|---|---|", flush=True)
    board = _board(database)
    rng = random.Random(20261122)  # the same questions on every run
    for days, period in PERIODS.items():
        for name, view in _views(board, rng, days or DAYS).items():
            await view()
            taken = []
            for _ in range(times):
                begin = time.perf_counter()
                await view()
                taken.append(1000 * (time.perf_counter() - begin))
            async with Listening(database) as heard:
                await view()
            alone = await explained(database, heard)
            print(
                f"| {name}, {period} | {statistics.median(taken):,.1f} | {max(taken):,.1f} | {alone:,.1f} |", flush=True
            )


def _views(board: Scoreboard, rng: random.Random, days: int) -> dict[str, Callable[[], Awaitable[Any]]]:
    def query() -> ScoreQuery:
        last = LAST_DAY - timedelta(days=rng.randrange(60) if days < DAYS else 0)
        return ScoreQuery(site=SITE, zone=ZONE, flow=FLOW, from_day=last - timedelta(days=days - 1), to_day=last)

    return {
        "the table of all agents, compared with each other": lambda: agents_table(board, query()),
        "one agent among all the others": lambda: agents_table(board, query(), only=rng.choice(AGENTS)),
        "one agent's score by week": lambda: trend(board, query(), "week", agent=rng.choice(AGENTS)),
        "scores by reason": lambda: breakdown(board, query(), ["reason"]),
    }


def _board(database: Database) -> Scoreboard:
    headline = RatedQuestion(code=QUESTION, values=range(1, 6), satisfied=(4, 5), labels={})
    return Scoreboard(
        database=database,
        sites={SITE: ScoredSite(zone=ZONE, flow=FLOW)},
        flows={FLOW: RatedFlow(title="Satisfaction", headline=headline)},
        now=lambda: datetime.combine(LAST_DAY, datetime.min.time(), UTC),
    )
