"""Ways into the survey on a real Asterisk, with the printed lines: agents who are dialled, who dial out, who send.

Each over AMI with the admin's own Dial() and Queue(), and by the dialplan alone with its options g, F and c.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.sip import SipPhone
from ivr.demo.pbx.sip_call import Call
from storage.tables import Call as CallRow
from storage.tables import Leg, Survey
from tests.asterisk.service import TOKEN, Beside
from tests.asterisk.ways import Ways, ways
from tests.waiting import until

ALICE = "PJSIP/1001"
JOHN = "PJSIP/1002"
pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@pytest.fixture(scope="module", params=["ami", "dialplan"])
def pbx(
    request: pytest.FixtureRequest, asterisk_server: AsteriskServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ways]:
    """An Asterisk with the printed lines for this trigger."""
    with ways(asterisk_server.root, tmp_path_factory.mktemp("ways"), request.param) as running:
        yield running


@pytest.fixture
async def postcall(pbx: Ways, url: str) -> AsyncIterator[Beside]:
    """The service beside it."""
    async with pbx.service(url) as service:
        yield service


@pytest.fixture
async def customer(pbx: Ways) -> AsyncIterator[SipPhone]:
    """A customer's telephone."""
    async with SipPhone("caller", sip_port=pbx.server.sip_port) as phone:
        yield phone


@pytest.fixture
async def alice(pbx: Ways) -> AsyncIterator[SipPhone]:
    """An agent's telephone."""
    async with SipPhone("1001", sip_port=pbx.server.sip_port) as phone:
        await phone.register()
        yield phone


@pytest.fixture
async def john(pbx: Ways) -> AsyncIterator[SipPhone]:
    """A colleague's telephone, or that of a customer who is called."""
    async with SipPhone("1002", sip_port=pbx.server.sip_port) as phone:
        await phone.register()
        yield phone


async def talk(pbx: Ways, postcall: Beside, dialling: SipPhone, extension: str, ringing: SipPhone) -> tuple[Call, Call]:
    """One dials, the other answers; returns both ends, in this order, once the service knows of the talk."""
    state = postcall.service.links["main"].state
    known = len(await postcall.rows(Leg))
    here = await dialling.dial(extension, number="0912000700" if dialling.user == "caller" else None)
    there = await ringing.incoming()
    await there.answer()
    await here.wait_answered()
    if pbx.trigger == "ami":
        await postcall.armed(state.armed + 1)

    async def told() -> bool:
        await postcall.service.facts.all_written()
        return len(await postcall.rows(Leg)) > known

    await until(told)
    return here, there


async def press(call: Call, key: str) -> None:
    """Wait for the survey, press a key, and hear it to its end."""
    await call.heard.sound()
    await call.press(key)
    assert await call.wait_ended(15) == "there"


async def one_survey(postcall: Beside) -> Any:
    """The only survey there is, once it has ended."""

    async def ended() -> Any:
        await postcall.service.facts.all_written()
        return [row for row in await postcall.rows(Survey) if row.ended_at]

    (survey,) = await until(ended)
    assert await postcall.exact()
    return survey


async def one_call(postcall: Beside) -> Any:
    """The only call there is, once it has ended."""

    async def ended() -> Any:
        await postcall.service.facts.all_written()
        return [row for row in await postcall.rows(CallRow) if row.ended_at]

    (call,) = await until(ended)
    return call


async def ask(postcall: Beside, linkedid: str, site: str = "main") -> tuple[int, str]:
    """What the API answers to the wish to send a caller into the survey: the status and the title of the problem."""
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as client,
        client.post(f"{postcall.service.url}/api/v1/calls/{linkedid}/survey?site={site}") as response,
    ):
        return response.status, (await response.json()).get("title", "")


