"""What must be so in the database before the service reads or writes there; the database may come after the service."""

import asyncio

import structlog

from ivr.errors import DatabaseAway, DatabaseError
from ivr.settings import Settings
from storage.address import parse_url
from storage.call_steps import merge_site
from storage.engine import Database, open_database
from storage.records import SiteRecord
from storage.schema import check_schema, require_schema
from storage.transaction import Transaction

log = structlog.get_logger()

AGAIN_SECONDS = 1.0
"""How often a database that was away is looked at."""


async def opened_database(settings: Settings) -> Database:
    """The service's database, which may be away still. Raises `DatabaseError` when anything else is wrong with it.

    No transaction is carried out in it before the schema was found to be the right one, and the sites are known.
    """
    url = settings.database.url.get_secret_value()
    parsed = parse_url(url)

    async def introduce(connection: Transaction) -> None:
        await require_schema(connection, parsed)
        for code, site in settings.sites.items():
            await merge_site(connection, SiteRecord(site=code, name=site.name, zone=site.zone))

    return await open_database(url, first=introduce, may_be_away=True)


async def say_when_there(database: Database, problem: str) -> None:
    """Log that the service starts without its `database`, for `problem`; what keeps it from being used when it is back;
    and that it is used."""
    log.error("the service starts without its database, and takes calls into the journal", why=problem)
    said = ""
    while True:
        await asyncio.sleep(AGAIN_SECONDS)
        try:
            await check_schema(database)
        except DatabaseAway:
            said = ""
        except DatabaseError as error:
            if str(error) != said:
                said = str(error)
                log.error("the database is there, and cannot be used: calls still go into the journal", why=said)
        else:
            log.warning("the database is there: what callers said is brought over")
            return
