"""Sounds are built once for a text and a voice, by any program; recordings of a real voice are never lost."""

import json
import sys
import wave
from pathlib import Path

import pytest

from callflows.loader import LIBRARY, load_flow, parse_flow
from callflows.model import Flow
from callflows.prompt_record import FILE
from callflows.prompts import PromptSound, accept, build, look, sound_file
from callflows.sound_length import sound_seconds
from callflows.speech import Speech, parse_command
from ivr.errors import PostcallError

pytestmark = pytest.mark.usefixtures("speech_programs")

TEXT = """\
flow: short
title: Short
languages: [en, zh]
wrong_key: {en: Wrong key., zh: 按键无效。}
no_input: {en: No key., zh: 没有按键。}
goodbye: {en: No answer., zh: 没有评价。}
steps:
  - ask: rating
    headline: true
    text: {en: Rate us., zh: 请评价。}
    keys: 1-2
    satisfied: [2]
  - end: thanks
    text: {en: Thanks., zh: 谢谢。}
"""

# Speaks by writing a second of a square wave, and notes what it was told.
VOICE = """\
import json, sys, wave
file, *said = sys.argv[1:]
with open({log!r}, "a") as log:
    log.write(json.dumps([said, sys.stdin.buffer.read().decode()]) + "\\n")
with wave.open(file, "wb") as sound:
    sound.setnchannels(2), sound.setsampwidth(2), sound.setframerate(22050)
    sound.writeframes((b"\\0\\x20" * 40 + b"\\0\\xe0" * 40) * 551)
"""


class Program:
    """A text-to-speech program of these tests, and what it was told."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "said"
        self._script = folder / "voice.py"
        self._script.write_text(VOICE.format(log=str(self._log)))

    def speech(self, words: str = "{voice} {speed}", **settings: object) -> Speech:
        return Speech(command=parse_command(f"{sys.executable} {self._script} {{file}} {words}"), **settings)  # type: ignore[arg-type]

    @property
    def said(self) -> list[tuple[list[str], str]]:
        """The words after the file, and standard input, of each time that it ran; forgotten once looked at."""
        lines = self._log.read_text().splitlines() if self._log.exists() else []
        self._log.unlink(missing_ok=True)
        return [(words, text) for words, text in map(json.loads, lines)]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "sounds"


def flow(old: str = "", new: str = "") -> Flow:
    """The flow, with a text changed."""
    return parse_flow(TEXT.replace(old, new) if old else TEXT, "short.yaml").flow


def conditions(sounds: list[PromptSound], *but: str) -> dict[str, str]:
    """The condition of every sound that is in none of the conditions `but`."""
    return {sound.name: sound.condition for sound in sounds if sound.condition not in but}


def record_voice(folder: Path, name: str, voice: bytes = b"a real voice") -> Path:
    """Put a recording in the place of a sound."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(voice)
    return file


# --- any program ---


def test_the_text_is_the_programs_standard_input(program: Program, folder: Path) -> None:
    speech = program.speech(voices={"zh": "huihui"}, speeds={"en": 120})
    done = build(flow(), folder, speech)
    assert len(done.made) == 10
    said = program.said
    assert (["en", "120"], "Rate us.") in said
    assert (["huihui", "150"], "请评价。") in said
    with wave.open(str(folder / "zh/short-rating-ask.wav")) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
        assert sound.getnframes() / 8000 == pytest.approx(1 + 0.05 + 0.12, abs=0.01)


@pytest.mark.parametrize(
    "text",
    ["--help", "$(touch hacked) `touch hacked` ; touch hacked", "a 'quote\" and {file} {voice} {{x}}", "-", "%s\\n"],
)
def test_a_text_is_one_argument_whatever_it_holds(program: Program, tmp_path: Path, text: str) -> None:
    program.speech("--say={text} {text}").say(text, "en", tmp_path / "it.wav", "en/it")
    # On its own it must not look like an option.
    assert program.said == [([f"--say={text}", f" {text}" if text.startswith("-") else text], "")]
    assert (tmp_path / "it.wav").stat().st_size > 8000
    assert not list(tmp_path.rglob("hacked"))


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("", "should be a program and its arguments"),
        ("say 'Hello", "has a quote that is not closed"),
        ("say {voice}", "should have {file} where the program is told which file to write"),
        ("{file}", "should have {file} where the program is told which file to write"),
        (
            "say {file} {vioce}",
            "has the unknown placeholder {vioce}; allowed are {file}, {text}, {voice}, {speed}, {language}",
        ),
    ],
)
def test_a_command_that_cannot_work_is_refused(command: str, wrong: str) -> None:
    with pytest.raises(ValueError) as refusal:
        parse_command(command)
    assert str(refusal.value) == wrong


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (
            "import sys; sys.exit('no such voice\\n\\x1b[31m!')",
            "could not make en/short-wrong-key: no such voice [31m!; ",
        ),
        ("raise SystemExit(3)", "could not make en/short-wrong-key: status 3; "),
        ("pass", "wrote no sound for en/short-wrong-key; required: one in the place of {file}"),
    ],
)
def test_a_program_that_fails_is_told_in_one_line_and_leaves_nothing(tmp_path: Path, script: str, told: str) -> None:
    file = tmp_path / "failing.py"
    file.write_text(script)
    with pytest.raises(PostcallError) as refusal:
        build(flow(), tmp_path / "sounds", Speech(command=parse_command(f"{sys.executable} {file} {{file}}")))
    assert str(refusal.value).startswith(f"{sys.executable} {told}")
    assert "\n" not in str(refusal.value)
    assert not list((tmp_path / "sounds").rglob("*.wav"))


