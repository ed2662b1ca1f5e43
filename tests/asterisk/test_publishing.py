"""A flow is published while a caller on a real Asterisk is being asked."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callflows.loader import LIBRARY, load_flow
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.sip import SipPhone
from ivr.demo.pbx.sip_call import Call
from tests.asterisk.raw_ami import RawAmi
from tests.asterisk.service import Beside, beside
from tests.waiting import until

OLD_SOUND = "postcall/en/csat-satisfaction-ask"
NEW_SOUND = "postcall/en/csat-satisfaction-confirm-5"
"""Any sound that Asterisk has, and that the old version does not play unless 5 is pressed."""


def old_version(path: Path) -> str:
    """Write a flow that asks like the shipped one, where the key 2 is a rating of 2; returns its digest."""
    text = (LIBRARY / "csat.yaml").read_text("utf-8").replace("title: Customer", "title: Our customer")
    path.write_text(text, "utf-8")
    return load_flow(path).digest


def new_version(path: Path) -> str:
    """Write over it one that asks with another sound, and where the key 2 is a rating of 20; returns its digest."""
    text = path.read_text("utf-8")
    text = text.replace("keys: 1-5", "keys: {1: 10, 2: 20}").replace("satisfied: [4, 5]", "satisfied: [20]")
    # The question's own text, in whichever words the language has for it.
    text = re.sub(
        r"(headline: true\n +(?:ask|text):\n)", r"\1      sound: csat-satisfaction-confirm-5\n", text, count=1
    )
    path.write_text(text, "utf-8")
    return load_flow(path).digest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flows").mkdir()
    return tmp_path / "flows"


@pytest.fixture
async def postcall(asterisk_server: AsteriskServer, url: str, folder: Path) -> AsyncIterator[tuple[Beside, str]]:
    """The service with the old version in its folder, and that version's digest."""
    digest = old_version(folder / "csat.yaml")
    async with beside(asterisk_server, url, folder=folder) as service:
        yield service, digest


async def asked(postcall: Beside, caller: SipPhone, agent: SipPhone, number: str) -> Call:
    """A caller whose agent has just hung up, and who hears the first prompt."""
    before = postcall.service.links["main"].state.armed
    here = await caller.dial("8000", number=number)
    there = await agent.incoming()
    await there.answer()
    await here.wait_answered()
    await postcall.armed(before + 1)
    await there.hang_up()
    await here.heard.sound()
    return here


def played(watcher: RawAmi, linkedid: str) -> set[str]:
    """Every sound that Asterisk was told to play in a call, as its own AMI events tell."""
    commands = [
        event["Command"]
        for event in watcher.events
        if event.get("Event") == "AGIExecStart" and event["Linkedid"] == linkedid
    ]
    # Whether a prompt is there is found out by playing it from behind its end.
    media = [command for command in commands if "2147483647" not in command]
    return set(re.findall(r"postcall/[a-z]+/[a-z0-9-]+", " ".join(media)))


async def linkedid_of(watcher: RawAmi, number: str) -> str:
    """The linkedid of the call from `number`."""
    return (await watcher.event("QueueCallerJoin", CallerIDNum=number))["Linkedid"]


async def press_2_at_the_question(call: Call, number: str, watcher: RawAmi) -> None:
    """Hear the welcome out, and answer when the question is said, in whichever version."""
    linkedid = await linkedid_of(watcher, number)

    async def question_is_said() -> bool:
        return bool({OLD_SOUND, NEW_SOUND} & played(watcher, linkedid))

    await until(question_is_said)
    await call.press("2")
    assert await call.wait_ended(15) == "there"


async def test_a_caller_under_way_keeps_the_old_version_and_the_next_one_is_put_the_new_one(
    postcall: tuple[Beside, str], folder: Path, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    service, old = postcall
    first = await asked(service, caller, alice, "0912000301")
    new = new_version(folder / "csat.yaml")

    async def in_force() -> bool:
        flows = (await service.get("/api/v1/flows"))["flows"]
        return {flow["flow"]: flow["version"] for flow in flows}["csat"] == new

    await until(in_force)
    assert first.ended is None
    await press_2_at_the_question(first, "0912000301", watcher)
    second = await asked(service, caller, alice, "0912000302")
    await press_2_at_the_question(second, "0912000302", watcher)

    for number, version, value, sound in (
        ("0912000301", old, 2, OLD_SOUND),
        ("0912000302", new, 20, NEW_SOUND),
    ):
        linkedid = await linkedid_of(watcher, number)
        survey = await service.finished_survey(linkedid)
        assert (survey.flow_version, survey.status) == (version, "completed")
        assert await service.answers(survey.survey) == [("2", value, 1, "answered")]
        other = {OLD_SOUND, NEW_SOUND} - {sound}
        assert sound in played(watcher, linkedid)
        assert not other & played(watcher, linkedid)

    history = (await service.get("/api/v1/flows/csat/versions"))["publications"]
    assert [(one["version"], one["in_force"], one["surveys"]) for one in history] == [(new, True, 1), (old, False, 1)]
    # The scores ask by the version that is in force now.
    assert (await service.get("/api/v1/agents/scores"))["values"] == [10, 20]
    assert (await service.agent("PJSIP/1001"))["distribution"] == {"2": 1, "10": 0, "20": 1}
    assert await service.exact()
