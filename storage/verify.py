"""Recounts all counts from calls, surveys and answers, trials left out, and sums of counts from counts.

All is done inside the database.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, Table, exists, extract, func, literal, or_, select, union_all

from storage.count_tables import BY_AGENT, MONTHS, CallCount, Coverage
from storage.counted_calls import BUCKET as CALL_BUCKET
from storage.counted_calls import STRATUM, counted_calls
from storage.engine import Database
from storage.records import PARTS, STEPS
from storage.tables import Answer, Credit, Funnel, Survey, Tally
from storage.transaction import Transaction
from storage.upsert import table_of

BUCKET = ("site_id", "day", "agent", "queue", "reason", "flow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A count that is not what the surveys and answers say."""

    table: str
    """``tally``, ``funnel``, ``call_count``, ``coverage``; ``credit`` for a survey whose shares are not a whole one;
    ``agent_tally`` for what is not the sum of all queues and reasons; with ``_month`` for a month that is not the sum
    of its days. A sum is only looked at where all that it sums is right."""
    key: tuple[tuple[str, object], ...]
    """The columns of the row's key with their values."""
    held: Fraction
    """What the table says; 0 when the row is missing."""
    counted: Fraction
    """What the surveys, their shares and the answers say."""

    def __str__(self) -> str:
        key = ", ".join(
            f"{name} {value!r}" if isinstance(value, str) else f"{name} {value}" for name, value in self.key
        )
        return f"{self.table} holds {_plain(self.held)}, counted are {_plain(self.counted)}: {key}"


def _plain(count: Fraction) -> str:
    return str(count.numerator) if count.denominator == 1 else f"{float(count):.3f}"


async def verify(database: Database) -> list[Difference]:
    """All counts that differ from a recount; empty when every count is exact.

    Each table is compared in one statement, so recording may go on meanwhile. Takes as long as reading all answers.
    """

    async def work(connection: Transaction) -> list[Difference]:
        found = [
            *await _compare(connection, Tally.__tablename__, (*BUCKET, "question", "is_rating", "value"), _ratings()),
            *await _compare(connection, Funnel.__tablename__, (*BUCKET, "step"), _surveys()),
            *await _compare(connection, Credit.__tablename__, ("site_id", "survey"), _shares()),
            *await _compare(connection, CallCount.__tablename__, CALL_BUCKET, _calls()),
            *await _compare(connection, f"{CallCount.__tablename__} (talk)", CALL_BUCKET, _talk()),
            *await _compare(connection, Coverage.__tablename__, STRATUM, _strata()),
        ]
        for summed, sums in (*BY_AGENT.items(), *MONTHS.items()):
            # Sums are compared with what they sum, so only what is right says what is wrong.
            if not any(difference.table.startswith(summed.__tablename__) for difference in found):
                found += await _compare_sums(connection, table_of(summed), table_of(sums))
        return found

    return await database.read(work, seconds=None)


async def _compare(
    connection: Transaction, table: str, key: tuple[str, ...], sources: list[Select[Any]]
) -> list[Difference]:
    both = union_all(*sources).subquery()
    columns = [both.c[name] for name in key]
    held, counted = func.sum(both.c.held), func.sum(both.c.counted)
    statement = select(*columns, held, counted).group_by(*columns).having(held != counted).order_by(*columns)
    differences = []
    async with connection.stream(statement) as rows:
        async for row in rows:
            *values, is_held, is_counted = row
            pairs = tuple(zip(("site", *key[1:]), values, strict=True))
            counts = {"held": Fraction(int(is_held), PARTS), "counted": Fraction(int(is_counted), PARTS)}
            differences.append(Difference(table=table, key=pairs, **counts))
    return differences


async def _compare_sums(connection: Transaction, summed: Table, sums: Table) -> list[Difference]:
    """What a table of months, or of all queues and reasons together, holds, against the table that it sums."""
    is_of_months = sums in {table_of(months) for months in MONTHS.values()}
    rest = [column.name for column in sums.primary_key if column.name not in ("site_id", "day")]
    names = ("site", *(("year", "month") if is_of_months else ("day",)), *rest)
    counts = [column.name for column in sums.c if not column.primary_key]
    sources = []
    for table, sign in ((sums, "held"), (summed, "counted")):
        of: dict[str, ColumnElement[Any]] = {
            **table.c,
            "site": table.c.site_id,
            "year": extract("year", table.c.day),
            "month": extract("month", table.c.day),
        }
        columns = [of[name].label(name) for name in names]
        sides = [
            (func.sum(table.c[name]) if side == sign else literal(0)).label(f"{side}_{name}")
            for name in counts
            for side in ("held", "counted")
        ]
        sources.append(select(*columns, *sides).group_by(*columns))
    both = union_all(*sources).subquery()
    key = [both.c[name] for name in names]
    pairs = [(func.sum(both.c[f"held_{name}"]), func.sum(both.c[f"counted_{name}"])) for name in counts]
    statement = (
        select(*key, *(side for pair in pairs for side in pair))
        .group_by(*key)
        .having(or_(*(held != counted for held, counted in pairs)))
        .order_by(*key)
    )
    return [
        Difference(
            table=sums.name if len(counts) == 1 else f"{sums.name} ({name})",
            key=tuple(zip(names, row[: len(names)], strict=True)),
            held=Fraction(int(row[len(names) + 2 * number]), PARTS),
            counted=Fraction(int(row[len(names) + 2 * number + 1]), PARTS),
        )
        for row in (await connection.execute(statement)).all()
        for number, name in enumerate(counts)
        if row[len(names) + 2 * number] != row[len(names) + 2 * number + 1]
    ]


