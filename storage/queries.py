"""Every read that is served, each one statement."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select

from storage.engine import Database
from storage.records import NEVER_PUBLISHED, AgentRecord, CountFilter, Dimension, FlowVersionRecord, FunnelRow, TallyRow
from storage.tables import CODE, Agent, FlowVersion, Funnel, Survey, Tally
from storage.types import clip


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
    return [TallyRow(**dict(zip([*columns, *rest, "ratings"], row, strict=True))) for row in rows]


async def funnel(
    database: Database, narrowed: CountFilter, *, by: Sequence[Dimension] = ("site", "agent")
) -> list[FunnelRow]:
    """How many surveys reached each step, told apart by `by`, ordered by it and the step's name."""
    columns = _columns(Funnel, by)
    keys = [*columns.values(), Funnel.step]
    statement = (
        select(*keys, func.sum(Funnel.surveys))
        .where(*_narrow(Funnel, narrowed), Funnel.surveys > 0)
        .group_by(*keys)
        .order_by(*keys)
    )
    rows = await database.read(lambda connection: _all(connection, statement))
    return [FunnelRow(**dict(zip([*columns, "step", "surveys"], row, strict=True))) for row in rows]


async def agents(database: Database, site: str | None = None) -> list[AgentRecord]:
    """All agents that were heard of, of one site or of all, ordered by site and code."""
    statement = select(Agent.site_id, Agent.agent, Agent.interface, Agent.name).order_by(Agent.site_id, Agent.agent)
    if site is not None:
        statement = statement.where(Agent.site_id == site)
    rows = await database.read(lambda connection: _all(connection, statement))
    return [AgentRecord(site=site, agent=agent, interface=face, name=name) for site, agent, face, name in rows]


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


def _columns(table: type[Tally] | type[Funnel], by: Sequence[Dimension]) -> dict[str, Any]:
    return {name: table.site_id if name == "site" else getattr(table, name) for name in by}


def _narrow(table: type[Tally] | type[Funnel], narrowed: CountFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if narrowed.site is not None:
        conditions.append(table.site_id == narrowed.site)
    if narrowed.agent is not None:
        conditions.append(table.agent == narrowed.agent)
    if narrowed.queue is not None:
        conditions.append(table.queue == narrowed.queue)
    if narrowed.reason is not None:
        conditions.append(_within(table, narrowed.reason))
    if narrowed.flow is not None:
        conditions.append(table.flow == narrowed.flow)
    if narrowed.from_day is not None:
        conditions.append(table.day >= narrowed.from_day)
    if narrowed.to_day is not None:
        conditions.append(table.day <= narrowed.to_day)
    return conditions


def _within(table: type[Tally] | type[Funnel], reason: str) -> ColumnElement[bool]:
    reason = clip(reason, CODE)
    if not reason:
        return table.reason == ""
    # Not LIKE: SQLite's takes no notice of case, and a reason may hold its wildcards.
    below = f"{reason}/"
    return or_(table.reason == reason, func.substr(table.reason, 1, len(below)) == below)


async def _all(connection: Any, statement: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await connection.execute(statement)]
