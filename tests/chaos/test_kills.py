"""The service is killed at any moment, over and over, while callers rate: what they were thanked for is kept, once.

`CHAOS_KILLS` says how often; `make chaos` kills a thousand times.
"""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from ivr.demo.choices import free_port
from storage.engine import open_database
from storage.schema import upgrade
from storage.tables import Answer, Survey
from storage.transaction import Transaction
from storage.verify import verify
from tests.chaos.callers import Callers
from tests.waiting import until

KILLS = int(os.environ.get("CHAOS_KILLS", "6"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
LINES = 8
START_SECONDS = 30.0
LONGEST_LIFE_SECONDS = 0.6
SETTINGS = """
[database]
url = "sqlite:///{folder}/postcall.db"
[web]
port = 0
token = "a token of these tests"
[fastagi]
port = {port}
[privacy]
caller_key = "a caller key of these tests"
[log]
level = "warning"
[sites.main]
trigger = "dialplan"
[sites.main.ami]
port = 1
secret = "nobody listens there"
"""


@asynccontextmanager
async def living(settings: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """`postcall serve`, from the moment at which it takes calls."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ivr.cli.main", "serve", "-c", str(settings),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(START_SECONDS):
            while True:
                assert process.returncode is None, "postcall serve ended by itself"
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.timeout(60 + 5 * KILLS)
async def test_every_key_that_a_caller_was_thanked_for_is_kept_once_whenever_the_service_is_killed(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/postcall.db"
    await upgrade(url)
    settings, port, rng = tmp_path / "postcall.toml", free_port(), random.Random(SEED)
    settings.write_text(SETTINGS.format(folder=tmp_path, port=port))
    callers = Callers(port=port, lines=LINES, rng=rng)
    calling = asyncio.create_task(callers.call())
    for _ in range(KILLS):
        async with living(settings, port) as process:
            await asyncio.sleep(rng.uniform(0, LONGEST_LIFE_SECONDS))
            process.send_signal(signal.SIGKILL)
    async with living(settings, port) as process:
        begun = callers.surveys

        async def goes_on() -> bool:
            return callers.surveys >= begun + LINES

        await until(goes_on, 30)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)

    async with await open_database(url) as database:
        assert await verify(database) == []
        kept = await database.read(_answers)
    wrong = {
        (survey, number): (key, kept.get(survey, []))
        for (survey, number), key in callers.thanked.items()
        if kept.get(survey, [])[number : number + 1] != [key]
    }
    print(
        f"{KILLS} kills, {callers.surveys} whole surveys, {len(callers.thanked)} keys thanked for, {len(wrong)} wrong"
    )
    assert not wrong
    assert len(callers.thanked) > KILLS


async def _answers(connection: Transaction) -> dict[str, list[str]]:
    """The keys of each survey, in the order in which they were pressed."""
    statement = (
        select(Survey.survey, Answer.keys)
        .join(Answer, (Answer.site_id == Survey.site_id) & (Answer.survey == Survey.survey))
        .order_by(Survey.survey, Answer.answered_at)
    )
    found: dict[str, list[str]] = {}
    for survey, keys in (await connection.execute(statement)).all():
        found.setdefault(survey, []).append(keys)
    return found
