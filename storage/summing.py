"""Sums of counts over a period, from the tables with the fewest rows that tell apart what is asked for.

Whole months are read from the tables of months, only the days around them by day.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, and_, func, join, literal_column, or_, select, union_all

from storage.count_tables import BY_AGENT, MONTHS
from storage.records import CountFilter, Dimension
from storage.tables import CODE, Agent, Base
from storage.types import clip

Sums = Mapping[str, Callable[[Any], ColumnElement[Any]]]
"""What is summed, by the name that it gets: a table's column, or what is worked out of some."""
Condition = Callable[[Any], ColumnElement[bool]]
"""What a row of a table must fulfil."""


def summed(
    table: type[Base],
    narrowed: CountFilter,
    by: Sequence[Dimension],
    rest: Sequence[str],
    sums: Sums,
    conditions: Sequence[Condition] = (),
) -> Select[Any]:
    """The sums of the rows of `table` that `narrowed` and `conditions` leave, told apart by `by` and `rest`, in order.

    `table` is one of days, with every dimension. Told apart by day it is read by day, however long the period is.
    """
    if {narrowed.queue, narrowed.reason} == {None} and not {"queue", "reason"} & {*by, *rest}:
        table = BY_AGENT.get(table, table)
    keys = [*by, *rest]
    pieces = [(table, narrowed)] if "day" in by else _pieces(table, narrowed)
    found = [_sum_of(piece, within_it, keys, sums, conditions) for piece, within_it in pieces]
    if len(found) == 1:
        return found[0].order_by(*(_column(pieces[0][0], key) for key in keys))
    together = union_all(*found).subquery()
    columns = [together.c[key] for key in keys]
    return (
        select(*columns, *(func.sum(together.c[f"sum_{name}"]) for name in sums)).group_by(*columns).order_by(*columns)
    )


def within(column: Any, reason: str) -> ColumnElement[bool]:
    """The rows whose reason in `column` is `reason`, or below it; ``""`` means those without one."""
    reason = clip(reason, CODE)
    if not reason:
        return cast("ColumnElement[bool]", column == "")
    # Not LIKE: SQLite's takes no notice of case, and a reason may hold its wildcards.
    below = f"{reason}/"
    return or_(column == reason, func.substr(column, 1, len(below)) == below)


def _sum_of(
    table: type[Base], narrowed: CountFilter, keys: Sequence[str], sums: Sums, conditions: Sequence[Condition]
) -> Select[Any]:
    columns = [_column(table, key) for key in keys]
    return (
        select(
            *(column.label(key) for key, column in zip(keys, columns, strict=True)),
            *(func.sum(value(table)).label(f"sum_{name}") for name, value in sums.items()),
        )
        .select_from(_with_team(table) if "team" in keys else table)
        .where(*_narrow(table, narrowed), *(condition(table) for condition in conditions))
        .group_by(*columns)
    )


def _pieces(table: type[Base], narrowed: CountFilter) -> list[tuple[type[Base], CountFilter]]:
    """The tables that together hold each day of the period once, and which part of the period is read from each."""
    first, last = narrowed.from_day, narrowed.to_day
    begin = first if first is None or first.day == 1 else _next_month(first)
    end = None if last is None else _first_of_month(last + timedelta(days=1))  # the first month that is not whole
    if begin is not None and end is not None and begin >= end:
        return [(table, narrowed)]
    until = None if end is None else end - timedelta(days=1)
    pieces = [(MONTHS[table], replace(narrowed, from_day=begin, to_day=until))]
    if first is not None and begin is not None and first < begin:
        pieces.append((table, replace(narrowed, to_day=begin - timedelta(days=1))))
    if last is not None and end is not None and end <= last:
        pieces.append((table, replace(narrowed, from_day=end)))
    return pieces


def _first_of_month(day: date) -> date:
    return day.replace(day=1)


def _next_month(day: date) -> date:
    return _first_of_month(_first_of_month(day) + timedelta(days=31))


def _column(table: type[Base], name: str) -> Any:
    if name == "team":
        # Spelled out: with a parameter in it PostgreSQL would not see that it groups by what it selects.
        return func.coalesce(Agent.team, literal_column("''"))
    return getattr(table, "site_id" if name == "site" else name)


def _with_team(table: Any) -> Any:
    return join(table, Agent, and_(Agent.site_id == table.site_id, Agent.agent == table.agent), isouter=True)


def _narrow(table: Any, narrowed: CountFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if narrowed.site is not None:
        conditions.append(table.site_id == narrowed.site)
    if narrowed.agent is not None:
        conditions.append(table.agent == narrowed.agent)
    if narrowed.agents is not None:
        conditions.append(table.agent.in_(sorted(narrowed.agents)))
    if narrowed.queue is not None:
        conditions.append(table.queue == narrowed.queue)
    if narrowed.reason is not None:
        conditions.append(within(table.reason, narrowed.reason))
    if narrowed.flow is not None:
        conditions.append(table.flow == narrowed.flow)
    if narrowed.from_day is not None:
        conditions.append(table.day >= narrowed.from_day)
    if narrowed.to_day is not None:
        conditions.append(table.day <= narrowed.to_day)
    return conditions
