"""A survey's row, locked for the transaction that changes it, and what goes with it: its shares, its answers.

Whoever changes a survey locks its row first; whoever changes a call and its survey locks the call first.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, Update, and_, bindparam, delete, exists, select, update

from storage.call_steps import describe_codes
from storage.counts import Bucket, Buckets, spread
from storage.records import PARTS, Share
from storage.tables import CODE, Answer, Credit, Survey
from storage.transaction import Transaction
from storage.types import clip
from storage.upsert import Columns, insert_new, table_of


class LockedSurvey(NamedTuple):
    """A survey's row, locked until the transaction ends."""

    whole: Bucket
    """As if it were its leading agent's alone."""
    shares: tuple[Share, ...]
    trial: bool
    status: str
    started: bool
    ended_at: datetime | None

    @property
    def buckets(self) -> Buckets:
        """Where it belongs."""
        return spread(self.whole, self.shares)

    @property
    def counted(self) -> Buckets:
        """Where it counts: a trial nowhere."""
        return () if self.trial else self.buckets


async def lock(connection: Transaction, site: str, survey: str) -> LockedSurvey:
    """Lock a survey. Raises `LookupError` when it was never offered."""
    row = (await connection.execute(_locking(), {"site": site, "asked": survey})).one_or_none()
    if row is None:
        raise LookupError(f"survey {survey!r} of site {site!r} was never offered")
    whole = Bucket(row.site_id, row.day, row.agent, row.queue, row.reason, row.flow)
    shares = await stored_shares(connection, site, survey, row.agent, shared=row.shared)
    return LockedSurvey(whole, shares, row.trial, row.status, row.started_at is not None, row.ended_at)


async def stored_shares(
    connection: Transaction, site: str, survey: str, agent: str, *, shared: bool
) -> tuple[Share, ...]:
    """Who has a survey; `agent` and `shared` are columns of its row."""
    if not shared:
        return (Share(agent=agent, parts=PARTS),)
    # In a statement of its own, after the lock: one that waited for the lock would see an older state.
    rows = await connection.execute(_credited(), {"site": site, "asked": survey})
    return leading_first(Share(agent=code, parts=parts) for code, parts in rows)


async def is_trial(connection: Transaction, site: str, survey: str) -> bool:
    """Whether a flow was only tried. Needs no lock: it never changes."""
    return bool(await connection.scalar(_trial(), {"site": site, "asked": survey}))


async def is_answered(connection: Transaction, site: str, survey: str) -> bool:
    """Whether a locked survey has an answer with a value."""
    # Asked after the row is locked, in a statement of its own: one that waited for the lock would see an older state.
    return bool(await connection.scalar(_answered(), {"site": site, "asked": survey}))


async def set_survey(connection: Transaction, site: str, survey: str, **values: object) -> None:
    """Change columns of a locked survey."""
    await connection.execute(_setting(), {"site": site, "asked": survey, **values})


async def set_shares(connection: Transaction, site: str, survey: str, shares: Sequence[Share]) -> None:
    """Replace the rows of those who share a locked survey; one who has it alone has no row."""
    await connection.execute(_uncrediting(), {"site": site, "asked": survey})
    await add_shares(connection, site, survey, shares)


async def add_shares(connection: Transaction, site: str, survey: str, shares: Sequence[Share]) -> None:
    """Add the rows of those who share a survey that has none yet."""
    for share in shares if len(shares) > 1 else ():
        await insert_new(connection, Credit, site_id=site, survey=survey, agent=share.agent, parts=share.parts)


async def describe_shares(connection: Transaction, site: str, shares: Sequence[Share]) -> None:
    """Add the agents that are new; always in this order, against deadlocks."""
    for agent in sorted({share.agent for share in shares}):
        await describe_codes(connection, site, agent=agent)


def shares_of(shares: Sequence[Share], agent: str = "") -> tuple[Share, ...]:
    """Shares as they are stored, the leading agent first; without any, `agent` has it all."""
    parts: dict[str, int] = {}
    for share in shares or (Share(agent=agent, parts=PARTS),):
        code = clip(share.agent, CODE)
        parts[code] = parts.get(code, 0) + share.parts
    return leading_first(Share(agent=code, parts=some) for code, some in parts.items())


def leading_first(shares: Iterable[Share]) -> tuple[Share, ...]:
    """The largest share first; of equal ones in the order of the codes."""
    return tuple(sorted(shares, key=lambda share: (-share.parts, share.agent)))


def is_asked(columns: Columns) -> ColumnElement[bool]:
    """The rows of the survey `asked` of `site`."""
    return and_(columns.site_id == bindparam("site"), columns.survey == bindparam("asked"))


@cache
def _locking() -> Select[Any]:
    # SQLite knows no FOR UPDATE and needs none: its writers come one at a time.
    columns = table_of(Survey).c
    wanted = (*Bucket._fields, "shared", "trial", "status", "started_at", "ended_at")
    return select(*(columns[name] for name in wanted)).where(is_asked(columns)).with_for_update()


@cache
def _credited() -> Select[Any]:
    columns = table_of(Credit).c
    return select(columns.agent, columns.parts).where(is_asked(columns))


@cache
def _uncrediting() -> Any:
    return delete(table_of(Credit)).where(is_asked(table_of(Credit).c))


@cache
def _trial() -> Select[Any]:
    return select(table_of(Survey).c.trial).where(is_asked(table_of(Survey).c))


@cache
def _answered() -> Select[Any]:
    columns = table_of(Answer).c
    return select(exists().where(is_asked(columns), columns.value.is_not(None)))


@cache
def _setting() -> Update:
    return update(table_of(Survey)).where(is_asked(table_of(Survey).c))
