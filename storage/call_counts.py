"""Keeps the counts of calls exact: what a call counted before a change is taken out, what it counts after it put in."""

from collections import Counter
from functools import cache
from typing import NamedTuple

from sqlalchemy import Executable, bindparam, select

from storage.count_tables import CallCount, Coverage
from storage.counted_calls import BUCKET, STRATUM, counted_call
from storage.moves import Key, move_all
from storage.tables import Call
from storage.transaction import Transaction
from storage.upsert import table_of


class Counted(NamedTuple):
    """What one call counts at some moment."""

    calls: Counter[Key]
    """Parts by `BUCKET`."""
    talk: Counter[Key]
    """Seconds times parts by `BUCKET`."""
    strata: Counter[Key]
    """Parts by `STRATUM`."""


async def counted(connection: Transaction, site: str, linkedid: str) -> Counted:
    """What a call counts now. The call must be locked, or nobody else may be writing."""
    calls: Counter[Key] = Counter()
    talk: Counter[Key] = Counter()
    strata: Counter[Key] = Counter()
    for row in await connection.execute(counted_call(), {"site": site, "call": linkedid}):
        found = row._mapping
        bucket = tuple(found[name] for name in BUCKET)
        calls[bucket] += row.parts
        talk[bucket] += row.parts * row.talk
        strata[tuple(found[name] for name in STRATUM)] += row.parts
    return Counted(calls, talk, strata)


async def recount(connection: Transaction, site: str, linkedid: str, before: Counted) -> None:
    """Move the counts of a call from what it counted `before` to what it counts now.

    The last thing that a transaction does, and in one order, against deadlocks. Raises `DatabaseError` when a count
    would fall below 0; then the transaction must fail.
    """
    after = await counted(connection, site, linkedid)
    calls, talk = _difference(before.calls, after.calls), _difference(before.talk, after.talk)
    moved = {key: {"calls": calls.get(key, 0), "talk": talk.get(key, 0)} for key in {*calls, *talk}}
    await move_all(connection, CallCount, BUCKET, moved)
    strata = {key: {"calls": parts} for key, parts in _difference(before.strata, after.strata).items()}
    await move_all(connection, Coverage, STRATUM, strata)


async def lock_call(connection: Transaction, site: str, linkedid: str) -> None:
    """Lock a call until the transaction ends; one that is not known is not locked."""
    # SQLite knows no FOR UPDATE and needs none: its writers come one at a time.
    if connection.dialect.name == "sqlite":
        return
    await connection.execute(_locking(), {"site": site, "call": linkedid})


def _difference(before: Counter[Key], after: Counter[Key]) -> dict[Key, int]:
    changed = {key: after[key] - before[key] for key in {*before, *after}}
    return {key: by for key, by in changed.items() if by}


@cache
def _locking() -> Executable:
    call = table_of(Call).c
    return (
        select(call.linkedid)
        .where(call.site_id == bindparam("site"), call.linkedid == bindparam("call"))
        .with_for_update()
    )
