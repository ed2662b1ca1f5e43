"""A caller's keypress on a real Asterisk becomes an agent's score.

Agents and callers are SIP telephones, keys are RFC 4733, and the survey is triggered over AMI, with the queue's
dialplan untouched. Each call is then looked at in the database, through the API, and by a recount of the tallies.
"""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest

from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.sip import SipPhone
from ivr.demo.pbx.sip_call import Call
from storage.tables import Call as CallRow
from storage.tables import Survey
from tests.asterisk.raw_ami import RawAmi
from tests.asterisk.service import Beside, beside

ALICE = "PJSIP/1001"
JOHN = "PJSIP/1002"


@pytest.fixture
async def postcall(asterisk_server: AsteriskServer, url: str) -> AsyncIterator[Beside]:
    """The service on SQLite and on PostgreSQL."""
    async with beside(asterisk_server, url) as service:
        yield service


async def talk(
    postcall: Beside, caller: SipPhone, agent: SipPhone, extension: str = "8000", **dial: object
) -> tuple[Call, Call]:
    """The caller dials, the agent answers, and they talk; returns the caller's end and the agent's."""
    before = postcall.service.links["main"].state.armed
    here = await caller.dial(extension, **dial)  # type: ignore[arg-type]
    there = await agent.incoming()
    await there.answer()
    await here.wait_answered()
    await postcall.armed(before + 1)
    return here, there


async def linkedid_of(watcher: RawAmi, number: str) -> str:
    """The linkedid of the call from `number`, which waits in a queue or talks."""
    return (await watcher.event("QueueCallerJoin", CallerIDNum=number))["Linkedid"]


