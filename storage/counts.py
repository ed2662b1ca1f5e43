"""Changes to the tallies and the funnel that belong to one transaction."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Executable, bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ivr.errors import DatabaseError
from storage.records import PARTS, Share, Step
from storage.tables import Base, Funnel, Tally
from storage.upsert import Columns, table_of, upsert


class Bucket(NamedTuple):
    """What a survey's counts are kept by."""

    site_id: str
    day: date
    agent: str
    queue: str
    reason: str
    flow: str


Buckets = Sequence[tuple[Bucket, int]]
"""The buckets in which one survey counts, and how much of it in each; together `PARTS`."""


def spread(whole: Bucket, shares: Sequence[Share]) -> Buckets:
    """The buckets of those who share a survey; `whole` is that of its only agent."""
    return [(whole._replace(agent=share.agent), share.parts) for share in shares] or [(whole, PARTS)]


class _TallyKey(NamedTuple):
    bucket: Bucket
    question: str
    is_rating: bool
    value: int


class _FunnelKey(NamedTuple):
    bucket: Bucket
    step: Step


class Counts:
    """Changes that are collected and then written in one order, the same for everybody: rows locked in different
    orders by two transactions would deadlock.

    Those of a trial are not written.
    """

    def __init__(self, *, trial: bool) -> None:
        self._trial = trial
        self._ratings: Counter[_TallyKey] = Counter()
        self._surveys: Counter[_FunnelKey] = Counter()

    def rate(self, buckets: Buckets, question: str, is_rating: bool, value: int, by: int = 1) -> None:
        """`by` more answers to `question` have `value`."""
        for bucket, parts in buckets:
            self._ratings[_TallyKey(bucket, question, is_rating, value)] += by * parts

    def step(self, buckets: Buckets, step: Step, by: int = 1) -> None:
        """`by` more surveys have reached `step`."""
        for bucket, parts in buckets:
            self._surveys[_FunnelKey(bucket, step)] += by * parts

    async def write(self, connection: AsyncConnection) -> None:
        """Apply all changes. Raises `DatabaseError` when a count would fall below 0; then the transaction must fail."""
        if self._trial:
            return
        for (bucket, *rest), by in sorted(self._ratings.items()):
            key = dict(zip(("question", "is_rating", "value"), rest, strict=True))
            await _change(connection, Tally, "ratings", by, {**bucket._asdict(), **key})
        for (bucket, step), by in sorted(self._surveys.items()):
            await _change(connection, Funnel, "surveys", by, {**bucket._asdict(), "step": step})


def _more_ratings(new: Columns, old: Columns) -> Mapping[str, ColumnElement[Any]]:
    return {"ratings": old["ratings"] + new["ratings"]}


def _more_surveys(new: Columns, old: Columns) -> Mapping[str, ColumnElement[Any]]:
    return {"surveys": old["surveys"] + new["surveys"]}


async def _change(connection: AsyncConnection, entity: type[Base], count: str, by: int, key: dict[str, Any]) -> None:
    if by > 0:
        merge = _more_ratings if entity is Tally else _more_surveys
        await upsert(connection, entity, merge, **key, **{count: by})
    elif by < 0:
        # Not an upsert: PostgreSQL checks the proposed row first, and one with a negative count is refused.
        row = {f"key_{name}": value for name, value in key.items()}
        changed = await connection.execute(_fewer(entity, count), {**row, "by": -by})
        if not changed.rowcount:
            raise DatabaseError(f"{entity.__tablename__} holds less than is to be moved: run `postcall db verify`")


@cache
def _fewer(entity: type[Base], count: str) -> Executable:
    table = table_of(entity)
    key = [column == bindparam(f"key_{column.name}") for column in table.primary_key]
    by: ColumnElement[int] = bindparam("by", type_=table.c[count].type)
    return update(table).where(*key, table.c[count] >= by).values({count: table.c[count] - by})
