"""What is wrong with the place of an SQLite file, in words that say what to do about it.

SQLite itself says "unable to open database file" or "disk I/O error" for most of these, for some only at a write.
"""

import os
import pwd
import shutil
import stat
from pathlib import Path

NO_ROOM_BYTES = 64 * 1024
"""With less than that there is no room: a transaction takes a few pages of 4 KB."""


def fault_of(path: Path) -> str | None:
    """Why the SQLite file at `path` cannot be opened and written; None when nothing is found. One line."""
    try:
        if not path.parent.is_dir():
            return f"there is no folder {path.parent}"
        if path.is_dir():
            return "this is a folder, not a file"
        # The folder counts, too: the write-ahead log and its index are files beside.
        for place in (path.parent, path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
            if place.exists() and (fault := _refusal(place)):
                return fault
        free = shutil.disk_usage(path.parent).free
    except OSError as error:
        return f"{error.filename}: {(error.strerror or str(error)).lower()}, as user {_name(os.geteuid())}"
    return f"no room is left on the disk of {path.parent}" if free < NO_ROOM_BYTES else None


def _refusal(place: Path) -> str | None:
    needed = os.R_OK | os.W_OK | (os.X_OK if place.is_dir() else 0)
    if os.access(place, needed):
        return None
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        return f"the file system of {place} is read-only"
    about = place.stat()
    has = f"{_name(about.st_uid)} has it, {stat.filemode(about.st_mode)}"
    return f"{place} may not be written by user {_name(os.geteuid())}: {has}; chown or chmod it"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
