"""Finds an Asterisk to run without any right of root: the machine's own, or one unpacked from Debian's packages."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

from ivr.demo.pbx.debian import Wanted, unpacked
from ivr.errors import PbxError

SUITE = "forky"
"""The Debian release whose Asterisk is taken (Asterisk 22); the stable one before it has none."""
OLDER_SUITE = "bullseye"
"""The Debian release with Asterisk 16, to see that what is said to an older one is understood."""

_NEEDED_MODULES = ("app_queue.so", "chan_pjsip.so", "res_agi.so")


async def asterisk_root(cache: Path | None = None) -> Path:
    """`find_asterisk_root` in a thread: 15 s to minutes the first time on a machine, milliseconds afterwards."""
    return await asyncio.to_thread(find_asterisk_root, cache)


def find_asterisk_root(cache: Path | None = None, *, suite: str | None = None) -> Path:
    """Return the folder under which ``usr/sbin/asterisk`` and its modules lie; ``/`` when the machine has its own.

    `cache` is as for `unpacked`; with `suite`, only that Debian release's will do. Raises `PbxError` when no Asterisk
    can be had.
    """
    if suite is None and _is_complete(Path("/")):
        return Path("/")
    asterisk = Wanted(
        name="Asterisk",
        package="asterisk",
        suite=suite or SUITE,
        beside_installed=False,
        is_complete=_is_complete,
        check=asterisk_version,
    )
    return unpacked(asterisk, cache)


def asterisk_command(root: Path) -> list[str]:
    """Return the argument vector that runs the Asterisk under `root`, to which options are added."""
    program = _program(root)
    if root == Path("/"):
        return [str(program)]
    # The unpacked program names a loader and libraries by absolute paths that this machine has in another version or
    # not at all; its own loader, told where the libraries are, needs neither chroot nor root.
    # Before Debian 12 the loader and the C library lay outside /usr.
    loader = next(path for place in ("usr/lib", "lib") for path in root.glob(f"{place}/*/ld-linux*.so.*"))
    libraries = [loader.parent, root / "usr/lib" / loader.parent.name, root / "usr/lib"]
    return [str(loader), "--library-path", ":".join(map(str, dict.fromkeys(libraries))), str(program)]


def asterisk_version(root: Path) -> str:
    """Return what ``asterisk -V`` says, such as ``Asterisk 22.10.1``; raises `PbxError` when it does not run."""
    try:
        done = subprocess.run([*asterisk_command(root), "-V"], capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError, StopIteration) as error:
        raise PbxError(f"the Asterisk in {root} does not run: {error}") from error
    return done.stdout.strip()


def module_folder(root: Path) -> Path:
    """Return the folder of Asterisk's loadable modules; raises `PbxError` when there is none."""
    for pattern in ("usr/lib/*/asterisk/modules", "usr/lib/asterisk/modules", "usr/lib64/asterisk/modules"):
        for found in root.glob(pattern):
            if all((found / module).exists() for module in _NEEDED_MODULES):
                return found
    raise PbxError(f"the Asterisk in {root} lacks one of the modules {', '.join(_NEEDED_MODULES)}")


def english_sounds(root: Path) -> Path:
    """Return the folder of Asterisk's own English prompts; raises `PbxError` when there is none."""
    for pattern in ("usr/share/asterisk/sounds/en*", "var/lib/asterisk/sounds/en*"):
        for found in sorted(root.glob(pattern)):
            if any(found.glob("beep.*")):
                return found
    raise PbxError(f"the Asterisk in {root} has no English prompts")


def documentation(root: Path) -> Path:
    """Return the folder with Asterisk's XML documentation, without which it does not start."""
    for name in ("usr/share/asterisk/documentation", "var/lib/asterisk/documentation"):
        if (root / name).is_dir():
            return root / name
    raise PbxError(f"the Asterisk in {root} has no documentation folder, without which it does not start")


def _program(root: Path) -> Path:
    if root == Path("/"):
        search = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
        return Path(shutil.which("asterisk", path=search) or "/usr/sbin/asterisk")
    return root / "usr/sbin/asterisk"


def _is_complete(root: Path) -> bool:
    if not _program(root).is_file():
        return False
    try:
        module_folder(root)
        english_sounds(root)
        documentation(root)
    except PbxError:
        return False
    return True
