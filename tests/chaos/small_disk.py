"""A small disk of one's own: it can be filled, freed, and made read-only, and nobody else sees it.

It is a `tmpfs` in a mount namespace, of a user namespace where this is not root; a process sees it that is started
through `inside`.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FILLER = "filler"


class SmallDisk:
    """The disk mounted at `folder`, as long as the process `holder` lives."""

    def __init__(self, folder: Path, holder: int) -> None:
        enter = ("--mount",) if os.geteuid() == 0 else ("--mount", "--user", "--preserve-credentials")
        self.inside = ("nsenter", *enter, f"--target={holder}", "--")
        """What a command begins with that is to see the disk."""
        self._folder = folder
        self._there = Path(f"/proc/{holder}/root{folder}")

    def take(self, path: Path) -> None:
        """Copy a file onto the disk."""
        shutil.copy(path, self._there / path.name)

    def give(self, name: str, to: Path) -> Path:
        """Copy the SQLite file `name`, with what lies beside it, from the disk into a folder."""
        for path in self._there.glob(f"{name}*"):
            shutil.copy(path, to / path.name)
        return to / name

    def fill(self) -> None:
        """Leave no room at all."""
        with (self._there / FILLER).open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))

    def free(self) -> None:
        """Give the room back."""
        (self._there / FILLER).unlink()

    def make_read_only(self) -> None:
        """Let nothing be written any more. Only while no file is open to be written."""
        subprocess.run([*self.inside, "mount", "-o", "remount,ro", self._folder], check=True)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[SmallDisk]:
    """Mount the disk at `folder`. Raises OSError where the system lets nobody do so."""
    mount = f'mount -t tmpfs -o size={megabytes}m,mode=0777 disk "$0" && echo mounted && read _'
    apart = ["--mount"] if os.geteuid() == 0 else ["--mount", "--user", "--map-root-user"]
    holder = subprocess.Popen(
        ["unshare", *apart, "sh", "-c", mount, folder],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdin
    assert holder.stdout
    assert holder.stderr
    try:
        if not holder.stdout.readline():
            raise OSError(holder.stderr.read().strip() or os.strerror(1))
        yield SmallDisk(folder, holder.pid)
    finally:
        holder.stdin.close()
        holder.wait()
        holder.stdout.close()
        holder.stderr.close()
