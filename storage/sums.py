"""Fills the tables that sum others, for whoever filled these in bulk."""

from typing import Any

from sqlalchemy import ColumnElement, Insert, Table, func, insert, literal_column, select

from storage.count_tables import BY_AGENT, MONTHS
from storage.upsert import table_of


def sum_fills(dialect: str) -> list[Insert]:
    """The statements that fill all tables that are summed from others, which must be empty, in their order.

    `dialect` is ``sqlite`` or ``postgresql``.
    """
    spelled = {"sqlite": "date(day, 'start of month')", "postgresql": "CAST(date_trunc('month', day) AS date)"}
    month: ColumnElement[Any] = literal_column(spelled[dialect])
    return [
        *(_fill(table_of(days), table_of(of_agents), {}) for days, of_agents in BY_AGENT.items()),
        *(_fill(table_of(days), table_of(months), {"day": month}) for days, months in MONTHS.items()),
    ]


def _fill(summed: Table, sums: Table, instead: dict[str, ColumnElement[Any]]) -> Insert:
    """Fill `sums` from `summed`, with other values than those of the same name for the columns in `instead`."""
    key: list[Any] = [instead.get(column.name, summed.c[column.name]) for column in sums.primary_key]
    counts = [column.name for column in sums.c if not column.primary_key]
    sum_of_each = select(*key, *(func.sum(summed.c[name]) for name in counts)).group_by(*key)
    return insert(sums).from_select([*(column.name for column in sums.primary_key), *counts], sum_of_each)
