"""Two whole sites at once through one service: the same seconds, the same uniqueids, and nothing crosses."""

import shutil
from pathlib import Path

import pytest

from storage.queries import tallies
from storage.records import CountFilter
from storage.tables import Call
from storage.verify import verify
from tests.scenarios.outcome import offered_and_excluded_are_all, seen
from tests.scenarios.simulated import beside_all, play_together
from tests.scenarios.table import scenarios, shares

TABLES = {scenario.title: scenario for scenario in scenarios()}
PAIRS = [
    ("The agent hangs up, and the caller rates", "The caller presses a wrong key, and then 4"),
    ("The agent hangs up, and the caller rates", "The caller hangs up first"),
    ("The caller leaves the queue while a phone rings", "The first agent does not answer, the second one does"),
    ("A blind transfer, answered", "An attended transfer by SIP"),
    ("Two queues in one call", "The caller hangs up on the second agent"),
    ("Two people at one desk, one after the other", "A member behind a Local channel"),
    ("The queue goes on with option c, and the dialplan leads into the survey", "The caller presses nothing"),
    ("The agent's program gives the reason after the survey", "The agent dials the reason after the call"),
    ("The dialplan comes to the survey twice", "A talk too short for the rules"),
    ("Nobody gives a reason, and the queue has one", "The dialplan gives the reason"),
]


@pytest.mark.parametrize(("madrid", "taipei"), PAIRS)
async def test_each_site_comes_out_as_its_own_table_says(
    madrid: str, taipei: str, migrated_file: Path, tmp_path: Path
) -> None:
    database = shutil.copy(migrated_file, tmp_path / "postcall.db")
    tables = {"madrid": TABLES[madrid], "taipei": TABLES[taipei]}
    async with beside_all(tables, tmp_path, f"sqlite:///{database}") as sites:
        await play_together(*sites)
        ids = []
        for played in sites:
            expected = {name: values[0] for name, values in tables[played.site].expected.items()}
            assert await seen(played, played.calls["caller"].uniqueid, expected) == expected
            await offered_and_excluded_are_all(played)
            ids.append({row.linkedid for row in await played.rows(Call)})
        assert ids[0] == ids[1], "where the ids differ the test shows nothing"

        # What is counted is what the two tables say, each under its own site.
        counted = {
            (row.site, row.agent.removeprefix("PJSIP/"), row.value): float(row.ratings)
            for row in await tallies(sites[0].database, CountFilter())
        }
        assert counted == {
            (code, agent, int(scenario.expects("rating"))): parts / 1000
            for code, scenario in tables.items()
            if scenario.expects("rating")
            for agent, parts in shares(scenario.expects("credited")).items()
        }
        assert await verify(sites[0].database) == []
