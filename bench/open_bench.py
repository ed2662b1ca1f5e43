"""Ten thousand surveys open at once: what each takes of memory, and how soon a key is answered meanwhile.

Nothing is stored here, so that it is the telephone side that is measured: the session, its task and the interview.
"""

import asyncio
import time

from bench.agi_caller import reply
from bench.agi_servers import Server, serving
from bench.measure import Found, Row
from tests.agi.agi_client import header

OPEN = 10_000
KEYS_A_SECOND = 1000
_AT_ONCE = 200
"""How many connect at a time: Asterisk's own calls do not all come in one moment, and the backlog is 1,024."""


class _Waiting(asyncio.Protocol):
    """A caller who has been asked for a key, and presses it when told to."""

    def __init__(self, number: int) -> None:
        self._header = header("survey", f"1795400000.{number}")
        self._rest = b""
        self._pressed_at = 0.0
        loop = asyncio.get_running_loop()
        self.asked: asyncio.Future[None] = loop.create_future()
        self.answered: asyncio.Future[float] = loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._header)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if self._pressed_at and not self.answered.done():
                self.answered.set_result(time.perf_counter() - self._pressed_at)
            if line.startswith(b"GET DATA"):
                self.asked.set_result(None)
            else:
                self._transport.write(reply(line))

    def press(self) -> None:
        """Press 5. What comes next is the answer."""
        self._pressed_at = time.perf_counter()
        self._transport.write(b"200 result=5\n")


def run() -> Found:
    """Open all, weigh them, then press keys."""
    with serving("unstored") as server:
        kilobytes, seconds = asyncio.run(_measure(server))
    slow = 1000 * sorted(seconds)[int(0.99 * len(seconds))]
    return Found(
        rows=[
            Row(
                what=f"{OPEN:,} surveys open at once, nothing stored: memory of each",
                against="",
                wanted="≤ 30 KB",
                measured=f"{kilobytes:.1f} KB",
                reached=kilobytes <= 30,
            ),
            Row(
                what=f"the answer to a key at {KEYS_A_SECOND:,} keys a second, with {OPEN:,} open at first: 99 %",
                against="",
                wanted="≤ 20 ms",
                measured=f"{slow:.1f} ms",
                reached=slow <= 20,
            ),
        ]
    )


async def _measure(server: Server) -> tuple[float, list[float]]:
    loop = asyncio.get_running_loop()
    before = server.resident_bytes
    callers: list[_Waiting] = []
    while len(callers) < OPEN:
        new = [_Waiting(len(callers) + number + 1) for number in range(_AT_ONCE)]
        for caller in new:
            await loop.create_connection(lambda caller=caller: caller, "127.0.0.1", server.port)  # type: ignore[misc]
        await asyncio.wait_for(asyncio.gather(*(caller.asked for caller in new)), 30)
        callers += new
    kilobytes = (server.resident_bytes - before) / OPEN / 1024
    began = time.perf_counter()
    for number, caller in enumerate(callers):
        due = began + number / KEYS_A_SECOND
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        caller.press()
    seconds = await asyncio.wait_for(asyncio.gather(*(caller.answered for caller in callers)), 30)
    return kilobytes, list(seconds)
