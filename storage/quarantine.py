"""What the rules need to know of the past, in one statement that is answered from indexes alone.

A count stops at the number that matters, so its cost does not grow with the past either.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, Integer, Select, bindparam, exists, false, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY

from storage.call_steps import exclude_call, is_asked
from storage.engine import Database
from storage.records import PARTS, Exclusion
from storage.survey_steps import Admit
from storage.tables import OptOut, Survey, Tally
from storage.transaction import Transaction
from storage.upsert import Columns, table_of

Same = Literal["caller", "agent", "queue", "reason", "site"]
_COLUMN = {"caller": "caller_digest", "agent": "agent", "queue": "queue", "reason": "reason"}
ALL_SITES = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveysSince:
    """The surveys offered at one site after `since`, trials left out, that share a value."""

    same: Same
    value: str
    """A code, or the caller's digest; ``""`` for the site's own."""
    since: datetime
    """Itself left out."""
    up_to: int
    """Where counting may stop; from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """Questions to the past of one site."""

    site: str
    surveys: tuple[SurveysSince, ...] = ()
    caller: str = ""
    """The digest to look for among those who opted out; ``""`` for nobody."""
    rated_agent: str = ""
    """Whose ratings are counted; ``""`` for nobody's."""
    rated_days: tuple[date, ...] = ()
    """The days of those ratings."""
    before: datetime | None = None
    """For a look at an earlier moment: surveys from then on are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """The answers."""

    surveys: Mapping[SurveysSince, int] = field(default_factory=dict)
    """0 to `up_to` of each question."""
    opted_out: bool = False
    ratings: int = 0
    """Whole ones: a part that the agent shares with others counts once the parts make one."""


async def look_back(database: Database, lookup: Lookup) -> Past:
    """Answer `lookup`. Raises `DatabaseError`."""
    return await database.read(lambda connection: read_past(connection, lookup))


async def read_past(connection: Transaction, lookup: Lookup) -> Past:
    """Answer `lookup` within a transaction."""
    values: dict[str, Any] = {"site": lookup.site}
    for number, asked in enumerate(lookup.surveys):
        values |= {f"value{number}": asked.value, f"since{number}": asked.since, f"up_to{number}": asked.up_to}
    if lookup.before is not None:
        values["before"] = lookup.before
    if lookup.caller:
        values["caller"] = lookup.caller
    if lookup.rated_agent:
        values |= {"rated_agent": lookup.rated_agent, "rated_days": lookup.rated_days}
    shape = tuple(asked.same for asked in lookup.surveys)
    statement = _statement(shape, lookup.before is not None, bool(lookup.caller), bool(lookup.rated_agent))
    opted_out, ratings, *counts = (await connection.execute(statement, values)).one()
    return Past(
        surveys=dict(zip(lookup.surveys, counts, strict=True)), opted_out=bool(opted_out), ratings=int(ratings) // PARTS
    )


def admission(site: str, linkedid: str, lookup: Lookup, judge: Callable[[Past], Exclusion | None]) -> Admit:
    """For `SurveyRecorder.offer`: asks `judge` with the past as it stands, and notes on the call when that says no.

    Two calls that share what is counted are judged one after the other, so that together they never exceed a limit.
    """

    async def admit(connection: Transaction) -> bool:
        if await is_asked(connection, site, linkedid):
            return True  # which is for `offer` to find: the call's own survey must not count against it
        await _one_at_a_time(connection, site, lookup.surveys)
        why = judge(await read_past(connection, lookup))
        if why is not None:
            await exclude_call(connection, site, linkedid, why)
        return why is None

    return admit


async def _one_at_a_time(connection: Transaction, site: str, surveys: Sequence[SurveysSince]) -> None:
    """Wait until no other transaction counts the same; SQLite's writers come one at a time anyway."""
    if connection.dialect.name != "postgresql" or not surveys:
        return
    keys = sorted({_lock_key(site, asked) for asked in surveys})
    # A statement of its own: one that waits for a lock goes on with what it saw before it waited. In one order for
    # all, against deadlocks; always after the call's row is locked.
    await connection.execute(_locking(), {"keys": keys})


def _lock_key(site: str, asked: SurveysSince) -> int:
    text = f"{site}\x00{asked.same}\x00{asked.value}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), signed=True)


@cache
def _locking() -> Select[Any]:
    keys: ColumnElement[Any] = bindparam("keys", type_=ARRAY(BigInteger))
    return select(func.pg_advisory_xact_lock(func.unnest(keys)))


@cache
def _statement(shape: tuple[Same, ...], has_end: bool, has_caller: bool, has_ratings: bool) -> Select[Any]:
    counts = [_count(number, same, has_end).label(f"surveys{number}") for number, same in enumerate(shape)]
    columns: list[ColumnElement[Any]] = [
        (_opted_out() if has_caller else false()).label("opted_out"),
        (_ratings() if has_ratings else literal(0)).label("ratings"),
        *counts,
    ]
    return select(*columns)


def _count(number: int, same: Same, has_end: bool) -> ColumnElement[int]:
    columns: Columns = table_of(Survey).c
    conditions = [
        columns.site_id == bindparam("site"),
        columns.trial == bindparam("trial", value=False),
        columns.offered_at > bindparam(f"since{number}"),
    ]
    if same != "site":
        conditions.append(columns[_COLUMN[same]] == bindparam(f"value{number}"))
    if has_end:
        conditions.append(columns.offered_at < bindparam("before"))
    some = select(literal(1).label("one")).where(*conditions).limit(bindparam(f"up_to{number}", type_=Integer))
    return select(func.count()).select_from(some.subquery(f"some{number}")).scalar_subquery()


def _opted_out() -> ColumnElement[bool]:
    columns = table_of(OptOut).c
    is_site = or_(columns.site_id == bindparam("site"), columns.site_id == ALL_SITES)
    return exists().where(is_site, columns.caller_digest == bindparam("caller"))


def _ratings() -> ColumnElement[int]:
    columns = table_of(Tally).c
    return (
        select(func.coalesce(func.sum(columns.ratings), 0))
        .where(
            columns.site_id == bindparam("site"),
            # Each day by itself: a range of days would have to pass by all other agents.
            columns.day.in_(bindparam("rated_days", expanding=True)),
            columns.agent == bindparam("rated_agent"),
            columns.is_rating == bindparam("rating", value=True),
        )
        .scalar_subquery()
    )
