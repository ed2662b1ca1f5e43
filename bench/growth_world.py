"""A service on SQLite with its PBX, for `bench.growth_bench`: calls come, are up, are asked when the agent has hung up.

The PBX tells of each call what Asterisk 22 told of a recorded one (with the `eventfilter` lines set), and comes to the
survey over FastAGI, as the dialplan does.
"""

import asyncio
import re
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from itertools import count, islice
from typing import Self

from bench.agi_caller import Caller
from bench.agi_servers import serving
from bench.ami_peer import GREETING, answer_to, event_of
from ivr.asterisk.events import WANTED
from tests import recordings
from tests.waiting import until

LINES = 4
"""Callers in a survey at any time: few, for on a busy machine those whom the database keeps waiting are let go."""
LEAST_KEPT = 0.9
"""Of the callers; with fewer something is broken, and what a call costs says nothing."""
_LIMIT = 60.0
_QUIET_SECONDS = 0.1
_RECORDING = "ast22/a_normal"
_RECORDED = (
    (rb"Timestamp: [0-9.]+", b"Timestamp: %(now)b"),
    (rb"1795324252\.0", b"%(caller)b"),
    (rb"1795324252\.1", b"%(caller)b-agent"),
    (rb"ff114569-0efb-4dc2-ac21-04984132825f", b"bridge-%(caller)b"),
    (rb"00000000", b"%(caller)b"),
    (rb"00000001", b"%(caller)b-agent"),
    (rb"1001", b"%(extension)d"),
)
"""What is another one in every call, and what stands for it."""
_EPOCH = "1795500000"
"""The uniqueids of our calls begin with it."""
_OURS = (f"{_EPOCH}.", f"{_EPOCH}.z")
_CONNECTED = "SELECT count(*) FROM leg WHERE site_id = 'main' AND linkedid BETWEEN ? AND ? AND connected_at IS NOT NULL"
_ENDED = "SELECT count(*) FROM call WHERE site_id = 'main' AND linkedid BETWEEN ? AND ? AND ended_at IS NOT NULL"
_RATED = (
    "SELECT count(*) FROM survey JOIN answer USING (site_id, survey)"
    " WHERE site_id = 'main' AND linkedid BETWEEN ? AND ? AND value = 5 AND agent <> ''"
)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much there is."""

    calls: int = 10
    """That stay up, beside those that are measured."""
    agents: int = 5
    """Who take the calls in turn, at least 2."""
    ratings: int = 300
    """In the database from before."""


class World:
    """One service and its PBX; an async context manager."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self._stack = AsyncExitStack()
        self._pbx = Pbx()
        self._numbers = count(1)
        self._ended = 0
        self.kept = 0
        """Ratings of ours that are kept and credited."""

    async def __aenter__(self) -> Self:
        ami_port = await self._pbx.start()
        self._stack.push_async_callback(self._pbx.stop)
        filled = ["--ratings", str(self.size.ratings), "--agents", str(self.size.agents)]
        # In another thread, because whoever starts the service waits until it has held a survey.
        self._server = await asyncio.to_thread(
            self._stack.enter_context, serving("service", ami_port=ami_port, demo_data=filled)
        )
        assert self._server.database
        database = sqlite3.connect(f"file:{self._server.database}?mode=ro", uri=True)
        self._database = self._stack.enter_context(closing(database))
        async with asyncio.timeout(_LIMIT):
            await self._pbx.ready.wait()
        await self._begin(self.size.calls)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def calls(self, calls: int) -> float:
        """Let so many callers talk with agents, and then be asked; returns seconds of the service's processor a call.

        Raises `TimeoutError` when the end of a call does not get known, and `RuntimeError` when too many of them are
        not rated.
        """
        began = self._server.cpu_seconds
        talking = iter(await self._begin(calls))
        self._ended += calls

        async def line() -> None:
            for number in talking:
                await self._end(number)

        async with asyncio.timeout(_LIMIT):
            await asyncio.gather(*(line() for _ in range(LINES)))
        await until(self._counted(_ENDED, self._ended), _LIMIT)
        await self._quiet()
        used = self._server.cpu_seconds - began
        kept, self.kept = self._count(_RATED) - self.kept, self._count(_RATED)
        if kept < calls:
            print(f"{calls - kept} of {calls} callers were not asked in time", flush=True)
        if kept < LEAST_KEPT * calls:
            raise RuntimeError(f"only {kept} of {calls} calls were rated: broken, or the machine too busy")
        return used / calls

    async def _begin(self, calls: int) -> Sequence[int]:
        """Let callers come to agents, and wait until that is written, as it is long before a real call ends."""
        numbers = list(islice(self._numbers, calls))
        for number in numbers:
            self._tell(number, _BEGIN)
        await until(self._counted(_CONNECTED, numbers[-1]), _LIMIT)
        await self._quiet()
        return numbers

    async def _end(self, number: int) -> None:
        self._tell(number, _AGENT_LEAVES)
        loop = asyncio.get_running_loop()
        _, caller = await loop.create_connection(lambda: Caller(_uniqueid(number)), "127.0.0.1", self._server.port)
        await caller.over
        self._tell(number, _CALLER_LEAVES)

    def _tell(self, number: int, messages: Sequence[bytes]) -> None:
        given = {
            b"now": b"%.6f" % time.time(),
            b"caller": _uniqueid(number).encode(),
            b"extension": 1000 + number % self.size.agents,
        }
        for message in messages:
            self._pbx.tell(message % given)

    def _counted(self, query: str, wanted: int) -> Callable[[], Awaitable[bool]]:
        async def is_there() -> bool:
            return self._count(query) >= wanted

        return is_there

    def _count(self, query: str) -> int:
        return int(self._database.execute(query, _OURS).fetchone()[0])

    async def _quiet(self) -> None:
        """Until the service has nothing to do."""

        async def rests() -> bool:
            before = self._server.cpu_seconds
            await asyncio.sleep(_QUIET_SECONDS)
            return self._server.cpu_seconds == before

        await until(rests, _LIMIT)


class Pbx(asyncio.Protocol):
    """The AMI of an Asterisk on which nothing is going on when somebody logs in; for one client."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        """Set when the client has been told what is going on."""
        self._actions = b""
        self._transport: asyncio.Transport | None = None

    async def start(self) -> int:
        """Listen; returns the port."""
        self._server = await asyncio.get_running_loop().create_server(lambda: self, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Hang up on the client."""
        self._server.close()
        if self._transport:
            self._transport.abort()

    def tell(self, message: bytes) -> None:
        """Send an event."""
        assert self._transport
        self._transport.write(message)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        *actions, self._actions = (self._actions + data).split(b"\r\n\r\n")
        for action in actions:
            name, answer = answer_to(action)
            self.tell(answer)
            if name == b"CoreShowChannels":
                self.ready.set()


def _templates() -> tuple[Sequence[bytes], Sequence[bytes], Sequence[bytes]]:
    """What is told when a call begins, when its agent hangs up, and when its caller does."""
    wanted = [message for _, message in recordings.timed_messages(_RECORDING) if event_of(message) in WANTED]
    for recorded, stands in _RECORDED:
        wanted = [re.sub(recorded, stands, message) for message in wanted]
    talk = next(number for number, message in enumerate(wanted) if event_of(message) == "HangupRequest")
    return wanted[:talk], wanted[talk:-1], wanted[-1:]


_BEGIN, _AGENT_LEAVES, _CALLER_LEAVES = _templates()


def _uniqueid(number: int) -> str:
    return f"{_EPOCH}.{number}"
