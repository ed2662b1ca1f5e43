"""Days of calls beside one service leave nothing behind but their rows.

`SOAK_HOURS` says how many hours of the PBX's time, and `SOAK_SPEED` how many of its seconds pass in one; `make soak`
has 24 hours at 20. `SOAK_PLOT` names the file for a plot of what was sampled.
"""

import asyncio
import os
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ivr.demo.choices import SURVEY_CONTEXT, free_port
from ivr.parts.housekeeping import LONGEST_SURVEY_SECONDS, STEP_SECONDS
from storage.engine import open_database
from storage.schema import upgrade
from storage.tables import Call, Leg, Survey
from storage.transaction import Transaction
from storage.verify import verify
from tests.chaos.service import living
from tests.chaos.soak import SETTINGS, TOKEN, CallCentre, Sample, day, large_team, watching
from tests.chaos.soak_plot import draw

HOURS = float(os.environ.get("SOAK_HOURS", "0.1"))
SPEED = float(os.environ.get("SOAK_SPEED", "60"))
SAMPLES = 400
"""Over the whole time."""
WARM_HOURS = 0.05
"""So long the first calls come, until everything is there that stays."""
MOST_GROWTH = 0.05
"""By so much of its memory the service may be larger in the last quarter than in the second one."""
LOOKERS = 3
"""Connections of those who look on come and go."""
MORE_WHEN_NEEDED = 10
"""Connections that read the database, with two files and a thread each, are opened when they are first needed; so are
threads for slow work. Whatever leaks with the calls is far more than that."""
LONGEST_OPEN = timedelta(seconds=LONGEST_SURVEY_SECONDS + 2 * STEP_SECONDS)
"""An offer that was written after its caller could not wait any longer is ended by then."""
LONG_HOURS = 4.0
"""From so many hours on, memory tells something."""


@pytest.mark.timeout(180 + HOURS * 3600 / SPEED * 1.2)
async def test_days_of_calls_leave_nothing_behind_but_their_rows(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/postcall.db"
    await upgrade(url)
    queues, members = large_team()
    web, agi = free_port(), free_port()
    dialplan = {SURVEY_CONTEXT: f"agi://127.0.0.1:{agi}/survey"}
    async with CallCentre(queues=queues, members=members, speed=SPEED, seed=1, dialplan=dialplan) as pbx:
        settings = tmp_path / "postcall.toml"
        settings.write_text(
            SETTINGS.format(url=url, web=web, agi=agi, token=TOKEN, ami=pbx.port, user=pbx.user, secret=pbx.secret)
        )
        async with living(settings, agi) as process, watching(pbx, process.pid, web) as watch:
            await watch.ready()
            looking = asyncio.create_task(watch.looked_at())
            await day(pbx, WARM_HOURS)
            before = await watch.quiet()
            watch.samples.clear()
            sampling = asyncio.create_task(watch.sampled(HOURS * 3600 / SPEED / SAMPLES))
            await day(pbx, HOURS)
            sampling.cancel()
            await asyncio.gather(sampling, return_exceptions=True)
            assert sampling.cancelled(), sampling.exception()
            after = await watch.quiet()
            assert not looking.done(), looking.exception()
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
    early, late = quarters(watch.samples)
    print(
        f"{HOURS:g} hours at {SPEED:g} times: {pbx.placed} calls, {early:.1f} MB in the second quarter,"
        f" {late:.1f} MB in the last;\nbefore {before}\nafter  {after}"
    )
    if plot := os.environ.get("SOAK_PLOT"):
        draw(watch.samples, Path(plot))
    assert after.threads <= before.threads + MORE_WHEN_NEEDED
    assert after.tasks <= before.tasks + LOOKERS
    assert after.descriptors <= before.descriptors + MORE_WHEN_NEEDED
    assert max(sample.open_surveys for sample in watch.samples) > 0
    if HOURS >= LONG_HOURS:
        assert late <= early * (1 + MOST_GROWTH)
    async with await open_database(url) as database:
        assert await verify(database) == []
        assert await database.read(rows) == {"calls": pbx.placed, "calls open": 0, "legs open": 0, "surveys open": 0}


def quarters(samples: Sequence[Sample]) -> tuple[float, float]:
    """The memory in the second quarter of the time, and in the last one: its median."""
    quarter = len(samples) // 4
    second, last = samples[quarter : 2 * quarter], samples[3 * quarter :]
    return statistics.median(one.megabytes for one in second), statistics.median(one.megabytes for one in last)


async def rows(connection: Transaction) -> dict[str, int]:
    """How many rows there are, and how many wait for an end that will not come."""
    counted = {
        "calls": select(func.count()).select_from(Call),
        "calls open": select(func.count()).select_from(Call).where(Call.ended_at.is_(None)),
        "legs open": select(func.count()).select_from(Leg).where(Leg.ended_at.is_(None)),
        "surveys open": select(func.count())
        .select_from(Survey)
        .where(Survey.ended_at.is_(None), Survey.offered_at < datetime.now(UTC) - LONGEST_OPEN),
    }
    return {name: int(await connection.scalar(statement) or 0) for name, statement in counted.items()}
