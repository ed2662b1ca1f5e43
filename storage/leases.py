"""Leases in PostgreSQL: a job belongs to one replica of the service, which renews it, and to the next one afterwards.

Rows with a time, and no advisory locks: a replica that hangs keeps its connection and so its locks, a pooler between
hands connections on with them, and neither CockroachDB nor a pooled Citus has them. The times are the database's own.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, func, not_, or_, select
from sqlalchemy.dialects.postgresql import insert

from storage.engine import Database
from storage.lease_table import Lease
from storage.transaction import Transaction
from storage.upsert import table_of

LEASE_SECONDS = 3.0
"""After so long without its holder anybody else may take a job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldLease:
    """A job that is ours."""

    heard_until: datetime | None
    """When the holder before us, perhaps ourselves, renewed it last; None when there was none, or it was given back."""


class LeaseRecorder:
    """The leases of all replicas. Every method raises `DatabaseError` when the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, holder: str, jobs: Collection[str]) -> Mapping[str, HeldLease]:
        """Renew what `holder` has of `jobs`, and take what nobody has; returns all that are `holder`'s now."""
        lease = table_of(Lease).c
        wanted = sorted(jobs)  # in one order, so that two replicas never wait for each other

        async def work(connection: Transaction) -> Mapping[str, HeldLease]:
            statement = select(lease.job, lease.renewed_at).where(lease.job.in_(wanted))
            heard = {row.job: row.renewed_at for row in await connection.execute(statement)}
            taken = await connection.scalars(_claiming(holder, wanted))
            return {job: HeldLease(heard_until=heard.get(job)) for job in taken}

        return await self._database.write(work)

    async def give_back(self, holder: str) -> None:
        """Leave all jobs to the others, who need not wait then."""
        await self._database.write(
            lambda connection: connection.execute(delete(Lease).where(Lease.holder == holder)),
        )


def _claiming(holder: str, jobs: Collection[str]) -> Any:
    now, lasts = func.clock_timestamp(), timedelta(seconds=LEASE_SECONDS)
    statement = insert(table_of(Lease)).values([{"job": job, "holder": holder, "renewed_at": now} for job in jobs])
    lease = table_of(Lease).c
    # One that was renewed in the future is of a clock that has been set back since.
    is_held = and_(lease.renewed_at > now - lasts, lease.renewed_at < now + lasts)
    return statement.on_conflict_do_update(
        index_elements=["job"],
        set_={"holder": statement.excluded.holder, "renewed_at": now},
        where=or_(lease.holder == statement.excluded.holder, not_(is_held)),
    ).returning(lease.job)
