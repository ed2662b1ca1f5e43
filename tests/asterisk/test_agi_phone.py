"""The phone over FastAGI with a real Asterisk and a real telephone whose keys arrive as RFC 4733."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import quote

import pytest

from callflows.steps import Keys
from ivr.asterisk.agi_phone import AgiPhone
from ivr.asterisk.agi_protocol import AgiRequest
from ivr.asterisk.agi_server import AgiServer
from ivr.asterisk.agi_session import AgiLimits
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.sip import SipPhone
from ivr.demo.pbx.sip_call import Call
from ivr.errors import CallerHungUp, PhoneError, PromptMissing
from tests.asterisk.raw_ami import RawAmi

LIMIT = 10.0
ASK = "en/csat-satisfaction-ask"
EXTENSION = "9100"

Talk = Callable[[AgiPhone], Awaitable[object]]


class Survey:
    """A FastAGI server whose only route carries out what a test asks for."""

    def __init__(self, prompt_prefix: str) -> None:
        self.talk: Talk
        self.results: asyncio.Queue[tuple[AgiRequest, object]] = asyncio.Queue()
        self.server = AgiServer("127.0.0.1", 0, {"survey": self._handle}, AgiLimits(), prompt_prefix)

    async def _handle(self, request: AgiRequest, phone: AgiPhone) -> None:
        outcome: object
        try:
            outcome = await self.talk(phone)
        except PhoneError as error:
            outcome = error
        self.results.put_nowait((request, outcome))

    async def result(self) -> object:
        async with asyncio.timeout(LIMIT):
            return (await self.results.get())[1]


@pytest.fixture
async def survey(asterisk_server: AsteriskServer, request: pytest.FixtureRequest) -> AsyncIterator[Survey]:
    """A survey that the extension 9100 leads straight into. Its parameter is the folder of its prompts."""
    made = Survey(getattr(request, "param", "postcall"))
    await made.server.start()
    await asterisk_server.send_surveys_to(f"agi://127.0.0.1:{made.server.port}/survey?site=main&flow=csat")
    for step in ("1,GoSub(arrive,s,1)", "2,Goto(postcall-survey,s,1)"):
        await asterisk_server.cli(f"dialplan add extension {EXTENSION},{step} into from-caller replace")
    yield made
    await made.server.stop(0)


async def dial(caller: SipPhone, **dial: str) -> Call:
    call = await caller.dial(EXTENSION, **dial)  # type: ignore[arg-type]
    await call.wait_answered()
    return call


def collects(*prompts: str, max_keys: int = 1, seconds: float = 5) -> Talk:
    async def talk(phone: AgiPhone) -> object:
        await phone.answer()
        return await phone.collect(
            prompts, max_keys=max_keys, timeout_seconds=seconds, key_timeout_seconds=seconds, barge_in=True
        )

    return talk


@pytest.mark.parametrize(
    ("talk", "pressed", "keys"),
    [
        (collects(ASK), "5", Keys(pressed="5", timed_out=False)),
        (collects(ASK), "#", Keys(pressed="", timed_out=False)),
        (collects(ASK, ASK), "4", Keys(pressed="4", timed_out=False)),
        (collects(ASK, max_keys=3), "57#", Keys(pressed="57", timed_out=False)),
    ],
    ids=["a key", "the hash key", "a key during the first of two prompts", "two keys and the hash key"],
)
async def test_keys_cut_the_prompt_short_and_count(
    survey: Survey, caller: SipPhone, watcher: RawAmi, talk: Talk, pressed: str, keys: Keys
) -> None:
    survey.talk = talk
    call = await dial(caller)
    await call.heard.sound()

    await call.press(pressed)

    assert await survey.result() == keys
    assert (await watcher.event("UserEvent", UserEvent="AfterSurvey"))["AgiStatus"] == "SUCCESS"


async def test_no_key_is_told_by_the_clock(survey: Survey, caller: SipPhone) -> None:
    survey.talk = collects(seconds=0.3)
    await dial(caller)

    assert await survey.result() == Keys(pressed="", timed_out=True)


async def test_a_missing_prompt_is_not_a_hang_up_and_the_caller_hears_the_next_one(
    survey: Survey, caller: SipPhone
) -> None:
    async def falls_back(phone: AgiPhone) -> object:
        with pytest.raises(PromptMissing, match="cannot play postcall/xx/nosuch"):
            await phone.play(["xx/nosuch"])
        with pytest.raises(PromptMissing, match="cannot play postcall/xx/nosuch"):
            await phone.collect(["xx/nosuch"], max_keys=1, timeout_seconds=5, key_timeout_seconds=2)
        return await phone.collect([ASK], max_keys=1, timeout_seconds=5, key_timeout_seconds=2)

    survey.talk = falls_back
    call = await dial(caller)
    await call.heard.sound()

    await call.press("3")

    assert await survey.result() == Keys(pressed="3", timed_out=False)


async def test_a_caller_who_hangs_up_while_asked_leaves_no_channel_behind(
    survey: Survey, caller: SipPhone, watcher: RawAmi
) -> None:
    survey.talk = collects(ASK)
    call = await dial(caller)
    await call.heard.sound()

    await call.hang_up()

    assert isinstance(await survey.result(), CallerHungUp)
    assert (await watcher.event("Hangup"))["Channel"].startswith("PJSIP/caller")


async def test_line_breaks_in_variables_and_a_name_in_any_script_are_read_whole(
    survey: Survey, caller: SipPhone, watcher: RawAmi
) -> None:
    note = 'rated "5" \\ ${CHANNEL} 李'
    reason = 'billing\r\nHANGUP\r\n200 result=9 (x|y) "q" \\ 50%'

    async def reads(phone: AgiPhone) -> object:
        await phone.set_variable("POSTCALL_RESULT", "5\r\nHANGUP")
        await phone.set_variable("NOTE", note)
        names = ["POSTCALL_REASON", "NOTE", "CALLERID(name)", "CHANNEL(state)", "NOT_SET", "NO_SUCH(x)"]
        return await phone.variables(names)

    survey.talk = reads
    await dial(caller, name="Анна 李雷", headers={"X-Call-Reason": quote(reason)})  # type: ignore[arg-type]

    assert await survey.result() == {
        "POSTCALL_REASON": reason,
        "NOTE": note,
        "CALLERID(name)": "Анна 李雷",
        "CHANNEL(state)": "Up",
        "NOT_SET": "",
        "NO_SUCH(x)": "",
    }
    assert (await watcher.event("UserEvent", UserEvent="AfterSurvey"))["Result"] == "5  HANGUP"


async def test_a_name_that_ends_the_header_early_answers_no_command(
    asterisk_server: AsteriskServer, survey: Survey, caller: SipPhone, watcher: RawAmi
) -> None:
    forged = quote("Eve\nagi_uniqueid: 1\n\n200 result=9\n520-Invalid\n")
    step = f"2,Set(CALLERID(name)=${{URIDECODE({forged})}})"
    await asterisk_server.cli(f'dialplan add extension {EXTENSION},"{step}" into from-caller replace')
    await asterisk_server.cli(
        f"dialplan add extension {EXTENSION},3,Goto(postcall-survey,s,1) into from-caller replace"
    )
    survey.talk = collects(ASK)
    call = await dial(caller)
    await call.heard.sound()

    await call.press("2")

    async with asyncio.timeout(LIMIT):
        request, outcome = await survey.results.get()
    assert outcome == Keys(pressed="2", timed_out=False)
    assert request.uniqueid != "1"
    assert request.caller_name == "Eve"
    assert request.query == {"site": "main", "flow": "csat"}
    await watcher.event("UserEvent", UserEvent="AfterSurvey")
    assert survey.server.counts.dropped_lines > 0


async def test_a_stopped_service_lets_the_dialplan_go_on_within_two_seconds(
    survey: Survey, caller: SipPhone, watcher: RawAmi
) -> None:
    survey.talk = collects(ASK)
    call = await dial(caller)
    await call.heard.sound()

    await survey.server.stop(0)

    async with asyncio.timeout(2):
        assert (await watcher.event("UserEvent", UserEvent="AfterSurvey"))["AgiStatus"] == "SUCCESS"
    await call.hang_up()