def test_what_sox_cannot_read_is_told_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "page.py"
    file.write_text("import sys; open(sys.argv[1], 'w').write('<html>quota exceeded</html>')")
    with pytest.raises(PostcallError, match=r"^sox could not make en/short-wrong-key: [^\n]+; allowed: [^\n]+$"):
        build(flow(), tmp_path / "sounds", Speech(command=parse_command(f"{sys.executable} {file} {{file}}")))


# --- built once ---


def test_an_unchanged_flow_is_not_built_again(program: Program, folder: Path) -> None:
    build(flow(), folder, program.speech())
    assert len(program.said) == 10
    assert build(flow(), folder, program.speech()).made == ()
    assert program.said == []
    assert conditions(look(flow(), folder, program.speech()), "built") == {}


def test_a_changed_text_is_built_again_and_no_other(program: Program, folder: Path) -> None:
    build(flow(), folder, program.speech())
    assert program.said
    changed = flow("Thanks.", "Thank you.")
    (sound,) = [s for s in look(changed, folder, program.speech()) if s.condition != "built"]
    assert (sound.name, sound.condition, sound.known_text) == ("en/short-thanks", "outdated", "Thanks.")
    assert build(changed, folder, program.speech()).made == (folder / "en/short-thanks.wav",)
    assert [text for _, text in program.said] == ["Thank you."]


def test_another_voice_speaks_everything_of_its_language_anew(program: Program, folder: Path) -> None:
    build(flow(), folder, program.speech())
    made = build(flow(), folder, program.speech(voices={"zh": "huihui"})).made
    assert [file.parent.name for file in made] == ["zh"] * 5
    made = build(flow(), folder, program.speech("{voice} {speed} --slowly")).made
    assert len(made) == 10


def test_a_sound_that_was_removed_is_built_again(program: Program, folder: Path) -> None:
    build(flow(), folder, program.speech())
    (folder / "zh/short-thanks.wav").unlink()
    assert build(flow(), folder, program.speech()).made == (folder / "zh/short-thanks.wav",)


def test_two_flows_share_a_folder(program: Program, folder: Path) -> None:
    other = parse_flow(TEXT.replace("flow: short", "flow: other"), "other.yaml").flow
    build(flow(), folder, program.speech())
    build(other, folder, program.speech())
    assert build(flow(), folder, program.speech()).made == ()
    assert build(other, folder, program.speech()).made == ()


def test_what_was_built_before_a_failure_is_known(program: Program, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "dumb.py").write_text(
        VOICE.format(log=str(tmp_path / "said")).replace("file, *said", "import sys\nfile, *said")
        + "\nif '没有' in open("
        + repr(str(tmp_path / "said"))
        + ").read().encode().decode('unicode_escape'): sys.exit(1)\n"
    )
    dumb = Speech(command=parse_command(f"{sys.executable} {tmp_path / 'dumb.py'} {{file}}"))
    with pytest.raises(PostcallError, match="could not make zh/short-no-input"):
        build(flow(), folder, dumb)
    states = {sound.name: sound.condition for sound in look(flow(), folder, dumb)}
    assert states["en/short-wrong-key"] == states["zh/short-wrong-key"] == "built"
    assert states["zh/short-no-input"] == states["en/short-rating-ask"] == "missing"


# --- recordings ---


@pytest.mark.parametrize("ending", ["wav", "gsm", "ulaw"])
def test_a_recording_is_never_overwritten(program: Program, folder: Path, ending: str) -> None:
    voice = record_voice(folder, f"en/short-thanks.{ending}")
    assert len(build(flow(), folder, program.speech()).made) == 9
    assert build(flow(), folder, program.speech(voices={"en": "other"})).made
    assert voice.read_bytes() == b"a real voice"
    assert conditions(look(flow(), folder, program.speech(voices={"en": "other"})), "built") == {
        "en/short-thanks": "recorded"
    }


