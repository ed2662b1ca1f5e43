"""Every read that is served, each one statement."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction
from operator import attrgetter
from typing import Any

from sqlalchemy import ColumnElement, case, select

from storage.count_tables import NO_RATING, CallCount, Coverage, Funnel, Tally
from storage.engine import Database
from storage.records import (
    NEVER_PUBLISHED,
    PARTS,
    STEPS,
    AgentRecord,
    Amount,
    CallCountRow,
    Coded,
    CountFilter,
    CoverageRow,
    Dimension,
    FlowVersionRecord,
    FunnelRow,
    RatedRow,
    TallyRow,
)
from storage.summing import Condition, Sums, summed
from storage.tables import Agent, Base, FlowVersion, Leg, Survey

PAGE = 1000
"""Rows read at once where there may be millions."""


async def tallies(
    database: Database,
    narrowed: CountFilter,
    *,
    by: Sequence[Dimension] = ("site", "agent"),
    is_rating: bool | None = None,
) -> list[TallyRow]:
    """How many answers gave each value to each question, told apart by `by`, ordered by it, question and value.

    `is_rating` narrows to the headline questions (True) or to all others (False).
    """
    rest = ("question", "is_rating", "value")
    conditions: list[Condition] = [lambda table: table.ratings > 0]
    if is_rating is not None:
        conditions.append(lambda table: table.is_rating.is_(is_rating))
    statement = summed(Tally, narrowed, by, rest, {"ratings": lambda table: table.ratings}, conditions)
    rows = await database.read(lambda connection: _all(connection, statement))
    return [TallyRow(**dict(zip([*by, *rest], keys, strict=True)), ratings=amount(ratings)) for *keys, ratings in rows]


async def rated(
    database: Database,
    narrowed: CountFilter,
    *,
    question: str,
    satisfied: Collection[int],
    by: Sequence[Dimension] = ("agent",),
) -> list[RatedRow]:
    """How many ratings `question` was given as a headline question, and how many of them have a `satisfied` value.

    Told apart by `by`, and ordered by it.
    """
    values = sorted(satisfied)
    sums: Sums = {
        "satisfied": lambda table: case((table.value.in_(values), table.ratings), else_=0),
        "n": lambda table: table.ratings,
    }
    conditions: list[Condition] = [
        lambda table: table.question == question,
        lambda table: table.is_rating.is_(True),
        lambda table: table.ratings > 0,
    ]
    statement = summed(Tally, narrowed, by, (), sums, conditions)
    rows = await database.read(lambda connection: _all(connection, statement))
    return [
        RatedRow(**dict(zip(by, keys, strict=True)), n=amount(n), satisfied=amount(some))
        for *keys, some, n in rows
        if n
    ]


async def funnel(
    database: Database, narrowed: CountFilter, *, by: Sequence[Dimension] = ("site", "agent")
) -> list[FunnelRow]:
    """How many surveys reached each step, told apart by `by`, ordered by it and the step's name."""
    steps = sorted(STEPS)
    statement = summed(Funnel, narrowed, by, (), {step: attrgetter(step) for step in steps})
    rows = await database.read(lambda connection: _all(connection, statement))
    return [
        FunnelRow(**dict(zip(by, row, strict=False)), step=step, surveys=amount(surveys))
        for row in rows
        for step, surveys in zip(steps, row[len(by) :], strict=True)
        if surveys
    ]


async def call_counts(
    database: Database, narrowed: CountFilter, *, by: Sequence[Dimension] = ("site", "agent")
) -> list[CallCountRow]:
    """How many calls were asked, or not and why, and who ended them, told apart by `by` and ordered by it.

    A flow narrows nothing: most calls never had one. Raises ValueError when told apart by flow.
    """
    if "flow" in by:
        raise ValueError("calls are not counted by flow")
    rest = ("exclusion", "ended_by")
    sums: Sums = {"calls": lambda table: table.calls, "talk": lambda table: table.talk}
    statement = summed(CallCount, replace(narrowed, flow=None), by, rest, sums, [lambda table: table.calls > 0])
    rows = await database.read(lambda connection: _all(connection, statement))
    return [
        CallCountRow(**dict(zip([*by, *rest], keys, strict=True)), calls=amount(calls), talk_seconds=amount(talk))
        for *keys, calls, talk in rows
    ]


async def calls_by(database: Database, narrowed: CountFilter, by: Sequence[Coded]) -> dict[tuple[str, ...], Amount]:
    """How many calls are over, asked or not, by the codes of `by`. A flow narrows nothing."""
    narrowed = replace(narrowed, flow=None)
    return await _totals(database, CallCount, narrowed, by, lambda table: table.calls, lambda table: table.calls > 0)


async def ratings_by(database: Database, narrowed: CountFilter, by: Sequence[Coded]) -> dict[tuple[str, ...], Amount]:
    """How many ratings there are, of whatever headline question, by the codes of `by`."""
    return await _totals(
        database, Tally, narrowed, by, lambda table: table.ratings, lambda table: table.is_rating.is_(True)
    )


