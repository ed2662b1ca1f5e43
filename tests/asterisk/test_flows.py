"""Call flows on a real Asterisk: two digits, repeats, barge-in, recorded comments, a language by variable."""

import array
import asyncio
import math
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.rtp import tone
from ivr.demo.pbx.sip import SipPhone
from ivr.demo.pbx.sip_call import Call
from storage.tables import Answer
from tests.asterisk.raw_ami import RawAmi
from tests.asterisk.service import Beside, beside

EXTENSION = "9200"
BY_VARIABLE = """\
flow: by-variable
title: Language by variable
languages: [en, zh]
language: {variable: SPOKEN}
tries: 1
timeout: 1
wrong_key: {en: Wrong., zh: 错。, sound: csat-wrong-key}
no_input: {en: Nothing., zh: 无。, sound: csat-no-input}
goodbye: {en: Bye., zh: 再见。, sound: csat-goodbye}
steps:
  - ask: rating
    headline: true
    text: {en: Rate., zh: 评分。, sound: csat-satisfaction-ask}
    keys: 1-5
    satisfied: [4, 5]
  - branch: gold
    cases:
      - variable: {TIER: gold}
        go: more
    otherwise: thanks
  - ask: more
    text: {en: More., zh: 更多。, sound: csat-welcome}
    keys: yes/no
  - end: thanks
    text: {en: Thanks., zh: 谢谢。, sound: csat-thanks}
"""


@pytest.fixture
async def postcall(asterisk_server: AsteriskServer, url: str, tmp_path: Path) -> AsyncIterator[Beside]:
    """The service, with a flow of its own and a folder for recordings."""
    (tmp_path / "by-variable.yaml").write_text(BY_VARIABLE, encoding="utf-8")
    (tmp_path / "comments").mkdir()
    flows = {"folder": str(tmp_path), "recordings": str(tmp_path / "comments")}
    async with beside(asterisk_server, url, flows=flows) as service:
        yield service


Opening = Callable[..., Awaitable[tuple[Call, str]]]


@pytest.fixture
def asked(asterisk_server: AsteriskServer, postcall: Beside, caller: SipPhone, watcher: RawAmi) -> Opening:
    """Begins a call that is put a flow without an agent before, its variables set before that; returns the call, of
    which something is heard by then, and its linkedid."""

    async def ask(flow: str, *variables: str) -> tuple[Call, str]:
        steps = [
            "GoSub(arrive,s,1)",
            *(f"Set({variable})" for variable in variables),
            f"AGI(agi://127.0.0.1:{postcall.service.agi_port}/survey?site=main&flow={flow})",
            "UserEvent(Asked,Status: ${AGISTATUS})",
            "Hangup()",
        ]
        await asterisk_server.cli(f"dialplan remove extension {EXTENSION}@from-caller")
        for number, step in enumerate(steps, 1):
            await asterisk_server.cli(f"dialplan add extension {EXTENSION},{number},{step} into from-caller replace")
        call = await caller.dial(EXTENSION)
        await call.wait_answered()
        channel = await watcher.event("Newchannel", Exten=EXTENSION)
        await call.heard.sound()
        return call, channel["Linkedid"]

    return ask


only_sqlite = pytest.mark.parametrize("url", ["sqlite"], indirect=True)


async def test_a_ten_takes_two_keys(postcall: Beside, asked: Opening) -> None:
    call, linkedid = await asked("nps")
    await call.press("10")
    assert await call.wait_ended(20) == "there"

    survey = await postcall.finished_survey(linkedid)
    assert (survey.flow, survey.status) == ("nps", "completed")
    assert await postcall.answers(survey.survey) == [("10", 10, 1, "answered")]
    assert await postcall.exact()


@only_sqlite
async def test_one_key_of_two_is_taken_after_the_key_timeout(postcall: Beside, asked: Opening) -> None:
    call, linkedid = await asked("nps")
    await call.press("9")
    assert await call.wait_ended(20) == "there"
    survey = await postcall.finished_survey(linkedid)
    assert await postcall.answers(survey.survey) == [("9", 9, 1, "answered")]


