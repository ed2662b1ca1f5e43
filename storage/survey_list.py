"""Surveys one by one, the newest first, and how many callers are being asked."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import aliased

from storage.cursors import beyond, cut
from storage.engine import Database
from storage.summing import within
from storage.tables import Answer, Credit, Survey
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyFilter:
    """Which surveys are listed; None does not narrow. Trials never are."""

    site: str
    begins: datetime
    """Offered then or later."""
    ends: datetime
    """Offered before."""
    flow: str | None = None
    queue: str | None = None
    reason: str | None = None
    """With the reasons below it."""
    agents: Collection[str] | None = None
    """One of them has a share."""
    values: Collection[int] | None = None
    """Rated so."""
    rated: bool | None = None
    """With a rating, or without one."""
    commented: bool = False
    """Only those whose caller left a comment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSurvey:
    """One survey."""

    survey: str
    linkedid: str
    offered_at: datetime
    answered_at: datetime | None
    """When the rating was given; None without one."""
    status: str
    value: int | None
    """The rating; None without one."""
    agent: str
    """Who has it, or of several the one with the largest share; ``""`` when not known."""
    shared: bool
    """Whether several agents share it."""
    queue: str
    reason: str
    flow: str
    comment: str
    """The question to which the caller left a comment; ``""`` without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyPage:
    """Some surveys."""

    surveys: list[ListedSurvey]
    older: str
    """Where the next page begins; ``""`` when there is none."""


async def surveys_page(database: Database, wanted: SurveyFilter, *, after: str = "", limit: int = 50) -> SurveyPage:
    """The newest surveys, or those after the cursor `after`. Raises ValueError for what is no cursor."""
    rating, comment = aliased(Answer), aliased(Answer)
    is_rating = and_(
        rating.site_id == Survey.site_id,
        rating.survey == Survey.survey,
        rating.is_rating.is_(True),
        rating.value.is_not(None),
    )
    is_comment = and_(
        comment.site_id == Survey.site_id, comment.survey == Survey.survey, comment.recording.is_not(None)
    )
    first_comment = select(func.min(comment.question)).where(is_comment).scalar_subquery()
    columns = [getattr(Survey, name) for name in ("survey", "linkedid", "offered_at", "status", "agent", "shared")]
    columns += [Survey.queue, Survey.reason, Survey.flow, rating.answered_at, rating.value]
    statement = (
        select(*columns, func.coalesce(first_comment, "").label("comment"))
        .outerjoin(rating, is_rating)
        .where(*_narrow(wanted))
        .order_by(Survey.offered_at.desc(), Survey.survey.desc())
        .limit(limit + 1)
    )
    if wanted.values is not None:
        statement = statement.where(rating.value.in_(sorted(wanted.values)))
    if wanted.rated is not None:
        statement = statement.where(rating.value.is_not(None) if wanted.rated else rating.value.is_(None))
    if wanted.commented:
        statement = statement.where(exists().where(is_comment))
    if after:
        statement = statement.where(beyond(Survey.offered_at, Survey.survey, after))

    async def work(connection: Transaction) -> list[ListedSurvey]:
        return [ListedSurvey(**row._mapping) for row in await connection.execute(statement)]

    surveys, older = cut(await database.read(work), limit, lambda one: (one.offered_at, one.survey))
    return SurveyPage(surveys=surveys, older=older)


async def surveys_under_way(database: Database, site: str, since: datetime) -> int:
    """How many callers of a site are being asked, of those to whom a survey was offered at `since` or later.

    `since` lies further back than any survey lasts, so that a few rows are looked at and not all.
    """
    statement = select(func.count()).where(
        Survey.site_id == site, Survey.trial.is_(False), Survey.offered_at >= since, Survey.ended_at.is_(None)
    )

    async def work(connection: Transaction) -> int:
        return int(await connection.scalar(statement))

    return await database.read(work)


def _narrow(wanted: SurveyFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        Survey.site_id == wanted.site,
        Survey.trial.is_(False),
        Survey.offered_at >= wanted.begins,
        Survey.offered_at < wanted.ends,
    ]
    if wanted.flow is not None:
        conditions.append(Survey.flow == wanted.flow)
    if wanted.queue is not None:
        conditions.append(Survey.queue == wanted.queue)
    if wanted.reason is not None:
        conditions.append(within(Survey.reason, wanted.reason))
    if wanted.agents is not None:
        codes = sorted(wanted.agents)
        shares = exists().where(
            Credit.site_id == Survey.site_id, Credit.survey == Survey.survey, Credit.agent.in_(codes)
        )
        conditions.append(or_(Survey.agent.in_(codes), and_(Survey.shared.is_(True), shares)))
    return conditions
