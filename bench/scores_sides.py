"""The two sides: a score read from counts as pages and API read it, and the same told by GROUP BY over the ratings."""

import json
import math
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import column, event, func, select, table
from sqlalchemy.types import Date, Integer, String

from bench.scores_data import AGENTS, FLOW, KINDS, LAST_DAY, QUESTION, SITE, TEAMS
from storage import queries
from storage.engine import Database
from storage.records import Amount, CountFilter
from storage.transaction import Transaction

PERIODS = {30: "30 days", 90: "90 days", 365: "a year", None: "all"}
GROUPED_AT_MOST = 5
"""How often GROUP BY is asked for one filter."""
FEWEST = 100
"""Fewer readings of one cell would not tell what 99 % are."""
QUESTIONS = 25
"""How many different ones there are of a cell. Each is asked once before it counts, on both sides: nothing waits for
the disk."""
PROFILED = 10
"""Of how many of them the database's part is told."""

_RATING = table(
    "rating", *(column(name, String) for name in ("site_id", "agent", "queue", "reason")), column("day", Date),
    column("value", Integer),
)  # fmt: skip

Counts = dict[tuple[str, int], Amount]
"""Ratings by agent and value."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One kind of question that is asked again and again, of other agents, reasons and days each time."""

    who: str
    """``all agents``, ``a team`` or ``one agent``."""
    kind: str
    """``""``, ``reason`` or ``queue``: to what the calls are narrowed."""
    days: int | None
    """How many days; None for all."""

    @property
    def name(self) -> str:
        """Without whom it is about."""
        return PERIODS[self.days] + (f", one {self.kind}" if self.kind else "")

    def filter(self, rng: random.Random) -> CountFilter:
        """One such question, by chance: periods end on one of the last sixty days."""
        narrowed = CountFilter(site=SITE, flow=FLOW)
        if self.who == "one agent":
            narrowed = replace(narrowed, agent=rng.choice(AGENTS))
        if self.who == "a team":
            narrowed = replace(narrowed, agents=frozenset(AGENTS[rng.randrange(TEAMS) :: TEAMS]))
        queue, reason = rng.choice(KINDS)
        if self.kind == "reason":
            narrowed = replace(narrowed, reason=reason)
        if self.kind == "queue":
            narrowed = replace(narrowed, queue=queue)
        if self.days:
            last = LAST_DAY - timedelta(days=rng.randrange(60))
            narrowed = replace(narrowed, from_day=last - timedelta(days=self.days - 1), to_day=last)
        return narrowed


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a cell took, in milliseconds."""

    cell: Cell
    median: float
    slowest_of_100: float
    """99 % took no longer."""
    in_database: float
    """The median of what the database itself says that its statement took, or of the driver's alone on SQLite."""
    grouped: float
    """The median of GROUP BY."""

    @property
    def ratio(self) -> float:
        """How many times as long GROUP BY took."""
        return self.grouped / self.median


def cells() -> list[Cell]:
    """All that is measured."""
    return [
        Cell(who=who, kind=kind, days=days)
        for who in ("one agent", "a team", "all agents")
        for kind in ("", "reason", "queue")
        for days in PERIODS
    ]


async def measure(database: Database, cell: Cell, *, times: int, seconds: float) -> Measured:
    """Ask both sides, each for so many seconds at most or the fewest times that count.

    Raises RuntimeError when they tell different numbers.
    """
    rng = random.Random(f"{cell}")  # the same questions on every run
    grouped: list[float] = []
    while not grouped or (len(grouped) < GROUPED_AT_MOST and sum(grouped) < 1000 * seconds):
        narrowed = cell.filter(rng)
        await _grouped(database, narrowed)
        begin = time.perf_counter()
        theirs = await _grouped(database, narrowed)
        grouped.append(1000 * (time.perf_counter() - begin))
        ours = await counted(database, narrowed)
        if ours != theirs:
            raise RuntimeError(f"{len(ours)} counts are not the {len(theirs)} that the ratings say: {narrowed}")
    questions = [cell.filter(rng) for _ in range(QUESTIONS)]
    for narrowed in questions:
        await counted(database, narrowed)
    taken: list[float] = []
    while len(taken) < times and (len(taken) < FEWEST or sum(taken) < 1000 * seconds):
        begin = time.perf_counter()
        await counted(database, questions[len(taken) % QUESTIONS])
        taken.append(1000 * (time.perf_counter() - begin))
    return Measured(
        cell=cell,
        median=statistics.median(taken),
        slowest_of_100=slowest_of_100(taken),
        in_database=statistics.median([await in_database(database, narrowed) for narrowed in questions[:PROFILED]]),
        grouped=statistics.median(grouped),
    )


