"""What must be done from time to time, by one replica: end what was broken off, make room for months to come, forget
those long past."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial

import structlog

from ivr.errors import DatabaseError
from ivr.parts.jobs import HOUSEKEEPING, Jobs
from storage.engine import Database
from storage.journal import Journal
from storage.partitions import make_parts
from storage.recorder import Recorder
from storage.retention import forget

log = structlog.get_logger()

STEP_SECONDS = 60.0
LONGEST_SURVEY_SECONDS = 900.0
"""A survey that is open for longer was broken off."""


class Housekeeping:
    """`keep_months` says for how many whole months before the current one calls and ratings are kept, None for ever;
    `now` tells the time, with its zone. Surveys of which something waits in `journal` are left to that."""

    def __init__(
        self,
        *,
        database: Database,
        sites: Sequence[str],
        keep_months: int | None,
        jobs: Jobs,
        now: Callable[[], datetime],
        journal: Journal | None = None,
    ) -> None:
        self._database = database
        self._recorder = Recorder(database)
        self._sites = sites
        self._keep_months = keep_months
        self._jobs = jobs
        self._now = now
        self._journal = journal
        self._done: date | None = None
        """The day for which months were made and forgotten."""

    async def run(self) -> None:
        """Do all of it again and again, until cancelled, while that is this replica's job."""
        while True:
            if self._jobs.has(HOUSEKEEPING):
                try:
                    await self.step()
                except DatabaseError as error:
                    log.warning("housekeeping has to wait", why=str(error))
            await asyncio.sleep(STEP_SECONDS)

    async def step(self) -> None:
        """Do what is due. Raises `DatabaseError`."""
        await self.end_broken_off()
        today = self._now().date()
        if today != self._done:
            await make_parts(self._database, today)
            if self._keep_months is not None:
                await self._forget(months_before(today, self._keep_months))
            self._done = today

    async def end_broken_off(self) -> None:
        """End the surveys that a replica which is gone left open. Raises `DatabaseError`."""
        now = self._now()
        for site in self._sites:
            closed = await self._recorder.close_interrupted(
                site,
                offered_before=now - timedelta(seconds=LONGEST_SURVEY_SECONDS),
                at=now,
                spare=partial(self._waits, site),
            )
            if closed:
                log.warning("surveys that had been broken off are ended", site=site, surveys=closed)

    def _waits(self, site: str, survey: str) -> bool:
        """Whether the journal knows more of a survey than the database: that is brought over, and its end with it."""
        return self._journal is not None and self._journal.holds(site, survey)

    async def _forget(self, before: date) -> None:
        gone = await forget(self._database, self._sites, before)
        if gone.surveys or gone.calls or gone.parts:
            log.info(
                "months long past are forgotten",
                before=before.isoformat(),
                surveys=gone.surveys,
                calls=gone.calls,
                parts=list(gone.parts),
            )


def months_before(today: date, months: int) -> date:
    """The first day of the month so many before that of `today`."""
    count = today.year * 12 + today.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)
