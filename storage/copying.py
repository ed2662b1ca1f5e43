"""Copies all that one database holds into an empty one: the way from SQLite to PostgreSQL."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, exists, func, insert, select, tuple_

from ivr.errors import DatabaseError
from storage.address import describe
from storage.base import Base
from storage.engine import Database
from storage.lease_table import Lease
from storage.partitions import following, make_parts
from storage.tables import Survey
from storage.transaction import Transaction
from storage.upsert import table_of

AT_ONCE = 2_000
"""Rows that are in memory at a time."""


async def copy_all(source: Database, target: Database) -> Mapping[str, int]:
    """Copy the rows of every table but `lease`, all or nothing; returns how many there were, by table.

    Both have the newest schema. What is written to the source meanwhile may be left behind. Raises `DatabaseError` when
    the target is not empty.
    """
    tables = [table for table in Base.metadata.sorted_tables if table is not table_of(Lease)]
    await _make_parts(source, target)

    async def work(connection: Transaction) -> Mapping[str, int]:
        for table in tables:
            if await connection.scalar(select(exists().select_from(table))):
                raise DatabaseError(f"database {describe(target.url)}: the table {table.name} has rows already")
        return {table.name: await _copy(source, connection, table) for table in tables}

    return await target.write(work, bounded=False)


async def _make_parts(source: Database, target: Database) -> None:
    """The months whose surveys are copied have their parts like all later ones."""
    month = await source.read(lambda connection: connection.scalar(select(func.min(Survey.day))))
    today = datetime.now(UTC).date()
    while month and month <= today:
        await make_parts(target, month)
        month = following(month)


async def _copy(source: Database, connection: Transaction, table: Table) -> int:
    key = tuple_(*table.primary_key)
    rows = select(table).order_by(*table.primary_key).limit(AT_ONCE)
    copied = 0
    last: tuple[Any, ...] | None = None
    while True:
        found = await _read(source, rows if last is None else rows.where(key > tuple_(*last)))
        if not found:
            return copied
        await connection.execute(insert(table), found)
        copied += len(found)
        last = tuple(found[-1][column.name] for column in table.primary_key)


async def _read(source: Database, statement: Any) -> list[dict[str, Any]]:
    async def work(connection: Transaction) -> list[dict[str, Any]]:
        return [dict(row) for row in (await connection.execute(statement)).mappings()]

    return await source.read(work, seconds=None)
