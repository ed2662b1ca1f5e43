"""A call's row, locked for the transaction that changes it or its survey.

Whoever changes a call and its survey locks the call first. SQLite knows no FOR UPDATE and needs none: its writers come
one at a time.
"""

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, select

from storage.records import ReasonSource
from storage.tables import Call, Survey
from storage.transaction import Transaction
from storage.upsert import Columns, insert_new, table_of


class LockedCall(NamedTuple):
    """A call's row, locked until the transaction ends."""

    site: str
    linkedid: str
    reason: str
    reason_source: ReasonSource
    exclusion: str
    has_ended: bool
    """Only then it counts."""


async def lock_call(connection: Transaction, site: str, linkedid: str) -> LockedCall | None:
    """Lock a call; None when it is not known."""
    return _locked((await connection.execute(_locking(), {"site": site, "call": linkedid})).one_or_none())


async def lock_call_anyway(connection: Transaction, site: str, linkedid: str) -> LockedCall:
    """Lock a call, of which nothing but its name is added when it is not known."""
    while (call := await lock_call(connection, site, linkedid)) is None:
        is_ours = await insert_new(
            connection,
            Call,
            site_id=site,
            linkedid=linkedid,
            uniqueid="",
            queue="",
            reason="",
            caller_digest="",
            caller_mask="",
            abandoned=False,
            exclusion="",
        )
        if is_ours:
            return LockedCall(site, linkedid, "", "", "", has_ended=False)
    return call


async def lock_call_of(connection: Transaction, site: str, survey: str) -> LockedCall:
    """Lock the call of a survey, which comes before the survey itself.

    Raises `LookupError` when the survey was never offered.
    """
    call = _locked((await connection.execute(_locking_of(), {"site": site, "asked": survey})).one_or_none())
    if call is None:
        raise LookupError(f"survey {survey!r} of site {site!r} was never offered")
    return call


def is_call(columns: Columns) -> ColumnElement[bool]:
    """The rows of the call `call` of `site`."""
    return and_(columns.site_id == bindparam("site"), columns.linkedid == bindparam("call"))


def _locked(row: Any) -> LockedCall | None:
    if row is None:
        return None
    site, linkedid, reason, reason_source, exclusion, ended_at = row
    return LockedCall(site, linkedid, reason, reason_source, exclusion, ended_at is not None)


@cache
def _locking() -> Select[Any]:
    return select(*_columns()).where(is_call(table_of(Call).c)).with_for_update()


@cache
def _locking_of() -> Select[Any]:
    # To which call a survey belongs needs no lock: it never changes.
    call, survey = table_of(Call), table_of(Survey)
    is_its = and_(survey.c.site_id == call.c.site_id, survey.c.linkedid == call.c.linkedid)
    is_meant = and_(survey.c.site_id == bindparam("site"), survey.c.survey == bindparam("asked"))
    return select(*_columns()).join_from(survey, call, is_its).where(is_meant).with_for_update(of=call)


def _columns() -> list[ColumnElement[Any]]:
    columns = table_of(Call).c
    return [columns[name] for name in ("site_id", "linkedid", "reason", "reason_source", "exclusion", "ended_at")]
