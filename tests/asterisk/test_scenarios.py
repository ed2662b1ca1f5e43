"""The scenario tables that are `also on | asterisk`, played on a real Asterisk with SIP telephones.

The same rows, the same expectations, with the seconds left out.
"""

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import callflows
from ivr.asterisk.dialplan import EVENTS, READ, WRITE
from ivr.demo.choices import free_port
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.configuration import AmiUser
from storage.tables import Call
from storage.verify import verify
from tests.asterisk.scenario_floor import Floor, dialplan, floor, short_sounds
from tests.scenarios.outcome import seen
from tests.scenarios.table import Scenario, scenarios

PLAYED = [scenario for scenario in scenarios() if "asterisk" in scenario.settings.get("also on", [])]


@pytest.fixture(scope="module")
def agi_port() -> int:
    """Where the dialplan of all scenarios finds the service of each."""
    return free_port()


@pytest.fixture(scope="module")
def pbx(
    asterisk_server: AsteriskServer, agi_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AsteriskServer]:
    """An Asterisk with the extensions of the scenarios, and `*2` for an attended transfer."""
    server = AsteriskServer(
        asterisk_server.root,
        users=[
            AmiUser(name="everything", read="all", write="all"),
            AmiUser(name="survey", read=READ, write=WRITE, event_filters=[f"Event: {name}" for name in EVENTS]),
        ],
        prompts=short_sounds(Path(callflows.__file__).parent / "library/sounds", tmp_path_factory.mktemp("sounds")),
        base=tmp_path_factory.mktemp("scenarios"),
        extra_dialplan=dialplan(agi_port),
    )
    (server.base / "etc/features.conf").write_text("[general]\n[featuremap]\natxfer=*2\n")
    asyncio.run(server.start())
    yield server
    asyncio.run(server.stop())


def test_the_call_shapes_that_matter_most_are_played() -> None:
    assert len(PLAYED) >= 15


@pytest.mark.parametrize("scenario", PLAYED, ids=lambda scenario: scenario.title)
async def test_it_comes_out_as_the_table_says(
    scenario: Scenario, pbx: AsteriskServer, agi_port: int, migrated_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "postcall.db"
    shutil.copy(migrated_file, path)
    async with floor(pbx, scenario, f"sqlite:///{path}", agi_port, tmp_path) as played:
        await played.play()
        expected = wanted(scenario)
        found = await seen(played, played.linkedid, expected)
        assert {name: without_seconds(value) for name, value in found.items()} == expected
        assert await verify(played.database) == []
        await every_call_is_asked_or_has_a_reason_code(played)


def wanted(scenario: Scenario) -> dict[str, str]:
    """What the table expects, but for what depends on its seconds, and on its recordings."""
    left_out = ("recorded", "first", "longest", "split")
    return {name: without_seconds(values[0]) for name, values in scenario.expected.items() if name not in left_out}


def without_seconds(text: str) -> str:
    return re.sub(r" \d+ s\b", "", text)


async def every_call_is_asked_or_has_a_reason_code(played: Floor) -> None:
    (call,) = await played.rows(Call)
    assert (call.exclusion == "") == (played.scenario.expects("asked") == "yes")
