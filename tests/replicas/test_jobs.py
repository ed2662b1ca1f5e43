"""What only one replica may do at a time: who waits for a job is told when it comes, and when it goes."""

import asyncio
from datetime import UTC, datetime

from ivr.parts.jobs import Jobs
from storage.leases import HeldLease

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


def held(*names: str) -> dict[str, HeldLease]:
    return {name: HeldLease(heard_until=NOON) for name in names}


def test_whoever_is_alone_does_everything() -> None:
    jobs = Jobs(["a", "b"], is_alone=True)
    assert jobs.has("a")
    assert jobs.has("b")
    assert jobs.heard_until("a") is None


async def test_a_job_comes_and_goes() -> None:
    jobs = Jobs(["a", "b"], is_alone=False)
    assert not jobs.has("a")
    comes = asyncio.create_task(jobs.until("a", ours=True))
    await asyncio.sleep(0)
    jobs.are(held("b"))
    await asyncio.sleep(0)
    assert not comes.done(), "that was another one"
    jobs.are(held("a", "b"))
    await asyncio.wait_for(comes, 1)
    goes = asyncio.create_task(jobs.until("a", ours=False))
    jobs.are(held("a"))
    await asyncio.sleep(0)
    assert not goes.done()
    jobs.are({})
    await asyncio.wait_for(goes, 1)


def test_since_when_nobody_did_it_is_said_by_whoever_won_it_and_not_by_each_renewal() -> None:
    jobs = Jobs(["a"], is_alone=False)
    jobs.are(held("a"))
    jobs.are({"a": HeldLease(heard_until=NOON.replace(hour=13))})
    assert jobs.heard_until("a") == NOON
