"""Several replicas of this service on one PostgreSQL: who does what, and what they tell each other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import structlog
from pydantic import TypeAdapter, ValidationError

from ivr.live import LiveFeed, SurveyNews, Tell
from ivr.parts.jobs import Jobs, claimed
from storage.engine import Database, open_database
from storage.leases import LeaseRecorder
from storage.notices import Notices

log = structlog.get_logger()

_NEWS = TypeAdapter(SurveyNews)


@dataclass(frozen=True, slots=True, kw_only=True)
class Others:
    """The other replicas."""

    tell: Tell
    """Tells them our own news."""
    heard: asyncio.Event
    """Set while they are heard."""


@asynccontextmanager
async def among_replicas(url: str, name: str, jobs: Jobs, live: LiveFeed) -> AsyncIterator[Others]:
    """Be one of several replicas on the PostgreSQL at `url` while the block runs, under a `name` that no other has.

    `jobs` are claimed; what the others tell goes to whoever follows `live` here. Raises `DatabaseError`.
    """
    async with AsyncExitStack() as stack:
        # With connections of its own: a pool that is busy with callers must not cost us our leases.
        database: Database = await stack.enter_async_context(await open_database(url))
        await stack.enter_async_context(claimed(jobs, LeaseRecorder(database), name))
        notices = Notices(database.url, name, heard=_heard(live), missed=live.break_off)
        telling = asyncio.create_task(notices.run(), name="notices")
        try:
            yield Others(tell=lambda news: notices.tell(_NEWS.dump_json(news).decode()), heard=notices.listening)
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)


def _heard(live: LiveFeed) -> Callable[[str], None]:
    def hear(text: str) -> None:
        try:
            live.tell(_NEWS.validate_json(text))
        except ValidationError:
            # A replica of another version, which says something else.
            log.debug("news of another replica are not understood")

    return hear
