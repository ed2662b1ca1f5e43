"""Whether a folder is a good place for an SQLite file: there, to be written, local, and with room."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ivr.doctor.findings import Finding

LITTLE_ROOM = 1_000_000_000
NO_ROOM = 100_000_000
"""Bytes; a survey takes some two thousand, and an upgrade of the schema may take as much again as there is."""
_NETWORK = re.compile(r"nfs\d?|cifs|smb\w*|9p|afs|ceph|glusterfs|lustre|fuse\.(sshfs|glusterfs|s3fs|rclone).*")
"""File systems of other machines: SQLite's write-ahead log needs memory that all who use the file share
(https://www.sqlite.org/wal.html), and their locks are often not kept."""


def _free(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def _may_be_written(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)


def _file_system(folder: Path) -> str:
    try:
        return kind_of(folder.resolve(), Path("/proc/self/mountinfo").read_text("utf-8", errors="replace"))
    except OSError:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """How a folder is asked."""

    free: Callable[[Path], int] = _free
    """How many bytes an ordinary user may still write there. Raises OSError for a folder that there is not."""
    may_be_written: Callable[[Path], bool] = _may_be_written
    """Whether this user may make files there."""
    file_system: Callable[[Path], str] = _file_system
    """The kind of file system, such as ``ext4``; empty when that cannot be told."""


def look_at_folder(about: str, folder: Path, disk: Disk) -> Iterator[Finding]:
    """What is to be said of the folder of an SQLite file."""
    try:
        left = disk.free(folder)
    except OSError as error:
        yield Finding(
            level="fault", about=about, said=f"folder {folder}: {(error.strerror or str(error)).lower()}",
            fix="make the folder, and let the service's user write there",
        )  # fmt: skip
        return
    if not disk.may_be_written(folder):
        yield Finding(
            level="fault", about=about, said=f"folder {folder} may not be written by this user",
            fix=f"run the doctor as the service's user; if it still says so, give {folder} to that user (chown, chmod)",
        )  # fmt: skip
    kind = disk.file_system(folder)
    if _NETWORK.fullmatch(kind):
        said = f"folder {folder} is on another machine ({kind}), where SQLite's write-ahead log does not work"
        yield Finding(level="fault", about=about, said=said, fix="move the file to a local disk, or use PostgreSQL")
    said = f"{left / 1e9:.1f} GB are free on the disk of {folder}"
    if left < NO_ROOM:
        yield Finding(level="fault", about=about, said=said, fix="make room: without any, callers are not asked")
    elif left < LITTLE_ROOM:
        yield Finding(level="warning", about=about, said=said, fix="make room soon")
    else:
        yield Finding(level="ok", about=about, said=said)


def kind_of(folder: Path, mounts: str) -> str:
    """The kind of an absolute folder's file system, by the text of ``/proc/self/mountinfo`` (proc_pid_mountinfo(5)).

    Of two mounted at one place the later covers the other.
    """
    deepest, kind = -1, ""
    for line in mounts.splitlines():
        left, dash, right = line.partition(" - ")
        fields = left.split(" ")
        if not dash or len(fields) < 5:
            continue
        place = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[4]))
        if folder.is_relative_to(place) and len(place.parts) >= deepest:
            deepest, kind = len(place.parts), right.split(" ")[0]
    return kind
