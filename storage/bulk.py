"""Fills an empty database with many calls at once, and counts them in the database itself."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, get_args

from sqlalchemy import case, exists, func, insert, select, text
from sqlalchemy.schema import CreateIndex, DropIndex

from storage.count_tables import CallCount, Coverage
from storage.counted_calls import BUCKET as CALL_BUCKET
from storage.counted_calls import STRATUM, counted_calls
from storage.engine import Database
from storage.records import PARTS, Outcome
from storage.sums import sum_fills
from storage.tables import Answer, Base, Call, Credit, Funnel, Leg, Survey, Tally
from storage.transaction import Transaction
from storage.upsert import table_of

Rows = Mapping[type[Base], Sequence[Mapping[str, Any]]]
"""Rows by their table, in the order in which they are to be written."""
FILLED = tuple(table_of(entity) for entity in (Call, Leg, Survey, Credit, Answer))
"""The tables whose indexes are built when their rows are there."""
CACHE_KILOBYTES = 256 * 1024
"""What SQLite may keep in memory meanwhile; its usual 2 MB would be read and written over and over."""


async def has_calls(database: Database) -> bool:
    """Whether there is any call, trials among them."""

    return await database.read(_has_calls)


async def _has_calls(connection: Transaction) -> bool:
    return bool(await connection.scalar(select(exists(select(Call.linkedid)))))


async def fill(database: Database, batches: Callable[[], Iterable[Rows]]) -> None:
    """Insert all rows and count them, all or nothing: whoever stops it half way leaves the database empty.

    A database that has calls already stays as it is. `batches` is called again when the transaction has to be.
    """

    async def work(connection: Transaction) -> None:
        if await _has_calls(connection):
            return
        if connection.dialect.name == "sqlite":
            await connection.execute(text(f"PRAGMA cache_size = -{CACHE_KILOBYTES}"))
        # An index that is built at the end is written once; one that grows with rows in another order than its own,
        # such as callers, is written again and again.
        indexes = [index for table in FILLED for index in sorted(table.indexes, key=lambda index: str(index.name))]
        for index in indexes:
            await connection.execute(DropIndex(index))
        for rows in batches():
            for entity, some in rows.items():
                if some:
                    await connection.execute(insert(table_of(entity)), list(some))
        for index in indexes:
            await connection.execute(CreateIndex(index))
        for statement in (_tallies(), _funnel(), *_calls(), *sum_fills(connection.dialect.name)):
            await connection.execute(statement)

    await database.write(work, bounded=False)


_BUCKET = ("site_id", "day", "agent", "queue", "reason", "flow")
_PARTS = func.coalesce(Credit.parts, PARTS)
_IS_SHARED = (Credit.site_id == Survey.site_id) & (Credit.survey == Survey.survey)


def _bucket() -> list[Any]:
    agent = func.coalesce(Credit.agent, Survey.agent)
    return [agent.label("agent") if name == "agent" else getattr(Survey, name) for name in _BUCKET]


def _tallies() -> Any:
    key = [*_bucket(), Answer.question, Answer.is_rating, Answer.value]
    counted = (
        select(*key, func.sum(_PARTS))
        .join_from(Answer, Survey, (Survey.site_id == Answer.site_id) & (Survey.survey == Answer.survey))
        .outerjoin(Credit, _IS_SHARED)
        .where(Answer.value.is_not(None), Survey.trial.is_(False))
        .group_by(*key)
    )
    return insert(Tally).from_select([*_BUCKET, "question", "is_rating", "value", "ratings"], counted)


def _funnel() -> Any:
    key = _bucket()
    answered = exists().where(
        Answer.site_id == Survey.site_id, Answer.survey == Survey.survey, Answer.value.is_not(None)
    )
    reached = {
        "offered": Survey.offered_at.is_not(None),
        "started": Survey.started_at.is_not(None),
        "answered": answered,
        **{outcome: Survey.status == outcome for outcome in get_args(Outcome)},
    }
    steps = [func.sum(case((condition, _PARTS), else_=0)) for condition in reached.values()]
    counted = (
        select(*key, *steps).outerjoin_from(Survey, Credit, _IS_SHARED).where(Survey.trial.is_(False)).group_by(*key)
    )
    return insert(Funnel).from_select([*_BUCKET, *reached], counted)


def _calls() -> list[Any]:
    rows = counted_calls().subquery()
    bucket, stratum = [rows.c[name] for name in CALL_BUCKET], [rows.c[name] for name in STRATUM]
    calls = select(*bucket, func.sum(rows.c.parts), func.sum(rows.c.parts * rows.c.talk)).group_by(*bucket)
    strata = select(*stratum, func.sum(rows.c.parts)).group_by(*stratum)
    return [
        insert(CallCount).from_select([*CALL_BUCKET, "calls", "talk"], calls),
        insert(Coverage).from_select([*STRATUM, "calls"], strata),
    ]
