"""A database is filled with calls that never were: consistent, the same again, with the truths that are promised."""

import asyncio
import math
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import inspect, select

from ivr.cli import demo_data
from ivr.demo.data import COMPLAINTS, LUCKY, STARVING, DemoAgent, DemoCall, DemoPlan, demo_agents, demo_calls
from ivr.scores.adjustment import Rated, adjusted
from storage import queries
from storage.engine import open_database
from storage.records import CountFilter
from storage.tables import Answer, Base, Call, Credit, Leg, Survey
from storage.transaction import Transaction
from storage.verify import verify
from tests.cli.inside import SETTINGS, run

PLAN = DemoPlan(
    ratings=6000, agents=30, reasons=12, last=date(2026, 11, 26), days=90, zone=ZoneInfo("Europe/Madrid"), seed=3
)


@pytest.fixture
def folder(url: str, tmp_path: Path) -> Path:
    (tmp_path / "postcall.toml").write_text(SETTINGS.format(url=url))
    return tmp_path


def rows(url: str, table: type[Base]) -> list[Any]:
    async def read() -> list[Any]:
        async def work(connection: Transaction) -> list[Any]:
            return list(await connection.execute(select(table.__table__)))

        async with await open_database(url) as database:
            return await database.read(work)

    return asyncio.run(read())


async def differences(url: str) -> list[str]:
    async with await open_database(url) as database:
        return [str(one) for one in await verify(database)]


