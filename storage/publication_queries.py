"""Reads of flow versions and of their publications."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import func, select

from storage.engine import Database
from storage.records import FlowVersionRecord, PublicationRecord
from storage.tables import FlowVersion, Publication, Survey
from storage.transaction import Transaction

_PUBLICATION = ("flow", "number", "digest", "in_force_from", "published_at", "way", "published_by")
_VERSION = ("digest", "flow", "title", "source", "published_at")


async def read_publications(connection: Transaction, flow: str | None = None) -> list[PublicationRecord]:
    """The publications of one flow or of all, by flow and number, in a transaction that runs already."""
    statement = select(*(getattr(Publication, name) for name in _PUBLICATION))
    if flow is not None:
        statement = statement.where(Publication.flow == flow)
    rows = await connection.execute(statement.order_by(Publication.flow, Publication.number))
    return [PublicationRecord(**dict(zip(_PUBLICATION, row, strict=True))) for row in rows]


async def publications(database: Database, flow: str | None = None) -> list[PublicationRecord]:
    """The publications of one flow or of all, by flow and number."""
    return await database.read(lambda connection: read_publications(connection, flow))


async def publications_unless(database: Database, known: int) -> list[PublicationRecord] | None:
    """All publications, by flow and number; None when there are as many as are `known`: none is ever changed."""

    async def work(connection: Transaction) -> list[PublicationRecord] | None:
        if await connection.scalar(select(func.count()).select_from(Publication)) == known:
            return None
        return await read_publications(connection)

    return await database.read(work)


async def flow_versions(database: Database, digests: Collection[str]) -> list[FlowVersionRecord]:
    """The stored versions with these digests; one that is not stored is left out."""
    if not digests:
        return []
    return await _versions(database, FlowVersion.digest.in_(list(digests)))


async def flow_versions_like(database: Database, start: str) -> list[FlowVersionRecord]:
    """The stored versions whose digest begins with `start`, ordered by digest."""
    return await _versions(database, func.substr(FlowVersion.digest, 1, len(start)) == start)


async def surveys_by_version(database: Database, flow: str | None = None) -> Mapping[str, int]:
    """How many surveys were put with each version, by digest, trials aside. Reads every survey, so it takes longer the
    more there are."""
    statement = select(Survey.flow_version, func.count()).where(Survey.trial.is_(False)).group_by(Survey.flow_version)
    if flow is not None:
        statement = statement.where(Survey.flow == flow)

    async def work(connection: Transaction) -> dict[str, int]:
        rows = await connection.execute(statement)
        return {row[0]: row[1] for row in rows}

    return await database.read(work)


async def _versions(database: Database, condition: Any) -> list[FlowVersionRecord]:
    statement = select(*(getattr(FlowVersion, name) for name in _VERSION)).where(condition)

    async def work(connection: Transaction) -> list[FlowVersionRecord]:
        rows = await connection.execute(statement.order_by(FlowVersion.digest))
        return [FlowVersionRecord(**dict(zip(_VERSION, row, strict=True))) for row in rows]

    return await database.read(work)
