"""Every scenario on the simulated PBX, with the whole service: who is asked, who is credited, under which reason."""

import shutil
from pathlib import Path

import pytest

from ivr.asterisk import link
from storage.verify import verify
from tests.ami.listening import QUICK
from tests.scenarios.outcome import offered_and_excluded_are_all, other_policies, seen
from tests.scenarios.simulated import beside
from tests.scenarios.table import Scenario, scenarios, shares

PLAYED = [scenario for scenario in scenarios() if scenario.rows and scenario.is_played_on("simulator")]


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
        for call in list(played.calls.values())[:1]:
            await other_policies(scenario, played, call.uniqueid, tmp_path / "main")


def test_a_share_is_read_as_it_is_written() -> None:
    assert shares("1001 250, 1002 750") == {"1001": 250, "1002": 750}
    assert shares("nobody") == {"": 1000}
