"""Callers who are never to be asked again: written, taken back and read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, case, delete, select

from storage.engine import Database
from storage.quarantine import ALL_SITES
from storage.records import OptOutRecord, OptOutWay
from storage.tables import OptOut
from storage.transaction import Transaction
from storage.upsert import Columns, upsert


class OptOutRecorder:
    """Every method is one transaction, may be repeated, and raises `DatabaseError` when the database fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def opt_out(self, site: str | None, digest: str, at: datetime, way: OptOutWay) -> None:
        """Never ask a caller again at a site, or at none of them (None); the first time that it was said stays.

        Raises `ValueError` for an empty digest: nobody can opt out who withholds the number.
        """
        record = OptOutRecord(site=site, caller_digest=digest, at=at, way=way)

        async def work(connection: Transaction) -> None:
            await upsert(
                connection,
                OptOut,
                _the_earlier,
                site_id=record.site or ALL_SITES,
                caller_digest=record.caller_digest,
                opted_out_at=record.at,
                way=record.way,
            )

        await self._database.write(work)

    async def opt_in(self, site: str | None, digest: str) -> bool:
        """Take back what a caller said for one site, or everything that the caller said (None); False if nothing."""

        async def work(connection: Transaction) -> bool:
            statement = delete(OptOut).where(OptOut.caller_digest == digest)
            if site is not None:
                statement = statement.where(OptOut.site_id == site)
            return (await connection.execute(statement)).rowcount > 0

        return await self._database.write(work)

    async def opt_outs(self, digest: str) -> list[OptOutRecord]:
        """For which sites a caller opted out, that for all sites first."""
        statement = select(OptOut.site_id, OptOut.opted_out_at, OptOut.way).where(OptOut.caller_digest == digest)

        async def work(connection: Transaction) -> list[Any]:
            return list(await connection.execute(statement.order_by(OptOut.site_id)))

        return [
            OptOutRecord(site=site or None, caller_digest=digest, at=at, way=cast("OptOutWay", way))
            for site, at, way in await self._database.read(work)
        ]


def _the_earlier(new: Columns, old: Columns) -> Mapping[str, ColumnElement[Any]]:
    is_earlier = new["opted_out_at"] < old["opted_out_at"]
    return {name: case((is_earlier, new[name]), else_=old[name]) for name in ("opted_out_at", "way")}
