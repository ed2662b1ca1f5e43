"""The journal before PostgreSQL: opened, brought over as long as the service runs, and closed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from ivr.parts.background import Background
from ivr.settings import Settings
from ivr.surveys.tracker import CallTracker
from storage.address import parse_url, sqlite_path
from storage.engine import Database
from storage.journal import Journal, open_journal
from storage.journaled import JournaledSurveys
from storage.recorder import Recorder

log = structlog.get_logger()

LAST_SECONDS = 3.0
"""How long the service, when it stops, goes on bringing over what waits."""


@asynccontextmanager
async def opened_journal(settings: Settings) -> AsyncIterator[Journal | None]:
    """The journal, while the block runs; None for SQLite, which is not away while its disk is there.

    Raises `DatabaseError`.
    """
    if sqlite_path(parse_url(settings.database.url.get_secret_value())):
        yield None
        return
    journal = await open_journal(settings.database.journal)
    try:
        yield journal
    finally:
        await journal.close()


@asynccontextmanager
async def journaled_surveys(
    journal: Journal | None, database: Database, recorder: Recorder, calls: CallTracker, background: Background
) -> AsyncIterator[JournaledSurveys | None]:
    """The surveys with the journal before PostgreSQL; None without one."""
    if journal is None:
        yield None
        return
    surveys = JournaledSurveys(recorder=recorder, database=database, journal=journal, kept=calls.tell_again)
    if journal.waiting:
        since = journal.oldest_at.isoformat() if journal.oldest_at else None
        log.warning("what callers said waits in the journal", entries=journal.waiting, since=since)
    async with background.works(surveys.run(), "journal"):
        yield surveys
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LAST_SECONDS):
            while journal.waiting and await surveys.bring_over():
                pass
    if journal.waiting:
        log.warning("the journal keeps what the database did not take", entries=journal.waiting)
