"""An Asterisk with callers in surveys, for measurements: calls a FastAGI server, and answers every command at once."""

import asyncio
import re
from collections.abc import Sequence

from tests.agi.agi_client import header

SYNCHRONISES = re.compile(rb'"([0-9a-f]{16})\$\{URIENCODE\(a b\)\}([^"]*)"')
_SECONDS = 60.0
_VALUE = b"${URIENCODE("


def reply(line: bytes) -> bytes:
    """What Asterisk answers to a command when the caller listens to everything, and presses 5 when asked."""
    if line.startswith(b"GET DATA"):
        return b"200 result=5\n"
    if line.startswith(b"STREAM FILE"):
        return b"200 result=0 endpos=8000\n"
    if line.startswith(b"CHANNEL STATUS"):
        return b"200 result=6\n"
    if found := SYNCHRONISES.search(line):
        return b"200 result=1 (" + found[1] + b"a%20b" + b"|" * found[2].count(_VALUE) + b")\n"
    if line.startswith(b"GET FULL VARIABLE"):
        return b"200 result=1 (" + b"|" * (line.count(_VALUE) - 1) + b")\n"
    return b"200 result=1\n"


class Caller(asyncio.Protocol):
    """One caller; `commands` are what was asked of the PBX, `over` is done when the server has closed."""

    def __init__(self, uniqueid: str) -> None:
        self.commands: list[bytes] = []
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._uniqueid = uniqueid
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(header("survey", self._uniqueid))

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self.commands.append(line)
            self.transport.write(reply(line))

    def connection_lost(self, exc: Exception | None) -> None:
        self.over.set_result(None)


async def call(port: int, surveys: int, lines: int, first: int) -> Sequence[Sequence[bytes]]:
    """Have so many surveys, `lines` of them at any time, with uniqueids from `first`; returns each one's commands."""
    loop = asyncio.get_running_loop()
    numbers = iter(range(first, first + surveys))
    heard: list[list[bytes]] = []

    async def line() -> None:
        for number in numbers:
            _, caller = await loop.create_connection(lambda: Caller(f"1795400000.{number}"), "127.0.0.1", port)  # noqa: B023
            await caller.over
            heard.append(caller.commands)

    async with asyncio.timeout(_SECONDS):
        await asyncio.gather(*(line() for _ in range(lines)))
    return heard
