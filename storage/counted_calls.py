"""Under what a call counts. One statement says it, for all calls in a recount and for one that changes."""

from functools import cache
from typing import Any

from sqlalchemy import Select, and_, bindparam, case, func, or_, select

from storage.count_tables import NO_RATING
from storage.records import PARTS, TALK_BANDS
from storage.tables import Answer, Call, Credit, Leg, Survey
from storage.upsert import table_of

BUCKET = ("site_id", "day", "agent", "queue", "reason", "exclusion", "ended_by")
STRATUM = ("site_id", "day", "hour", "talk_band", "queue", "reason", "value")


def counted_calls() -> Select[Any]:
    """A row for each agent of each call that counts: `BUCKET`, `STRATUM`, its ``parts`` and its ``talk`` in seconds."""
    call, survey, credit = table_of(Call).c, table_of(Survey).c, table_of(Credit).c
    answer, leg = table_of(Answer).c, table_of(Leg).c
    talk = (
        select(func.sum(leg.talk_seconds))
        .where(leg.site_id == call.site_id, leg.linkedid == call.linkedid)
        .correlate(table_of(Call))
        .scalar_subquery()
    )
    bands = [(talk < seconds, band) for band, seconds in enumerate(TALK_BANDS)]
    is_mine = and_(survey.site_id == call.site_id, survey.linkedid == call.linkedid, survey.trial.is_(False))
    is_rating = and_(
        answer.site_id == survey.site_id,
        answer.survey == survey.survey,
        answer.is_rating.is_(True),
        answer.value.is_not(None),
    )
    return (
        select(
            call.site_id.label("site_id"),
            func.coalesce(survey.day, call.day).label("day"),
            func.coalesce(credit.agent, survey.agent, call.agent).label("agent"),
            func.coalesce(survey.queue, call.queue).label("queue"),
            func.coalesce(survey.reason, call.reason).label("reason"),
            case((survey.survey.is_(None), call.exclusion), else_="").label("exclusion"),
            func.coalesce(call.ended_by, "unknown").label("ended_by"),
            call.hour.label("hour"),
            case((talk.is_(None), -1), *bands, else_=len(TALK_BANDS)).label("talk_band"),
            func.coalesce(answer.value, NO_RATING).label("value"),
            func.coalesce(credit.parts, PARTS).label("parts"),
            func.coalesce(talk, 0).label("talk"),
        )
        .select_from(table_of(Call))
        .outerjoin(table_of(Survey), is_mine)
        .outerjoin(table_of(Credit), and_(credit.site_id == survey.site_id, credit.survey == survey.survey))
        .outerjoin(table_of(Answer), is_rating)
        .where(call.ended_at.is_not(None), call.day.is_not(None), or_(survey.survey.is_not(None), call.exclusion != ""))
    )


@cache
def counted_call() -> Select[Any]:
    """The same of the one call with the parameters ``site`` and ``call``."""
    call = table_of(Call).c
    return counted_calls().where(call.site_id == bindparam("site"), call.linkedid == bindparam("call"))
