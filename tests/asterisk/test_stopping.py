"""The service ends while a caller is in the survey: the dialplan goes on within 2 seconds."""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from ivr.demo.choices import free_port
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.sip import SipPhone
from storage.engine import open_database
from storage.schema import upgrade
from storage.tables import Answer, Survey
from storage.transaction import Transaction
from storage.verify import verify
from tests.asterisk.raw_ami import RawAmi
from tests.asterisk.service import TOKEN

LIMIT = 15.0
SETTINGS = """
[database]
url = "sqlite:///{folder}/postcall.db"
[web]
port = 0
token = "{token}"
[fastagi]
port = {agi_port}
[privacy]
caller_key = "a caller key of these tests"
[sites.main]
trigger = "dialplan"
[sites.main.ami]
port = {ami_port}
username = "survey"
secret = "{secret}"
"""


@asynccontextmanager
async def serving(server: AsteriskServer, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """`postcall serve` as a process of its own, ready for calls."""
    await upgrade(f"sqlite:///{folder}/postcall.db")
    agi_port = free_port()
    settings = folder / "postcall.toml"
    settings.write_text(
        SETTINGS.format(
            folder=folder,
            token=TOKEN,
            agi_port=agi_port,
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
            while b"Postcall listens" not in (line := await process.stderr.readline()):
                assert line, "postcall serve ended"
        await server.send_surveys_to(f"agi://127.0.0.1:{agi_port}/survey")
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_the_dialplan_goes_on_within_two_seconds(
    asterisk_server: AsteriskServer,
    caller: SipPhone,
    alice: SipPhone,
    watcher: RawAmi,
    tmp_path: Path,
    number: signal.Signals,
) -> None:
    async with serving(asterisk_server, tmp_path) as process:
        here = await caller.dial("8001")
        there = await alice.incoming()
        await there.answer()
        await here.wait_answered()
        await there.hang_up()
        await here.heard.sound()

        stopped = time.monotonic()
        process.send_signal(number)
        await watcher.event("UserEvent", UserEvent="AfterSurvey")
        assert time.monotonic() - stopped < 2.0
        assert await here.wait_ended() == "there"
        status = await asyncio.wait_for(process.wait(), LIMIT)
        assert status == (0 if number is signal.SIGTERM else -signal.SIGKILL)

    async with await open_database(f"sqlite:///{tmp_path}/postcall.db") as database:
        assert await verify(database) == []
        statuses = await database.read(_statuses)
    if number is signal.SIGTERM:
        assert statuses == [("failed", "failed")]
    else:
        assert statuses == [("offered", None)]


async def _statuses(connection: Transaction) -> list[tuple[str, str | None]]:
    found = await connection.execute(
        select(Survey.status, Answer.ended).outerjoin(
            Answer, (Answer.site_id == Survey.site_id) & (Answer.survey == Survey.survey)
        )
    )
    return [tuple(row) for row in found.all()]
