"""Calls one by one, the last that ended first: those that were asked, and those that were not and why."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, case, exists, func, or_, select

from storage.counted_calls import IS_DECIDED, IS_MINE, IS_RATING, QUEUE, REASON, TALK
from storage.cursors import beyond, cut
from storage.engine import Database
from storage.records import EndedBy
from storage.summing import within
from storage.tables import Answer, Call, Credit, Leg, Survey
from storage.transaction import Transaction

_AGENT = func.coalesce(Survey.agent, Call.agent)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which calls are listed, of those that are over and were asked or excluded; None does not narrow."""

    site: str
    begins: datetime
    """Ended then or later."""
    ends: datetime
    """Ended before."""
    queue: str | None = None
    reason: str | None = None
    """With the reasons below it."""
    agents: Collection[str] | None = None
    """One of them talked with the caller, or is or would be credited."""
    asked: bool | None = None
    exclusion: str | None = None
    """Not asked for this reason code."""
    ended_by: EndedBy | None = None
    """Who hung up first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCall:
    """One call."""

    linkedid: str
    started_at: datetime | None
    """When the caller entered a queue; None when that was missed."""
    ended_at: datetime
    ended_by: EndedBy
    talk_seconds: int | None
    """Of all legs together; None when there was none, or its length is not known."""
    agent: str
    """Who is credited, or would be; of several the one with the largest share; ``""`` when not known."""
    queue: str
    reason: str
    exclusion: str
    """The reason code; ``""`` for calls that were asked."""
    exclusion_rule: str
    """The rule that said so; ``""`` when it was none."""
    survey: str
    """``""`` for calls that were not asked."""
    value: int | None
    """The rating; None without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallPage:
    """Some calls."""

    calls: list[ListedCall]
    older: str
    """Where the next page begins; ``""`` when there is none."""


async def calls_page(database: Database, wanted: CallFilter, *, after: str = "", limit: int = 50) -> CallPage:
    """The calls that ended last, or those after the cursor `after`. Raises ValueError for what is no cursor."""
    statement = _listed().where(*_narrow(wanted)).order_by(Call.ended_at.desc(), Call.linkedid.desc()).limit(limit + 1)
    if after:
        statement = statement.where(beyond(Call.ended_at, Call.linkedid, after))

    async def work(connection: Transaction) -> list[ListedCall]:
        return [ListedCall(**row._mapping) for row in await connection.execute(statement)]

    calls, older = cut(await database.read(work), limit, lambda one: (one.ended_at, one.linkedid))
    return CallPage(calls=calls, older=older)


def _listed() -> Select[tuple[object, ...]]:
    was_asked = Survey.survey.is_not(None)
    return (
        select(
            Call.linkedid,
            Call.started_at,
            Call.ended_at,
            func.coalesce(Call.ended_by, "unknown").label("ended_by"),
            TALK.label("talk_seconds"),
            _AGENT.label("agent"),
            QUEUE.label("queue"),
            REASON.label("reason"),
            *(
                case((was_asked, ""), else_=column).label(column.key)
                for column in (Call.exclusion, Call.exclusion_rule)
            ),
            func.coalesce(Survey.survey, "").label("survey"),
            Answer.value,
        )
        .select_from(Call)
        .outerjoin(Survey, IS_MINE)
        .outerjoin(Answer, IS_RATING)
        .where(IS_DECIDED)
    )


def _narrow(wanted: CallFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        Call.site_id == wanted.site,
        Call.ended_at >= wanted.begins,
        Call.ended_at < wanted.ends,
    ]
    if wanted.queue is not None:
        conditions.append(QUEUE == wanted.queue)  # noqa: SIM300 - a column, not a constant
    if wanted.reason is not None:
        conditions.append(within(REASON, wanted.reason))
    if wanted.agents is not None:
        codes = sorted(wanted.agents)
        talked = exists().where(Leg.site_id == Call.site_id, Leg.linkedid == Call.linkedid, Leg.agent.in_(codes))
        shares = exists().where(
            Credit.site_id == Survey.site_id, Credit.survey == Survey.survey, Credit.agent.in_(codes)
        )
        conditions.append(or_(_AGENT.in_(codes), talked, shares))
    if wanted.asked is not None:
        conditions.append(Survey.survey.is_not(None) if wanted.asked else Survey.survey.is_(None))
    if wanted.exclusion is not None:
        conditions += [Survey.survey.is_(None), Call.exclusion == wanted.exclusion]
    if wanted.ended_by is not None:
        conditions.append(func.coalesce(Call.ended_by, "unknown") == wanted.ended_by)
    return conditions
