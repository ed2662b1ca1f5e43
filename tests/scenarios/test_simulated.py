"""Every scenario on the simulated PBX, with the whole service: who is asked, who is credited, under which reason."""

import shutil
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from ivr.asterisk import link
from ivr.settings import CreditPolicy
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.agents_file import read_agents
from ivr.surveys.attribution import Attribution, CreditRules
from storage.recorder import Recorder
from storage.tables import Call, Survey
from storage.verify import verify
from tests.ami.listening import QUICK
from tests.scenarios.outcome import credits_of, seen, written
from tests.scenarios.simulated import Played, beside
from tests.scenarios.table import Scenario, scenarios, shares

PLAYED = [scenario for scenario in scenarios() if scenario.rows]


@pytest.fixture
def url(migrated_file: Path, tmp_path: Path) -> str:
    path = tmp_path / "postcall.db"
    shutil.copy(migrated_file, path)
    return f"sqlite:///{path}"


@pytest.fixture(autouse=True)
def _quick_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """A link that is lost is tried again at once."""
    monkeypatch.setattr(link, "AmiTiming", lambda: QUICK)


def test_there_are_scenarios_enough_and_no_two_are_called_alike() -> None:
    titles = [scenario.title for scenario in scenarios()]
    assert len(titles) >= 25
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("scenario", PLAYED, ids=lambda scenario: scenario.title)
async def test_it_comes_out_as_the_table_says(scenario: Scenario, tmp_path: Path, url: str) -> None:
    async with beside(scenario, tmp_path, url) as played:
        await played.play()
        for number, call in enumerate(played.calls.values()):
            expected = {name: values[number] for name, values in scenario.expected.items() if number < len(values)}
            assert await seen(played, call.uniqueid, expected) == expected
        assert await verify(played.database) == []
        await offered_and_excluded_are_all(played)
        await other_policies(scenario, played, tmp_path)


async def other_policies(scenario: Scenario, played: Played, folder: Path) -> None:
    """Whom each policy would credit, from what is stored; afterwards the counts are still exact."""
    if scenario.expects("asked") != "yes":
        return
    linkedid = next(iter(played.calls.values())).uniqueid
    path = folder / "agents.csv"
    books = {"main": read_agents(path, ZoneInfo("UTC"))} if path.exists() else {}
    for policy in get_args(CreditPolicy):
        decide = Attribution({"main": CreditRules(default=policy)}, AgentDirectory(books).identify).decide
        await Recorder(played.database).recredit_call("main", linkedid, decide)
        (survey,) = await played.rows(Survey, linkedid=linkedid)
        credited = await credits_of(played, survey)
        assert sum(credited.values()) == 1000
        assert written(credited) == scenario.expects(policy, scenario.expects("credited")), policy
        assert await verify(played.database) == []


async def offered_and_excluded_are_all(played: Played) -> None:
    calls, surveys = await played.rows(Call), await played.rows(Survey)
    asked = {survey.linkedid for survey in surveys}
    for call in calls:
        assert call.ended_at is None or (call.linkedid in asked) == (call.exclusion == "")


def test_a_share_is_read_as_it_is_written() -> None:
    assert shares("1001 250, 1002 750") == {"1001": 250, "1002": 750}
    assert shares("nobody") == {"": 1000}
