"""How long a sound file lasts."""

import struct
import wave
from pathlib import Path

# Bytes a second of the formats without a header, as Asterisk's format modules read them.
_BYTES_A_SECOND = {
    ".sln": 16_000,
    ".sln16": 32_000,
    ".ulaw": 8_000,
    ".alaw": 8_000,
    ".gsm": 1_650,
    ".g722": 8_000,
    ".g729": 1_000,
}


def sound_seconds(file: Path) -> float | None:
    """How long `file` plays, in seconds; None when that cannot be told. Raises `OSError` when it cannot be read."""
    if file.suffix in _BYTES_A_SECOND:
        return file.stat().st_size / _BYTES_A_SECOND[file.suffix]
    try:
        with wave.open(str(file)) as sound:
            return float(sound.getnframes() / sound.getframerate())
    except (wave.Error, EOFError, struct.error, ZeroDivisionError):
        return None
