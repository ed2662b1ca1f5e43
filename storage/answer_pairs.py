"""How two answers of the same callers go together."""

from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import aliased

from storage.engine import Database
from storage.records import CountFilter
from storage.summing import within
from storage.tables import Answer, Survey
from storage.transaction import Transaction


async def answer_pairs(
    database: Database, narrowed: CountFilter, *, begins: datetime, ends: datetime, question: str, headline: str
) -> dict[tuple[int, int], int]:
    """How many surveys offered from `begins` and before `ends` gave which answer to `question` with which rating.

    Surveys, which are not told apart by share: one that several agents share counts for the first of them. The days of
    `narrowed` are not looked at.
    """
    answer, rating = aliased(Answer), aliased(Answer)
    conditions = [
        Survey.site_id == narrowed.site,
        Survey.trial.is_(False),
        Survey.offered_at >= begins,
        Survey.offered_at < ends,
    ]
    for name in ("flow", "agent", "queue"):
        if getattr(narrowed, name) is not None:
            conditions.append(getattr(Survey, name) == getattr(narrowed, name))
    if narrowed.reason is not None:
        conditions.append(within(Survey.reason, narrowed.reason))
    if narrowed.agents is not None:
        conditions.append(Survey.agent.in_(sorted(narrowed.agents)))
    statement = (
        select(answer.value, rating.value, func.count())
        .select_from(Survey)
        .join(rating, and_(rating.site_id == Survey.site_id, rating.survey == Survey.survey))
        .join(answer, and_(answer.site_id == Survey.site_id, answer.survey == Survey.survey))
        .where(
            *conditions,
            rating.question == headline,
            rating.value.is_not(None),
            answer.question == question,
            answer.value.is_not(None),
        )
        .group_by(answer.value, rating.value)
    )

    async def work(connection: Transaction) -> list[Any]:
        return list(await connection.execute(statement))

    return {(value, rated): int(count) for value, rated, count in await database.read(work)}