def test_the_command_says_one_line(tmp_path: Path, migrated_file: Path) -> None:
    """And nothing of the shipped flows, which it publishes on the way."""
    (tmp_path / "postcall.toml").write_text(SETTINGS.format(url=f"sqlite:///{tmp_path}/postcall.db"))
    shutil.copy(migrated_file, tmp_path / "postcall.db")
    done = subprocess.run(
        [sys.executable, "-m", "ivr.cli.main", "demo-data", "--ratings", "10"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (line,) = (done.stdout + done.stderr).splitlines()
    assert "with 10 ratings of 20 agents" in line


def test_every_count_is_what_a_recount_says_and_what_python_counts(folder: Path, url: str) -> None:
    done = run(folder, "demo-data", "--ratings", "2000", "--agents", "12", "--days", "40", "--until", "2026-11-26")
    assert done.exit_code == 0, done.output
    assert "with 2,000 ratings of 12 agents and 12 reasons" in done.output
    assert asyncio.run(differences(url)) == []
    answers = {row.survey: row.value for row in rows(url, Answer)}
    assert sum(value is not None for value in answers.values()) == 2000
    shares = defaultdict(dict)
    for row in rows(url, Credit):
        shares[row.survey][row.agent] = row.parts
    surveys = rows(url, Survey)
    assert shares.keys() == {row.survey for row in surveys if row.shared}
    parts: Counter[tuple[str, int]] = Counter()
    for survey in surveys:
        if answers[survey.survey] is not None:
            for agent, some in shares.get(survey.survey, {survey.agent: 1000}).items():
                parts[agent, answers[survey.survey]] += some

    async def read() -> tuple[list[Any], list[Any], list[Any]]:
        async with await open_database(url) as database:
            everything = CountFilter()
            return (
                await queries.tallies(database, everything, by=("agent",)),
                await queries.funnel(database, everything, by=()),
                await queries.call_counts(database, everything, by=()),
            )

    tallies, funnel, calls = asyncio.run(read())
    assert {(row.agent, row.value): row.ratings * 1000 for row in tallies} == dict(parts)
    steps = {row.step: row.surveys for row in funnel}
    assert (steps["offered"], steps["answered"], steps["completed"]) == (len(surveys), 2000, 2000)
    assert Counter(row.exclusion for row in rows(url, Call) if row.exclusion) == {
        exclusion: sum(row.calls for row in calls if row.exclusion == exclusion)
        for exclusion in {row.exclusion for row in calls if row.exclusion}
    }
    assert sum(row.calls for row in calls if not row.exclusion) == len(surveys)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_database_with_calls_is_left_alone(folder: Path, url: str) -> None:
    assert run(folder, "demo-data", "--ratings", "5").exit_code == 0
    before = len(rows(url, Call))
    done = run(folder, "demo-data", "--ratings", "5")
    assert done.exit_code == 2
    assert "demo-data: the database has calls already; allowed: an empty one" in done.output
    assert len(rows(url, Call)) == before


def indexes(url: str) -> set[str]:
    async def read() -> set[str]:
        async with await open_database(url) as database:
            return await database.read(
                lambda connection: connection.run_sync(
                    lambda sync: {
                        str(index["name"])
                        for some in inspect(sync).get_multi_indexes().values()
                        for index in some
                        if str(index["name"]).startswith("ix_")
                    }
                )
            )

    return asyncio.run(read())


def test_whoever_is_stopped_half_way_can_begin_again(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(plan: DemoPlan, agents: Sequence[DemoAgent]) -> Iterator[DemoCall]:
        for call in demo_calls(plan, agents):
            if call.number == 250:
                raise KeyboardInterrupt
            yield call

    before = indexes(url)
    assert "ix_survey_caller" in before
    with monkeypatch.context() as patch:
        patch.setattr(demo_data, "AT_ONCE", 100)
        patch.setattr(demo_data, "demo_calls", stopped)
        assert run(folder, "demo-data", "--ratings", "300").exit_code != 0
    assert rows(url, Call) == []
    assert indexes(url) == before
    assert run(folder, "demo-data", "--ratings", "300").exit_code == 0
    assert sum(row.value is not None for row in rows(url, Answer)) == 300
    assert indexes(url) == before
    assert asyncio.run(differences(url)) == []


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_two_agents_talk_one_after_the_other(folder: Path, url: str) -> None:
    assert run(folder, "demo-data", "--ratings", "400").exit_code == 0
    legs = defaultdict(list)
    for leg in sorted(rows(url, Leg), key=lambda leg: leg.leg):
        assert (leg.ended_at - leg.connected_at).total_seconds() == leg.talk_seconds
        legs[leg.linkedid].append(leg)
    transferred = [some for some in legs.values() if len(some) == 2]
    assert transferred
    over = {call.linkedid: call.ended_at for call in rows(url, Call)}
    for first, second in transferred:
        assert first.ended_at == second.connected_at < second.ended_at == over[second.linkedid]


@pytest.fixture(scope="module")
def calls() -> list[DemoCall]:
    return list(demo_calls(PLAN, demo_agents(PLAN)))


def test_the_same_seed_makes_the_same_calls_and_another_one_others(calls: list[DemoCall]) -> None:
    assert list(demo_calls(PLAN, demo_agents(PLAN))) == calls
    other = DemoPlan(ratings=6000, agents=30, reasons=12, last=PLAN.last, days=90, zone=PLAN.zone, seed=4)
    assert list(demo_calls(other, demo_agents(other))) != calls


def test_what_is_promised_of_it_is_true(calls: list[DemoCall]) -> None:
    agents = demo_agents(PLAN)
    rated = [call for call in calls if call.value is not None]
    assert len(rated) == PLAN.ratings
    assert [call.value for call in rated if call.agent == agents[LUCKY].agent] == [5, 5, 5, 5]
    left = Counter(call.agent for call in calls if call.exclusion == "caller_hung_up")
    had = Counter(call.agent for call in calls)
    starving = agents[STARVING].agent
    assert left[starving] / had[starving] > 3 * sum(left.values()) / sum(had.values())
    for agent in agents:
        if agent.takes_complaints:
            assert {call.reason for call in calls if call.agent == agent.agent} <= set(COMPLAINTS)
    pleased = defaultdict(list)
    for call in rated:
        pleased[call.started_at.astimezone(PLAN.zone).date()].append((call.value or 0) > 3)
    bad = pleased[PLAN.bad_tuesday]
    assert PLAN.bad_tuesday.weekday() == 1
    assert sum(bad) / len(bad) < 0.6 < sum(map(sum, pleased.values())) / len(rated)
    assert any(call.second for call in calls)
    late = [(call.value or 0) > 3 for call in rated if call.started_at.astimezone(PLAN.zone).hour >= 18]
    assert 0.01 < sum(map(sum, pleased.values())) / len(rated) - sum(late) / len(late) < 0.15
    asked = [call for call in calls if not call.exclusion]
    assert 0.59 < len(rated) / len(asked) < 0.65
    assert len({agent.team for agent in agents}) == 10
    assert {agent.name.isascii() for agent in agents} == {True, False}


def test_whoever_takes_complaints_is_last_by_satisfaction_but_not_when_compared_fairly(calls: list[DemoCall]) -> None:
    had: dict[str, dict[tuple[str, str], list[bool]]] = defaultdict(lambda: defaultdict(list))
    for call in calls:
        if call.value is not None:
            had[call.agent][call.queue, call.reason].append(call.value > 3)
    compared = adjusted(
        {
            agent: {kind: Rated(n=len(some), satisfied=sum(some)) for kind, some in kinds.items()}
            for agent, kinds in had.items()
        }
    )
    plain = {agent: float(one.satisfied) / float(one.n) for agent, one in compared.items()}
    (complaints,) = [agent for agent in demo_agents(PLAN) if agent.takes_complaints]
    assert min(plain, key=lambda agent: plain[agent]) == complaints.agent
    assert min(compared, key=lambda agent: compared[agent].share) != complaints.agent
    # What is left is the skill, up to chance: a share of n ratings has a standard error of at most √(¼ / n).
    mine = compared[complaints.agent]
    assert abs(mine.points - complaints.skill) < 3 * math.sqrt(0.25 / float(mine.n))
    # Skills have a standard deviation of 0.05, so the better and the worse half lie 0.08 apart.
    points: dict[bool, list[float]] = {True: [], False: []}
    for agent in demo_agents(PLAN):
        if agent.skill:
            points[agent.skill > 0].append(compared[agent.agent].points)
    assert sum(points[True]) / len(points[True]) - sum(points[False]) / len(points[False]) > 0.04


def test_the_four_ratings_of_the_lucky_one_are_shared_with_nobody() -> None:
    for seed in range(40):
        plan = DemoPlan(ratings=8, agents=5, reasons=3, last=PLAN.last, days=9, zone=PLAN.zone, seed=seed)
        agents = demo_agents(plan)
        lucky = [call for call in demo_calls(plan, agents) if call.agent == agents[LUCKY].agent]
        assert [(call.value, call.second) for call in lucky] == [(5, "")] * 4