def slowest_of_100(taken: Sequence[float]) -> float:
    """What 99 % of these took no longer than."""
    return sorted(taken)[math.ceil(0.99 * len(taken)) - 1]


async def counted(database: Database, narrowed: CountFilter) -> Counts:
    """The ratings by agent and value, as scores are made of them."""
    rows = await queries.tallies(database, narrowed, by=("agent",), is_rating=True)
    return {(row.agent or "", row.value): row.ratings for row in rows if row.question == QUESTION}


async def _grouped(database: Database, narrowed: CountFilter) -> Counts:
    conditions = [_RATING.c.site_id == narrowed.site]
    if narrowed.agent is not None:
        conditions.append(_RATING.c.agent == narrowed.agent)
    if narrowed.agents is not None:
        conditions.append(_RATING.c.agent.in_(sorted(narrowed.agents)))
    if narrowed.queue is not None:
        conditions.append(_RATING.c.queue == narrowed.queue)
    if narrowed.reason is not None:
        conditions.append(_RATING.c.reason.in_(_reasons(narrowed.reason)))
    if narrowed.from_day is not None and narrowed.to_day is not None:
        conditions += [_RATING.c.day >= narrowed.from_day, _RATING.c.day <= narrowed.to_day]
    by = (_RATING.c.agent, _RATING.c.value)
    statement = select(*by, func.count()).where(*conditions).group_by(*by)

    async def work(connection: Transaction) -> Counts:
        return {(agent, value): n for agent, value, n in await connection.execute(statement)}

    return await database.read(work, seconds=None)


def _reasons(reason: str) -> list[str]:
    """A reason and those below it."""
    return [code for _, code in KINDS if code == reason or code.startswith(f"{reason}/")]


async def in_database(database: Database, narrowed: CountFilter) -> float:
    """How many milliseconds the one statement takes of which `counted` is made, without our part."""
    async with Listening(database) as heard:
        await counted(database, narrowed)
    return await explained(database, heard)


class Listening:
    """Hears which statements are sent meanwhile."""

    def __init__(self, database: Database) -> None:
        self._engine = database.engine
        self._heard: list[tuple[str, Any]] = []

    async def __aenter__(self) -> list[tuple[str, Any]]:
        event.listen(self._engine, "before_cursor_execute", self._hear)
        return self._heard

    async def __aexit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._hear)

    def _hear(self, _connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        self._heard.append((statement, parameters))


async def explained(database: Database, statements: list[tuple[str, Any]]) -> float:
    """How many milliseconds statements take in the database, one after the other.

    PostgreSQL tells it itself, planning included; on SQLite they are run again without anything of SQLAlchemy's rows.
    """

    async def work(connection: Transaction) -> float:
        taken = 0.0
        for statement, parameters in statements:
            if not statement.lstrip().upper().startswith("SELECT"):
                continue
            if connection.dialect.name == "sqlite":
                begin = time.perf_counter()
                (await connection.exec_driver_sql(statement, parameters)).cursor.fetchall()
                taken += 1000 * (time.perf_counter() - begin)
            else:
                explain = f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"
                said = (await connection.exec_driver_sql(explain, parameters)).scalar_one()
                (plan,) = json.loads(said) if isinstance(said, str) else said
                taken += plan["Planning Time"] + plan["Execution Time"]
        return taken

    return await database.read(work, seconds=None)
