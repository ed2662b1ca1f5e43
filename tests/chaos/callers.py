"""Callers in surveys, as the PBX connects them, who remember which keys they were thanked for."""

import asyncio
import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.agi.agi_client import header

FLOWS = ("csat", "servqual")
"""One question, and several."""
PLAYS = re.compile(rb"^(STREAM FILE|GET DATA) ")
SYNCHRONISES = re.compile(rb"([0-9a-f]{16})\$\{URIENCODE\(a b\)\}([^\"]*)")
VALUES = re.compile(rb"\$\{URIENCODE\(")


@dataclass
class Callers:
    """Keeps `lines` callers in a survey at any time, at services that come and go on `ports`."""

    ports: Sequence[int]
    lines: int
    rng: random.Random
    most_a_second: float = math.inf
    """So many of them call, where all that there is to be had would be too much."""
    thanked: dict[tuple[str, int], str] = field(default_factory=dict)
    """The key of a survey's n-th question, from 0, after which the caller heard the next prompt."""
    surveys: int = 0
    on_line: Counter[int] = field(default_factory=Counter)
    """How many are in a survey, by port."""
    _number: int = 0

    async def call(self) -> None:
        """Call until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(self.lines):
                tasks.create_task(self._line())

    async def one(self, uniqueid: str, flow: str) -> None:
        """One caller, until the dialplan goes on. Raises OSError when nobody listens, or the service goes."""
        port = self.rng.choice(self.ports)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        self.on_line[port] += 1
        try:
            writer.write(header(f"survey?flow={flow}", uniqueid))
            await self._answer(uniqueid, reader, writer)
        finally:
            self.on_line[port] -= 1
            writer.close()

    async def _line(self) -> None:
        clock = asyncio.get_running_loop()
        while True:
            next_at = clock.time() + self.lines / self.most_a_second
            self._number += 1
            try:
                await self.one(f"1795400000.{self._number}", self.rng.choice(FLOWS))
            except OSError:
                await asyncio.sleep(0.02)  # nobody listens: the dialplan goes on
            await asyncio.sleep(next_at - clock.time())

    async def _answer(self, uniqueid: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pressed: list[str] = []
        thanked = 0
        while line := await reader.readline():
            if not line.endswith(b"\n"):
                return  # half a command: the service died in the middle of it
            if PLAYS.match(line):
                for number in range(thanked, len(pressed)):
                    self.thanked[uniqueid, number] = pressed[number]
                thanked = len(pressed)
            writer.write(self._reply(line, pressed))
            await writer.drain()
        self.surveys += bool(thanked)

    def _reply(self, line: bytes, pressed: list[str]) -> bytes:
        if line.startswith(b"GET DATA"):
            pressed.append(str(self.rng.randint(1, 5)))
            return f"200 result={pressed[-1]}\n".encode()
        if line.startswith(b"STREAM FILE"):
            return b"200 result=0 endpos=8000\n"
        if line.startswith(b"CHANNEL STATUS"):
            return b"200 result=6\n"
        if sync := SYNCHRONISES.search(line):
            return b"200 result=1 (" + sync[1] + b"a%20b" + b"|" * len(VALUES.findall(sync[2])) + b")\n"
        if line.startswith(b"GET FULL VARIABLE"):
            return b"200 result=1 (" + b"|" * (len(VALUES.findall(line)) - 1) + b")\n"
        return b"200 result=1\n"
