"""The AMI connection is cut while people talk: the caller is asked all the same, and the agent is credited."""

from collections.abc import AsyncIterator

import pytest

from ivr.asterisk.link import AmiLink
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.sip import SipPhone
from storage.tables import LinkGap
from tests.asterisk.proxy import Proxy
from tests.asterisk.raw_ami import RawAmi
from tests.asterisk.service import Beside, beside
from tests.asterisk.test_surveys import ALICE, linkedid_of
from tests.waiting import until

pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@pytest.fixture
async def proxy(asterisk_server: AsteriskServer) -> AsyncIterator[Proxy]:
    """What the AMI connection goes through."""
    async with Proxy(asterisk_server.ami_port) as between:
        yield between


@pytest.fixture
async def postcall(asterisk_server: AsteriskServer, proxy: Proxy, url: str) -> AsyncIterator[Beside]:
    """The service, whose AMI connection can be cut."""
    async with beside(asterisk_server, url, ami_port=proxy.port) as service:
        yield service


async def connected(link: AmiLink, yes: bool) -> None:
    """Wait until the service knows that the link is up, or down."""

    async def look() -> bool:
        return link.state.connected is yes

    await until(look)


async def rated(postcall: Beside, watcher: RawAmi, number: str) -> list[object]:
    """Whom the rating of the call from `number` was credited to, and what it was."""
    survey = await postcall.finished_survey(await linkedid_of(watcher, number))
    ((_, value, _, _),) = await postcall.answers(survey.survey)
    assert await postcall.exact()
    return [survey.agent, survey.queue, value]


async def test_cut_when_the_agent_answers_and_back_before_the_agent_hangs_up(
    postcall: Beside, proxy: Proxy, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    link = postcall.service.links["main"]
    proxy.cut()
    await connected(link, False)
    here = await caller.dial("8000", number="0912000601")
    there = await alice.incoming()
    await there.answer()
    await here.wait_answered()
    assert link.state.armed == 0
    proxy.mend()
    await postcall.armed(1)
    await there.hang_up()
    await here.heard.sound()
    await here.press("5")
    assert await here.wait_ended(15) == "there"
    assert await rated(postcall, watcher, "0912000601") == [ALICE, "support", 5]
    assert await postcall.legs(await linkedid_of(watcher, "0912000601")) == [(ALICE, "agent")]


async def test_cut_during_the_talk_and_not_back_before_the_survey_is_over(
    postcall: Beside, proxy: Proxy, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    link = postcall.service.links["main"]
    here = await caller.dial("8000", number="0912000602")
    there = await alice.incoming()
    await there.answer()
    await here.wait_answered()
    await postcall.armed(1)
    proxy.cut()
    await connected(link, False)
    await there.hang_up()
    await here.heard.sound()
    await here.press("4")
    assert await here.wait_ended(15) == "there"
    assert await rated(postcall, watcher, "0912000602") == [ALICE, "support", 4]
    proxy.mend()
    await connected(link, True)
    call = await postcall.ended_call(await linkedid_of(watcher, "0912000602"))
    assert call.exclusion == ""
    await until(lambda: postcall.rows(LinkGap))


async def test_cut_for_the_whole_call_and_the_caller_is_not_asked_and_nothing_is_made_up(
    postcall: Beside, proxy: Proxy, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    link = postcall.service.links["main"]
    proxy.cut()
    await connected(link, False)
    here = await caller.dial("8000", number="0912000603")
    there = await alice.incoming()
    await there.answer()
    await here.wait_answered()
    await there.hang_up()
    assert await here.wait_ended() == "there"
    proxy.mend()
    await connected(link, True)
    await until(lambda: postcall.rows(LinkGap))
    assert (await postcall.get("/api/v1/agents/scores"))["agents"] == []
