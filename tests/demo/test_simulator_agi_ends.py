"""How FastAGI sessions with the simulated PBX end, and one with the service's own server."""

import asyncio
import socket
import time

import pytest

from ivr.asterisk.agi_phone import AgiPhone
from ivr.asterisk.agi_protocol import AgiRequest
from ivr.asterisk.agi_server import AgiServer
from ivr.asterisk.agi_session import AgiLimits
from ivr.demo.behaviour import Behaviour
from ivr.errors import CallerHungUp, PromptMissing
from tests.demo.simulator_kit import AgiPeer, AmiClient, over, recorded_pbx, survey_call, survey_server

# --- when somebody leaves ---


async def test_a_hang_up_that_was_to_come_after_the_survey_does_not_come() -> None:
    async def serve(peer: AgiPeer) -> None:
        return

    async with survey_server(serve) as address, recorded_pbx(address) as pbx:
        client = await AmiClient.logged_in(pbx)
        call = pbx.place_call("support", "1", "", Behaviour(talk_seconds=0, hangs_up_in_survey_after=1))
        await over(call)
        await over(pbx.place_call("support", "2", "", Behaviour(talk_seconds=2)))
        await client.ask(Action="Ping")
        assert ("HangupRequest", call.uniqueid) not in [
            (dict(event)["Event"], dict(event).get("Uniqueid")) for event in client.events()
        ]
        await client.close()


async def test_a_caller_who_hangs_up_while_idle_is_told_at_once_and_media_are_refused() -> None:
    async def serve(peer: AgiPeer) -> None:
        assert await peer.line() == "HANGUP"
        dead = "511 Command Not Permitted on a dead channel or intercept routine"
        for command in ("STREAM FILE beep #", "GET DATA beep 1000 1", "CHANNEL STATUS", "HANGUP"):
            assert await peer.ask(command) == dead
        assert await peer.ask("GET VARIABLE QUEUENAME") == "200 result=1 (support)"
        assert await peer.ask("SET VARIABLE X 1") == "200 result=1"

    call = await survey_call(serve, Behaviour(talk_seconds=0.1, hangs_up_in_survey_after=0.5))
    assert call.agi_status == "HANGUP"
    assert not call.dialplan_went_on


async def test_a_caller_who_hangs_up_during_a_question_gives_minus_one_and_then_the_hangup_line() -> None:
    async def serve(peer: AgiPeer) -> None:
        assert await peer.ask("GET DATA beep 9000 1") == "200 result=-1"
        assert await peer.line() == "HANGUP"

    call = await survey_call(serve, Behaviour(talk_seconds=0.1, hangs_up_in_survey_after=0.5))
    assert call.agi_status == "HANGUP"


async def test_the_channel_lives_until_the_server_closes_even_if_the_caller_is_gone() -> None:
    may_close = asyncio.Event()

    async def serve(peer: AgiPeer) -> None:
        assert await peer.line() == "HANGUP"
        await may_close.wait()

    async with survey_server(serve) as address, recorded_pbx(address) as pbx:
        behaviour = Behaviour(talk_seconds=0.1, hangs_up_in_survey_after=0.1)
        client = await AmiClient.logged_in(pbx)
        call = pbx.place_call("support", "1", "", behaviour)
        left = ("HangupRequest", call.channel.name)
        await client.until(lambda message: (message.get("Event"), message.get("Channel")) == left)
        await client.close()
        assert pbx.switch.board.find(call.channel.name)
        may_close.set()
        await over(call)
        assert pbx.switch.board.find(call.channel.name) is None


async def test_a_server_that_hangs_up_ends_the_call() -> None:
    async def serve(peer: AgiPeer) -> None:
        assert await peer.ask("HANGUP") == "200 result=1"
        assert await peer.line() == "HANGUP"

    call = await survey_call(serve)
    assert not call.dialplan_went_on


async def test_a_server_that_closes_early_lets_the_dialplan_go_on() -> None:
    async def serve(peer: AgiPeer) -> None:
        await peer.ask("GET VARIABLE QUEUENAME")

    call = await survey_call(serve)
    assert call.agi_status == "SUCCESS"
    assert call.dialplan_went_on
    assert call.dialogue == [("GET VARIABLE QUEUENAME", "200 result=1 (support)")]


async def test_without_a_server_the_dialplan_goes_on_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        async with recorded_pbx(f"agi://127.0.0.1:{taken.getsockname()[1]}/survey") as pbx:
            started = time.monotonic()
            call = await over(pbx.place_call("support", "1", "", Behaviour(talk_seconds=0.1)))
            assert time.monotonic() - started < 2
    assert call.agi_status == "FAILURE"
    assert call.dialplan_went_on


async def test_a_server_that_sends_a_line_without_end_is_left() -> None:
    async def serve(peer: AgiPeer) -> None:
        peer.writer.write(b"x" * 100_000)
        await peer.reader.read()

    call = await survey_call(serve)
    assert call.agi_status == "FAILURE"
    assert call.dialplan_went_on


# --- with the service's own FastAGI server ---


async def test_the_service_asks_and_the_simulated_caller_answers() -> None:
    heard = []

    async def handler(request: AgiRequest, phone: AgiPhone) -> None:
        await phone.answer()
        await phone.play(["en/welcome"])
        with pytest.raises(PromptMissing):
            await phone.play(["en/nosuch"])
        values = await phone.variables(["MEMBERINTERFACE", "CHANNEL(linkedid)", "POSTCALL_REASON", "UNSET"])
        keys = await phone.collect(["en/hello", "en/question"], max_keys=1, timeout_seconds=3, key_timeout_seconds=3)
        heard.append((request.uniqueid, values, keys.pressed, keys.timed_out))
        late = await phone.collect(["en/question"], max_keys=2, timeout_seconds=3, key_timeout_seconds=3)
        heard.append((late.pressed, late.timed_out))
        both = await phone.collect(["en/hello", "en/question"], max_keys=2, timeout_seconds=3, key_timeout_seconds=3)
        heard.append((both.pressed, both.timed_out))
        with pytest.raises(CallerHungUp):
            await phone.collect(["en/question"], max_keys=1, timeout_seconds=60, key_timeout_seconds=3)

    server = AgiServer("127.0.0.1", 0, {"survey": handler}, AgiLimits())
    await server.start()
    behaviour = Behaviour(keys=("5", "7", "10"), think_seconds=1, hangs_up_in_survey_after=25)
    address = f"agi://127.0.0.1:{server.port}/survey"
    async with recorded_pbx(address, prompts=lambda name: None if "nosuch" in name else 2.0) as pbx:
        call = await over(pbx.place_call("support", "1", "", behaviour, reason="billing/refund"))
    await server.stop(1)
    values = {
        "MEMBERINTERFACE": "PJSIP/1001",
        "CHANNEL(linkedid)": call.uniqueid,
        "POSTCALL_REASON": "billing/refund",
        "UNSET": "",
    }
    assert heard == [(call.uniqueid, values, "5", False), ("7", True), ("10", False)]
    assert server.counts.failed == 0