def test_a_recording_put_in_the_place_of_a_built_sound_is_known_for_one(program: Program, folder: Path) -> None:
    build(flow(), folder, program.speech())
    voice = record_voice(folder, "en/short-thanks.wav")
    changed = flow("{en: Wrong key.", "{en: No such key.")
    assert build(changed, folder, program.speech()).made == (folder / "en/short-wrong-key.wav",)
    assert voice.read_bytes() == b"a real voice"


def test_a_recording_of_another_format_is_played_instead_of_the_built_sound(program: Program, folder: Path) -> None:
    build(flow(), folder, program.speech())
    voice = record_voice(folder, "en/short-thanks.gsm")
    build(flow(), folder, program.speech())
    assert sound_file(folder, "en/short-thanks") == voice
    assert [file.name for file in (folder / "en").glob("short-thanks.*")] == ["short-thanks.gsm"]


def test_a_recording_whose_text_changes_is_told_and_kept(program: Program, folder: Path) -> None:
    voice = record_voice(folder, "en/short-thanks.wav")
    build(flow(), folder, program.speech())
    changed = flow("Thanks.", "Thank you.")
    done = build(changed, folder, program.speech())
    assert done.made == ()
    assert [(s.name, s.known_text, s.text) for s in done.stale] == [("en/short-thanks", "Thanks.", "Thank you.")]
    assert voice.read_bytes() == b"a real voice"
    # The old text again, and nothing is wrong.
    assert build(flow(), folder, program.speech()).stale == ()


def test_a_stale_recording_is_recorded_again(program: Program, folder: Path) -> None:
    record_voice(folder, "en/short-thanks.wav")
    build(flow(), folder, program.speech())
    changed = flow("Thanks.", "Thank you.")
    record_voice(folder, "en/short-thanks.wav", b"another real voice")
    assert build(changed, folder, program.speech()).stale == ()
    assert [s.known_text for s in build(flow(), folder, program.speech()).stale] == ["Thank you."]


def test_a_stale_recording_is_accepted_as_it_is(program: Program, folder: Path) -> None:
    record_voice(folder, "en/short-thanks.wav")
    build(flow(), folder, program.speech())
    changed = flow("Thanks.", "Thanks!")
    assert [s.name for s in accept(changed, folder, program.speech())] == ["en/short-thanks"]
    assert build(changed, folder, program.speech()).stale == ()


def test_a_recording_is_replaced_when_that_is_asked_for(program: Program, folder: Path) -> None:
    record_voice(folder, "en/short-thanks.gsm")
    assert len(build(flow(), folder, program.speech(), replace=True).made) == 10
    assert not (folder / "en/short-thanks.gsm").exists()
    assert conditions(look(flow(), folder, program.speech()), "built") == {}


def test_without_its_record_every_sound_counts_as_a_recording(program: Program, folder: Path) -> None:
    build(flow(), folder, program.speech())
    (folder / FILE).unlink()
    assert set(conditions(look(flow(), folder, program.speech())).values()) == {"recorded"}


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2, "sounds": {}}', '{"sounds": {"en/x": 1}}', "\0\xff"])
def test_a_record_that_cannot_be_read_is_told_in_one_line(program: Program, folder: Path, text: str) -> None:
    folder.mkdir()
    (folder / FILE).write_text(text, "latin-1")
    with pytest.raises(PostcallError) as refusal:
        build(flow(), folder, program.speech())
    assert str(refusal.value).startswith(f"{folder / FILE} is not what `prompts build` wrote; allowed: ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("sounds", [LIBRARY / "sounds", Path(__file__).parent.parent / "flows/sounds"], ids=str)
def test_the_sounds_of_every_flow_here_were_built_from_its_texts(sounds: Path) -> None:
    for file in sounds.parent.glob("*.yaml"):
        found = look(load_flow(file).flow, sounds, Speech())
        assert conditions(found, "built") == {}, f"postcall prompts build --replace {file}"


# --- how long they last ---


@pytest.mark.parametrize(
    ("ending", "size", "seconds"),
    [("ulaw", 8000, 1.0), ("alaw", 4000, 0.5), ("sln", 16000, 1.0), ("sln16", 64000, 2.0), ("gsm", 33 * 50, 1.0)],
)
def test_the_length_of_a_sound_without_a_header(tmp_path: Path, ending: str, size: int, seconds: float) -> None:
    (tmp_path / f"a.{ending}").write_bytes(bytes(size))
    assert sound_seconds(tmp_path / f"a.{ending}") == seconds


def test_the_length_of_what_is_no_sound_is_not_known(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    assert sound_seconds(tmp_path / "a.wav") is None
