"""The service is killed at any moment, over and over, while callers rate: what they were thanked for is kept, once.

`CHAOS_KILLS` says how often; `make chaos` kills a thousand times.
"""

import asyncio
import os
import random
import signal
from pathlib import Path

import pytest

from ivr.demo.choices import free_port
from storage.schema import upgrade
from tests.chaos.callers import Callers
from tests.chaos.service import SETTINGS, living, wrong_keys
from tests.waiting import until

KILLS = int(os.environ.get("CHAOS_KILLS", "6"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
LINES = 8
LONGEST_LIFE_SECONDS = 0.6


@pytest.mark.timeout(60 + 5 * KILLS)
async def test_every_key_that_a_caller_was_thanked_for_is_kept_once_whenever_the_service_is_killed(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/postcall.db"
    await upgrade(url)
    settings, port, rng = tmp_path / "postcall.toml", free_port(), random.Random(SEED)
    settings.write_text(SETTINGS.format(url=url, folder=tmp_path, port=port, web=0))
    callers = Callers(ports=[port], lines=LINES, rng=rng)
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

    wrong = await wrong_keys(url, callers)
    print(
        f"{KILLS} kills, {callers.surveys} whole surveys, {len(callers.thanked)} keys thanked for, {len(wrong)} wrong"
    )
    assert not wrong
    assert len(callers.thanked) > KILLS
