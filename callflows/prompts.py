"""The sounds of a flow: which are there and say the right text, and making those that are not.

A sound is built once for a text, a command and a voice, and again when one of these changes. A recording of a real
voice is never overwritten unless that is asked for; when the text of its prompt changes, that is told.
"""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from callflows.model import Flow
from callflows.prompt_record import KnownSound, add_to_record, content_of, read_record
from callflows.sounds import spoken
from callflows.speech import Speech
from ivr.errors import PostcallError

# What Asterisk may play under a sound's name.
_ENDINGS = ("wav", "wav16", "sln", "sln16", "ulaw", "alaw", "gsm", "g722", "g729")

Condition = Literal["missing", "built", "outdated", "recorded", "stale"]
"""`missing` there is no file; `built` a file made from the text as it is; `outdated` one made from another text, or
with another command or voice; `recorded` a recording; `stale` a recording of another text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptSound:
    """One sound of a flow as it stands in a folder."""

    name: str
    """As ``language/name``."""
    text: str
    """What it is to say."""
    condition: Condition
    file: Path | None
    """None when it is missing."""
    known_text: str
    """What it says, as far as that is known; empty when it is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What `build` did."""

    made: tuple[Path, ...]
    stale: tuple[PromptSound, ...]
    """Recordings of another text, which were left as they are."""


def sound_file(folder: Path, name: str) -> Path | None:
    """The file that is played as the sound `name` (``language/name``), or None when there is none."""
    return next(iter(_files(folder, name)), None)


def missing(flow: Flow, folder: Path) -> list[str]:
    """The sounds, as ``language/name``, for which `folder` has no file that Asterisk can play."""
    return [name for name in spoken(flow) if not sound_file(folder, name)]


def look(flow: Flow, folder: Path, speech: Speech) -> list[PromptSound]:
    """Every sound of the flow, in the order of its parts; `speech` is what would build them."""
    record = read_record(folder)
    return [_look(folder, name, text, speech, record.get(name)) for name, text in spoken(flow).items()]


def build(flow: Flow, folder: Path, speech: Speech, *, replace: bool = False) -> Built:
    """Make ``folder/language/name.wav``, 8 kHz mono 16-bit PCM, for every sound that is missing or outdated.

    With `replace` all are made again, recordings of a real voice too. Recordings that are new here are noted with the
    text that they are taken to say. Raises `PostcallError` when the command or sox is not there, does not know a
    language, or the folder cannot be written; what was made until then stays.
    """
    made: list[Path] = []
    stale: list[PromptSound] = []
    seen: dict[str, KnownSound] = {}
    for sound in look(flow, folder, speech):
        if replace or sound.condition in ("missing", "outdated"):
            made.append(_make(folder, sound, speech))
        elif sound.condition == "stale":
            stale.append(sound)
        elif sound.condition == "recorded" and sound.file:
            _remove(_ours_beside(folder, sound))
            seen[sound.name] = KnownSound(text=sound.text, content=content_of(sound.file))
    _note(folder, seen)
    return Built(made=tuple(made), stale=tuple(stale))


def accept(flow: Flow, folder: Path, speech: Speech) -> list[PromptSound]:
    """Take every stale recording of the flow as one of the text as it is now; returns them."""
    stale = [sound for sound in look(flow, folder, speech) if sound.condition == "stale"]
    _note(folder, {s.name: KnownSound(text=s.text, content=content_of(s.file)) for s in stale if s.file})
    return stale


def _look(folder: Path, name: str, text: str, speech: Speech, known: KnownSound | None) -> PromptSound:
    files = _files(folder, name)
    recordings = [file for file in files if not _is_built(file, known)]
    file = next(iter(recordings or files), None)
    condition: Condition
    if file is None:
        condition = "missing"
    elif not recordings:
        condition = "built" if known and known.recipe == speech.recipe(text, name.partition("/")[0]) else "outdated"
    elif known and known.text != text and known.content == content_of(file):
        condition = "stale"
    else:
        condition = "recorded"
    known_text = known.text if known and condition != "missing" else ""
    return PromptSound(name=name, text=text, condition=condition, file=file, known_text=known_text)


def _files(folder: Path, name: str) -> list[Path]:
    return [file for ending in _ENDINGS if (file := folder / f"{name}.{ending}").exists()]


def _is_built(file: Path, known: KnownSound | None) -> bool:
    """Whether this is still the very file that was built."""
    return bool(known and known.recipe and file.suffix == ".wav" and known.content == content_of(file))


def _make(folder: Path, sound: PromptSound, speech: Speech) -> Path:
    file = folder / f"{sound.name}.wav"
    language = sound.name.partition("/")[0]
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".building-") as scratch:
            ready = Path(scratch, "ready.wav")
            speech.say(sound.text, language, ready, sound.name)
            # Nobody ever plays half a file.
            os.replace(ready, file)
        _remove([other for other in _files(folder, sound.name) if other != file])
    except OSError as error:
        raise PostcallError(f"{file} cannot be written: {error.strerror}; allowed: a writable folder") from None
    recipe = speech.recipe(sound.text, language)
    _note(folder, {sound.name: KnownSound(text=sound.text, recipe=recipe, content=content_of(file))})
    return file


def _ours_beside(folder: Path, sound: PromptSound) -> list[Path]:
    """What was built under the name of a recording: Asterisk would play the one or the other."""
    known = read_record(folder).get(sound.name)
    return [file for file in _files(folder, sound.name) if file != sound.file and _is_built(file, known)]


def _remove(files: list[Path]) -> None:
    for file in files:
        file.unlink()


def _note(folder: Path, news: Mapping[str, KnownSound]) -> None:
    try:
        if news and any(read_record(folder).get(name) != known for name, known in news.items()):
            add_to_record(folder, news)
    except OSError as error:
        raise PostcallError(f"{folder} cannot be written: {error.strerror}; allowed: a writable folder") from None
