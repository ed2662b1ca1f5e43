"""Scenario tables on Asterisk 16: one of each kind whose events differ most between the ways a call can go."""

from pathlib import Path

import pytest

from tests.asterisk.test_older_asterisk import asterisk_server as asterisk_server
from tests.asterisk.test_older_asterisk import root as root
from tests.asterisk.test_scenarios import PLAYED, comes_out
from tests.asterisk.test_scenarios import pbx as pbx
from tests.asterisk.ways import Ways
from tests.scenarios.table import Scenario

TITLES = ("A blind transfer, answered", "An attended transfer by SIP", "An attended transfer by feature code")
OLDER = [scenario for scenario in PLAYED if scenario.title in TITLES]


def test_none_of_the_tables_is_missing() -> None:
    assert len(OLDER) == len(TITLES)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("scenario", OLDER, ids=lambda scenario: scenario.title)
async def test_it_comes_out_as_the_table_says(scenario: Scenario, pbx: Ways, url: str, tmp_path: Path) -> None:
    await comes_out(scenario, pbx, url, tmp_path)
