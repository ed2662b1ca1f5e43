"""The codes that were heard of at a site, and what they are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from storage.engine import Database
from storage.tables import Queue, Reason
from storage.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteCodes:
    """The queues and reasons of a site."""

    queues: Sequence[str]
    """In order."""
    reasons: Mapping[str, str]
    """The label of each, ``""`` where it has none; in the order of the codes: one follows what it is part of."""


async def site_codes(database: Database, site: str) -> SiteCodes:
    """All queues and reasons that a site's calls ever had."""

    async def work(connection: Transaction) -> SiteCodes:
        queues = await connection.scalars(select(Queue.queue).where(Queue.site_id == site).order_by(Queue.queue))
        reasons = await connection.execute(
            select(Reason.reason, Reason.label).where(Reason.site_id == site).order_by(Reason.reason)
        )
        return SiteCodes(queues=list(queues), reasons={row.reason: row.label for row in reasons})

    return await database.read(work)
