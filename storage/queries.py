"""Every read that is served, each one statement."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction
from typing import Any, cast

from sqlalchemy import ColumnElement, case, func, or_, select

from storage.count_tables import NO_RATING, CallCount, Coverage
from storage.engine import Database
from storage.records import (
    NEVER_PUBLISHED,
    PARTS,
    STEPS,
    AgentRecord,
    Amount,
    CallCountRow,
    CountFilter,
    CoverageRow,
    Dimension,
    FlowVersionRecord,
    FunnelRow,
    RatedRow,
    TallyRow,
)
from storage.tables import CODE, Agent, FlowVersion, Funnel, Leg, Survey, Tally
from storage.types import clip

_Counted = type[Tally] | type[Funnel] | type[CallCount] | type[Coverage]
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
    columns = _columns(Tally, by)
    rest = {"question": Tally.question, "is_rating": Tally.is_rating, "value": Tally.value}
    keys = [*columns.values(), *rest.values()]
    statement = (
        select(*keys, func.sum(Tally.ratings))
        .where(*_narrow(Tally, narrowed), Tally.ratings > 0)
        .group_by(*keys)
        .order_by(*keys)
    )
    if is_rating is not None:
        statement = statement.where(Tally.is_rating.is_(is_rating))
    rows = await database.read(lambda connection: _all(connection, statement))
    return [TallyRow(**_counted([*columns, *rest, "ratings"], row)) for row in rows]


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
    columns = _columns(Tally, by)
    good = case((Tally.value.in_(sorted(satisfied)), Tally.ratings), else_=0)
    statement = (
        select(*columns.values(), func.sum(good), func.sum(Tally.ratings))
        .where(*_narrow(Tally, narrowed), Tally.question == question, Tally.is_rating.is_(True), Tally.ratings > 0)
        .group_by(*columns.values())
        .order_by(*columns.values())
    )
    rows = await database.read(lambda connection: _all(connection, statement))
    return [
        RatedRow(**dict(zip(columns, keys, strict=True)), n=amount(n), satisfied=amount(some))
        for *keys, some, n in rows
        if n
    ]


async def funnel(
    database: Database, narrowed: CountFilter, *, by: Sequence[Dimension] = ("site", "agent")
) -> list[FunnelRow]:
    """How many surveys reached each step, told apart by `by`, ordered by it and the step's name."""
    columns = _columns(Funnel, by)
    keys = list(columns.values())
    steps = sorted(STEPS)
    statement = (
        select(*keys, *(func.sum(getattr(Funnel, step)) for step in steps))
        .where(*_narrow(Funnel, narrowed))
        .group_by(*keys)
        .order_by(*keys)
    )
    rows = await database.read(lambda connection: _all(connection, statement))
    return [
        FunnelRow(**dict(zip(columns, row, strict=False)), step=step, surveys=amount(surveys))
        for row in rows
        for step, surveys in zip(steps, row[len(keys) :], strict=True)
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
    columns = _columns(CallCount, by)
    keys = [*columns.values(), CallCount.exclusion, CallCount.ended_by]
    statement = (
        select(*keys, func.sum(CallCount.calls), func.sum(CallCount.talk))
        .where(*_narrow(CallCount, replace(narrowed, flow=None)), CallCount.calls > 0)
        .group_by(*keys)
        .order_by(*keys)
    )
    rows = await database.read(lambda connection: _all(connection, statement))
    names = [*columns, "exclusion", "ended_by"]
    return [
        CallCountRow(**dict(zip(names, values, strict=True)), calls=amount(calls), talk_seconds=amount(talk))
        for *values, calls, talk in rows
    ]


async def coverage(database: Database, narrowed: CountFilter) -> list[CoverageRow]:
    """How many calls of each kind were given which rating, or none.

    A flow narrows nothing. Raises ValueError when narrowed to agents, by whom these counts are not told apart.
    """
    if narrowed.agent is not None or narrowed.agents is not None:
        raise ValueError("coverage is not counted by agent")
    keys = [Coverage.hour, Coverage.talk_band, Coverage.queue, Coverage.reason, Coverage.value]
    statement = (
        select(*keys, func.sum(Coverage.calls))
        .where(*_narrow(Coverage, replace(narrowed, flow=None)), Coverage.calls > 0)
        .group_by(*keys)
        .order_by(*keys)
    )
    rows = await database.read(lambda connection: _all(connection, statement))
    return [
        CoverageRow(
            hour=hour,
            talk_band=band,
            queue=queue,
            reason=reason,
            value=None if value == NO_RATING else value,
            calls=amount(calls),
        )
        for hour, band, queue, reason, value, calls in rows
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


async def last_call_of(database: Database, site: str, agent: str, since: datetime) -> str | None:
    """The linkedid of the call in which an agent talked last, or talks now; None when that was before `since`."""
    statement = (
        select(Leg.linkedid)
        .where(Leg.site_id == site, Leg.agent == agent, Leg.connected_at >= since)
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


def _counted(names: Sequence[str], row: Sequence[Any]) -> dict[str, Any]:
    *values, parts = row
    return dict(zip(names, [*values, amount(parts)], strict=True))


def _columns(table: _Counted, by: Sequence[Dimension]) -> dict[str, Any]:
    return {name: table.site_id if name == "site" else getattr(table, name) for name in by}


def _narrow(table: _Counted, narrowed: CountFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if narrowed.site is not None:
        conditions.append(table.site_id == narrowed.site)
    if narrowed.agent is not None:
        conditions.append(_agent(table) == narrowed.agent)
    if narrowed.agents is not None:
        conditions.append(_agent(table).in_(sorted(narrowed.agents)))
    if narrowed.queue is not None:
        conditions.append(table.queue == narrowed.queue)
    if narrowed.reason is not None:
        conditions.append(within(table.reason, narrowed.reason))
    if narrowed.flow is not None:
        conditions.append(_flow(table) == narrowed.flow)
    if narrowed.from_day is not None:
        conditions.append(table.day >= narrowed.from_day)
    if narrowed.to_day is not None:
        conditions.append(table.day <= narrowed.to_day)
    return conditions


def _agent(table: _Counted) -> Any:
    assert not issubclass(table, Coverage)  # refused before
    return table.agent


def _flow(table: _Counted) -> Any:
    assert not issubclass(table, CallCount | Coverage)  # taken out before
    return table.flow


def within(column: Any, reason: str) -> ColumnElement[bool]:
    """The rows whose reason in `column` is `reason`, or below it; ``""`` means those without one."""
    reason = clip(reason, CODE)
    if not reason:
        return cast("ColumnElement[bool]", column == "")
    # Not LIKE: SQLite's takes no notice of case, and a reason may hold its wildcards.
    below = f"{reason}/"
    return or_(column == reason, func.substr(column, 1, len(below)) == below)


async def _all(connection: Any, statement: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.execute(statement)]
