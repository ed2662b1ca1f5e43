"""Fills the tables of months from those of days, for whoever filled these in bulk."""

from typing import Any

from sqlalchemy import Insert, func, insert, literal_column, select

from storage.count_tables import MONTHS
from storage.upsert import table_of


def month_fills(dialect: str) -> list[Insert]:
    """The statements that fill the tables of months, which must be empty, in ``sqlite`` or ``postgresql``."""
    spelled = {"sqlite": "date(day, 'start of month')", "postgresql": "CAST(date_trunc('month', day) AS date)"}
    month: Any = literal_column(spelled[dialect])
    fills = []
    for days, months in ((table_of(days), table_of(months)) for days, months in MONTHS.items()):
        key = [month if column.name == "day" else column for column in days.primary_key]
        counts = [column.name for column in days.c if not column.primary_key]
        sums = select(*key, *(func.sum(days.c[name]) for name in counts)).group_by(*key)
        fills.append(insert(months).from_select([*(column.name for column in days.primary_key), *counts], sums))
    return fills
