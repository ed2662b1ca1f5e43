"""The scenario tables that are marked for it, on a real Asterisk: the same rows, and the same to come of them."""

import re
import time
import wave
from array import array
from collections import Counter
from collections.abc import Iterator
from math import pi, sin
from pathlib import Path

import pytest

import callflows
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.site_settings import CreditPolicy
from storage.verify import verify
from tests.asterisk.telephones import FASTER, QUEUES, playing
from tests.asterisk.ways import GOTO, Ways, ways
from tests.scenarios.outcome import offered_and_excluded_are_all, other_policies, seen
from tests.scenarios.site import site_settings
from tests.scenarios.table import Scenario, scenarios

PLAYED = [scenario for scenario in scenarios() if scenario.is_played_on("asterisk")]
FLOOR = """[general]
[queue](!)
strategy=linear
timeout=2
retry=1
ringinuse=yes
setinterfacevar=yes
setqueuevar=yes
setqueueentryvar=yes
[support](queue)
member => PJSIP/1001,0,"Alice Moreau"
member => PJSIP/1002,0,"Doe, John"
member => Local/1003@agents/n,0,Chen,PJSIP/1003
[billing](queue)
member => PJSIP/1002,0,"Doe, John"
"""
FEATURES = "[general]\ntransferdigittimeout=1\n[featuremap]\natxfer => *2\n"
OWN_LINES = (
    "[from-caller]"
    + "".join(
        f"""
exten => {extension},1,GoSub(arrive,s,1)
 same => n,Queue({queue},{"ct" if trigger == "dialplan" else "t"})
 same => n,{f"Goto({GOTO})" if trigger == "dialplan" else "Hangup()"}"""
        for trigger, queues in QUEUES.items()
        for queue, extension in queues.items()
    )
    + """
[agents]
exten => _1XXX,1,Dial(PJSIP/${EXTEN})
"""
)
LEGS = re.compile(r"(\S+) by (\w+)(?: (\d+) s)?")


def short_prompts(folder: Path) -> Path:
    """The shipped prompts' names, each a tone of 0.3 seconds: callers of a test need not understand them."""
    samples = array("h", (int(8000 * sin(2 * pi * 440 * i / 8000)) for i in range(2400)))
    for shipped in (Path(callflows.__file__).parent / "library/sounds").glob("*/*.wav"):
        sound = folder / shipped.parent.name / shipped.name
        sound.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(sound), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(960) + samples.tobytes() + bytes(960))
    return folder


@pytest.fixture(scope="module")
def pbx(asterisk_server: AsteriskServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    """One Asterisk for all tables, with the queues and members that they speak of."""
    base, prompts = tmp_path_factory.mktemp("scenarios"), short_prompts(tmp_path_factory.mktemp("prompts"))
    etc = {"queues.conf": FLOOR, "features.conf": FEATURES}
    with ways(asterisk_server.root, base, "ami", prompts=prompts, etc=etc, own_lines=OWN_LINES) as running:
        yield running


def test_the_calls_that_matter_most_are_played_here() -> None:
    assert len(PLAYED) >= 15


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("scenario", PLAYED, ids=lambda scenario: scenario.title)
async def test_it_comes_out_as_the_table_says(scenario: Scenario, pbx: Ways, url: str, tmp_path: Path) -> None:
    await comes_out(scenario, pbx, url, tmp_path)


async def comes_out(scenario: Scenario, pbx: Ways, url: str, folder: Path) -> None:
    """Play a table, and hold what became of it against what it says."""
    settings = {"zone": "UTC", **site_settings(scenario, folder, time.time())}
    async with (
        pbx.service(url, **settings) as service,
        playing(scenario, service, pbx.server.sip_port) as played,
    ):
        await played.play()
        linkedids = await played.linkedids()
        assert len(linkedids) == len(scenario.expected["asked"])
        for number, linkedid in enumerate(linkedids):
            expected = {name: values[number] for name, values in scenario.expected.items() if number < len(values)}
            found = await seen(played, linkedid, expected)
            assert without_seconds(found) == without_seconds(expected)
            assert_near(found.get("legs", ""), expected.get("legs", ""))
        assert await verify(played.database) == []
        await offered_and_excluded_are_all(played)
        await other_policies(scenario, played, linkedids[0], folder, policies_of(scenario))


def policies_of(scenario: Scenario) -> tuple[CreditPolicy, ...]:
    """The policies that can be judged: of talks of so few whole seconds no shares, and none but clearly the longest."""
    talks: Counter[str] = Counter()
    for agent, _, seconds in LEGS.findall(scenario.expects("legs")):
        talks[agent] += int(seconds)
    longest, second, *_ = sorted([*talks.values(), 0, 0], reverse=True)
    return ("first", "last", "longest") if longest - second >= 1.3 * FASTER else ("first", "last")


def without_seconds(told: dict[str, str]) -> dict[str, str]:
    """The same, with no seconds behind the legs, which were played faster."""
    return told | ({"legs": LEGS.sub(r"\1 by \2", told["legs"])} if "legs" in told else {})


def assert_near(found: str, expected: str) -> None:
    """Each leg was as long as the table says, but for a second or two of starting and rounding."""
    for leg, wanted in zip(LEGS.findall(found), LEGS.findall(expected), strict=True):
        assert -1 <= int(leg[2]) - int(wanted[2]) / FASTER <= 2, (found, expected)
