"""Recounts the tallies and the funnel from the surveys and answers, trials left out, inside the database."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, exists, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from storage.engine import Database
from storage.tables import Answer, Funnel, Survey, Tally

BUCKET = ("site_id", "day", "agent", "queue", "reason", "flow")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A count that is not what the surveys and answers say."""

    table: str
    """``tally`` or ``funnel``."""
    key: tuple[tuple[str, object], ...]
    """The columns of the row's key with their values."""
    held: int
    """What the table says; 0 when the row is missing."""
    counted: int
    """What the surveys and answers say."""

    def __str__(self) -> str:
        key = ", ".join(
            f"{name} {value!r}" if isinstance(value, str) else f"{name} {value}" for name, value in self.key
        )
        return f"{self.table} holds {self.held}, counted are {self.counted}: {key}"


async def verify(database: Database) -> list[Difference]:
    """All counts that differ from a recount; empty when every count is exact.

    Each table is compared in one statement, so recording may go on meanwhile. Takes as long as reading all answers.
    """

    async def work(connection: AsyncConnection) -> list[Difference]:
        return [
            *await _compare(connection, Tally.__tablename__, (*BUCKET, "question", "is_rating", "value"), _ratings()),
            *await _compare(connection, Funnel.__tablename__, (*BUCKET, "step"), _surveys()),
        ]

    return await database.read(work, seconds=None)


async def _compare(
    connection: AsyncConnection, table: str, key: tuple[str, ...], sources: list[Select[Any]]
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
            differences.append(Difference(table=table, key=pairs, held=int(is_held), counted=int(is_counted)))
    return differences


def _ratings() -> list[Select[Any]]:
    bucket = [getattr(Survey, name) for name in BUCKET]
    key = [*bucket, Answer.question, Answer.is_rating, Answer.value]
    recount = (
        select(*key, literal(0).label("held"), func.count().label("counted"))
        .join(Survey, (Survey.site_id == Answer.site_id) & (Survey.survey == Answer.survey))
        .where(Answer.value.is_not(None), Survey.trial.is_(False))
        .group_by(*key)
    )
    names = [*BUCKET, "question", "is_rating", "value"]
    table = select(*(getattr(Tally, name) for name in names), Tally.ratings.label("held"), literal(0).label("counted"))
    return [recount, table]


def _surveys() -> list[Select[Any]]:
    bucket = [getattr(Survey, name) for name in BUCKET]
    answered = exists().where(
        Answer.site_id == Survey.site_id, Answer.survey == Survey.survey, Answer.value.is_not(None)
    )
    reached = {
        "offered": literal(True),
        "started": Survey.started_at.is_not(None),
        "answered": answered,
    }
    recounts = [
        select(*bucket, literal(step).label("step"), literal(0).label("held"), func.count().label("counted"))
        .where(condition, Survey.trial.is_(False))
        .group_by(*bucket)
        for step, condition in reached.items()
    ]
    outcomes = (
        select(*bucket, Survey.status.label("step"), literal(0).label("held"), func.count().label("counted"))
        .where(Survey.ended_at.is_not(None), Survey.trial.is_(False))
        .group_by(*bucket, Survey.status)
    )
    names = [*BUCKET, "step"]
    table = select(
        *(getattr(Funnel, name) for name in names), Funnel.surveys.label("held"), literal(0).label("counted")
    )
    return [*recounts, outcomes, table]
