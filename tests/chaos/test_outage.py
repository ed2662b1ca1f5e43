"""PostgreSQL goes while callers rate, and comes back: callers notice nothing, and nothing that was said is lost.

`CHAOS_OUTAGE_SECONDS` says for how long; `make chaos` leaves it away for ten minutes.
"""

import asyncio
import os
import random
import re
import signal
from pathlib import Path

import pytest

from ivr.demo.choices import free_port
from storage.schema import upgrade
from tests.chaos.callers import Callers
from tests.chaos.scenes import LINES, surveys_end
from tests.chaos.service import SETTINGS, living, waiting_entries, wrong_keys
from tests.postgres import Postgres
from tests.waiting import until

OUTAGE_SECONDS = float(os.environ.get("CHAOS_OUTAGE_SECONDS", "2"))
CALLERS_A_SECOND = 50.0
MOST_GROWTH_KILOBYTES = 64 * 1024
"""By so much the service may grow meanwhile: an outage must not be kept in memory."""


@pytest.mark.timeout(180 + 3 * OUTAGE_SECONDS)
async def test_callers_notice_nothing_of_a_database_that_is_away(server: Postgres, tmp_path: Path) -> None:
    url = server.url(server.create_database())
    await upgrade(url)
    settings, port = tmp_path / "postcall.toml", free_port()
    settings.write_text(SETTINGS.format(url=url, folder=tmp_path, port=port, web=0))
    callers = Callers(ports=[port], lines=LINES, rng=random.Random(1), most_a_second=CALLERS_A_SECOND)
    async with living(settings, port) as process:
        calling = asyncio.create_task(callers.call())
        await surveys_end(callers, 3 * LINES)
        before = kilobytes(process.pid)
        server.crash()
        away_since = callers.surveys
        await asyncio.sleep(OUTAGE_SECONDS)  # what is tried here is time itself
        await surveys_end(callers, 3 * LINES)
        meanwhile = callers.surveys - away_since
        waiting, grown = waiting_entries(tmp_path / "journal.db"), kilobytes(process.pid) - before
        server.restart()
        await surveys_end(callers, 3 * LINES)
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)

        async def is_empty() -> bool:
            return waiting_entries(tmp_path / "journal.db") == 0

        await until(is_empty, 60 + 2 * OUTAGE_SECONDS)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    wrong = await wrong_keys(url, callers)
    print(
        f"away for {OUTAGE_SECONDS:g} s: {meanwhile} whole surveys, {waiting} entries in the journal, {grown} KB more;"
        f" in all {len(callers.thanked)} keys thanked for, {len(wrong)} wrong"
    )
    assert not wrong
    assert waiting >= 3 * LINES
    assert grown < MOST_GROWTH_KILOBYTES


def kilobytes(pid: int) -> int:
    """The memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])
