"""The sound files of a flow, spoken by espeak-ng and made fit for a telephone line by sox.

Both programs are needed to build sounds, not to play them. Recordings of a real voice may take the place of any file.
"""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from callflows.model import Flow
from callflows.sounds import spoken
from ivr.errors import PostcallError

# By language: espeak-ng's voice, and its speed in words a minute. The plain "cmn" voice of espeak-ng 1.51 reads the
# pinyin of Chinese text as if it were English, tone numbers and all.
_VOICES = {"en": ("en-gb", 150), "zh": ("cmn-latn-pinyin", 165)}
_SPEED = 150

# What Asterisk may play under a sound's name.
_ENDINGS = ("wav", "wav16", "sln", "sln16", "ulaw", "alaw", "gsm", "g722", "g729")

# Silence cut off at both ends; resampled with headroom, so that the filter does not clip; brought to -3 dBFS; and
# short pauses put back, so that sounds played one after another do not run together.
_TRIM = ("silence", "1", "0.01", "0.5%", "reverse", "silence", "1", "0.01", "0.5%", "reverse")
_EFFECTS = (*_TRIM, "gain", "-6", "rate", "-h", "8000", "gain", "-n", "-3", "pad", "0.05", "0.12")
_SECONDS = 60


def missing(flow: Flow, folder: Path) -> list[str]:
    """The sounds, as `language/name`, for which `folder` has no file that Asterisk can play."""
    return [name for name in spoken(flow) if not any((folder / f"{name}.{ending}").exists() for ending in _ENDINGS)]


def build(flow: Flow, folder: Path, *, replace: bool = False) -> list[Path]:
    """Make ``folder/language/name.wav``, 8 kHz mono 16-bit PCM, for every sound that is missing; returns those made.

    With `replace` the files that are there are made again, recordings of a real voice too.
    Raises `PostcallError` when espeak-ng or sox is not there, does not know a language, or cannot write.
    """
    texts, made = spoken(flow), []
    for name in texts if replace else missing(flow, folder):
        language = name.partition("/")[0]
        file = folder / f"{name}.wav"
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder, prefix=".building-") as scratch:
                raw, ready = Path(scratch, "raw.wav"), Path(scratch, "ready.wav")
                voice, speed = _VOICES.get(language, (language.replace("_", "-").lower(), _SPEED))
                speak = ["espeak-ng", "-b", "1", "-v", voice, "-s", str(speed), "-w", str(raw), "--stdin"]
                _run(speak, name, texts[name])
                _run(
                    [
                        "sox",
                        "-V1",
                        "-D",
                        str(raw),
                        "-b",
                        "16",
                        "-e",
                        "signed-integer",
                        "-c",
                        "1",
                        str(ready),
                        *_EFFECTS,
                    ],
                    name,
                )
                # Nobody ever plays half a file.
                os.replace(ready, file)
        except OSError as error:
            raise PostcallError(f"{file} cannot be written: {error.strerror}; allowed: a writable folder") from None
        made.append(file)
    return made


def _run(command: list[str], sound: str, text: str = "") -> None:
    program = shutil.which(command[0])
    if program is None:
        raise PostcallError(f"{command[0]} is not installed; required for building sounds: espeak-ng and sox")
    try:
        # The text goes in by stdin, where nothing of it can be taken for an option.
        done = subprocess.run(
            [program, *command[1:]], input=text, capture_output=True, encoding="utf-8", timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise PostcallError(f"{command[0]} took over {_SECONDS} s for {sound}; allowed: {_SECONDS} s") from None
    if done.returncode != 0:
        why = " ".join((done.stderr or done.stdout).split()) or f"status {done.returncode}"
        raise PostcallError(f"{command[0]} could not make {sound}: {why}; allowed: a language it has a voice for")
