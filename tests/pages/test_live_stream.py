"""`GET /api/v1/live`: what a client reads, and what it reads when it comes back."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler

from ivr.live import LiveFeed, SurveyNews
from ivr.web import live as live_module
from ivr.web.access import VIEWER, Viewer
from ivr.web.live import LIVE, OPERATIONS, LiveSource, end_streams
from ivr.web.operations import add_operations
from ivr.web.server import serving
from storage.records import AgentRecord
from tests.waiting import until

AT = datetime(2026, 11, 26, 20, 0, tzinfo=UTC)
Event = dict[str, str]
VIEWERS = {
    "ada": Viewer(name="ada", role="admin"),
    "nora": Viewer(name="nora", role="supervisor", site="main", teams=frozenset({"north"})),
    "noah": Viewer(name="noah", role="supervisor", site="elsewhere"),
    "alice": Viewer(name="alice", role="agent", site="main", agent="PJSIP/1001"),
}


async def agents() -> list[AgentRecord]:
    return [
        AgentRecord(site="main", agent="PJSIP/1001", interface="PJSIP/1001", team="north"),
        AgentRecord(site="main", agent="PJSIP/1002", interface="PJSIP/1002", team="south"),
    ]


def rated(value: int, *agents: str) -> SurveyNews:
    return SurveyNews(
        happened="answered",
        at=AT,
        site="main",
        survey=f"{value}.1",
        linkedid=f"{value}.0",
        agents=agents or ("PJSIP/1001",),
        queue="support",
        reason="",
        flow="csat",
        question="satisfaction",
        is_rating=True,
        value=value,
    )


class Wall:
    """A feed that is served to whoever sees one agent."""

    def __init__(self, url: str, feed: LiveFeed) -> None:
        self.url = url
        self.feed = feed

    @asynccontextmanager
    async def reading(self, **headers: str) -> AsyncIterator[Callable[[], Awaitable[Event]]]:
        """Read events, one at a time; an empty one is the end."""
        async with aiohttp.ClientSession() as client, client.get(self.url + "/api/v1/live", headers=headers) as answer:
            assert answer.content_type == "text/event-stream"

            async def event() -> Event:
                found: Event = {}
                async with asyncio.timeout(10):
                    async for line in answer.content:
                        name, _, text = line.decode().rstrip("\r\n").partition(": ")
                        if not name and found:
                            return found
                        if name:
                            found[name] = text
                return found

            yield event


@pytest.fixture
async def wall() -> AsyncIterator[Wall]:
    feed = LiveFeed(kept=3)

    @web.middleware
    async def viewing(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[VIEWER] = VIEWERS[request.headers.get("X-Viewer", "alice")]
        return await handler(request)

    app = web.Application(middlewares=[viewing])
    add_operations(app, OPERATIONS)
    app[LIVE] = LiveSource(feed=feed, agents=agents)
    end_streams(app)
    async with serving(app, "127.0.0.1", 0) as url:
        yield Wall(url, feed)


async def test_a_rating_is_told_with_all_that_is_known_of_it(wall: Wall) -> None:
    async with wall.reading() as event:
        assert (await event())["event"] == "hello"
        wall.feed.tell(rated(5))
        told = await event()
    assert (told["event"], told["id"]) == ("answered", wall.feed.last_id)
    assert json.loads(told["data"]) == {
        "happened": "answered",
        "at": "2026-11-26T20:00:00Z",
        "site": "main",
        "survey": "5.1",
        "call": "5.0",
        "agents": ["PJSIP/1001"],
        "queue": "support",
        "reason": None,
        "flow": "csat",
        "question": "satisfaction",
        "is_rating": True,
        "value": 5,
        "outcome": None,
    }


async def test_who_comes_back_reads_what_was_missed(wall: Wall) -> None:
    async with wall.reading() as event:
        known = (await event())["id"]
    for value in (1, 2):
        wall.feed.tell(rated(value))
    async with wall.reading(**{"Last-Event-ID": known}) as event:
        assert [(await event())["event"] for _ in range(3)] == ["hello", "answered", "answered"]


async def test_who_missed_too_much_is_told_to_read_the_page_again(wall: Wall) -> None:
    known = wall.feed.last_id
    for value in range(4):
        wall.feed.tell(rated(value))
    async with wall.reading(**{"Last-Event-ID": known}) as event:
        assert [(await event())["event"] for _ in range(2)] == ["hello", "reload"]
        wall.feed.tell(rated(9))
        assert json.loads((await event())["data"])["value"] == 9


@pytest.mark.parametrize(
    ("viewer", "told"),
    [
        ("ada", [(1, ["PJSIP/1002"]), (2, ["PJSIP/1001", "PJSIP/1002"]), (3, []), (4, ["PJSIP/1001"])]),
        ("nora", [(2, ["PJSIP/1001"]), (4, ["PJSIP/1001"])]),
        ("alice", [(2, ["PJSIP/1001"]), (4, ["PJSIP/1001"])]),
    ],
)
async def test_nobody_is_told_of_agents_whom_they_do_not_see(
    wall: Wall, viewer: str, told: list[tuple[int, list[str]]]
) -> None:
    async with wall.reading(**{"X-Viewer": viewer}) as event:
        await event()
        wall.feed.tell(rated(1, "PJSIP/1002"))
        wall.feed.tell(rated(2, "PJSIP/1001", "PJSIP/1002"))
        wall.feed.tell(replace(rated(3), agents=()))
        wall.feed.tell(rated(4))
        heard = [json.loads((await event())["data"]) for _ in told]
    assert [(one["value"], one["agents"]) for one in heard] == told


async def test_nobody_is_told_of_a_site_that_they_do_not_see(wall: Wall) -> None:
    async with wall.reading(**{"X-Viewer": "noah"}) as event:
        await event()
        wall.feed.tell(rated(1))
        wall.feed.tell(replace(rated(2), site="elsewhere"))
        assert json.loads((await event())["data"])["value"] == 2


async def test_the_stream_ends_after_a_while_so_that_rights_are_looked_at_again(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "LONGEST_SECONDS", 0.05)
    monkeypatch.setattr(live_module, "PING_SECONDS", 0.02)
    async with wall.reading() as event:
        assert (await event())["event"] == "hello"
        assert await event() == {}
    assert wall.feed.followers == 0


async def test_a_client_that_goes_away_is_not_kept(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_module, "PING_SECONDS", 0.02)
    async with wall.reading() as event:
        await event()
        assert wall.feed.followers == 1

    async def gone() -> Any:
        return wall.feed.followers == 0

    await until(gone)


async def test_when_the_service_stops_streams_end_at_once() -> None:
    feed = LiveFeed()

    @web.middleware
    async def viewing(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[VIEWER] = Viewer(name="ada", role="admin")
        return await handler(request)

    app = web.Application(middlewares=[viewing])
    add_operations(app, OPERATIONS)
    app[LIVE] = LiveSource(feed=feed, agents=agents)
    end_streams(app)
    async with aiohttp.ClientSession() as client:
        async with serving(app, "127.0.0.1", 0) as url:
            answer = await client.get(url + "/api/v1/live")
            await answer.content.readline()
        assert (await answer.content.read()).endswith(b"\r\n\r\n")
        answer.close()
