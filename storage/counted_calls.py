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


_call, _survey, _credit = table_of(Call).c, table_of(Survey).c, table_of(Credit).c
_answer, _leg = table_of(Answer).c, table_of(Leg).c

IS_MINE = and_(_survey.site_id == _call.site_id, _survey.linkedid == _call.linkedid, _survey.trial.is_(False))
"""A survey is a call's."""
IS_RATING = and_(
    _answer.site_id == _survey.site_id,
    _answer.survey == _survey.survey,
    _answer.is_rating.is_(True),
    _answer.value.is_not(None),
)
"""An answer is a survey's rating."""
QUEUE = func.coalesce(_survey.queue, _call.queue)
REASON = func.coalesce(_survey.reason, _call.reason)
TALK = (
    select(func.sum(_leg.talk_seconds))
    .where(_leg.site_id == _call.site_id, _leg.linkedid == _call.linkedid)
    .correlate(table_of(Call))
    .scalar_subquery()
)
"""In seconds, of all legs of a call; NULL when there was none, or its length is not known."""
IS_DECIDED = or_(_survey.survey.is_not(None), _call.exclusion != "")
"""A call was asked or excluded."""


def counted_calls() -> Select[Any]:
    """A row for each agent of each call that counts: `BUCKET`, `STRATUM`, its ``parts`` and its ``talk`` in seconds."""
    bands = [(seconds > TALK, band) for band, seconds in enumerate(TALK_BANDS)]
    return (
        select(
            _call.site_id.label("site_id"),
            func.coalesce(_survey.day, _call.day).label("day"),
            func.coalesce(_credit.agent, _survey.agent, _call.agent).label("agent"),
            QUEUE.label("queue"),
            REASON.label("reason"),
            case((_survey.survey.is_(None), _call.exclusion), else_="").label("exclusion"),
            func.coalesce(_call.ended_by, "unknown").label("ended_by"),
            _call.hour.label("hour"),
            case((TALK.is_(None), -1), *bands, else_=len(TALK_BANDS)).label("talk_band"),
            func.coalesce(_answer.value, NO_RATING).label("value"),
            func.coalesce(_credit.parts, PARTS).label("parts"),
            func.coalesce(TALK, 0).label("talk"),
        )
        .select_from(table_of(Call))
        .outerjoin(table_of(Survey), IS_MINE)
        .outerjoin(table_of(Credit), and_(_credit.site_id == _survey.site_id, _credit.survey == _survey.survey))
        .outerjoin(table_of(Answer), IS_RATING)
        .where(_call.ended_at.is_not(None), _call.day.is_not(None), IS_DECIDED)
    )


@cache
def counted_call() -> Select[Any]:
    """The same of the one call with the parameters ``site`` and ``call``."""
    call = table_of(Call).c
    return counted_calls().where(call.site_id == bindparam("site"), call.linkedid == bindparam("call"))
