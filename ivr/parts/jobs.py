"""What only one replica of this service may do at a time, and whether that is this one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

import structlog

from ivr.errors import DatabaseAway, DatabaseError
from ivr.parts.background import Background
from storage.leases import HeldLease, LeaseRecorder

log = structlog.get_logger()

RENEW_SECONDS = 0.5
CLAIM_SECONDS = 2.0
"""A database that takes longer is away."""
HOUSEKEEPING = "housekeeping"


def pbx_job(site: str) -> str:
    """The job of following a site's PBX: its AMI link, and its call-backs."""
    return f"pbx {site}"


class Jobs:
    """Which jobs are ours. Whoever is alone has all of them, always."""

    def __init__(self, names: Collection[str], *, is_alone: bool) -> None:
        self.names = frozenset(names)
        self._held: Mapping[str, HeldLease] = {}
        if is_alone:
            self._held = {name: HeldLease(heard_until=None) for name in names}
        self._presumed: frozenset[str] = frozenset()
        self._changed = asyncio.Event()

    def has(self, name: str) -> bool:
        """Whether a job is ours."""
        return name in self._held or name in self._presumed

    def presumes(self, name: str) -> bool:
        """Whether a job is only taken for ours, since the database could not be asked yet."""
        return name in self._presumed

    def heard_until(self, name: str) -> datetime | None:
        """Until when somebody, perhaps ourselves before a crash, did a job before it was ours; None when that is not
        known."""
        held = self._held.get(name)
        return held.heard_until if held else None

    async def until(self, name: str, *, ours: bool) -> None:
        """Wait until a job is ours, or is not any more."""
        while self.has(name) != ours:
            await self._changed.wait()

    async def until_said(self, name: str) -> None:
        """Wait until the database says whose a job is that is presumed to be ours."""
        while self.presumes(name):
            await self._changed.wait()

    def presume(self) -> None:
        """Take all of them for ours until the database says whose they are."""
        self._presumed = self.names

    def are(self, held: Mapping[str, HeldLease]) -> None:
        """These are ours now, and no others."""
        won, lost = held.keys() - self._held.keys(), self._held.keys() - held.keys()
        lost |= self._presumed - held.keys()
        self._held = {name: self._held.get(name, lease) for name, lease in held.items()}
        self._presumed = frozenset()
        if won:
            log.info("this replica does", jobs=sorted(won))
        if lost:
            log.warning("another replica does from now on", jobs=sorted(lost))
        if won or lost:
            self._changed.set()
            self._changed = asyncio.Event()


@asynccontextmanager
async def claimed(jobs: Jobs, recorder: LeaseRecorder, holder: str, background: Background) -> AsyncIterator[None]:
    """Claim `jobs` while the block runs, as `holder`; what nobody has is ours when it begins. Raises `DatabaseError`.

    While the database is away what is ours stays ours, and when it is away from the beginning all is presumed to be:
    nobody can take it then, and following a PBX twice does no harm, since all that is heard is written so that it may
    be written twice.
    """
    try:
        jobs.are(await recorder.claim(holder, jobs.names))
    except DatabaseAway:
        jobs.presume()
    try:
        async with background.works(_claim(jobs, recorder, holder), "leases"):
            yield
    finally:
        with contextlib.suppress(DatabaseError, TimeoutError):
            async with asyncio.timeout(CLAIM_SECONDS):
                await recorder.give_back(holder)


async def _claim(jobs: Jobs, recorder: LeaseRecorder, holder: str) -> None:
    is_away = False
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        try:
            async with asyncio.timeout(CLAIM_SECONDS):
                held = await recorder.claim(holder, jobs.names)
        except (DatabaseError, TimeoutError) as error:
            if not is_away:
                log.warning("leases are not renewed", why=str(error) or "too slow")
            is_away = True
        else:
            is_away = False
            jobs.are(held)