async def _totals(
    database: Database,
    table: type[Base],
    narrowed: CountFilter,
    by: Sequence[Coded],
    value: Callable[[Any], ColumnElement[Any]],
    condition: Condition,
) -> dict[tuple[str, ...], Amount]:
    statement = summed(table, narrowed, by, (), {"total": value}, [condition])
    rows = await database.read(lambda connection: _all(connection, statement))
    return {tuple(keys): amount(total) for *keys, total in rows if total}


async def coverage(database: Database, narrowed: CountFilter) -> list[CoverageRow]:
    """How many calls of each hour and length there were, and how many of them were rated.

    A flow narrows nothing. Raises ValueError when narrowed to agents, by whom these counts are not told apart.
    """
    if narrowed.agent is not None or narrowed.agents is not None:
        raise ValueError("coverage is not counted by agent")
    sums: Sums = {
        "calls": lambda table: table.calls,
        "rated": lambda table: case((table.value == NO_RATING, 0), else_=table.calls),
    }
    keys = ("hour", "talk_band")
    statement = summed(Coverage, replace(narrowed, flow=None), (), keys, sums, [lambda table: table.calls > 0])
    rows = await database.read(lambda connection: _all(connection, statement))
    return [
        CoverageRow(hour=hour, talk_band=band, calls=amount(calls), rated=amount(rated))
        for hour, band, calls, rated in rows
    ]


async def agents(database: Database, site: str | None = None) -> list[AgentRecord]:
    """All agents that were heard of, of one site or of all, ordered by site and code."""
    columns = (Agent.site_id, Agent.agent, Agent.interface, Agent.name, Agent.team)
    statement = select(*columns).order_by(Agent.site_id, Agent.agent)
    if site is not None:
        statement = statement.where(Agent.site_id == site)
    rows = await database.read(lambda connection: _all(connection, statement))
    names = ("site", "agent", "interface", "name", "team")
    return [AgentRecord(**dict(zip(names, row, strict=True))) for row in rows]


async def asked_calls(
    database: Database, site: str, *, from_day: date | None = None, to_day: date | None = None
) -> AsyncIterator[str]:
    """The linkedids of the calls of a site that were asked, trials left out; both days are included."""
    statement = (
        select(Survey.survey, Survey.linkedid)
        .where(Survey.site_id == site, Survey.trial.is_(False))
        .order_by(Survey.survey)
        .limit(PAGE)
    )
    statement = statement.where(Survey.day >= from_day) if from_day else statement
    statement = statement.where(Survey.day <= to_day) if to_day else statement
    last = ""
    while True:
        # Page by page, so that the surveys found may be changed meanwhile.
        page = statement.where(Survey.survey > last)
        rows = await database.read(lambda connection, page=page: _all(connection, page))  # type: ignore[misc]
        for _, linkedid in rows:
            yield linkedid
        if len(rows) < PAGE:
            return
        last = rows[-1][0]


async def last_call_of(database: Database, site: str, agent: str, since: datetime, until: datetime) -> str | None:
    """The linkedid of the call in which an agent talked last, or talks now; None when that was before `since`.

    A talk that seems to have begun after `until` is left out.
    """
    statement = (
        select(Leg.linkedid)
        .where(Leg.site_id == site, Leg.agent == agent, Leg.connected_at.between(since, until))
        .order_by(Leg.connected_at.desc(), Leg.linkedid.desc())
        .limit(1)
    )
    rows = await database.read(lambda connection: _all(connection, statement))
    return rows[0][0] if rows else None


async def is_asked(database: Database, site: str, linkedid: str) -> bool:
    """Whether the caller of a call has been asked, or is being asked."""
    statement = select(Survey.survey).where(Survey.site_id == site, Survey.linkedid == linkedid)
    return bool(await database.read(lambda connection: _all(connection, statement)))


async def flow_source(database: Database, flow: str) -> FlowVersionRecord | None:
    """The version of a flow that was published last; None for a flow that never was."""
    names = ["digest", "flow", "title", "source", "published_at"]
    statement = (
        select(*(getattr(FlowVersion, name) for name in names))
        .where(FlowVersion.flow == flow, FlowVersion.published_at > NEVER_PUBLISHED)
        .order_by(FlowVersion.published_at.desc(), FlowVersion.digest)
        .limit(1)
    )
    rows = await database.read(lambda connection: _all(connection, statement))
    return FlowVersionRecord(**dict(zip(names, rows[0], strict=True))) if rows else None


def amount(parts: int) -> Amount:
    """So many thousandths as a number; whole numbers, which nearly all are, cost less as such."""
    whole, rest = divmod(int(parts), PARTS)
    return Fraction(int(parts), PARTS) if rest else whole


async def _all(connection: Any, statement: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.execute(statement)]
