"""What a link told, ways to wait for more of it, and deadlines so short that no test waits for a real one."""

import asyncio
from collections.abc import Callable

from ivr.asterisk.ami import AmiTiming
from ivr.asterisk.link import AmiLink, AmiState
from ivr.calls import CallEvent, Gap
from tests.ami.fake_asterisk import LIMIT

QUICK = AmiTiming(
    connect=0.3,
    answer=0.3,
    ping_every=30,
    ping_answer=0.05,
    first_pause=0.01,
    longest_pause=0.02,
    refused_pause=0.05,
    stop=0.2,
)


class Heard:
    """What a link told, and a way to wait for more."""

    def __init__(self) -> None:
        self.events: list[CallEvent | Gap] = []
        self._changed = asyncio.Event()

    def __call__(self, event: CallEvent | Gap) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, enough: Callable[[list[CallEvent | Gap]], object]) -> list[CallEvent | Gap]:
        async with asyncio.timeout(LIMIT):
            while not enough(self.events):
                self._changed.clear()
                await self._changed.wait()
        return self.events

    async def of(self, kind: type, times: int = 1) -> list[CallEvent | Gap]:
        """Wait for that many events of a kind, and give them."""
        await self.until(lambda events: sum(isinstance(event, kind) for event in events) >= times)
        return [event for event in self.events if isinstance(event, kind)]


async def eventually(link: AmiLink, is_so: Callable[[AmiState], object]) -> AmiState:
    """Wait until a link's state is as wanted. A state is no event, so it is looked at again and again."""
    async with asyncio.timeout(LIMIT):
        while not is_so(link.state):  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    return link.state
