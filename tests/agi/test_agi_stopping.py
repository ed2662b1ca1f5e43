"""The port closes: who is asked may finish, who comes is refused, and nobody is sent there any more."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest

from ivr.asterisk.agi_phone import AgiPhone
from ivr.asterisk.link import AmiLink
from ivr.errors import PbxError, ServiceStops
from ivr.parts.agi import agi_check
from ivr.parts.callbacks import callback_site
from ivr.parts.jobs import Jobs, pbx_job
from ivr.parts.pbx import survey_sender
from ivr.site_settings import AmiSettings, SiteSettings
from tests.agi.agi_client import FakeAsterisk, header, site

ALONE = Jobs([pbx_job("main")], is_alone=True)


async def asks(phone: AgiPhone) -> object:
    return await phone.collect(["en/csat-question"], max_keys=1, timeout_seconds=4, key_timeout_seconds=2)


@dataclass
class LinkThatIsUp:
    """As much of an `AmiLink` as is asked of it here."""

    sent: list[str] = field(default_factory=list)
    state: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(connected=True))

    async def send_to_survey(self, linkedid: str) -> None:
        self.sent.append(linkedid)


async def test_stopping_lets_a_call_end_within_the_grace():
    async with site(asks) as here:
        asterisk = await here.dialled()
        silent = await here.dialled(b"agi_network: yes\n")
        await asterisk.hears()
        await here.counts(open=2)
        stopping = asyncio.ensure_future(here.server.stop(5))
        assert await silent.is_let_go() == b""
        asterisk.says(b"200 result=5\n")
        assert (await here.result()).pressed == "5"
        await stopping
        assert await asterisk.is_let_go() == b""


async def test_stopping_lets_every_dialplan_go_on():
    async with site(asks) as here:
        port = here.server.port
        calls = [await here.dialled() for _ in range(3)]
        silent = await here.dialled(b"agi_network: yes\n")
        for call in calls:
            await call.hears()
        await here.counts(open=4)
        await here.server.stop(0.05)
        assert here.server.counts.open == 0
        assert [await call.is_let_go() for call in (*calls, silent)] == [b""] * 4
        assert [str(await here.result()) for _ in calls] == ["the service stops"] * 3
        with pytest.raises(OSError, match="onnect"):
            await FakeAsterisk.dial(port)


async def test_a_draining_server_refuses_who_comes_and_lets_the_others_end():
    async with site(asks) as here:
        port = here.server.port
        quick, slow = await here.dialled(header(uniqueid="quick.1")), await here.dialled(header(uniqueid="slow.1"))
        await quick.hears()
        await slow.hears()
        draining = asyncio.ensure_future(here.server.drain(5))
        await asyncio.sleep(0)
        assert not here.server.is_open
        with pytest.raises(OSError, match="onnect"):
            await FakeAsterisk.dial(port)
        assert here.server.port == port
        quick.says(b"200 result=5\n")
        assert (await here.result()).pressed == "5"
        assert not draining.done()
        slow.says(b"200 result=4\n")
        assert (await here.result()).pressed == "4"
        assert await draining == 0


async def test_who_is_still_asked_at_the_end_of_the_drain_is_counted_and_stays():
    async with site(asks) as here:
        asterisk = await here.dialled()
        await asterisk.hears()
        assert await here.server.drain(0.05) == 1
        asterisk.says(b"200 result=3\n")
        assert (await here.result()).pressed == "3"


async def test_what_is_being_written_when_the_server_stops_is_written_to_its_end():
    begun, written = asyncio.Event(), asyncio.Event()

    async def writes(phone: AgiPhone) -> object:
        pressed = await asks(phone)
        begun.set()
        await written.wait()
        return pressed

    async with site(writes) as here:
        asterisk = await here.dialled()
        await asterisk.answers(b"200 result=5\n")
        await begun.wait()
        stopping = asyncio.ensure_future(here.server.stop(0))
        assert await asterisk.is_let_go() == b""
        written.set()
        assert (await here.result()).pressed == "5"
        await stopping


async def test_a_handler_that_never_ends_does_not_keep_the_server(monkeypatch):
    monkeypatch.setattr("ivr.asterisk.agi_server.WRITING_SECONDS", 0.05)

    async def hangs(phone: AgiPhone) -> object:
        await phone.answer()
        return await asyncio.Event().wait()

    async with site(hangs) as here:
        asterisk = await here.dialled()
        await asterisk.answers(b"200 result=0\n", b"200 result=0\n")
        await here.server.stop(0)
        assert isinstance(await here.result(), asyncio.CancelledError)


async def test_the_service_says_that_it_stops_and_how_many_are_still_asked():
    async with site(asks) as here:
        check = agi_check(here.server)
        await check()
        asterisk = await here.dialled()
        await asterisk.hears()
        await here.server.drain(0)
        with pytest.raises(ServiceStops, match=r"^the service stops: no new surveys, 1 under way$"):
            await check()


async def test_a_caller_is_not_taken_from_the_agent_for_a_survey_that_will_not_be():
    async with site(asks) as here:
        link = LinkThatIsUp()
        send = survey_sender("main", cast("AmiLink", link), here.server, ALONE, None)
        await send("1795324275.1")
        await here.server.drain(0)
        with pytest.raises(PbxError, match=r"^the service stops$"):
            await send("1795324275.2")
        assert link.sent == ["1795324275.1"]


async def test_nobody_is_called_back_who_could_not_be_asked():
    async with site(asks) as here:
        link = LinkThatIsUp()
        settings = SiteSettings(ami=AmiSettings(secret="a secret"))
        back = callback_site("main", settings, cast("AmiLink", link), here.server, ALONE)
        assert back.is_ready()
        link.state.connected = False
        assert not back.is_ready()
        link.state.connected = True
        await here.server.drain(0)
        assert not back.is_ready()
