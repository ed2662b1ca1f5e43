"""The programs that build sounds, espeak-ng and sox: the machine's own, or Debian's, unpacked into a cache."""

import os
import shutil
from pathlib import Path

from ivr.demo.pbx.debian import Wanted, unpacked
from ivr.errors import PbxError

SUITE = "forky"
PROGRAMS = ("espeak-ng", "sox")


def speech_tools(folder: Path) -> str:
    """The search path (``PATH``) on which both programs are; `folder` is where starters of fetched ones are put.

    Takes a minute the first time on a machine without them. Raises `PbxError` when they cannot be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for program in PROGRAMS:
        if shutil.which(program) is None:
            _write_starter(folder / program, unpacked(_wanted(program)))
    return f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def _wanted(program: str) -> Wanted:
    return Wanted(
        name=program,
        package=program,
        suite=SUITE,
        beside_installed=False,
        is_complete=lambda root: (root / "usr/bin" / program).is_file(),
        check=_library_folder,
    )


def _library_folder(root: Path) -> Path:
    try:
        return next(root.glob("usr/lib/*/ld-linux*.so.*")).parent
    except StopIteration:
        raise PbxError(f"the package in {root} has no C library") from None


def _write_starter(file: Path, root: Path) -> None:
    """The programs name their loader, libraries and voices by absolute paths that this machine does not have."""
    libraries = _library_folder(root)
    loader = next(libraries.glob("ld-linux*.so.*"))
    file.write_text(
        f'#!/bin/sh\nexport ESPEAK_DATA_PATH="{libraries}"\n'
        f'exec "{loader}" --library-path "{libraries}:{libraries}/pulseaudio" "{root}/usr/bin/{file.name}" "$@"\n'
    )
    file.chmod(0o755)
