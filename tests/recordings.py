"""Reads the recordings of a real Asterisk: what came over AMI, byte for byte, and when.

A line that begins with ``#`` is a comment: what the case is, when the message below arrived (``#   +2.8477``), and what
the AGI server of the recording did meanwhile. The files have LF at line ends; on the wire it was CR LF.
"""

from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parent / "recordings"


def names() -> list[str]:
    """Every recording, such as ``ast22/a_normal``."""
    return sorted(str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.glob("ast*/*.txt"))


def timed_messages(name: str) -> Iterator[tuple[float, bytes]]:
    """Each message, with its empty line, and the seconds from the start of the recording to its arrival."""
    seconds = 0.0
    for block in (FOLDER / f"{name}.txt").read_text("utf-8").split("\n\n"):
        lines = []
        for line in block.split("\n"):
            if line.startswith("#"):
                word = line.removeprefix("#").split(maxsplit=1)[0:1]
                if word and word[0].startswith("+") and word[0][1:].replace(".", "", 1).isdigit():
                    seconds = float(word[0])
            elif line:
                lines.append(line)
        if lines:
            yield seconds, "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


def stream(name: str) -> bytes:
    """All messages of a recording, as they came over the wire after the login."""
    return b"".join(message for _, message in timed_messages(name))
