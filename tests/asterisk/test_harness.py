"""What the other tests with a real Asterisk rely on: telephones that ring, are heard and press keys, and a survey
that the dialplan enters and leaves."""

import asyncio
import os
import shutil
import signal
import sys
import wave
from pathlib import Path
from urllib.parse import quote

import pytest

import callflows
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.configuration import AGENTS, SURVEY
from ivr.demo.pbx.sip import SipPhone
from ivr.demo.pbx.sip_call import Call
from ivr.errors import PbxError
from tests.asterisk.raw_ami import RawAmi

LIMIT = 10.0
SOUNDS = Path(callflows.__file__).parent / "library/sounds"


class TinySurvey:
    """A FastAGI server for one call: it keeps the header, asks for one key, and goes away."""

    def __init__(self) -> None:
        self.header: dict[str, str] = {}
        self.reply = ""
        self._asked = asyncio.Event()

    async def __aenter__(self) -> "TinySurvey":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"agi://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/survey"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def asked(self) -> None:
        """Wait until the caller is being asked."""
        await asyncio.wait_for(self._asked.wait(), LIMIT)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\n\n")).decode().strip().split("\n")
        self.header = {key: value for key, _, value in (line.partition(": ") for line in lines)}
        writer.write(b"GET DATA postcall/en/csat-satisfaction-ask 5000 1\n")
        self._asked.set()
        self.reply = (await reader.readline()).decode().strip()
        writer.close()


async def connect(caller: SipPhone, extension: str, agent: SipPhone, **dial: str) -> tuple[Call, Call]:
    """Let the caller dial and the agent answer; returns the caller's end and the agent's."""
    here = await caller.dial(extension, **dial)  # type: ignore[arg-type]
    there = await agent.incoming()
    await there.answer()
    await here.wait_answered()
    return here, there


async def test_when_the_agent_hangs_up_the_callers_call_ends_too(caller: SipPhone, alice: SipPhone) -> None:
    here, there = await connect(caller, "8000", alice)

    await there.hang_up()

    assert await here.wait_ended() == "there"
    assert there.ended == "here"


async def test_when_the_caller_hangs_up_the_agents_call_ends_too(caller: SipPhone, alice: SipPhone) -> None:
    here, there = await connect(caller, "8000", alice)

    await here.hang_up()

    assert await there.wait_ended() == "there"


async def test_when_the_caller_gives_up_the_agents_phone_stops_ringing(caller: SipPhone, alice: SipPhone) -> None:
    here = await caller.dial("8000")
    ringing = await alice.incoming()

    await here.hang_up()

    assert await ringing.wait_ended() == "there"


async def test_an_agent_who_declines_is_rung_again(caller: SipPhone, alice: SipPhone) -> None:
    await caller.dial("8000")

    await (await alice.incoming()).hang_up()

    await (await alice.incoming()).answer()


async def test_a_caller_who_gives_up_before_anybody_answers_leaves_no_call_behind(
    asterisk_server: AsteriskServer, caller: SipPhone, watcher: RawAmi
) -> None:
    call = await caller.dial("9997", number="333")
    await watcher.event("UserEvent", UserEvent="NobodyAnswers")

    await call.hang_up()

    assert call.ended == "here"
    await watcher.event("Hangup", CallerIDNum="333")
    assert "0 active channels" in await asterisk_server.cli("core show channels")


async def test_an_extension_that_does_not_exist_is_refused_with_a_reason(caller: SipPhone) -> None:
    call = await caller.dial("7777")

    with pytest.raises(PbxError, match="404 Not Found"):
        await call.wait_answered()
    assert await call.wait_ended() == "there"


async def test_every_key_pressed_in_the_sound_stream_arrives_once_and_in_order(
    caller: SipPhone, watcher: RawAmi
) -> None:
    call = await caller.dial("9999")
    await call.wait_answered()

    await call.press("1223456789*0")

    read = await watcher.event("UserEvent", UserEvent="KeysRead")
    assert (read["Keys"], read["Status"]) == ("1223456789*0", "OK")


