"""From a text to a sound fit for a telephone line: any text-to-speech program speaks, and sox makes it ready.

Both programs are needed to build sounds, not to play them. No shell is involved: a command is a list of words from the
beginning, and a text is one of them or standard input, whatever characters it has.
"""

import hashlib
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ivr.errors import PostcallError

DEFAULT_COMMAND = "espeak-ng -b 1 -v {voice} -s {speed} -w {file} --stdin"

_PLACES = ("file", "text", "voice", "speed", "language")
_PLACE = re.compile(r"\{([^{}]*)\}")
_DEFAULT_SPEED = 150

# The plain "cmn" voice of espeak-ng 1.51 reads the pinyin of Chinese text as if it were English, tone numbers and all.
_ESPEAK_VOICES = {"en": "en-gb", "zh": "cmn-latn-pinyin"}
_ESPEAK_SPEEDS = {"en": 150, "zh": 165}

# 8 kHz, mono and 16 bits are what every codec module of Asterisk takes.
_SHAPE = ("-b", "16", "-e", "signed-integer", "-c", "1")
# Silence cut off at both ends; resampled with headroom, so that the filter does not clip; brought to -3 dBFS; and
# short pauses put back, so that sounds played one after another do not run together.
_TRIM = ("silence", "1", "0.01", "0.5%", "reverse", "silence", "1", "0.01", "0.5%", "reverse")
_EFFECTS = (*_TRIM, "gain", "-6", "rate", "-h", "8000", "gain", "-n", "-3", "pad", "0.05", "0.12")
_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """A text-to-speech program with its voices."""

    command: tuple[str, ...] = tuple(shlex.split(DEFAULT_COMMAND))
    """The program and its arguments, as `parse_command` makes them. ``{file}`` is where it writes, ``{text}`` what it
    says (without it the text is its standard input), ``{voice}``, ``{speed}`` and ``{language}`` how."""
    voices: Mapping[str, str] = field(default_factory=dict)
    """The program's voice for each language; the language itself where there is none."""
    speeds: Mapping[str, int] = field(default_factory=dict)
    """Words a minute for each language."""

    def say(self, text: str, language: str, file: Path, sound: str) -> None:
        """Write `text` to `file` as 8 kHz, mono, 16-bit WAV. `sound` is its name in messages.

        Raises `PostcallError` when a program is not there, fails or takes over 60 s; `file` may be half written then.
        """
        raw = file.with_name(f"raw-{file.name}")
        words = {**self._manner(language), "file": str(raw), "text": text}
        given_as_word = any("{text}" in part for part in self.command)
        speak = [_filled(part, words) for part in self.command]
        if text.startswith("-"):
            # A word of its own that starts with "-" would be taken for an option.
            speak = [f" {word}" if part == "{text}" else word for part, word in zip(self.command, speak, strict=True)]
        _run(speak, sound, "" if given_as_word else text, hint="a voice and a text that the command can speak")
        if not raw.exists() or not raw.stat().st_size:
            raise PostcallError(f"{speak[0]} wrote no sound for {sound}; required: one in the place of {{file}}")
        _run(["sox", "-V1", "-D", str(raw), *_SHAPE, str(file), *_EFFECTS], sound, "", hint="a sound that sox reads")
        raw.unlink()

    def recipe(self, text: str, language: str) -> str:
        """SHA-256 in hex of all that a sound is made from: text, command, voice and format."""
        manner = self._manner(language)
        command = [_filled(part, {**manner, "file": "{file}", "text": "{text}"}) for part in self.command]
        content = json.dumps([text, command, _SHAPE, _EFFECTS], ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()

    def _manner(self, language: str) -> dict[str, str]:
        is_espeak = Path(self.command[0]).name == "espeak-ng"
        voices = {**(_ESPEAK_VOICES if is_espeak else {}), **self.voices}
        speeds = {**(_ESPEAK_SPEEDS if is_espeak else {}), **self.speeds}
        voice = voices.get(language, language.replace("_", "-").lower() if is_espeak else language)
        return {"voice": voice, "speed": str(speeds.get(language, _DEFAULT_SPEED)), "language": language}


def parse_command(text: str) -> tuple[str, ...]:
    """The words of a command line; quotes hold words together. Raises `ValueError` that says what is wrong with it."""
    try:
        command = tuple(shlex.split(text))
    except ValueError:
        raise ValueError("has a quote that is not closed") from None
    if not command:
        raise ValueError("should be a program and its arguments")
    for name in _PLACE.findall(" ".join(command)):
        if name not in _PLACES:
            allowed = ", ".join(f"{{{place}}}" for place in _PLACES)
            raise ValueError(f"has the unknown placeholder {{{name}}}; allowed are {allowed}")
    if not any("{file}" in part for part in command[1:]):
        raise ValueError("should have {file} where the program is told which file to write")
    return command


def _filled(part: str, words: Mapping[str, str]) -> str:
    """In one pass, so that a placeholder in a text stays the text that it is."""
    return _PLACE.sub(lambda found: words[found[1]], part)


def _run(command: list[str], sound: str, text: str, *, hint: str) -> None:
    program = shutil.which(command[0])
    if program is None:
        raise PostcallError(
            f"{command[0]} is not installed; required for building sounds: sox, and espeak-ng or the program of "
            "prompts.command"
        )
    try:
        done = subprocess.run(
            [program, *command[1:]], input=text.encode(), capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise PostcallError(f"{command[0]} took over {_SECONDS} s for {sound}; allowed: {_SECONDS} s") from None
    except OSError as error:
        raise PostcallError(f"{command[0]} cannot be run: {error.strerror}; required: a program") from None
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).decode(errors="replace").split())
        why = "".join(char for char in said if char.isprintable())[:300] or f"status {done.returncode}"
        raise PostcallError(f"{command[0]} could not make {sound}: {why}; allowed: {hint}")