async def test_a_dialled_agent_hangs_up_and_the_caller_rates(
    pbx: Ways, postcall: Beside, customer: SipPhone, alice: SipPhone
) -> None:
    here, there = await talk(pbx, postcall, customer, "7100", alice)
    await there.hang_up()
    await press(here, "5")
    survey, call = await one_survey(postcall), await one_call(postcall)
    assert (survey.agent, survey.queue, survey.status) == (ALICE, "support", "completed")
    assert (call.ended_by, call.exclusion, call.caller_mask) == ("agent", "", "•••••••700")
    assert await postcall.legs(call.linkedid) == [(ALICE, "agent")]


async def test_the_caller_of_a_dialled_agent_hangs_up_first(
    pbx: Ways, postcall: Beside, customer: SipPhone, alice: SipPhone
) -> None:
    here, there = await talk(pbx, postcall, customer, "7100", alice)
    await here.hang_up()
    assert await there.wait_ended() == "there"
    call = await one_call(postcall)
    assert (call.ended_by, call.exclusion) == ("caller", "caller_hung_up")
    assert await postcall.rows(Survey) == []


async def test_a_dialled_agent_does_not_take_the_call(
    pbx: Ways, postcall: Beside, customer: SipPhone, alice: SipPhone
) -> None:
    here = await customer.dial("7100")
    await (await alice.incoming()).hang_up()
    await here.wait_ended()
    call = await one_call(postcall)
    assert (call.queue, call.exclusion) == ("support", "no_agent")
    assert await postcall.rows(Survey) == []


async def test_a_dialled_agent_transfers_the_caller_and_the_last_one_is_rated(
    pbx: Ways, postcall: Beside, customer: SipPhone, alice: SipPhone, john: SipPhone
) -> None:
    here, there = await talk(pbx, postcall, customer, "7100", alice)
    await there.refer("1002")
    second = await john.incoming()
    await second.answer()

    async def both() -> bool:
        await postcall.service.facts.all_written()
        return len(await postcall.rows(Leg)) == 2

    await until(both)
    await second.hang_up()
    await press(here, "4")
    survey = await one_survey(postcall)
    assert (survey.agent, survey.queue) == (JOHN, "support")
    assert sorted(await postcall.legs((await one_call(postcall)).linkedid)) == [(ALICE, "transfer"), (JOHN, "agent")]


async def test_an_agent_who_consults_a_colleague_is_not_asked(
    pbx: Ways, postcall: Beside, customer: SipPhone, alice: SipPhone, john: SipPhone
) -> None:
    here, there = await talk(pbx, postcall, customer, "7100", alice)
    consult = await alice.dial("1002")
    asked = await john.incoming()
    await asked.answer()
    await consult.wait_answered()
    await asked.hang_up()
    assert await consult.wait_ended(5) == "there"
    assert await postcall.rows(Survey) == []
    await there.hang_up()
    await press(here, "3")
    survey = await one_survey(postcall)
    assert (survey.agent, len(await postcall.rows(CallRow))) == (ALICE, 1)


async def test_an_agent_dials_a_customer_and_hangs_up_and_the_customer_rates(
    pbx: Ways, postcall: Beside, alice: SipPhone, john: SipPhone
) -> None:
    agents_end, customers_end = await talk(pbx, postcall, alice, "91002", john)
    await agents_end.hang_up()
    await press(customers_end, "5")
    survey, call = await one_survey(postcall), await one_call(postcall)
    assert (survey.agent, survey.queue, survey.linkedid) == (ALICE, "outbound", call.linkedid)
    assert (call.ended_by, call.exclusion, call.caller_mask) == ("agent", "", "•••••")
    assert await postcall.legs(call.linkedid) == [(ALICE, "agent")]


async def test_a_customer_who_was_dialled_hangs_up_first(
    pbx: Ways, postcall: Beside, alice: SipPhone, john: SipPhone
) -> None:
    agents_end, customers_end = await talk(pbx, postcall, alice, "91002", john)
    await customers_end.hang_up()
    assert await agents_end.wait_ended(5) == "there"
    call = await one_call(postcall)
    assert (call.ended_by, call.exclusion) == ("caller", "caller_hung_up")
    assert await postcall.rows(Survey) == []


