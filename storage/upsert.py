"""INSERT … ON CONFLICT in the form that SQLite and PostgreSQL share; SQLAlchemy spells it once for each dialect.

Statements are built once and kept: building one anew takes longer than running it.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

from sqlalchemy import ColumnCollection, ColumnElement, Executable, Table, func
from sqlalchemy.dialects import postgresql, sqlite

from storage.base import Base
from storage.transaction import Transaction
from storage.types import Clipped

Columns = ColumnCollection[str, Any]
Merge = Callable[[Columns, Columns], Mapping[str, ColumnElement[Any]]]
"""What to set, by column name, from the values of the row that could not be inserted and of the row that stands.
A function of a module, not a lambda, so that its statement is built once."""


async def insert_new(connection: Transaction, entity: type[Base], **values: Any) -> bool:
    """Insert a row; False, and nothing changed, when any of its unique keys is taken."""
    return (await connection.execute(_insert_new(connection.dialect.name, entity), values)).rowcount > 0


async def upsert(connection: Transaction, entity: type[Base], merge: Merge, **values: Any) -> None:
    """Insert a row, or merge into the row that has its primary key; the row is locked until the transaction ends."""
    await connection.execute(_upsert(connection.dialect.name, entity, merge), values)


def table_of(entity: type[Base]) -> Table:
    """The table behind a class: statements on it skip the object mapper, which records have no use for."""
    return cast("Table", entity.__table__)


def known(new: ColumnElement[Any], old: ColumnElement[Any]) -> ColumnElement[Any]:
    """`new`, or `old` where `new` says nothing: what is known is never overwritten by what is not."""
    return func.coalesce(func.nullif(new, "") if isinstance(new.type, Clipped) else new, old)


@cache
def _insert_new(dialect: str, entity: type[Base]) -> Executable:
    return _insert(dialect, entity).on_conflict_do_nothing()


@cache
def _upsert(dialect: str, entity: type[Base], merge: Merge) -> Executable:
    statement = _insert(dialect, entity)
    table = table_of(entity)
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key), set_=dict(merge(statement.excluded, table.c))
    )


def _insert(dialect: str, entity: type[Base]) -> postgresql.Insert | sqlite.Insert:
    table = table_of(entity)
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
