"""Two replicas on one PostgreSQL: a page that is open at one shows what callers say at the other."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from ivr.app import Service, running
from ivr.demo.choices import free_port
from ivr.settings import build_settings
from storage.schema import upgrade
from tests.chaos.callers import Callers
from tests.postgres import Postgres

TOKEN = "a token of these tests"


@asynccontextmanager
async def replica(url: str, journal: Path) -> AsyncIterator[Service]:
    settings = build_settings(
        {
            "database": {"url": url, "journal": str(journal)},
            "web": {"port": 0, "token": TOKEN},
            "fastagi": {"port": free_port()},
            "privacy": {"caller_key": "a caller key of these tests"},
            "sites": {"main": {"trigger": "dialplan", "ami": {"port": 9, "secret": "a secret of these tests"}}},
        },
        source="test",
    )
    async with running(settings) as service:
        yield service


@asynccontextmanager
async def followed(service: Service) -> AsyncIterator["asyncio.Queue[str]"]:
    """The names of the events that a page at `service` is told."""
    told: asyncio.Queue[str] = asyncio.Queue()

    async def follow(response: aiohttp.ClientResponse) -> None:
        async for line in response.content:
            if line.startswith(b"event:"):
                told.put_nowait(line.partition(b":")[2].strip().decode())

    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        aiohttp.ClientSession(service.url, headers=headers) as client,
        client.get("/api/v1/live") as response,
    ):
        assert response.status == 200
        following = asyncio.create_task(follow(response))
        assert await asyncio.wait_for(told.get(), 10) == "hello"
        yield told
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def events(told: "asyncio.Queue[str]", last: str) -> list[str]:
    """What was told up to the event `last`."""
    found: list[str] = []
    async with asyncio.timeout(10):
        while last not in found:
            found.append(await told.get())
    return found


async def test_a_page_at_one_replica_shows_what_callers_say_at_the_other(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.url(postgres.create_database())
    await upgrade(url)
    async with replica(url, tmp_path / "a.db") as a, replica(url, tmp_path / "b.db") as b:
        for service in (a, b):
            assert service.others
            await asyncio.wait_for(service.others.heard.wait(), 10)
        async with followed(a) as at_a, followed(b) as at_b:
            callers = Callers(ports=[a.agi_port], lines=0, rng=random.Random(1))
            await callers.one("1795400000.1", "csat")
            assert await events(at_a, "ended") == ["offered", "answered", "ended"]
            assert await events(at_b, "ended") == ["offered", "answered", "ended"]


async def test_the_health_page_and_readiness_of_a_replica_that_does_not_follow_the_pbx_are_well(
    postgres: Postgres, tmp_path: Path
) -> None:
    url = postgres.url(postgres.create_database())
    await upgrade(url)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        replica(url, tmp_path / "a.db") as owner,
        replica(url, tmp_path / "b.db") as other,
        aiohttp.ClientSession(headers=headers) as client,
    ):
        async with client.get(f"{owner.url}/readyz") as answer:
            assert answer.status == 503, "nobody listens where its PBX should be"
        async with client.get(f"{other.url}/readyz") as answer:
            assert answer.status == 200, await answer.text()
        async with client.get(f"{other.url}/health") as answer:
            assert "another replica follows this PBX" in await answer.text()
