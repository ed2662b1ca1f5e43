"""Three replicas on one PostgreSQL, of which one is killed again and again: whoever is left goes on with everything.

`CHAOS_REPLICA_KILLS` says how often; `make chaos` kills sixty times.
"""

import asyncio
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select

from ivr.demo.call import SimulatedCall
from ivr.demo.callers import draw_visit, team
from ivr.demo.choices import SURVEY_CONTEXT
from ivr.demo.simulator import SimulatedPbx
from storage.engine import open_database
from storage.schema import upgrade
from storage.tables import Call, Survey
from storage.transaction import Transaction
from tests.chaos.callers import Callers
from tests.chaos.fleet import Replica
from tests.chaos.service import wrong_keys
from tests.postgres import Postgres
from tests.waiting import until

KILLS = int(os.environ.get("CHAOS_REPLICA_KILLS", "2"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
LINES = 4
SPEED = 20.0
CALLS_PER_SECOND = 2.0
TAKEN_OVER_SECONDS = 5.0
GOES_ON_SECONDS = 2.0


class Floor:
    """A PBX whose callers come to whichever replica is there, and what it saw of those who were killed."""

    def __init__(
        self, pbx: SimulatedPbx, replicas: list[Replica], owner: Callable[[], str], rng: random.Random
    ) -> None:
        self.calls: list[SimulatedCall] = []
        self.taken_over: list[float] = []
        """Seconds without an AMI session after its owner was killed."""
        self.gone_on: list[float] = []
        """Seconds until every caller of a killed replica was back in the dialplan."""
        self._pbx = pbx
        self._replicas = replicas
        self._rng = rng
        self._owner = owner

    async def traffic(self) -> None:
        """Callers come, and the dialplan tries the replicas in any order."""
        while True:
            order = self._rng.sample(self._replicas, len(self._replicas))
            self._pbx.dialplan[SURVEY_CONTEXT] = [f"agi://127.0.0.1:{one.agi}/survey" for one in order]
            visit = draw_visit(self._rng)
            self.calls.append(self._pbx.place_call(visit.queue, visit.number, visit.name, visit.behaviour))
            await asyncio.sleep(self._rng.expovariate(CALLS_PER_SECOND))

    @property
    def owner(self) -> Replica:
        """Whose the AMI link is."""
        name = self._owner()
        return next(replica for replica in self._replicas if replica.name == name)

    async def kill(self, replica: Replica, callers: Callers) -> None:
        """Kill a replica, and see how long it takes until others go on."""
        is_owner = replica is self.owner
        began = time.monotonic()
        await replica.kill()

        async def nobody_is_left() -> bool:
            return not callers.on_line[replica.agi]

        await until(nobody_is_left, GOES_ON_SECONDS)
        self.gone_on.append(time.monotonic() - began)

        async def is_taken_over() -> bool:
            return self._pbx.ami.clients == 1 and self.owner is not replica

        if is_owner:
            await until(is_taken_over, TAKEN_OVER_SECONDS)
            self.taken_over.append(time.monotonic() - began)


@asynccontextmanager
async def coming(*what: asyncio.Task[None]) -> AsyncIterator[None]:
    yield
    for task in what:
        task.cancel()
    done = await asyncio.gather(*what, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in done), done


@pytest.mark.timeout(120 + 12 * KILLS)
@pytest.mark.parametrize("replicas", [2, 3])
async def test_whichever_replica_is_killed_nothing_is_lost_or_credited_twice(
    postgres: Postgres, tmp_path: Path, replicas: int
) -> None:
    name = postgres.create_database()
    url = postgres.url(name)
    await upgrade(url)
    rng = random.Random(SEED)
    queues, members = team()
    for queue in queues:
        queue.continue_to = SURVEY_CONTEXT
    async with SimulatedPbx(queues=queues, members=members, speed=SPEED, seed=SEED) as pbx:
        fleet = [Replica(tmp_path, number, url, pbx) for number in range(replicas)]
        for replica in fleet:
            await replica.start()
        floor = Floor(pbx, fleet, lambda: postgres.sql(name, "SELECT holder FROM lease WHERE job = 'pbx main'"), rng)
        callers = Callers(ports=[replica.agi for replica in fleet], lines=LINES, rng=rng)
        async with coming(asyncio.create_task(floor.traffic()), asyncio.create_task(callers.call())):
            for number in range(KILLS):
                await more(callers, LINES)
                assert pbx.ami.clients == 1, "one follows the PBX"
                killed = rng.choice(fleet) if number % 2 else floor.owner
                await floor.kill(killed, callers)
                await more(callers, LINES)
                await killed.start()
        for call in floor.calls:
            await asyncio.wait_for(call.wait(), 60)
        for replica in fleet:
            await replica.stop()

    wrong = await wrong_keys(url, callers)
    print(
        f"{replicas} replicas, {KILLS} kills: {len(callers.thanked)} keys thanked for, {len(wrong)} wrong;"
        f" AMI taken over {len(floor.taken_over)} times, within {max(floor.taken_over, default=0):.1f} s;"
        f" callers back in the dialplan within {max(floor.gone_on):.2f} s; {len(floor.calls)} calls of the PBX"
    )
    assert not wrong
    assert len(callers.thanked) > KILLS
    assert floor.taken_over
    async with await open_database(url) as database:
        credited = await database.read(agents)
        assert await database.read(calls_without_end) == 0
    talked = {call.uniqueid: call.interfaces for call in floor.calls}
    assert {
        survey: agent for survey, agent in credited.items() if survey in talked and agent not in talked[survey][-1:]
    } == {}
    assert sum(survey in talked for survey in credited) > KILLS


async def more(callers: Callers, surveys: int) -> None:
    """Wait for so many more surveys that were put to their end."""
    enough = callers.surveys + surveys

    async def have_come() -> bool:
        return callers.surveys >= enough

    await until(have_come, 30)


async def agents(connection: Transaction) -> dict[str, str]:
    """The agent of each survey that is credited to one."""
    statement = select(Survey.survey, Survey.agent).where(Survey.agent != "")
    return {row.survey: row.agent for row in await connection.execute(statement)}


async def calls_without_end(connection: Transaction) -> int:
    """Calls whose beginning was heard, and no end."""
    statement = select(func.count()).where(Call.started_at.is_not(None), Call.ended_at.is_(None))
    return int(await connection.scalar(statement) or 0)