@only_sqlite
async def test_a_star_repeats_the_question_and_the_hash_key_skips_it(postcall: Beside, asked: Opening) -> None:
    call, linkedid = await asked("csi-expectation")
    await call.press("*")
    await call.heard.silence(0.05)
    await call.heard.sound()
    await call.press("*")
    await call.heard.silence(0.05)
    await call.heard.sound()
    await call.press("4")
    await call.heard.silence(0.05)
    await call.heard.sound()
    await call.press("#")
    assert await call.wait_ended(20) == "there"

    survey = await postcall.finished_survey(linkedid)
    assert survey.status == "partial"
    assert sorted(await postcall.answers(survey.survey)) == [("#", None, 1, "skipped"), ("4", 4, 1, "answered")]
    assert await postcall.exact()


@only_sqlite
async def test_a_key_cuts_the_prompt_short(postcall: Beside, asked: Opening) -> None:
    call, linkedid = await asked("csat")
    clock = asyncio.get_running_loop().time
    pressed = clock()
    await call.press("5")
    assert await call.wait_ended(20) == "there"

    # The welcome and the question take 2 and 7 seconds; what is left is the confirmation and the thanks, about 4.
    assert clock() - pressed < 7
    survey = await postcall.finished_survey(linkedid)
    assert await postcall.answers(survey.survey) == [("5", 5, 1, "answered")]


async def test_a_low_rating_leads_to_a_recorded_comment(postcall: Beside, asked: Opening) -> None:
    call, linkedid = await asked("csat-with-comment")
    await call.press("1")
    await call.heard.silence(0.05)
    await call.heard.sound()
    # Another key than the hash key begins the recording at once: its tone is the last sound before a silence.
    await call.press("5")
    await call.heard.silence(0.5)
    call.speak(tone(2.0, hertz=600))
    assert await call.wait_ended(30) == "there"

    survey = await postcall.finished_survey(linkedid)
    assert survey.status == "completed"
    answers = {row.question: row for row in await postcall.rows(Answer, survey=survey.survey)}
    assert (answers["satisfaction"].value, answers["satisfaction"].ended) == (1, "answered")
    said = answers["comment"]
    assert (said.ended, said.value) == ("recorded", None)
    assert 1.5 < said.recording_seconds < 4
    assert Path(said.recording).name == f"main-{survey.survey}-comment"
    with wave.open(f"{said.recording}.wav") as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
        samples = array.array("h", sound.readframes(sound.getnframes()))
    assert loudness(samples, 600) > 10 * loudness(samples, 1000), "it is not what the caller said"
    assert await postcall.exact()


@only_sqlite
async def test_a_comment_is_kept_when_the_caller_hangs_up_at_its_end(postcall: Beside, asked: Opening) -> None:
    call, linkedid = await asked("csat-with-comment")
    await call.press("2")
    await call.heard.silence(0.05)
    await call.heard.sound()
    await call.press("5")
    await call.heard.silence(0.5)
    call.speak(tone(5.0))
    await asyncio.sleep(2)  # the caller speaks, in real time
    await call.hang_up()

    survey = await postcall.finished_survey(linkedid)
    assert survey.status == "completed"
    (said,) = await postcall.rows(Answer, survey=survey.survey, question="comment")
    assert said.ended == "recorded"
    assert said.recording_seconds > 1
    with wave.open(f"{said.recording}.wav") as sound:
        assert sound.getnframes() / 8000 == pytest.approx(said.recording_seconds, abs=0.1)


@only_sqlite
async def test_channel_variables_choose_the_language_and_the_way(postcall: Beside, asked: Opening) -> None:
    call, linkedid = await asked("by-variable", "SPOKEN=zh-TW", "TIER=Gold")
    await call.press("5")
    await call.heard.silence(0.05)
    await call.heard.sound()
    await call.press("1")
    assert await call.wait_ended(20) == "there"

    survey = await postcall.finished_survey(linkedid)
    assert (survey.language, survey.status) == ("zh", "completed")
    assert sorted(await postcall.answers(survey.survey)) == [("1", 1, 1, "answered"), ("5", 5, 1, "answered")]


def loudness(samples: "array.array[int]", hertz: float) -> float:
    """How much of a sound is at one frequency (one bin of a discrete Fourier transform)."""
    step = 2 * math.pi * hertz / 8000
    real = sum(sample * math.cos(step * i) for i, sample in enumerate(samples))
    imaginary = sum(sample * math.sin(step * i) for i, sample in enumerate(samples))
    return math.hypot(real, imaginary)