async def test_a_customer_who_is_dialled_does_not_answer_and_there_is_no_call(
    pbx: Ways, postcall: Beside, alice: SipPhone, john: SipPhone
) -> None:
    here = await alice.dial("91002")
    await (await john.incoming()).hang_up()
    await here.wait_ended()
    await postcall.service.facts.all_written()
    assert await postcall.rows(CallRow) == []


@pytest.mark.parametrize("extension", ["7100", "7200"])
async def test_the_agents_screen_sends_the_caller_over_the_api(
    pbx: Ways, postcall: Beside, customer: SipPhone, alice: SipPhone, extension: str
) -> None:
    here, there = await talk(pbx, postcall, customer, extension, alice)
    ((linkedid,),) = {(row.linkedid,) for row in await postcall.rows(CallRow)}
    await asyncio.sleep(1.2)  # a talk of more than a second, to tell it from the survey
    assert await ask(postcall, linkedid) == (202, "")
    assert await there.wait_ended(5) == "there"
    await here.heard.sound()
    assert (await ask(postcall, linkedid))[0] == 409
    await press(here, "2")
    survey, call = await one_survey(postcall), await one_call(postcall)
    assert (survey.agent, survey.queue, survey.status) == (ALICE, "support", "completed")
    (leg,) = await postcall.rows(Leg)
    assert (leg.ended_by, call.ended_by, leg.talk_seconds) == ("agent", "agent", 1)
    assert leg.ended_at < call.ended_at - timedelta(seconds=1)
    assert postcall.service.links["main"].state.unattributable == 0
    assert await ask(postcall, linkedid) == (409, "Asked before")


async def test_a_caller_who_still_waits_or_is_not_there_is_not_sent(
    pbx: Ways, postcall: Beside, customer: SipPhone, alice: SipPhone
) -> None:
    here = await customer.dial("7200")
    await alice.incoming()

    async def known() -> Any:
        await postcall.service.facts.all_written()
        return await postcall.rows(CallRow)

    (call,) = await until(known)
    assert await ask(postcall, call.linkedid) == (409, "Not talking")
    assert await ask(postcall, "1795337255.999") == (404, "No such call")
    assert await ask(postcall, call.linkedid, site="other") == (400, "Wrong parameter")
    await here.hang_up()


@pytest.mark.parametrize("extension", ["7100", "7200"])
async def test_the_agent_transfers_the_caller_to_star_7(
    pbx: Ways, postcall: Beside, customer: SipPhone, alice: SipPhone, extension: str
) -> None:
    here, there = await talk(pbx, postcall, customer, extension, alice)
    await there.refer("*7")
    await press(here, "4")
    survey, call = await one_survey(postcall), await one_call(postcall)
    assert (survey.agent, survey.queue, survey.status, call.exclusion) == (ALICE, "support", "completed", "")


async def test_the_agent_transfers_the_caller_by_the_keys_of_a_plain_telephone(
    pbx: Ways, postcall: Beside, customer: SipPhone, alice: SipPhone
) -> None:
    here, there = await talk(pbx, postcall, customer, "7200", alice)
    await there.press("#")
    await there.heard.sound()
    await there.press("*7")
    assert await there.wait_ended(10) == "there"
    await press(here, "5")
    survey = await one_survey(postcall)
    assert (survey.agent, survey.queue, survey.status) == (ALICE, "support", "completed")


async def test_an_agent_who_dials_star_7_alone_is_not_asked(pbx: Ways, postcall: Beside, alice: SipPhone) -> None:
    here = await alice.dial("*7")
    await here.wait_ended(5)
    assert here.refusal or here.ended == "there"
    assert await postcall.rows(Survey) == []
