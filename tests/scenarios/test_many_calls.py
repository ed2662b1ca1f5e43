"""Thousands of random calls: transfers, hang-ups, surveys that come twice, events that come late, twice or never.

`POSTCALL_CALLS=10000` plays that many; without it, as many of 2,000 as take `SECONDS`.
"""

import os
import random
import shutil
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ivr.calls import AgentRef, CallEnded, CallEvent, CallStarted, EndedBy, LegConnected, LegEnded
from ivr.surveys import conduct
from ivr.surveys.attribution import CreditRules
from ivr.surveys.request import SurveyRequest
from storage.engine import Database, open_database
from storage.queries import funnel, tallies
from storage.records import CountFilter
from storage.tables import Answer, Call, Credit, Survey
from storage.verify import verify
from tests.scenarios.recorded import Heard, hearing

CALLS = int(os.environ.get("POSTCALL_CALLS", "2000"))
SECONDS = 10.0 if "POSTCALL_CALLS" not in os.environ else float("inf")
AT_ONCE = 50
"""Calls that are under way together."""
SEED = 20261122
AGENTS = [AgentRef(interface=f"PJSIP/{number}", name=f"Agent, {number}") for number in range(1001, 1009)]
POLICIES = {"support": "last", "billing": "first", "sales": "longest", "vip": "split"}
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class Story:
    """What happens in one call, and what is told of it when."""

    linkedid: str
    queue: str
    told: list[tuple[float, CallEvent | SurveyRequest]] = field(default_factory=list)
    """By the second in which the service hears of it."""
    talks: list[tuple[AgentRef, int]] = field(default_factory=list)
    comes_to_survey: bool = False
    all_told: bool = True
    key: str = ""

    def credited(self) -> dict[str, float]:
        """Whom the queue's policy credits, when all has been told: written down again, in the plainest way."""
        totals: Counter[str] = Counter()
        for agent, seconds in self.talks:
            totals[agent.interface] += seconds
        match POLICIES[self.queue]:
            case "last":
                return {self.talks[-1][0].interface: 1.0}
            case "first":
                return {self.talks[0][0].interface: 1.0}
            case "longest":
                longest = max(totals.values())
                return {next(a.interface for a, _ in reversed(self.talks) if totals[a.interface] == longest): 1.0}
            case _:
                whole = sum(totals.values())
                return {agent: seconds / whole for agent, seconds in totals.items() if seconds}


def story(number: int, rng: random.Random) -> Story:
    """A random call."""
    start = number * 0.7 + rng.random()
    one = Story(linkedid=f"{number}.1", queue=rng.choice(list(POLICIES)), key=rng.choice("1234599"))
    common = {"site": "main", "linkedid": one.linkedid}
    caller = {"uniqueid": one.linkedid, "channel": f"PJSIP/trunk-{number:08x}"}

    def tell(second: float, make: type[CallEvent], **values: object) -> None:
        if rng.random() < 0.04:
            one.all_told = False
            return
        late = rng.choice([0.0] * 8 + [0.2, 40.0])
        event = make(**common, at=NOON + timedelta(seconds=second), **values)  # type: ignore[arg-type]
        for delay in [late] + ([late + 1] if rng.random() < 0.05 else []):
            one.told.append((second + delay, event))

    tell(start, CallStarted, **caller, queue=one.queue, caller_number="0912", caller_name="")
    now = start + rng.randint(1, 20)
    if rng.random() < 0.1:
        tell(now, CallEnded, abandoned=True)
        return one
    by: EndedBy = "transfer"
    while by == "transfer":
        agent, leg, seconds = rng.choice(AGENTS), f"{one.linkedid}-{len(one.talks)}", rng.randint(1, 120)
        queue = one.queue if not one.talks else ""
        tell(now, LegConnected, **caller, leg=leg, agent=agent, queue=queue, hold_seconds=3)
        now += seconds
        by = rng.choice(["agent", "agent", "agent", "caller", "transfer"] if len(one.talks) < 4 else ["agent"])
        tell(now, LegEnded, leg=leg, agent=agent, queue=queue, ended_by=by, talk_seconds=seconds)
        one.talks.append((agent, seconds))
        now += 3 if by == "transfer" else 0
    if by == "agent" and rng.random() < 0.9:
        one.comes_to_survey = True
        request = SurveyRequest(
            site="main", linkedid=one.linkedid, survey=one.linkedid, language="en", queue=one.queue,
            agent=one.talks[0][0], transferred_to=one.talks[-1][0] if len(one.talks) == 2 else None,
        )  # fmt: skip
        one.told.append((now + 0.01, request))
        if rng.random() < 0.1:
            one.told.append((now + rng.choice([0.02, 5.0, 90.0]), request))
        now += 10
    tell(now, CallEnded)
    return one