_CREDITED = func.coalesce(Credit.agent, Survey.agent)
_COUNTED = func.sum(func.coalesce(Credit.parts, PARTS)).label("counted")
_HAS_SHARES = (Credit.site_id == Survey.site_id) & (Credit.survey == Survey.survey)


def _bucket() -> list[Any]:
    return [_CREDITED.label("agent") if name == "agent" else getattr(Survey, name) for name in BUCKET]


def _ratings() -> list[Select[Any]]:
    key = [*_bucket(), Answer.question, Answer.is_rating, Answer.value]
    recount = (
        select(*key, literal(0).label("held"), _COUNTED)
        .join_from(Answer, Survey, (Survey.site_id == Answer.site_id) & (Survey.survey == Answer.survey))
        .outerjoin(Credit, _HAS_SHARES)
        .where(Answer.value.is_not(None), Survey.trial.is_(False))
        .group_by(*key)
    )
    names = [*BUCKET, "question", "is_rating", "value"]
    table = select(*(getattr(Tally, name) for name in names), Tally.ratings.label("held"), literal(0).label("counted"))
    return [recount, table]


def _surveys() -> list[Select[Any]]:
    bucket = _bucket()
    answered = exists().where(
        Answer.site_id == Survey.site_id, Answer.survey == Survey.survey, Answer.value.is_not(None)
    )
    reached = {
        "offered": literal(True),
        "started": Survey.started_at.is_not(None),
        "answered": answered,
    }
    recounts = [
        select(*bucket, literal(step).label("step"), literal(0).label("held"), _COUNTED)
        .outerjoin_from(Survey, Credit, _HAS_SHARES)
        .where(condition, Survey.trial.is_(False))
        .group_by(*bucket)
        for step, condition in reached.items()
    ]
    outcomes = (
        select(*bucket, Survey.status.label("step"), literal(0).label("held"), _COUNTED)
        .outerjoin_from(Survey, Credit, _HAS_SHARES)
        .where(Survey.ended_at.is_not(None), Survey.trial.is_(False))
        .group_by(*bucket, Survey.status)
    )
    names = [getattr(Funnel, name) for name in BUCKET]
    tables = [
        select(*names, literal(step).label("step"), column.label("held"), literal(0).label("counted")).where(column > 0)
        for step, column in ((step, getattr(Funnel, step)) for step in STEPS)
    ]
    return [*recounts, outcomes, *tables]


def _shares() -> list[Select[Any]]:
    key: list[Any] = [Credit.site_id, Credit.survey]
    given = select(*key, Credit.parts.label("held"), literal(0).label("counted"))
    nothing, all_of_it = literal(0).label("held"), literal(PARTS).label("counted")
    asked: list[Any] = [Survey.site_id, Survey.survey]
    wanted = select(*asked, nothing, all_of_it).where(Survey.shared.is_(True))
    return [given, wanted]


def _calls() -> list[Select[Any]]:
    return _recounted(CallCount, CALL_BUCKET, held=CallCount.calls, by=lambda rows: rows.c.parts)


def _talk() -> list[Select[Any]]:
    return _recounted(CallCount, CALL_BUCKET, held=CallCount.talk, by=lambda rows: rows.c.parts * rows.c.talk)


def _strata() -> list[Select[Any]]:
    return _recounted(Coverage, STRATUM, held=Coverage.calls, by=lambda rows: rows.c.parts)


def _recounted(
    table: type[CallCount] | type[Coverage],
    key: tuple[str, ...],
    *,
    held: Any,
    by: Callable[[Subquery], ColumnElement[Any]],
) -> list[Select[Any]]:
    rows = counted_calls().subquery()
    columns = [rows.c[name] for name in key]
    recount = select(*columns, literal(0).label("held"), func.sum(by(rows)).label("counted")).group_by(*columns)
    names = [getattr(table, name) for name in key]
    return [recount, select(*names, held.label("held"), literal(0).label("counted"))]
