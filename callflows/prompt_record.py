"""What is known of the sounds in a folder: which of them were built, from what, and for which text each one stands.

Kept in `.prompts.json` beside the sounds. A sound that is not in it, or is no longer what was built, is a recording.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from ivr.errors import PostcallError

FILE = ".prompts.json"


class KnownSound(BaseModel):
    """One sound as it was when it was built or first seen."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    """What it says."""
    recipe: str = ""
    """What it was built from, as `Speech.recipe` has it; empty for a recording."""
    content: str
    """SHA-256 in hex of the file."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int = 1
    sounds: dict[str, KnownSound] = {}


def read_record(folder: Path) -> dict[str, KnownSound]:
    """What is known of the sounds in `folder`, by ``language/name``. Raises `PostcallError` when it cannot be read."""
    file = folder / FILE
    try:
        record = _Record.model_validate_json(file.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise PostcallError(f"{file} cannot be read: {error.strerror}; required: a readable file") from None
    except ValidationError:
        record = _Record(version=0)
    if record.version != 1:
        raise PostcallError(
            f"{file} is not what `prompts build` wrote; allowed: to put it back, or to remove it, and then every sound "
            "beside it counts as a recording"
        )
    return dict(record.sounds)


def add_to_record(folder: Path, news: Mapping[str, KnownSound]) -> None:
    """Write what is newly known of some sounds; what is known of the others stays. May raise `OSError`."""
    sounds = {**read_record(folder), **news}
    record = _Record(sounds=dict(sorted(sounds.items())))
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, prefix=".building-", delete=False) as scratch:
        scratch.write(record.model_dump_json(indent=1) + "\n")
    # The record is as readable as the sounds are.
    os.chmod(scratch.name, 0o644)
    os.replace(scratch.name, folder / FILE)


def content_of(file: Path) -> str:
    """SHA-256 in hex of a file's bytes."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