async def play(heard: Heard, stories: list[Story]) -> None:
    """Tell everything, of all calls, in the order in which it is heard of."""
    everything = sorted(
        ((second, number, told) for number, one in enumerate(stories) for second, told in one.told),
        key=lambda item: item[:2],
    )
    for second, number, told in everything:
        heard.now = NOON + timedelta(seconds=second)
        if isinstance(told, SurveyRequest):
            await heard.ask(told, stories[number].key)
        else:
            heard.calls.handle(told)
    await heard.facts.all_written()


@pytest.mark.timeout(0 if float("inf") == SECONDS else 120)
async def test_every_call_is_asked_once_or_excluded_and_credits_add_up(
    migrated_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine a caller would be let go rather than wait for the database.
    monkeypatch.setattr(conduct, "STORE_SECONDS", 60.0)
    path = tmp_path / "postcall.db"
    shutil.copy(migrated_file, path)
    rng = random.Random(SEED)
    stories: list[Story] = []
    rules = CreditRules(queues=POLICIES)  # type: ignore[arg-type]
    async with await open_database(f"sqlite:///{path}") as database, hearing(database, "main", rules) as heard:
        begun = time.monotonic()
        while len(stories) < CALLS and time.monotonic() - begun < SECONDS:
            some = [story(len(stories) + number, rng) for number in range(AT_ONCE)]
            await play(heard, some)
            stories += some
        await check(database, heard, stories)


async def check(database: Database, heard: Heard, stories: list[Story]) -> None:
    calls = {row.linkedid: row for row in await heard.rows(Call)}
    surveys = {row.linkedid: row for row in await heard.rows(Survey)}

    # Every call that ended was asked or has its reason why not, and never both.
    ended = [row for row in calls.values() if row.ended_at]
    excluded = [row for row in ended if row.exclusion]
    offered = [row for row in ended if row.linkedid in surveys]
    assert len(offered) + len(excluded) == len(ended)
    assert not {row.linkedid for row in offered} & {row.linkedid for row in excluded}

    # Whoever came to the survey was asked, and once: the database has one row, and one answer.
    assert set(surveys) == {one.linkedid for one in stories if one.comes_to_survey}
    answers = [row for row in await heard.rows(Answer) if row.value is not None]
    assert len({row.survey for row in answers}) == len(answers)

    # Credits add up to ratings, in the rows and in the counts.
    parts: Counter[str] = Counter()
    for row in await heard.rows(Credit):
        parts[row.survey] += row.parts
    shared = {row.survey for row in surveys.values() if row.shared}
    assert dict(parts) == dict.fromkeys(shared, 1000)
    assert shared
    counted = await tallies(database, CountFilter(), by=[])
    assert sum(row.ratings for row in counted) == len(answers)
    steps = {row.step: row.surveys for row in await funnel(database, CountFilter(), by=[])}
    assert steps["offered"] == len(surveys)
    assert steps["answered"] == len(answers)
    assert await verify(database) == []

    # And where everything was told, sooner or later, the right agents are credited.
    for one in stories:
        if one.comes_to_survey and one.all_told:
            survey = surveys[one.linkedid]
            rows = {row.agent: row.parts for row in await heard.rows(Credit, survey=one.linkedid)}
            credited = rows if survey.shared else {survey.agent: 1000}
            exact = one.credited()
            assert set(credited) <= set(exact), one
            assert all(abs(credited.get(agent, 0) - 1000 * part) < 1 for agent, part in exact.items()), one
