"""An Asterisk whose dialplan knows nothing of surveys: an AMI user is all that the admin gives."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

import callflows
from ivr.asterisk.dialplan import extensions_conf, manager_conf
from ivr.cli.asterisk import dialplan_site
from ivr.demo.choices import free_port
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.configuration import AmiUser
from ivr.demo.pbx.sip import SipPhone
from ivr.settings import Settings, build_settings
from storage.tables import Survey
from tests.asterisk.service import TOKEN, Beside, beside
from tests.asterisk.test_printed_lines import SECRET, printed_user
from tests.waiting import until

GOTO = "nobody-wrote-this,s,1"
pytestmark = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


@pytest.fixture
def settings() -> Settings:
    """Settings with nothing to add to the dialplan."""
    site = {"create_extension": True, "survey_goto": GOTO, "ami": {"secret": SECRET}}
    given = {"web": {"token": TOKEN}, "privacy": {"caller_key": "a caller key of these tests"}, "sites": {"main": site}}
    return build_settings(given, source="test")


@pytest.fixture
async def bare(asterisk_server: AsteriskServer, settings: Settings, tmp_path: Path) -> AsyncIterator[AsteriskServer]:
    """An Asterisk of its own, with the printed AMI user and no more; it may be stopped and started again."""
    site = dialplan_site(settings, "main")
    assert extensions_conf(site) == ""
    sounds = Path(callflows.__file__).parent / "library/sounds"
    user = printed_user(manager_conf(site))
    async with AsteriskServer(asterisk_server.root, users=[user], prompts=sounds, base=tmp_path / "pbx") as server:
        yield server


async def rate(postcall: Beside, server: AsteriskServer, key: str) -> None:
    """A caller talks with Alice in the queue, is asked when she hangs up, and presses `key`."""
    armed = postcall.service.links["main"].state.armed
    async with (
        SipPhone("1001", sip_port=server.sip_port) as alice,
        SipPhone("caller", sip_port=server.sip_port) as caller,
    ):
        await alice.register()
        here = await caller.dial("8000")
        there = await alice.incoming()
        await there.answer()
        await here.wait_answered()
        await postcall.armed(armed + 1)
        await there.hang_up()
        await here.heard.sound()
        await here.press(key)
        assert await here.wait_ended(15) == "there"


async def extension_is_there(server: AsteriskServer) -> None:
    """Wait until Asterisk has the extension."""

    async def look() -> bool:
        return "AGI(agi://" in await server.cli(f"dialplan show {GOTO.split(',')[0]}")

    await until(look)


async def ratings(postcall: Beside) -> list[float]:
    """What Alice has: how many ratings, and their mean."""
    score = await postcall.agent("PJSIP/1001")
    return [score["n"], score["mean"]]


async def test_a_caller_is_asked_and_after_a_dialplan_reload_the_next_one_too(bare: AsteriskServer, url: str) -> None:
    assert "There is no existence of" in await bare.cli(f"dialplan show {GOTO.split(',')[0]}")
    async with beside(bare, url, user="postcall", create_extension=True, survey_goto=GOTO) as postcall:
        await extension_is_there(bare)
        await rate(postcall, bare, "5")
        assert await ratings(postcall) == [1, 5.0]

        await bare.cli("dialplan reload")

        async def created_again() -> bool:
            extension = postcall.service.links["main"]._extension
            return extension is not None and extension.created == 2

        await until(created_again)
        await rate(postcall, bare, "4")
        assert await ratings(postcall) == [2, 4.5]
        assert await postcall.exact()


async def test_after_a_restart_of_asterisk_the_next_caller_is_asked(bare: AsteriskServer, url: str) -> None:
    async with beside(bare, url, user="postcall", create_extension=True, survey_goto=GOTO) as postcall:
        await extension_is_there(bare)
        await bare.stop()
        await bare.start()
        await extension_is_there(bare)
        await rate(postcall, bare, "3")
        assert await ratings(postcall) == [1, 3.0]


async def test_a_service_that_comes_back_on_another_port_is_found_there(bare: AsteriskServer, url: str) -> None:
    for key, expected in (("5", [1, 5.0]), ("3", [2, 4.0])):
        async with beside(bare, url, user="postcall", create_extension=True, survey_goto=GOTO) as postcall:

            async def leads_here(port: int = postcall.service.agi_port) -> bool:
                return f":{port}/survey" in await bare.cli(f"dialplan show {GOTO.split(',')[0]}")

            await until(leads_here)
            await rate(postcall, bare, key)
            assert await ratings(postcall) == expected


async def test_of_two_replicas_of_which_one_is_gone_the_other_one_asks(bare: AsteriskServer, url: str) -> None:
    gone, agi_port = free_port(), free_port()
    where = {"agi_port": agi_port, "replicas": [f"127.0.0.1:{gone}", f"127.0.0.1:{agi_port}"]}
    async with beside(bare, url, user="postcall", create_extension=True, survey_goto=GOTO, **where) as postcall:
        await extension_is_there(bare)
        await rate(postcall, bare, "4")
        assert await ratings(postcall) == [1, 4.0]
        extension = postcall.service.links["main"]._extension
        assert extension is not None
        await extension.mend()
        assert extension.created == 1, "it is found as it was made"


async def test_what_the_admin_wrote_there_is_left_alone(
    asterisk_server: AsteriskServer, settings: Settings, url: str
) -> None:
    own = "[nobody-wrote-this]\nexten => s,1,Playback(vm-goodbye)\n same => n,Hangup()\n"
    user = printed_user(manager_conf(dialplan_site(settings, "main")))
    async with (
        AsteriskServer(asterisk_server.root, users=[user], extra_dialplan=own) as server,
        beside(server, url, user="postcall", create_extension=True, survey_goto=GOTO) as postcall,
    ):
        extension = postcall.service.links["main"]._extension
        assert extension is not None
        await extension.mend()
        assert (extension.created, extension.problem) == (0, "")
        assert "Playback(vm-goodbye)" in await server.cli("dialplan show nobody-wrote-this")
        assert await postcall.rows(Survey) == []


@pytest.mark.parametrize(("write", "refused"), [("call", "ShowDialPlan"), ("call,reporting", "DialplanExtensionAdd")])
async def test_without_the_rights_the_service_says_which_ones_it_needs(
    asterisk_server: AsteriskServer, url: str, write: str, refused: str
) -> None:
    poor = AmiUser(name="poor", read="agent,call", write=write)
    async with (
        AsteriskServer(asterisk_server.root, users=[poor]) as server,
        beside(server, url, user="poor", create_extension=True, survey_goto=GOTO) as postcall,
    ):

        async def told() -> str:
            return postcall.service.links["main"].state.extension_problem

        problem = await until(told)
        assert problem == (
            f"Asterisk refused {refused}: the AMI user needs write = call,reporting,system in manager.conf,"
            " or create_extension = false and the extension in extensions.conf"
        )
        async with aiohttp.ClientSession() as client, client.get(postcall.service.url + "/readyz") as response:
            assert response.status == 503
            assert "write = call,reporting,system" in await response.text()