async def test_a_hash_ends_the_input(caller: SipPhone, watcher: RawAmi) -> None:
    call = await caller.dial("9999")
    await call.wait_answered()

    await call.press("0*#")

    assert (await watcher.event("UserEvent", UserEvent="KeysRead"))["Keys"] == "0*"


async def test_what_is_no_key_is_refused(caller: SipPhone) -> None:
    call = await caller.dial("9999")
    await call.wait_answered()

    with pytest.raises(ValueError, match="not a key of a phone: x"):
        await call.press("1x")


async def test_the_callers_name_arrives_whole_whatever_its_script_and_quotes(
    caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    _, there = await connect(caller, "8000", alice, name='Анна "O\'Neil", 李雷', number="+33 1#2")

    connected = await watcher.event("AgentConnect", CallerIDNum="+33 1#2")
    # Asterisk keeps the backslashes of SIP's quoting in the name; AMI and the next SIP leg escape them once more.
    assert connected["CallerIDName"] == r"Анна \\\"O\'Neil\\\", 李雷"
    assert connected["MemberName"] == AGENTS["1001"]
    assert there.caller.startswith(r""""Анна \\\"O'Neil\\\", 李雷" <sip:""")


async def test_a_name_with_a_line_break_is_refused_before_it_is_sent(caller: SipPhone) -> None:
    with pytest.raises(ValueError, match="line break"):
        await caller.dial("8000", name="Eve\r\nContact: <sip:elsewhere>")


async def test_the_reason_found_by_a_menu_travels_with_the_call_even_with_line_breaks_in_it(
    caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    call = await caller.dial("8000", headers={"X-Call-Reason": quote("billing/refund\r\nInjected: yes")})
    await call.wait_answered()

    assert (await watcher.event("VarSet", Variable="POSTCALL_REASON"))["Value"] == r"billing/refund\r\nInjected: yes"


@pytest.mark.parametrize("extension", ["8000", "8002"])
async def test_a_survey_set_over_ami_is_entered_when_the_agent_hangs_up_and_the_dialplan_goes_on_after_it(
    asterisk_server: AsteriskServer, caller: SipPhone, alice: SipPhone, watcher: RawAmi, extension: str
) -> None:
    async with TinySurvey() as survey, RawAmi(asterisk_server.ami_port, asterisk_server.users["survey"]) as ami:
        await asterisk_server.send_surveys_to(survey.url)
        here, there = await connect(caller, extension, alice)
        channel = (await ami.event("AgentConnect"))["Channel"]
        reply = await ami.act("Setvar", Channel=channel, Variable="CHANNEL(after_bridge_goto)", Value=SURVEY)
        assert reply["Response"] == "Success"

        await there.hang_up()
        await survey.asked()
        await here.heard.sound()
        await here.press("5")

        after = await watcher.event("UserEvent", UserEvent="AfterSurvey")
        assert survey.reply == "200 result=5"
        assert survey.header["agi_uniqueid"] == after["Uniqueid"]
        assert after["AgiStatus"] == "SUCCESS"
        await here.heard.sound()
        assert await here.wait_ended() == "there"


async def test_a_queue_left_with_option_c_leads_into_the_survey_with_no_help_of_ami(
    asterisk_server: AsteriskServer, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    async with TinySurvey() as survey:
        await asterisk_server.send_surveys_to(survey.url)
        here, there = await connect(caller, "8001", alice)

        await there.hang_up()
        await survey.asked()
        await here.press("4")

        assert (await watcher.event("UserEvent", UserEvent="AfterSurvey"))["AgiStatus"] == "SUCCESS"
        assert survey.reply == "200 result=4"


async def test_two_calls_at_once_reach_two_agents(
    asterisk_server: AsteriskServer, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    first, _ = await connect(caller, "8000", alice, number="111")
    second = await caller.dial("8002", number="222")
    with pytest.raises(PbxError, match="did not ring"):
        await alice.incoming(0.5)
    async with SipPhone("1003", sip_port=asterisk_server.sip_port) as li_lei:
        await li_lei.register()
        there = await li_lei.incoming()
        await there.answer()

        assert (await watcher.event("AgentConnect", CallerIDNum="111"))["MemberName"] == AGENTS["1001"]
        assert (await watcher.event("AgentConnect", CallerIDNum="222"))["MemberName"] == AGENTS["1003"]
        await there.hang_up()
        await second.wait_ended()
        assert first.ended is None


async def test_prompts_of_every_language_are_heard_with_the_silence_between_them(
    caller: SipPhone, watcher: RawAmi
) -> None:
    call = await caller.dial("9998", headers={"X-Language": "zh"})
    await call.wait_answered()

    await call.heard.sound()
    await call.wait_ended(20.0)

    played = await watcher.event("UserEvent", UserEvent="Played")
    assert (played["Status"], played["Language"]) == ("SUCCESS", "zh")
    [(begin, length)] = call.heard.silences(at_least=1.2)
    spoken = [prompt_seconds(language) for language in ("en", "zh")]
    assert begin == pytest.approx(spoken[0], abs=0.5)
    assert length == pytest.approx(1.5, abs=0.5)
    assert len(call.heard.audio) / 8000 == pytest.approx(sum(spoken) + 1.5, abs=0.3)


async def test_an_agent_who_says_nothing_is_heard_as_silence(caller: SipPhone, alice: SipPhone) -> None:
    here, _ = await connect(caller, "8000", alice)

    await here.heard.silence(0.5)

    with pytest.raises(PbxError, match=r"nothing was heard for 0\.2 s"):
        await here.heard.sound(0.2)
    assert len(here.heard.audio) > 0.5 * 8000


async def test_waiting_for_what_does_not_come_says_so_within_the_limit(caller: SipPhone, alice: SipPhone) -> None:
    with pytest.raises(PbxError, match=r"telephone 1001 did not ring within 0\.1 s"):
        await alice.incoming(0.1)
    call = await caller.dial("9999")
    with pytest.raises(PbxError, match=r"was not ended within 0\.1 s"):
        await call.wait_ended(0.1)
    with pytest.raises(PbxError, match=r"nothing was heard for 0\.1 s"):
        await call.heard.sound(0.1)


async def test_a_phone_that_is_switched_off_leaves_no_call_and_is_rung_no_more(
    asterisk_server: AsteriskServer, caller: SipPhone
) -> None:
    async with SipPhone("1002", sip_port=asterisk_server.sip_port) as phone:
        await phone.register()
        here, _ = await connect(caller, "8000", phone)

    assert await here.wait_ended() == "there"
    assert "No objects found" in await asterisk_server.cli("pjsip show contacts")


@pytest.mark.usefixtures("asterisk_server")
async def test_a_killed_program_leaves_no_asterisk_behind() -> None:
    program = (
        "import asyncio, time\n"
        "from ivr.demo.pbx.asterisk import AsteriskServer\n"
        "from ivr.demo.pbx.download import find_asterisk_root\n"
        "server = AsteriskServer(find_asterisk_root(), users=[])\n"
        "asyncio.run(server.start())\n"
        "print(server.pid, server.base, flush=True)\n"
        "time.sleep(60)\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    pid, base = (await asyncio.wait_for(process.stdout.readline(), LIMIT)).decode().split()
    watched = os.pidfd_open(int(pid))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(watched, ended.set)
    try:
        process.send_signal(signal.SIGKILL)
        await process.wait()

        await asyncio.wait_for(ended.wait(), LIMIT)
    finally:
        asyncio.get_running_loop().remove_reader(watched)
        os.close(watched)
        shutil.rmtree(base)


def prompt_seconds(language: str) -> float:
    with wave.open(str(SOUNDS / language / "csat-thanks.wav")) as file:
        return file.getnframes() / file.getframerate()
