"""Rules on a real Asterisk: who is not asked hears what the dialplan says next, at once, and the call says why."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ivr.app import running
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.sip import SipPhone
from ivr.demo.pbx.sip_call import Call
from ivr.rule_settings import RuleSettings
from storage.tables import Survey
from tests.asterisk.raw_ami import RawAmi
from tests.asterisk.service import Beside, settings_for
from tests.asterisk.test_surveys import linkedid_of, talk

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)
ONCE_A_MONTH = "no more than 1 in 1 month where caller is the same"


@asynccontextmanager
async def ruled(server: AsteriskServer, url: str, **rules: Any) -> AsyncIterator[Beside]:
    """The service with these rules."""
    settings = settings_for(server, url).model_copy(update={"rules": RuleSettings.model_validate(rules)})
    async with running(settings) as service:
        await server.send_surveys_to(f"agi://127.0.0.1:{service.agi_port}/survey?site=main")
        yield Beside(service)


async def the_dialplan_goes_on(here: Call, watcher: RawAmi, number: str) -> str:
    """The line after `AGI()` is reached, its goodbye is heard, and the PBX hangs up. Returns the call's linkedid."""
    joined = [event for event in watcher.events if event.get("Event") == "QueueCallerJoin"]
    linkedid = [event for event in joined if event["CallerIDNum"] == number][-1]["Linkedid"]
    after = await watcher.event("UserEvent", UserEvent="AfterSurvey", Linkedid=linkedid)
    assert after["AgiStatus"] == "SUCCESS"
    assert await here.wait_ended(15) == "there"
    return linkedid


async def test_a_caller_within_quarantine_is_not_asked_and_the_dialplan_goes_on(
    asterisk_server: AsteriskServer, url: str, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    async with ruled(asterisk_server, url, quarantine=[ONCE_A_MONTH]) as postcall:
        here, there = await talk(postcall, caller, alice, number="0912000201")
        await there.hang_up()
        await here.heard.sound()
        await here.press("5")
        assert await here.wait_ended(15) == "there"
        first = await linkedid_of(watcher, "0912000201")
        assert (await postcall.finished_survey(first)).status == "completed"

        here, there = await talk(postcall, caller, alice, number="0912000201")
        await there.hang_up()
        second = await the_dialplan_goes_on(here, watcher, "0912000201")
        assert second != first
        assert (await postcall.ended_call(second)).exclusion == "quarantine"
        assert [row.linkedid for row in await postcall.rows(Survey)] == [first]
        story = await postcall.get(f"/api/v1/calls/{second}")
        assert story["decision"] == {
            "asked": False,
            "reason_code": "quarantine",
            "rule": f"quarantine: {ONCE_A_MONTH}",
        }
        assert [leg["agent"] for leg in story["legs"]] == ["PJSIP/1001"]
        assert await postcall.exact()


async def test_too_short_a_talk_is_not_asked_about(
    asterisk_server: AsteriskServer, url: str, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    async with ruled(asterisk_server, url, minimum_talk=600) as postcall:
        here, there = await talk(postcall, caller, alice, number="0912000202")
        await there.hang_up()
        call = await postcall.ended_call(await the_dialplan_goes_on(here, watcher, "0912000202"))
        assert (call.exclusion, call.exclusion_rule, call.ended_by) == ("too_short", "minimum_talk", "agent")
        assert await postcall.rows(Survey) == []


async def test_a_colleague_who_calls_is_told_by_number_or_by_a_channel_variable(
    asterisk_server: AsteriskServer, url: str, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    # The header becomes the variable POSTCALL_REASON: any value but nothing, 0, no and false will do.
    async with ruled(asterisk_server, url, internal=["_2XX"], internal_variable="POSTCALL_REASON") as postcall:
        for number, header, rule in (
            ("234", "", "internal"),
            ("0912000203", "yes", "internal_variable"),
            ("0912000204", "no", ""),
        ):
            headers = {"X-Call-Reason": header} if header else {}
            here, there = await talk(postcall, caller, alice, number=number, headers=headers)
            await there.hang_up()
            if rule:
                await the_dialplan_goes_on(here, watcher, number)
            else:
                await here.heard.sound()
                await here.hang_up()
            call = await postcall.ended_call(await linkedid_of(watcher, number))
            assert (call.exclusion, call.exclusion_rule) == ("internal" if rule else "", rule)
