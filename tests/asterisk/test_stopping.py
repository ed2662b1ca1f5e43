"""The service is told to stop, or dies, while a caller is in the survey. Nobody waits, and nothing keyed is lost."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select

from ivr.demo.choices import free_port
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.sip import SipPhone
from ivr.demo.pbx.sip_call import Call
from storage.engine import open_database
from storage.schema import upgrade
from storage.tables import Answer, Survey
from storage.transaction import Transaction
from storage.verify import verify
from tests.asterisk.raw_ami import RawAmi
from tests.asterisk.service import TOKEN
from tests.waiting import until

LIMIT = 15.0
SETTINGS = """
[database]
url = "sqlite:///{folder}/postcall.db"
[web]
port = 0
token = "{token}"
[fastagi]
port = {agi_port}
drain_seconds = {drain_seconds}
[privacy]
caller_key = "a caller key of these tests"
[sites.main]
trigger = "dialplan"
flow = "{flow}"
[sites.main.ami]
port = {ami_port}
username = "survey"
secret = "{secret}"
"""


@dataclass(frozen=True)
class Serving:
    """`postcall serve` as a process of its own."""

    process: asyncio.subprocess.Process
    url: str

    async def answers(self, path: str) -> tuple[int, Any]:
        """What it answers over HTTP: the status and the JSON."""
        async with aiohttp.ClientSession() as client, client.get(self.url + path) as response:
            return response.status, await response.json()

    async def readiness(self, wanted: int) -> Any:
        """What `/readyz` says, as soon as it has the wanted status."""

        async def look() -> Any:
            status, said = await self.answers("/readyz")
            return said if status == wanted else None

        return await until(look)

    async def status(self) -> int:
        """The exit status, when it has ended."""
        return await asyncio.wait_for(self.process.wait(), LIMIT)


@asynccontextmanager
async def serving(
    server: AsteriskServer, folder: Path, *, drain_seconds: float = 30.0, flow: str = "csat"
) -> AsyncIterator[Serving]:
    """`postcall serve`, ready for calls."""
    await upgrade(f"sqlite:///{folder}/postcall.db")
    agi_port = free_port()
    settings = folder / "postcall.toml"
    settings.write_text(
        SETTINGS.format(
            folder=folder,
            token=TOKEN,
            agi_port=agi_port,
            drain_seconds=drain_seconds,
            flow=flow,
            ami_port=server.ami_port,
            secret=server.users["survey"].secret,
        )
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ivr.cli.main", "serve", "-c", str(settings), stderr=asyncio.subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        async with asyncio.timeout(LIMIT):
            while "Postcall listens" not in (line := (await process.stderr.readline()).decode()):
                assert line, "postcall serve ended"
        await server.send_surveys_to(f"agi://127.0.0.1:{agi_port}/survey")
        yield Serving(process, line.split("scores on ")[1].split(",")[0])
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def being_asked(
    server: AsteriskServer, caller: SipPhone, alice: SipPhone, folder: Path, **settings: Any
) -> AsyncIterator[tuple[Serving, Call]]:
    """A service, and a caller who has talked with Alice and hears the survey."""
    async with serving(server, folder, **settings) as service:
        here = await caller.dial("8001")
        there = await alice.incoming()
        await there.answer()
        await here.wait_answered()
        await there.hang_up()
        await here.heard.sound()
        yield service, here


@pytest.mark.parametrize(
    "numbers", [[signal.SIGTERM, signal.SIGTERM], [signal.SIGINT, signal.SIGTERM], [signal.SIGKILL]]
)
async def test_a_service_that_ends_at_once_leaves_nobody_waiting(
    asterisk_server: AsteriskServer,
    caller: SipPhone,
    alice: SipPhone,
    watcher: RawAmi,
    tmp_path: Path,
    numbers: list[signal.Signals],
) -> None:
    async with being_asked(asterisk_server, caller, alice, tmp_path) as (service, here):
        *first, last = numbers
        for number in first:
            service.process.send_signal(number)
            await service.readiness(503)
        stopped = time.monotonic()
        service.process.send_signal(last)
        await watcher.event("UserEvent", UserEvent="AfterSurvey")
        assert time.monotonic() - stopped < 2.0
        assert await here.wait_ended() == "there"
        assert await service.status() == (-signal.SIGKILL if last is signal.SIGKILL else 0)

    assert await statuses(tmp_path) == ([("offered", None)] if last is signal.SIGKILL else [("failed", "failed")])


async def test_told_to_stop_the_service_lets_the_caller_finish_and_asks_nobody_new(
    asterisk_server: AsteriskServer, caller: SipPhone, alice: SipPhone, watcher: RawAmi, tmp_path: Path
) -> None:
    async with being_asked(asterisk_server, caller, alice, tmp_path) as (service, here):
        assert (await service.readiness(200))["parts"]["surveys"] == "ok"
        service.process.send_signal(signal.SIGTERM)
        draining = await service.readiness(503)
        assert draining["parts"]["surveys"] == "the service stops: no new surveys, 1 under way"
        assert await service.answers("/healthz") == (200, {"status": "ok"})

        # Somebody else arrives at the survey now.
        came = time.monotonic()
        await watcher.act("Originate", Channel="Local/s@postcall-survey", Application="Wait", Data="5", Async="true")
        gone_on = await watcher.event("UserEvent", UserEvent="AfterSurvey")
        assert time.monotonic() - came < 2.0
        assert gone_on["Channel"].startswith("Local/")
        assert gone_on["AgiStatus"] == "FAILURE"

        await here.press("5")
        assert await here.wait_ended(15) == "there"
        assert await service.status() == 0

    assert await statuses(tmp_path) == [("completed", "answered")]


async def test_who_is_still_asked_after_the_set_time_is_let_go_and_the_keys_are_kept(
    asterisk_server: AsteriskServer, caller: SipPhone, alice: SipPhone, watcher: RawAmi, tmp_path: Path
) -> None:
    several = {"flow": "servqual", "drain_seconds": 0.5}
    async with being_asked(asterisk_server, caller, alice, tmp_path, **several) as (service, here):
        await here.press("4")
        await until(lambda: has_answer(tmp_path))

        stopped = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        await watcher.event("UserEvent", UserEvent="AfterSurvey")
        assert 0.5 <= time.monotonic() - stopped < 2.5
        assert await here.wait_ended() == "there"
        assert await service.status() == 0

    assert sorted(await statuses(tmp_path)) == [("partial", "answered"), ("partial", "failed")]


async def statuses(folder: Path) -> list[tuple[str, str | None]]:
    """How the survey ended, and each of its answers; every tally is exact."""
    async with await open_database(f"sqlite:///{folder}/postcall.db") as database:
        assert await verify(database) == []
        return await database.read(_statuses)


async def has_answer(folder: Path) -> bool:
    """Whether an answer is in the database."""
    async with await open_database(f"sqlite:///{folder}/postcall.db") as database:
        return any(ended for _, ended in await database.read(_statuses))


async def _statuses(connection: Transaction) -> list[tuple[str, str | None]]:
    found = await connection.execute(
        select(Survey.status, Answer.ended).outerjoin(
            Answer, (Answer.site_id == Survey.site_id) & (Answer.survey == Survey.survey)
        )
    )
    return [tuple(row) for row in found.all()]
