"""A prompt that the real Asterisk does not have is never played: another language is spoken, or nobody is asked."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callflows.loader import LIBRARY
from ivr.asterisk.agi_phone import AgiPhone
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.sip import SipPhone
from storage.tables import Survey
from tests.asterisk.raw_ami import RawAmi
from tests.asterisk.service import Beside, beside
from tests.asterisk.test_agi_phone import Survey as AgiSurvey
from tests.asterisk.test_agi_phone import dial
from tests.asterisk.test_agi_phone import survey as survey
from tests.asterisk.test_surveys import linkedid_of, talk

PREFIX = "some-missing"


@pytest.fixture
def sounds(asterisk_server: AsteriskServer) -> Path:
    """A folder of sounds that Asterisk knows as `some-missing`, complete at first."""
    folder = asterisk_server.base / "data/sounds" / PREFIX
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(LIBRARY / "sounds", folder)
    return folder


@pytest.fixture
async def postcall(asterisk_server: AsteriskServer, url: str, sounds: Path) -> AsyncIterator[Beside]:
    """The service, whose prompts are in that folder."""
    async with beside(asterisk_server, url, prompt_prefix=PREFIX) as service:
        yield service


def played(server: AsteriskServer, since: int) -> list[str]:
    """The sounds that Asterisk says it played from their beginning."""
    lines = server.log.read_text(errors="replace")[since:].splitlines()
    return [
        line.split("Playing '")[1].split(".")[0]
        for line in lines
        if f"Playing '{PREFIX}/" in line and "sample_offset 2147483647" not in line
    ]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_a_missing_chinese_prompt_and_english_is_spoken(
    postcall: Beside, sounds: Path, asterisk_server: AsteriskServer, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    (sounds / "zh/csat-satisfaction-confirm-4.wav").unlink()
    since = len(asterisk_server.log.read_text(errors="replace"))

    here, there = await talk(postcall, caller, alice, number="0912000401", headers={"X-Language": "zh"})
    await there.hang_up()
    await here.heard.sound()
    await here.press("4")
    assert await here.wait_ended(15) == "there"

    survey = await postcall.finished_survey(await linkedid_of(watcher, "0912000401"))
    assert (survey.language, survey.status) == ("en", "completed")
    assert await postcall.answers(survey.survey) == [("4", 4, 1, "answered")]
    heard = played(asterisk_server, since)
    assert heard[0] == f"{PREFIX}/en/csat-welcome"
    assert {sound.split("/")[1] for sound in heard} == {"en"}
    (missing,) = [state for state in postcall.service.prompts.states if state.missing]
    assert (missing.site, missing.flow, missing.missing) == ("main", "csat", ("zh/csat-satisfaction-confirm-4",))


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
async def test_no_prompts_at_all_and_the_caller_is_not_asked_and_goes_on(
    postcall: Beside, sounds: Path, asterisk_server: AsteriskServer, caller: SipPhone, alice: SipPhone, watcher: RawAmi
) -> None:
    shutil.rmtree(sounds)
    since = len(asterisk_server.log.read_text(errors="replace"))

    here, there = await talk(postcall, caller, alice, number="0912000402")
    await there.hang_up()
    await watcher.event("UserEvent", UserEvent="AfterSurvey")
    assert await here.wait_ended(15) == "there"

    call = await postcall.ended_call(await linkedid_of(watcher, "0912000402"))
    assert (call.ended_by, call.exclusion) == ("agent", "prompts_missing")
    assert await postcall.rows(Survey) == []
    assert played(asterisk_server, since) == []


@pytest.mark.parametrize("survey", ["odd"], indirect=True)
async def test_what_asterisk_cannot_read_counts_as_missing_and_nothing_is_heard(
    survey: AgiSurvey, asterisk_server: AsteriskServer, caller: SipPhone
) -> None:
    folder = asterisk_server.base / "data/sounds/odd/en"
    folder.mkdir(parents=True, exist_ok=True)
    good = LIBRARY / "sounds/en/csat-welcome.wav"
    shutil.copy(good, folder / "good.wav")
    # What a telephone line's file format is for: ulaw is played too, by the file's name alone.
    (folder / "other-format.ulaw").write_bytes(bytes(range(256)) * 32)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "no-sound.wav").write_bytes(good.read_bytes()[:44])
    (folder / "no-wav.wav").write_text("a web page that was saved as a sound")
    (folder / "studio.wav").write_bytes(good.read_bytes()[:24] + (44100).to_bytes(4, "little") + good.read_bytes()[28:])
    names = ["good", "other-format", "empty", "no-sound", "no-wav", "studio", "absent"]

    async def look(phone: AgiPhone) -> object:
        return await phone.unplayable([f"en/{name}" for name in names])

    survey.talk = look
    call = await dial(caller)
    assert await survey.result() == [f"en/{name}" for name in names[2:]]
    await call.hang_up()
