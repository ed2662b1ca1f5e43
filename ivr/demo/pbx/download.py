"""Finds an Asterisk to run without any right of root: the machine's own, a copy unpacked earlier, or Debian's packages.

Debian's packages are fetched by apt with its whole state in a private folder and unpacked without being installed. The
mirror, its keyring and any proxy are those of the machine's own apt, so that nothing new is trusted.
"""

import asyncio
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import PbxError

SUITE = "forky"
"""The Debian release whose Asterisk is taken (Asterisk 22); the stable one before it has none."""

_DOWNLOAD_LIMIT = 600.0
_NEEDED_MODULES = ("app_queue.so", "chan_pjsip.so", "res_agi.so")
_USELESS = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/i18n", "usr/share/perl", "var")


async def asterisk_root(cache: Path | None = None) -> Path:
    """`find_asterisk_root` in a thread: 15 s to minutes the first time on a machine, milliseconds afterwards."""
    return await asyncio.to_thread(find_asterisk_root, cache)


def find_asterisk_root(cache: Path | None = None) -> Path:
    """Return the folder under which ``usr/sbin/asterisk`` and its modules lie; ``/`` when the machine has its own.

    `cache` is where unpacked packages are kept, by default ``$XDG_CACHE_HOME/postcall`` (``~/.cache/postcall``). Two
    processes may call this at once: one fetches, the other waits. Raises `PbxError` when no Asterisk can be had.
    """
    if _is_complete(Path("/")):
        return Path("/")
    folder = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "postcall"
    root = folder / f"asterisk-{SUITE}"
    if _is_complete(root):
        return root
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _only_one(folder / "asterisk.lock"):
            if not _is_complete(root):
                _fetch(root)
    except OSError as error:
        raise PbxError(f"no Asterisk: the cache folder {folder} cannot be used: {error.strerror}") from error
    return root


def asterisk_command(root: Path) -> list[str]:
    """Return the argument vector that runs the Asterisk under `root`, to which options are added."""
    program = _program(root)
    if root == Path("/"):
        return [str(program)]
    # The unpacked program names a loader and libraries by absolute paths that this machine has in another version or
    # not at all; its own loader, told where the libraries are, needs neither chroot nor root.
    loader = next(root.glob("usr/lib/*/ld-linux*.so.*"))
    return [str(loader), "--library-path", f"{loader.parent}:{root / 'usr/lib'}", str(program)]


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


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _fetch(root: Path) -> None:
    tools = ("apt-get", "dpkg-deb")
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise PbxError(f"no Asterisk: none is installed, and {' and '.join(missing)} (to unpack Debian's) is missing")
    mirror = debian_mirror(_apt_sources())
    for abandoned in root.parent.glob("fetching-*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix="fetching-") as name:
        work = Path(name)
        options = _private_apt(work, mirror)
        _run("list Debian's packages", ["apt-get", *options, "update"])
        _run("fetch Debian's packages", ["apt-get", *options, "--download-only", "install", "asterisk"])
        unpacked = work / "root"
        unpacked.mkdir()
        for package in sorted((work / "cache/archives").glob("*.deb")):
            _run(f"unpack {package.name}", ["dpkg-deb", "-x", str(package), str(unpacked)])
        for useless in _USELESS:
            shutil.rmtree(unpacked / useless, ignore_errors=True)
        asterisk_version(unpacked)
        if root.exists():
            shutil.rmtree(root)
        unpacked.rename(root)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """One Debian archive as the machine's apt knows it."""

    uri: str
    signed_by: str
    """The keyring's path, or empty for apt's own trusted keys."""


def debian_mirror(sources: Mapping[str, str]) -> Mirror:
    """Return the first archive whose address ends in ``/debian``, of apt's source files given as name → text.

    Both formats of sources.list(5) are read: one line a source (``.list``) and stanzas of fields (``.sources``).
    Raises `PbxError` when there is none.
    """
    for name, text in sources.items():
        for mirror in _deb822(text) if name.endswith(".sources") else _one_line(text):
            if mirror.uri.rstrip("/").endswith("/debian"):
                return mirror
    raise PbxError("no Asterisk: none is installed, and apt's sources name no Debian archive to take one from")


def _deb822(text: str) -> Iterator[Mirror]:
    for stanza in re.split(r"\n\s*\n", text):
        unfolded = re.sub(r"\n[ \t]+", " ", "\n".join(line for line in stanza.splitlines() if line[:1] != "#"))
        fields = {
            key.strip().lower(): value.strip()
            for key, _, value in (line.partition(":") for line in unfolded.splitlines())
        }
        if fields.get("enabled", "yes") == "yes" and "deb" in fields.get("types", "").split():
            signed_by = fields.get("signed-by", "")
            for uri in fields.get("uris", "").split():
                yield Mirror(uri=uri, signed_by=signed_by if signed_by.startswith("/") else "")


def _one_line(text: str) -> Iterator[Mirror]:
    for line in text.splitlines():
        found = re.match(r"\s*deb\s+(?:\[(?P<options>[^]]*)\]\s*)?(?P<uri>\S+)", line)
        if found:
            signed_by = re.search(r"signed-by=(/\S+)", found["options"] or "", re.IGNORECASE)
            yield Mirror(uri=found["uri"], signed_by=signed_by[1] if signed_by else "")


def _apt_sources() -> dict[str, str]:
    apt = Path("/etc/apt")
    parts = apt / "sources.list.d"
    files: Iterable[Path] = [apt / "sources.list", *sorted(parts.glob("*.sources")), *sorted(parts.glob("*.list"))]
    return {file.name: file.read_text(errors="replace") for file in files if file.is_file()}


def _private_apt(work: Path, mirror: Mirror) -> list[str]:
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    # An empty list of installed packages makes apt fetch even the C library, which must match the others.
    (work / "status").touch()
    signed_by = f"[signed-by={mirror.signed_by}] " if mirror.signed_by else ""
    (work / "sources.list").write_text(f"deb {signed_by}{mirror.uri} {SUITE} main\n")
    # Given as a file: it is read after the machine's own settings, and only a file can clear their hooks.
    (work / "apt.conf").write_text(
        f"""Dir::State "{work}/state"; Dir::State::status "{work}/status"; Dir::Cache "{work}/cache";
Dir::Etc::SourceList "{work}/sources.list"; Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null"; Dir::Etc::PreferencesParts "/dev/null";
APT::Sandbox::User ""; APT::Install-Recommends "false"; Acquire::Languages "none";
Acquire::Check-Valid-Until "false"; Acquire::Retries "2"; Acquire::http::Timeout "20"; Acquire::https::Timeout "20";
APT::Update::Error-Mode "any";
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
"""
    )
    return ["-c", str(work / "apt.conf"), "--quiet=2", "--yes"]


def _run(purpose: str, command: list[str]) -> None:
    try:
        subprocess.run(
            command,
            check=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_DOWNLOAD_LIMIT,
            env={**os.environ, "LC_ALL": "C"},
        )
    except subprocess.CalledProcessError as error:
        said = [line.strip() for line in error.stdout.splitlines() if line.startswith(("E:", "W:", "dpkg-deb:"))]
        raise PbxError(f"no Asterisk: could not {purpose}: {said[0] if said else error}") from error
    except subprocess.TimeoutExpired as error:
        raise PbxError(f"no Asterisk: could not {purpose} within {_DOWNLOAD_LIMIT:.0f} s") from error
