"""The ratings that came last, and how many callers are being asked: what a live page shows."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import Database
from storage.tables import Answer, Credit, Survey


@dataclass(frozen=True, slots=True, kw_only=True)
class LastRating:
    """One rating."""

    survey: str
    linkedid: str
    answered_at: datetime
    value: int
    agent: str
    """Who has it, or of several the one with the largest share; ``""`` when not known."""
    shared: bool
    """Whether several agents share it."""
    queue: str
    reason: str
    flow: str


async def last_ratings(
    database: Database,
    site: str,
    *,
    since: datetime,
    flow: str | None = None,
    queue: str | None = None,
    agents: Collection[str] | None = None,
    limit: int = 20,
) -> list[LastRating]:
    """The newest ratings of surveys that were offered at `since` or later, the newest first; None does not narrow.

    With `agents`, those of which one of them has a share.
    """
    statement = (
        select(
            Survey.survey,
            Survey.linkedid,
            Answer.answered_at,
            Answer.value,
            Survey.agent,
            Survey.shared,
            Survey.queue,
            Survey.reason,
            Survey.flow,
        )
        .join(Answer, and_(Answer.site_id == Survey.site_id, Answer.survey == Survey.survey))
        .where(
            Survey.site_id == site,
            Survey.trial.is_(False),
            Survey.offered_at >= since,
            Answer.is_rating.is_(True),
            Answer.value.is_not(None),
        )
        .order_by(Survey.offered_at.desc(), Survey.survey.desc())
        .limit(limit)
    )
    if flow is not None:
        statement = statement.where(Survey.flow == flow)
    if queue is not None:
        statement = statement.where(Survey.queue == queue)
    if agents is not None:
        shares = exists().where(
            Credit.site_id == Survey.site_id, Credit.survey == Survey.survey, Credit.agent.in_(sorted(agents))
        )
        statement = statement.where(or_(Survey.agent.in_(sorted(agents)), and_(Survey.shared.is_(True), shares)))

    async def work(connection: AsyncConnection) -> list[LastRating]:
        return [LastRating(**row._mapping) for row in await connection.execute(statement)]

    return await database.read(work)


async def surveys_under_way(database: Database, site: str) -> int:
    """How many callers of a site are being asked."""
    statement = select(func.count()).where(Survey.site_id == site, Survey.trial.is_(False), Survey.ended_at.is_(None))

    async def work(connection: AsyncConnection) -> int:
        return (await connection.execute(statement)).scalar_one()

    return await database.read(work)