async def test_the_agent_hangs_up_and_the_caller_presses_5(
    postcall: Beside, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    here, there = await talk(postcall, caller, alice, number="0912000111", headers={"X-Call-Reason": "billing/refund"})
    await there.hang_up()
    await here.heard.sound()
    await here.press("5")
    assert await here.wait_ended(15) == "there"

    linkedid = await linkedid_of(watcher, "0912000111")
    survey = await postcall.finished_survey(linkedid)
    assert (survey.status, survey.agent, survey.queue, survey.reason) == (
        "completed",
        ALICE,
        "support",
        "billing/refund",
    )
    assert await postcall.answers(survey.survey) == [("5", 5, 1, "answered")]
    call = await postcall.ended_call(linkedid)
    assert (call.ended_by, call.exclusion, call.caller_mask) == ("agent", "", "•••••••111")
    assert "0912000111" not in str(call)
    assert await postcall.legs(linkedid) == [(ALICE, "agent")]

    score = await postcall.agent(ALICE)
    assert (score["name"], score["n"], score["mean"], score["offered"], score["answered"]) == (
        "Alice Moreau",
        1,
        5.0,
        1,
        1,
    )
    assert [(part["reason"], part["n"]) for part in score["by_reason"]] == [("billing/refund", 1)]
    assert await postcall.exact()


async def test_a_wrong_key_and_then_4(postcall: Beside, caller: SipPhone, alice: SipPhone, watcher: RawAmi) -> None:
    here, there = await talk(postcall, caller, alice, number="0912000112")
    await there.hang_up()
    await here.heard.sound()
    await here.press("9")
    await watcher.event("DTMFEnd", Digit="9", Direction="Received")
    # The complaint and the question are one prompt sequence: the key may come at any time from its first sound on.
    await here.heard.silence(0.05)
    await here.heard.sound()
    await here.press("4")
    assert await here.wait_ended(15) == "there"

    survey = await postcall.finished_survey(await linkedid_of(watcher, "0912000112"))
    assert survey.status == "completed"
    assert await postcall.answers(survey.survey) == [("4", 4, 2, "answered")]
    score = await postcall.agent(ALICE)
    assert (score["n"], score["mean"], score["csat"]["percent"]) == (1, 4.0, 100.0)
    assert await postcall.exact()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_nothing_pressed(postcall: Beside, caller: SipPhone, alice: SipPhone, watcher: RawAmi) -> None:
    here, there = await talk(postcall, caller, alice, number="0912000113")
    await there.hang_up()
    assert await here.wait_ended(60) == "there"

    survey = await postcall.finished_survey(await linkedid_of(watcher, "0912000113"))
    assert survey.status == "no_input"
    assert await postcall.answers(survey.survey) == [("", None, 2, "no_input")]
    score = await postcall.agent(ALICE)
    assert (score["n"], score["mean"], score["offered"], score["answered"]) == (0, None, 1, 0)
    assert await postcall.exact()


async def test_the_caller_hangs_up_in_the_middle_of_the_survey(
    postcall: Beside, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    here, there = await talk(postcall, caller, alice, number="0912000114")
    await there.hang_up()
    await here.heard.sound()
    await here.hang_up()

    linkedid = await linkedid_of(watcher, "0912000114")
    survey = await postcall.finished_survey(linkedid)
    assert survey.status == "hung_up"
    assert await postcall.answers(survey.survey) == [("", None, 1, "hung_up")]
    assert (await postcall.ended_call(linkedid)).exclusion == ""
    score = await postcall.agent(ALICE)
    assert (score["n"], score["offered"], score["answered"], score["response_rate"]) == (0, 1, 0, 0.0)
    assert await postcall.exact()


async def test_the_caller_hangs_up_first(postcall: Beside, caller: SipPhone, alice: SipPhone, watcher: RawAmi) -> None:
    here, there = await talk(postcall, caller, alice, number="0912000115")
    linkedid = await linkedid_of(watcher, "0912000115")
    await here.hang_up()
    assert await there.wait_ended() == "there"

    call = await postcall.ended_call(linkedid)
    assert (call.ended_by, call.abandoned, call.exclusion) == ("caller", False, "caller_hung_up")
    assert await postcall.legs(linkedid) == [(ALICE, "caller")]
    assert await postcall.rows(Survey) == []
    score = await postcall.agent(ALICE)
    assert (score["n"], score["offered"]) == (0, 0)
    assert await postcall.exact()


async def test_the_caller_leaves_the_queue(
    postcall: Beside, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    here = await caller.dial("8000", number="0912000116")
    await alice.incoming()
    await here.wait_answered()
    linkedid = await linkedid_of(watcher, "0912000116")
    await here.hang_up()

    call = await postcall.ended_call(linkedid)
    assert (call.ended_by, call.abandoned, call.exclusion) == ("caller", True, "abandoned")
    assert await postcall.legs(linkedid) == []
    assert await postcall.rows(Survey) == []
    assert (await postcall.get("/api/v1/agents/scores"))["agents"] == []
    assert await postcall.exact()


async def test_two_calls_at_once_with_different_agents_reasons_and_keys(
    postcall: Beside, asterisk_server: AsteriskServer, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    first, with_alice = await talk(postcall, caller, alice, number="0912000117", headers={"X-Call-Reason": "sales"})
    async with SipPhone("1002", sip_port=asterisk_server.sip_port) as john:
        await john.register()
        second, with_john = await talk(
            postcall, caller, john, "8002", number="0912000118", headers={"X-Call-Reason": "billing"}
        )
        await asyncio.gather(with_alice.hang_up(), with_john.hang_up())
        await asyncio.gather(first.heard.sound(), second.heard.sound())
        await asyncio.gather(first.press("5"), second.press("1"))
        assert await asyncio.gather(first.wait_ended(15), second.wait_ended(15)) == ["there", "there"]

    for number, expected in (
        ("0912000117", (ALICE, "support", "sales", 5)),
        ("0912000118", (JOHN, "billing", "billing", 1)),
    ):
        survey = await postcall.finished_survey(await linkedid_of(watcher, number))
        ((_, value, _, _),) = await postcall.answers(survey.survey)
        assert (survey.agent, survey.queue, survey.reason, value) == expected
    scores = {agent["name"]: agent for agent in (await postcall.get("/api/v1/agents/scores"))["agents"]}
    assert {name: (agent["n"], agent["mean"]) for name, agent in scores.items()} == {
        "Alice Moreau": (1, 5.0),
        "Doe, John": (1, 1.0),
    }
    assert await postcall.exact()


async def test_a_hostile_name_and_line_breaks_in_a_channel_variable_change_nothing(
    postcall: Beside, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    smuggled = "billing\r\nAction: Logoff\r\n\r\n200 result=1 (x)\nSET VARIABLE MEMBERINTERFACE PJSIP/6666"
    here, there = await talk(
        postcall,
        caller,
        alice,
        name='Анна "O\'Neil", 李雷',
        number="0912000119",
        headers={"X-Call-Reason": quote(smuggled)},
    )
    await there.hang_up()
    await here.heard.sound()
    await here.press("3")
    assert await here.wait_ended(15) == "there"

    survey = await postcall.finished_survey(await linkedid_of(watcher, "0912000119"))
    assert (survey.status, survey.agent, survey.queue, survey.reason) == ("completed", ALICE, "support", "")
    assert await postcall.answers(survey.survey) == [("3", 3, 1, "answered")]
    scores = (await postcall.get("/api/v1/agents/scores"))["agents"]
    assert [(agent["agent"], agent["n"]) for agent in scores] == [(ALICE, 1)]
    assert [part["reason"] for part in (await postcall.agent(ALICE))["by_reason"]] == [None]
    assert await postcall.exact()


async def test_the_agents_language_is_spoken_in_chinese(
    postcall: Beside, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    here, there = await talk(postcall, caller, alice, number="0912000120", headers={"X-Language": "zh"})
    await there.hang_up()
    await here.heard.sound()
    await here.press("4")
    assert await here.wait_ended(15) == "there"

    survey = await postcall.finished_survey(await linkedid_of(watcher, "0912000120"))
    assert (survey.language, survey.status) == ("zh", "completed")


async def test_a_queue_left_with_option_c_leads_to_the_same_score(
    asterisk_server: AsteriskServer,
    url: str,
    caller: SipPhone,
    alice: SipPhone,
    watcher: RawAmi,
) -> None:
    async with beside(asterisk_server, url, trigger="dialplan") as postcall:
        here = await caller.dial("8001", number="0912000121")
        there = await alice.incoming()
        await there.answer()
        await here.wait_answered()
        await there.hang_up()
        await here.heard.sound()
        await here.press("2")
        assert await here.wait_ended(15) == "there"

        survey = await postcall.finished_survey(await linkedid_of(watcher, "0912000121"))
        assert (survey.agent, survey.status) == (ALICE, "completed")
        assert (await postcall.agent(ALICE))["mean"] == 2.0
        assert await postcall.exact()


async def test_no_caller_number_and_no_name_is_in_the_database(
    postcall: Beside, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    here, there = await talk(postcall, caller, alice, name="Anna Secret", number="0912000122")
    await there.hang_up()
    await here.heard.sound()
    await here.press("1")
    await here.wait_ended(15)
    await postcall.ended_call(await linkedid_of(watcher, "0912000122"))

    for table in CallRow.metadata.sorted_tables:
        for row in await postcall.rows(type("Any", (), {"__table__": table})):  # type: ignore[arg-type]
            assert "0912000122" not in str(row)
            assert "Secret" not in str(row)
