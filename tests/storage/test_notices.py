"""What one replica says all others hear, and who was deaf for a while is told so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from storage.address import parse_url
from storage.notices import MOST_BYTES, Notices
from tests.postgres import Postgres

pytestmark = pytest.mark.parametrize("url", ["postgresql"], indirect=True)
LIMIT = 10.0


class Replica:
    """One that listens."""

    def __init__(self, url: str, name: str) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.missed = asyncio.Event()
        self.notices = Notices(parse_url(url), name, heard=self.heard.put_nowait, missed=self.missed.set)

    async def hears(self) -> str:
        return await asyncio.wait_for(self.heard.get(), LIMIT)


@asynccontextmanager
async def listening(url: str, name: str) -> AsyncIterator[Replica]:
    replica = Replica(url, name)
    running = asyncio.create_task(replica.notices.run())
    await asyncio.wait_for(replica.notices.listening.wait(), LIMIT)
    yield replica
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_the_others_hear_in_order_and_nobody_hears_themselves(url: str) -> None:
    async with listening(url, "a") as a, listening(url, "b") as b:
        for text in ("one", "two words", "d'oh; 王"):
            a.notices.tell(text)
        assert [await b.hears() for _ in range(3)] == ["one", "two words", "d'oh; 王"]
        b.notices.tell("back")
        assert await a.hears() == "back"
        assert a.heard.empty()


async def test_what_is_too_long_is_not_said_and_holds_up_nothing(url: str) -> None:
    async with listening(url, "a") as a, listening(url, "b") as b:
        a.notices.tell("王" * MOST_BYTES)
        a.notices.tell("short")
        assert await b.hears() == "short"


async def test_whoever_loses_the_connection_comes_back_and_is_told_that_something_may_be_missed(
    url: str, postgres: Postgres
) -> None:
    async with listening(url, "a") as a, listening(url, "b") as b:
        assert not b.missed.is_set()
        postgres.sql("postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        for replica in (a, b):
            await asyncio.wait_for(replica.missed.wait(), LIMIT)
            await asyncio.wait_for(replica.notices.listening.wait(), LIMIT)
        a.notices.tell("again")
        assert await b.hears() == "again"
