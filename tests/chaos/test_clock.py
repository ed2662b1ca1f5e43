"""The clock is put back by an hour, while callers rate and between two starts: nothing is lost, and answers keep their
order."""

import asyncio
import random
import re
import shutil
import signal
from pathlib import Path

import pytest

from ivr.demo.choices import free_port
from storage.schema import upgrade
from tests.chaos.callers import Callers
from tests.chaos.scenes import LINES, calling, surveys_end, until_part
from tests.chaos.service import SETTINGS, living, readiness, waiting_entries, wrong_keys
from tests.postgres import Postgres

HOUR = 3600
PROGRAM = "tests.chaos.wrong_clock"


class Clock:
    """The clock by which the service goes."""

    def __init__(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._file = file
        self.put(0)
        monkeypatch.setenv("CHAOS_CLOCK", str(file))

    def put(self, seconds: float) -> None:
        """Have it wrong by so much from now on."""
        new = self._file.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self._file)  # never seen half written


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(tmp_path / "clock", monkeypatch)


async def stopped(process: asyncio.subprocess.Process) -> int:
    process.send_signal(signal.SIGTERM)
    return await asyncio.wait_for(process.wait(), 10)


async def test_a_clock_that_is_put_back_under_callers_and_between_two_starts_loses_no_key(
    tmp_path: Path, migrated_file: Path, clock: Clock
) -> None:
    shutil.copy(migrated_file, tmp_path / "postcall.db")
    settings, port, web = tmp_path / "postcall.toml", free_port(), free_port()
    url = f"sqlite:///{tmp_path}/postcall.db"
    settings.write_text(SETTINGS.format(url=url, folder=tmp_path, port=port, web=web))
    callers = Callers(ports=[port], lines=LINES, rng=random.Random(1))
    async with calling(callers):
        async with living(settings, port, program=PROGRAM) as process:
            await surveys_end(callers, 3 * LINES)
            clock.put(-HOUR)
            await surveys_end(callers, 3 * LINES)
            assert (await readiness(web))[1]["database"] == "ok"
            assert await stopped(process) == 0
        clock.put(-2 * HOUR)
        async with living(settings, port, program=PROGRAM) as process:
            await surveys_end(callers, 3 * LINES)
            clock.put(HOUR)
            await surveys_end(callers, 3 * LINES)
            assert await stopped(process) == 0
    assert not await wrong_keys(url, callers)


async def test_a_clock_that_is_put_back_while_postgresql_is_away_hides_nothing_that_waits(
    tmp_path: Path, server: Postgres, clock: Clock
) -> None:
    url = server.url(server.create_database())
    await upgrade(url)
    settings, port, web = tmp_path / "postcall.toml", free_port(), free_port()
    settings.write_text(SETTINGS.format(url=url, folder=tmp_path, port=port, web=web))
    callers = Callers(ports=[port], lines=LINES, rng=random.Random(1))
    async with living(settings, port, program=PROGRAM) as process:
        async with calling(callers):
            await surveys_end(callers, LINES)
            server.crash()
            await surveys_end(callers, LINES)
            clock.put(-HOUR)
            await surveys_end(callers, 3 * LINES)
            said = await until_part(web, "journal", works=False)
            server.restart()
            await surveys_end(callers, LINES)
        await until_part(web, "journal", works=True)
        assert await stopped(process) == 0
    assert re.search("[0-9]+ entries wait for the database since ", said)
    assert waiting_entries(tmp_path / "journal.db") == 0
    assert not await wrong_keys(url, callers)
