"""Every sound that a caller can be played is there, and fit for a telephone line."""

import array
import math
import wave
from pathlib import Path

import pytest

from callflows.loader import LIBRARY, load_flow, parse_flow
from callflows.model import Flow
from callflows.prompts import build, missing
from callflows.sounds import spoken
from callflows.speech import Speech
from ivr.errors import PostcallError

FLOWS = Path(__file__).parent.parent / "flows"

SOUNDS = [
    pytest.param(file.parent / "sounds" / f"{name}.wav", id=name)
    for file in sorted([*LIBRARY.glob("*.yaml"), *FLOWS.glob("*.yaml")])
    for name in spoken(load_flow(file).flow)
]


@pytest.fixture
def flow() -> Flow:
    """A flow of five short sounds, one of them in the admin's own folder."""
    text = """\
flow: short
title: Short
languages: [en]
wrong_key: {en: Wrong key.}
no_input: {en: No key.}
goodbye: {en: "Thanks.", sound: ours/thanks}
steps:
  - ask: rating
    headline: true
    text: {en: "--help; Rate us <now> & `$(here)`."}
    keys: 1-2
    satisfied: [2]
  - end: thanks
    text: {en: "Thanks.", sound: ours/thanks}
"""
    return parse_flow(text, "short.yaml").flow


NAMES = ["en/short-wrong-key", "en/short-no-input", "en/ours/thanks", "en/short-rating-ask"]


def level(samples: "array.array[int]") -> float:
    """Root mean square, in decibels below full scale."""
    return 20 * math.log10(math.hypot(*samples) / math.sqrt(len(samples)) / 32768)


@pytest.mark.parametrize("file", SOUNDS)
def test_a_sound_is_telephone_quality_and_neither_silent_nor_clipped(file: Path) -> None:
    with wave.open(str(file)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
        samples = array.array("h", sound.readframes(sound.getnframes()))
    assert 0.3 <= len(samples) / 8000 <= 15
    assert -30 < level(samples) < -12
    # -3 dBFS is 23198 of 32768.
    assert max(map(abs, samples)) == pytest.approx(23198, rel=0.02)
    heard = [i for i, sample in enumerate(samples) if abs(sample) > 330]
    assert heard[0] / 8000 <= 0.15, "the caller waits in silence"
    assert (len(samples) - heard[-1]) / 8000 <= 0.2


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_shipped_flow_keeps_a_caller_for_a_short_time(language: str) -> None:
    def seconds(name: str) -> float:
        with wave.open(str(LIBRARY / "sounds" / language / f"{name}.wav")) as sound:
            return float(sound.getnframes() / sound.getframerate())

    assert seconds("csat-welcome") <= 3
    assert seconds("csat-satisfaction-ask") < 9
    assert seconds("csat-satisfaction-confirm-5") + seconds("csat-thanks") < 4


def test_the_missing_sounds_of_a_flow_are_named(flow: Flow, tmp_path: Path) -> None:
    assert missing(flow, tmp_path) == NAMES
    (tmp_path / "en" / "ours").mkdir(parents=True)
    (tmp_path / "en" / "ours" / "thanks.ulaw").touch()
    (tmp_path / "en" / "short-no-input.txt").touch()
    assert missing(flow, tmp_path) == ["en/short-wrong-key", "en/short-no-input", "en/short-rating-ask"]


@pytest.mark.usefixtures("speech_programs")
def test_built_sounds_are_fit_for_the_line_and_recordings_that_are_there_are_kept(flow: Flow, tmp_path: Path) -> None:
    recording = tmp_path / "en" / "short-wrong-key.gsm"
    recording.parent.mkdir()
    recording.write_bytes(b"a real voice")
    made = build(flow, tmp_path, Speech()).made
    assert list(made) == [tmp_path / f"{name}.wav" for name in NAMES[1:]]
    assert missing(flow, tmp_path) == []
    assert recording.read_bytes() == b"a real voice"
    for file in made:
        test_a_sound_is_telephone_quality_and_neither_silent_nor_clipped(file)
    assert {file.name for file in tmp_path.iterdir()} == {"en", ".prompts.json"}


@pytest.mark.usefixtures("speech_programs")
def test_sounds_are_made_again_only_when_asked(flow: Flow, tmp_path: Path) -> None:
    first = {file: file.read_bytes() for file in build(flow, tmp_path, Speech()).made}
    assert build(flow, tmp_path, Speech()).made == ()
    for file in first:
        file.write_bytes(b"")
    assert {file: file.read_bytes() for file in build(flow, tmp_path, Speech(), replace=True).made} == first


@pytest.mark.usefixtures("speech_programs")
def test_a_language_that_espeak_does_not_speak_is_told_in_one_line(flow: Flow, tmp_path: Path) -> None:
    unspoken = (
        flow.model_dump_json(by_alias=True, exclude_defaults=True).replace('"en":', '"qq":').replace('"en"', '"qq"')
    )
    with pytest.raises(PostcallError, match=r"^espeak-ng could not make qq/short-wrong-key: [^\n]+; allowed: [^\n]+$"):
        build(Flow.model_validate_json(unspoken), tmp_path, Speech())
    assert not list(tmp_path.rglob("*.wav"))


def test_a_machine_without_espeak_is_told_what_to_install(
    flow: Flow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PostcallError, match=r"^espeak-ng is not installed; required [^\n]+ sox, and espeak-ng [^\n]+$"):
        build(flow, tmp_path, Speech())


def test_a_folder_that_is_a_file_is_told_in_one_line(flow: Flow, tmp_path: Path) -> None:
    file = tmp_path / "sounds"
    file.touch()
    with pytest.raises(PostcallError, match=r"^[^\n]+short-wrong-key.wav cannot be written: [^\n]+; allowed: [^\n]+$"):
        build(flow, file, Speech())
