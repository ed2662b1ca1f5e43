"""Moves counts up and down, never below 0."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Executable, bindparam, update
from sqlalchemy.dialects import postgresql, sqlite

from ivr.errors import DatabaseError
from storage.base import Base
from storage.count_tables import MONTHS
from storage.transaction import Transaction
from storage.upsert import table_of

Key = tuple[str | int | date, ...]
"""A row's key, without its columns' names."""


async def move(connection: Transaction, entity: type[Base], key: Mapping[str, Any], by: Mapping[str, int]) -> None:
    """Add `by` to the counts in the row that has `key`, which is made when there is none and nothing is taken away.

    `by` names every count of the table. Raises `DatabaseError` when a count would fall below 0; then the transaction
    must fail.
    """
    if min(by.values()) >= 0:
        await connection.execute(_more(connection.dialect.name, entity, tuple(by)), {**key, **by})
        return
    # Not an upsert: PostgreSQL checks the proposed row first, and one with a negative count is refused.
    row = {f"key_{name}": value for name, value in key.items()} | {f"by_{name}": value for name, value in by.items()}
    changed = await connection.execute(_fewer(entity, tuple(by)), row)
    if not changed.rowcount:
        raise DatabaseError(f"{entity.__tablename__} holds less than is to be moved: run `postcall db verify`")


async def move_all(
    connection: Transaction, entity: type[Base], key: Sequence[str], changes: Mapping[Key, Mapping[str, int]]
) -> None:
    """Move the counts of days and of their months, in one order, the same for everybody: rows locked in different
    orders by two transactions would deadlock.

    `changes` are by the columns `key`, of which the second is the day.
    """
    months: dict[Key, Counter[str]] = defaultdict(Counter)
    for (site, day, *rest), by in changes.items():
        assert isinstance(day, date)  # the second column of every key
        for name, count in by.items():
            months[site, day.replace(day=1), *rest][name] += count
    tables: Sequence[tuple[type[Base], Mapping[Key, Mapping[str, int]]]] = ((entity, changes), (MONTHS[entity], months))
    for table, moved in tables:
        for values, by in sorted(moved.items(), key=itemgetter(0)):
            if any(by.values()):
                await move(connection, table, dict(zip(key, values, strict=True)), by)


@cache
def _more(dialect: str, entity: type[Base], names: tuple[str, ...]) -> Executable:
    table = table_of(entity)
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key), set_={name: table.c[name] + insert.excluded[name] for name in names}
    )


@cache
def _fewer(entity: type[Base], names: tuple[str, ...]) -> Executable:
    table = table_of(entity)
    key = [column == bindparam(f"key_{column.name}") for column in table.primary_key]
    moved: dict[str, ColumnElement[Any]] = {
        name: table.c[name] + bindparam(f"by_{name}", type_=table.c[name].type) for name in names
    }
    return update(table).where(*key, *(value >= 0 for value in moved.values())).values(moved)
