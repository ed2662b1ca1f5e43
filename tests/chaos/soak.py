"""A call centre's days beside the service, run fast: callers come as a day has them, supervisors look on, and what the
service holds meanwhile is sampled."""

import asyncio
import math
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from ivr.demo.call import SimulatedCall
from ivr.demo.callers import team, traffic
from ivr.demo.queues import Member, Queue
from ivr.demo.simulator import SimulatedPbx
from tests.waiting import until

TEAMS = 4
PEAK_CALLS_PER_MINUTE = 20.0
"""At noon; what the teams can take."""
QUIET = 0.05
"""What of that comes at midnight."""
LOOK_SECONDS = 2.0
"""Between two looks of a supervisor at the scores, in wall-clock seconds."""
TOKEN = "a token of these tests"
SETTINGS = """
[database]
url = "{url}"
[web]
port = {web}
token = "{token}"
[fastagi]
port = {agi}
[privacy]
caller_key = "a caller key of these tests"
[log]
level = "warning"
[sites.main]
[sites.main.ami]
port = {ami}
username = "{user}"
secret = "{secret}"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the service held at one moment."""

    hours: float
    """Of the PBX's time since the start."""
    calls: int
    """Placed since the start."""
    megabytes: float
    """Resident."""
    descriptors: int
    threads: int
    tasks: int
    """Of asyncio."""
    open_surveys: int
    waiting_facts: int


class CallCentre(SimulatedPbx):
    """A simulated PBX that counts its calls."""

    placed = 0

    def place_call(self, *args: Any, **more: Any) -> SimulatedCall:
        self.placed += 1
        return super().place_call(*args, **more)


def large_team() -> tuple[list[Queue], list[Member]]:
    """The demonstration's queues, and its team some times over."""
    queues, members = team()
    more = [
        replace(member, interface=member.interface.replace("/1", f"/{number}"), name=f"{member.name} {number}")
        for number in range(2, TEAMS + 1)
        for member in members
    ]
    return queues, members + more


async def day(pbx: CallCentre, hours: float) -> None:
    """Let callers come for so many hours of the PBX's time: few at midnight, when it begins, and most at noon."""
    step = min(1.0, hours / 8)
    begun = 0.0
    while begun < hours:
        noon = (1 - math.cos(2 * math.pi * begun / min(hours, 24))) / 2
        with suppress(TimeoutError):
            async with asyncio.timeout(step * 3600 / pbx.clock.speed):
                await traffic(pbx, PEAK_CALLS_PER_MINUTE * (QUIET + (1 - QUIET) * noon))
        begun += step


class Watch:
    """Looks at a service from outside, as its supervisors and its operator do."""

    def __init__(self, pbx: CallCentre, pid: int, web: int, client: aiohttp.ClientSession) -> None:
        self.samples: list[Sample] = []
        self._pbx = pbx
        self._pid = pid
        self._url = f"http://127.0.0.1:{web}"
        self._client = client
        self._begun = pbx.clock.now()

    async def ready(self) -> None:
        """Wait until the service is ready, with its link to the PBX."""

        async def answers() -> bool:
            with suppress(aiohttp.ClientConnectionError):
                async with self._client.get(f"{self._url}/readyz") as response:
                    return response.status == 200
            return False

        await until(answers, 30)

    async def sample(self) -> Sample:
        """What it holds now."""
        async with self._client.get(f"{self._url}/metrics") as response:
            values: dict[str, float] = {}
            for family in text_string_to_metric_families(await response.text()):
                for one in family.samples:
                    values[one.name] = values.get(one.name, 0.0) + one.value
        status = Path(f"/proc/{self._pid}/status").read_text()  # noqa: ASYNC240 - no disk is behind it
        sample = Sample(
            hours=(self._pbx.clock.now() - self._begun) / 3600,
            calls=self._pbx.placed,
            megabytes=_number(status, "VmRSS") / 1024,
            descriptors=len(os.listdir(f"/proc/{self._pid}/fd")),
            threads=_number(status, "Threads"),
            tasks=int(values["postcall_tasks"]),
            open_surveys=int(values["postcall_surveys_open"]),
            waiting_facts=int(values["postcall_facts_waiting"]),
        )
        self.samples.append(sample)
        return sample

    async def sampled(self, every: float) -> None:
        """Take a sample each `every` wall-clock seconds, until cancelled."""
        while True:
            await self.sample()
            await asyncio.sleep(every)

    async def quiet(self) -> Sample:
        """What it holds once every call is over and written."""

        async def is_quiet() -> Sample | None:
            sample = await self.sample()
            return None if self._pbx.calls or sample.open_surveys or sample.waiting_facts else sample

        return await until(is_quiet, 120)

    async def looked_at(self) -> None:
        """A supervisor reads scores again and again, and follows the news, until cancelled."""
        async with asyncio.TaskGroup() as looks:
            looks.create_task(self._reads())
            looks.create_task(self._follows())

    async def _reads(self) -> None:
        while True:
            async with self._client.get(f"{self._url}/api/v1/agents/scores") as response:
                assert response.status == 200, await response.text()
                await response.read()
            await asyncio.sleep(LOOK_SECONDS)

    async def _follows(self) -> None:
        while True:
            async with self._client.get(f"{self._url}/api/v1/live", timeout=aiohttp.ClientTimeout(None)) as response:
                assert response.status == 200, await response.text()
                async for _ in response.content:
                    pass


@asynccontextmanager
async def watching(pbx: CallCentre, pid: int, web: int) -> AsyncIterator[Watch]:
    """Watch the service with the process id `pid` and the web port `web`."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as client:
        yield Watch(pbx, pid, web, client)


def _number(status: str, name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+)", status)
    assert found
    return int(found[1])
