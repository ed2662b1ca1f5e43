"""Keeps the counts of calls exact: what a call counted before a change is taken out, what it counts after it put in."""

from collections import Counter

from storage.counted_calls import BUCKET, STRATUM, counted_call
from storage.counts import Counted, Counts
from storage.locked_call import LockedCall
from storage.moves import Key
from storage.transaction import Transaction


async def counted(connection: Transaction, call: LockedCall) -> Counted:
    """What a locked call counts now."""
    found = Counted(Counter[Key](), Counter[Key](), Counter[Key]())
    if not call.has_ended:
        return found
    for row in await connection.execute(counted_call(), {"site": call.site, "call": call.linkedid}):
        columns = row._mapping
        bucket = tuple(columns[name] for name in BUCKET)
        found.calls[bucket] += row.parts
        found.talk[bucket] += row.parts * row.talk
        found.strata[tuple(columns[name] for name in STRATUM)] += row.parts
    return found


async def recount(connection: Transaction, counts: Counts, call: LockedCall, before: Counted) -> None:
    """Move the counts of a locked call from what it counted `before` to what it counts now."""
    counts.move_call(before, await counted(connection, call))
