"""The AMI link against a real Asterisk: what it says of calls that were up before anybody listened."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from ivr.asterisk.ami import AmiAccess
from ivr.asterisk.link import AmiLink
from ivr.calls import CallEnded, CallEvent, CallStarted, Gap, LegConnected, LegEnded
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.sip import SipPhone
from ivr.errors import PbxError, PbxRefused
from tests.asterisk.raw_ami import RawAmi

LIMIT = 10.0
NAME = 'Анна "O\'Neil", 李雷'
SHOWN = NAME.replace('"', r"\"")
"""SIP escapes the quotes inside a display name, and Asterisk leaves them so."""

Listening = Callable[[], AbstractAsyncContextManager[tuple[AmiLink, "asyncio.Queue[CallEvent | Gap]"]]]


@pytest.fixture
def listening(asterisk_server: AsteriskServer) -> Listening:
    """A link of the user `survey`, and what it tells."""

    @asynccontextmanager
    async def listen() -> AsyncIterator[tuple[AmiLink, "asyncio.Queue[CallEvent | Gap]"]]:
        told: asyncio.Queue[CallEvent | Gap] = asyncio.Queue()
        secret = asterisk_server.users["survey"].secret
        access = AmiAccess(port=asterisk_server.ami_port, username="survey", secret=secret)
        link = AmiLink(site="main", access=access, on_event=told.put_nowait, survey_goto="postcall-survey,s,1")
        await link.start()
        try:
            yield link, told
        finally:
            await link.stop()

    return listen


async def next_of(told: "asyncio.Queue[CallEvent | Gap]", kind: type) -> CallEvent | Gap:
    async with asyncio.timeout(LIMIT):
        while not isinstance(event := await told.get(), kind):
            pass
    return event


async def test_a_call_is_followed_from_the_queue_to_the_hang_up(
    listening: Listening, caller: SipPhone, alice: SipPhone
) -> None:
    async with listening() as (link, told):
        assert link.state.connected
        gap = await next_of(told, Gap)
        here = await caller.dial("8000", number="0912000301", name=NAME)
        started = await next_of(told, CallStarted)
        assert isinstance(started, CallStarted)
        assert (started.queue, started.caller_number) == ("support", "0912000301")
        assert started.caller_name == SHOWN
        there = await alice.incoming()
        await there.answer()
        connected = await next_of(told, LegConnected)
        assert isinstance(connected, LegConnected)
        assert (connected.agent.interface, connected.agent.name) == ("PJSIP/1001", "Alice Moreau")
        assert isinstance(gap, Gap)
        assert connected.at >= gap.until
        await here.wait_answered()
        await here.hang_up()
        ended = await next_of(told, LegEnded)
        assert isinstance(ended, LegEnded)
        assert (ended.leg, ended.ended_by) == (connected.leg, "caller")
        assert await next_of(told, CallEnded)
        assert (link.state.armed, link.state.skipped_messages, link.state.unattributable) == (1, 0, 0)


async def test_calls_that_were_up_before_are_told_and_armed(
    listening: Listening, caller: SipPhone, alice: SipPhone, asterisk_server: AsteriskServer, watcher: RawAmi
) -> None:
    async with SipPhone("caller", sip_port=asterisk_server.sip_port) as second:
        here = await caller.dial("8000", number="0912000302")
        there = await alice.incoming()
        await there.answer()
        await here.wait_answered()
        waiting = await second.dial("8000", number="0912000303", name=NAME)
        await watcher.event("QueueCallerJoin", CallerIDNum="0912000303")
        async with listening() as (link, told):
            gap = await next_of(told, Gap)
            assert isinstance(gap, Gap)
            both = [await next_of(told, (LegConnected, CallStarted)) for _ in range(2)]  # type: ignore[arg-type]
            (connected,) = [event for event in both if isinstance(event, LegConnected)]
            (started,) = [event for event in both if isinstance(event, CallStarted)]
            assert (connected.agent.interface, connected.agent.name) == ("PJSIP/1001", "Alice Moreau")
            assert (connected.queue, started.queue, started.caller_number) == ("support", "support", "0912000303")
            assert started.caller_name == SHOWN
            assert {connected.linkedid, started.linkedid} <= gap.live
            await there.hang_up()
            ended = await next_of(told, LegEnded)
            assert isinstance(ended, LegEnded)
            assert (ended.leg, ended.ended_by) == (connected.leg, "agent")
            assert (link.state.armed, link.state.not_armed) == (1, 0)
            await waiting.hang_up()
            await here.hang_up()


async def test_a_wrong_secret_is_told_in_one_line(asterisk_server: AsteriskServer) -> None:
    access = AmiAccess(port=asterisk_server.ami_port, username="survey", secret="wrong")
    with pytest.raises(PbxRefused, match='refused user "survey": Authentication failed - check username and secret'):
        await AmiLink(site="main", access=access, on_event=lambda _: None).start()


async def test_questions_are_answered_and_a_channel_that_is_gone_is_an_error(listening: Listening) -> None:
    async with listening() as (link, _):
        assert link.state.version
        reply = await link.action("QueueStatus", {"Queue": "support"})
        assert "Zoë O'Neil" in {item.get("Name") for item in reply.items if item.event == "QueueMember"}
        with pytest.raises(PbxError, match="refused Setvar: No such channel"):
            await link.action("Setvar", {"Channel": "PJSIP/none-01", "Variable": "x", "Value": "1"})
