"""Calls as they are kept, for whoever did not hear of them: those that a replica takes over, and those that another one
follows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select

from storage.engine import Database
from storage.records import CallRecord, LegRecord
from storage.tables import Call, Leg
from storage.transaction import Transaction
from storage.upsert import table_of

MOST_CALLS = 20_000
"""Calls that are taken over at once; there are never so many on one PBX."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCall:
    """A call and its legs."""

    call: CallRecord
    legs: Sequence[LegRecord]
    """In the order in which they connected."""


async def kept_call(database: Database, site: str, linkedid: str) -> KeptCall | None:
    """What is kept of one call; None when nothing is. Raises `DatabaseError`."""
    calls = await _kept(database, Call.site_id == site, Call.linkedid == linkedid)
    return calls[0] if calls else None


async def open_calls(database: Database, site: str) -> list[KeptCall]:
    """The calls of a site whose beginning was heard, and no end. Raises `DatabaseError`."""
    return await _kept(database, Call.site_id == site, Call.ended_at.is_(None), Call.started_at.is_not(None))


async def _kept(database: Database, *which: ColumnElement[bool]) -> list[KeptCall]:
    call, leg = table_of(Call).c, table_of(Leg).c
    joined = (leg.site_id == call.site_id) & (leg.linkedid == call.linkedid)
    calls = select(*(call[name] for name in _CALL)).where(*which).order_by(call.started_at.desc()).limit(MOST_CALLS)
    legs = (
        select(*(leg[name] for name in _LEG))
        .join(table_of(Call), joined)
        .where(*which)
        .order_by(leg.connected_at.nulls_first(), leg.leg)
    )

    async def work(connection: Transaction) -> list[KeptCall]:
        found = (await connection.execute(calls)).all()
        of_call: dict[str, list[LegRecord]] = {row.linkedid: [] for row in found}
        for row in await connection.execute(legs):
            if row.linkedid in of_call:
                of_call[row.linkedid].append(LegRecord(**_named(row)))
        return [KeptCall(call=CallRecord(**_named(row)), legs=of_call[row.linkedid]) for row in found]

    return await database.read(work)


def _named(row: Any) -> dict[str, Any]:
    return {("site" if name == "site_id" else name): value for name, value in row._mapping.items()}


_CALL = (
    "site_id",
    "linkedid",
    "uniqueid",
    "queue",
    "reason",
    "reason_source",
    "caller_digest",
    "caller_mask",
    "started_at",
    "ended_at",
    "ended_by",
    "abandoned",
    "agent",
)
_LEG = (
    "site_id",
    "linkedid",
    "leg",
    "agent",
    "interface",
    "member",
    "queue",
    "connected_at",
    "ended_at",
    "ended_by",
    "ring_seconds",
    "hold_seconds",
    "talk_seconds",
)
