"""Whatever plays a sound on this machine."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import PostcallError

_PLAYERS = (
    ("afplay",),
    ("pw-play",),
    ("paplay",),
    ("aplay", "-q"),
    ("play", "-q"),
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
)
"""Programs that play a WAV file to its end, with the arguments before its name."""
_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Player:
    """A program that plays sounds."""

    command: tuple[str, ...]

    def play(self, file: Path) -> None:
        """Play `file` to its end. Raises `PostcallError` when the program does not, as with no sound card."""
        try:
            done = subprocess.run(
                [*self.command, str(file.resolve())],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PostcallError(f"{file} could not be played by {self.command[0]}: {error}") from None
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").split("\n")[0].strip() or f"status {done.returncode}"
            raise PostcallError(f"{file} could not be played by {self.command[0]}: {said}")


def find_player() -> Player | None:
    """The first player of sounds on this machine's PATH, or None."""
    for command in _PLAYERS:
        if shutil.which(command[0]):
            return Player(command)
    return None
