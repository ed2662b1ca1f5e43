"""Forgets calls, surveys and answers of months long past, and their counts with them, while callers go on.

Rows go in small batches, so that nobody waits behind them; the answers of whole months first, with their part, where
the database is PostgreSQL. The counts go last, all at once: until then a recount finds them too high.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Delete, delete, exists, or_, select

from storage.count_tables import MONTHS
from storage.engine import Database
from storage.partitions import drop_parts
from storage.tables import Answer, Base, Call, Callback, Credit, Leg, LinkGap, RecordingLook, Survey
from storage.transaction import Transaction

AT_ONCE = 200
"""Surveys, or calls, of one transaction: some ten milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What is no longer there."""

    surveys: int
    calls: int
    parts: Sequence[str]
    """Parts of the answers that were dropped whole."""


async def forget(database: Database, sites: Sequence[str], before: date) -> Forgotten:
    """Forget all of `sites` that is older than the day `before`, the first of a month.

    Opt-outs, agents, reasons and flows stay. May be broken off at any moment, and goes on the next time. Raises
    `DatabaseError`.
    """
    parts = await drop_parts(database, before)
    surveys = calls = 0
    for site in sites:
        while some := await database.write(partial(_forget_surveys, site=site, before=before)):
            surveys += some
        while some := await database.write(partial(_forget_calls, site=site, before=before)):
            calls += some
        await database.write(partial(_forget_counts, site=site, before=before))
    return Forgotten(surveys=surveys, calls=calls, parts=parts)


async def _forget_surveys(connection: Transaction, site: str, before: date) -> int:
    old = select(Survey.survey).where(Survey.site_id == site, Survey.day < before).limit(AT_ONCE)
    surveys = list(await connection.scalars(old))
    for entity in (Answer, Credit, Survey):
        await connection.execute(_of(entity, site, entity.survey.in_(surveys)))
    return len(surveys)


async def _forget_calls(connection: Transaction, site: str, before: date) -> int:
    begin = _moment(before)
    asked = exists().where(Survey.site_id == Call.site_id, Survey.linkedid == Call.linkedid)
    # A call that nobody heard of but its caller's survey has no time of its own; its linkedid begins with one.
    untimed = Call.day.is_(None) & Call.started_at.is_(None) & (Call.linkedid < str(int(begin.timestamp())))
    old = or_(Call.day < before, Call.day.is_(None) & (Call.started_at < begin), untimed)
    found = select(Call.linkedid).where(Call.site_id == site, old, ~asked).limit(AT_ONCE)
    calls = list(await connection.scalars(found))
    for entity in (Callback, Leg, RecordingLook, Call):
        await connection.execute(_of(entity, site, entity.linkedid.in_(calls)))
    return len(calls)


async def _forget_counts(connection: Transaction, site: str, before: date) -> None:
    for days, months in MONTHS.items():
        for entity in (days, months):
            await connection.execute(_of(entity, site, entity.day < before))  # type: ignore[attr-defined]
    await connection.execute(_of(LinkGap, site, LinkGap.until < _moment(before)))


def _of(entity: type[Base], site: str, which: ColumnElement[bool] | Any) -> Delete:
    return delete(entity).where(entity.site_id == site, which)  # type: ignore[attr-defined]


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
