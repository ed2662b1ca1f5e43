"""`postcall prompts`, as an admin uses it: build, change a text, put a recording in place, listen."""

import os
import sys
from pathlib import Path

import pytest

from tests.callflows.test_building_prompts import TEXT, VOICE
from tests.cli.inside import refused, run
from tests.cli.inside import said as told_by

SETTINGS = """
[web]
token = "a token of these tests"
[privacy]
caller_key = "a caller key of these tests"
[sites.main.ami]
secret = "the secret of these tests"
[prompts]
command = "{command}"
"""


@pytest.fixture
def folder(tmp_path: Path, speech_programs: None) -> Path:
    """An admin's folder: settings with a text-to-speech program of their own, and a flow."""
    (tmp_path / "voice.py").write_text(VOICE.format(log=str(tmp_path / "said")))
    command = f"{sys.executable} {tmp_path}/voice.py {{file}} {{voice}}"
    (tmp_path / "postcall.toml").write_text(SETTINGS.format(command=command))
    (tmp_path / "mine.yaml").write_text(TEXT)
    return tmp_path


def say_instead(folder: Path, old: str, new: str) -> None:
    file = folder / "mine.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def said(folder: Path, *arguments: str) -> list[str]:
    """The lines on standard output of a command that must end well."""
    return told_by(folder, *arguments).splitlines()


def test_sounds_are_built_once_and_again_when_their_text_changes(folder: Path) -> None:
    lines = refused(folder, "prompts", "missing", "mine.yaml")
    assert len(lines) == 10
    assert lines[0] == "postcall: sounds/en/short-wrong-key.wav is missing"

    assert (said(folder, "prompts", "build", "mine.yaml"))[-1] == "sounds made: 10"
    assert said(folder, "prompts", "missing", "mine.yaml") == ["every sound is there"]
    assert said(folder, "prompts", "build", "mine.yaml") == ["sounds made: 0"]

    say_instead(folder, "Thanks.", "Thank you.")
    assert refused(folder, "prompts", "stale", "mine.yaml") == [
        (
            'postcall: sounds/en/short-thanks.wav is outdated: it says "Thanks.", '
            'the flow "Thank you."; `prompts build` makes it'
        )
    ]
    assert said(folder, "prompts", "build", "mine.yaml") == ["sounds/en/short-thanks.wav", "sounds made: 1"]
    assert said(folder, "prompts", "stale", "mine.yaml") == ["every sound that is there says what the flow says"]


def test_a_recording_whose_text_changes_is_reported_and_never_lost(folder: Path) -> None:
    (folder / "voices/zh").mkdir(parents=True)
    recording = folder / "voices/zh/short-thanks.gsm"
    recording.write_bytes(b"a real voice")
    here = ("mine.yaml", "--sounds", "voices")
    assert (said(folder, "prompts", "build", *here))[-1] == "sounds made: 9"

    say_instead(folder, "谢谢。", "非常感谢。")
    told = [
        (
            'postcall: voices/zh/short-thanks.gsm is a recording of another text: it says "谢谢。", '
            'the flow "非常感谢。"; record it again, or keep it by `prompts accept`'
        )
    ]
    assert refused(folder, "prompts", "stale", *here) == told
    assert refused(folder, "prompts", "build", *here) == told
    assert recording.read_bytes() == b"a real voice"

    assert (said(folder, "prompts", "accept", *here))[-1] == "recordings accepted: 1"
    assert said(folder, "prompts", "build", *here) == ["sounds made: 0"]
    assert (said(folder, "prompts", "build", "--replace", *here))[-1] == "sounds made: 10"
    assert not recording.exists()


def test_without_a_player_the_files_and_their_lengths_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    (folder / "sounds/en").mkdir(parents=True)
    (folder / "sounds/en/short-rating-ask.ulaw").write_bytes(bytes(12_000))
    result = run(folder, "prompts", "play", "mine.yaml", "--language", "en", "--only", "ask")
    status, out, err = result.exit_code, result.stdout, result.stderr
    assert (status, err) == (0, "no player of sounds was found on this machine; these are the files:\n")
    assert out == "sounds/en/short-rating-ask.ulaw  1.5 s  Rate us.\n"


def test_with_a_player_the_sounds_are_played_in_the_order_of_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = folder / "aplay"
    player.write_text(f"#!/bin/sh\nshift\nbasename $1 >> {folder}/played\n")
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin:/bin")
    assert len(said(folder, "prompts", "play", "csat", "--language", "zh")) == 11
    played = (folder / "played").read_text().split()
    assert (played[0], len(played)) == ("csat-wrong-key.wav", 11)


def test_a_player_that_cannot_play_is_not_tried_again_and_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    player = folder / "aplay"
    player.write_text("#!/bin/sh\necho 'no card' >&2; exit 1\n")
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin:/bin")
    result = run(folder, "prompts", "play", "csat", "--language", "zh")
    status, out, err = result.exit_code, result.stdout, result.stderr
    assert (status, len(out.splitlines()), len(err.splitlines())) == (0, 11, 1)
    assert "csat-wrong-key.wav could not be played by aplay: no card; these are the files:" in err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["build", "csta"], 'unknown flow "csta"; did you mean "csat"?; or give a flow file'),
        (
            ["build", "absent.yaml"],
            "absent.yaml:1:1: cannot be read: No such file or directory; allowed: a readable file",
        ),
        (["play", "csat", "--language", "fr"], 'flow "csat" has no language "fr"; allowed: en, zh'),
        (["play", "mine.yaml", "--only", "thanks"], "sounds missing: 2; `prompts build` makes them"),
        (
            ["missing", "csat", "-c", "other.toml"],
            "other.toml: no such file; `postcall init` writes one to start from",
        ),
    ],
)
def test_a_mistake_is_told_in_one_line(folder: Path, arguments: list[str], line: str) -> None:
    lines = refused(folder, "prompts", *arguments)
    assert lines[-1] == f"postcall: {line}"


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        (
            'command = "espeak-ng {fiel}"',
            "prompts.command: got 'espeak-ng {fiel}'; has the unknown placeholder {fiel}; ",
        ),
        ('command = "say hello"', "prompts.command: got 'say hello'; should have {file} where the program "),
        ('voices = { English = "en" }', "prompts.voices.English: got 'en'; string should match pattern "),
    ],
)
def test_a_wrong_setting_is_told_in_one_line(folder: Path, setting: str, line: str) -> None:
    text = (folder / "postcall.toml").read_text()
    (folder / "postcall.toml").write_text(text[: text.index("command = ")] + setting)
    (told,) = refused(folder, "prompts", "missing", "csat")
    assert told.startswith(f"postcall: postcall.toml: {line}")
