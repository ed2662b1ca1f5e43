"""Takes programs from Debian's packages without any right of root: they are unpacked into a cache, not installed.

The packages are fetched by apt with its whole state in a private folder. The mirror, its keyring and any proxy are
those of the machine's own apt, so that nothing new is trusted.
"""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ivr.errors import PbxError

_DOWNLOAD_LIMIT = 600.0
_USELESS = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/i18n", "usr/share/perl", "var")
_INSTALLED = Path("/var/lib/dpkg/status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A program that is to be had."""

    name: str
    """As people call it, such as ``Asterisk``."""
    package: str
    suite: str
    """The Debian release that it is taken from."""
    beside_installed: bool
    """True: only what the machine lacks is fetched, and the program runs on the machine's own C library. That takes
    the machine's own suite. False: everything is fetched, down to the C library."""
    is_complete: Callable[[Path], bool]
    """Whether all that is needed lies under a folder."""
    check: Callable[[Path], object]
    """Raises `PbxError` when the program under a folder does not run."""


def unpacked(wanted: Wanted, cache: Path | None = None) -> Path:
    """Return the folder with the program's ``usr``, fetched now if it was not before.

    `cache` is where unpacked packages are kept, by default ``$XDG_CACHE_HOME/postcall`` (``~/.cache/postcall``). Two
    processes may call this at once: one fetches, the other waits. Raises `PbxError` when the program cannot be had.
    """
    folder = cache or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "postcall"
    root = folder / f"{wanted.package}-{wanted.suite}"
    if wanted.is_complete(root):
        return root
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _only_one(folder / f"{wanted.package}.lock"):
            if not wanted.is_complete(root):
                _fetch(wanted, root)
    except OSError as error:
        raise PbxError(f"no {wanted.name}: the cache folder {folder} cannot be used: {error.strerror}") from error
    return root


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _fetch(wanted: Wanted, root: Path) -> None:
    tools = ("apt-get", "dpkg-deb")
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise PbxError(
            f"no {wanted.name}: none is installed, and {' and '.join(missing)} (to unpack Debian's) is missing"
        )
    mirror = debian_mirror(_apt_sources())
    if mirror is None:
        raise PbxError(
            f"no {wanted.name}: none is installed, and apt's sources name no Debian archive to take one from"
        )
    fetching = f"fetching-{wanted.package}-"
    for abandoned in root.parent.glob(f"{fetching}*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=root.parent, prefix=fetching) as name:
        work = Path(name)
        options = _private_apt(work, mirror, wanted)
        _run(wanted, "list Debian's packages", ["apt-get", *options, "update"])
        _run(wanted, "fetch Debian's packages", ["apt-get", *options, "--download-only", "install", wanted.package])
        folder = work / "root"
        folder.mkdir()
        for package in sorted((work / "cache/archives").glob("*.deb")):
            _run(wanted, f"unpack {package.name}", ["dpkg-deb", "-x", str(package), str(folder)])
        for useless in _USELESS:
            shutil.rmtree(folder / useless, ignore_errors=True)
        wanted.check(folder)
        if root.exists():
            shutil.rmtree(root)
        folder.rename(root)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """One Debian archive as the machine's apt knows it."""

    uri: str
    signed_by: str
    """The keyring's path, or empty for apt's own trusted keys."""


def debian_mirror(sources: Mapping[str, str]) -> Mirror | None:
    """Return the first archive whose address ends in ``/debian``, of apt's source files given as name → text.

    Both formats of sources.list(5) are read: one line a source (``.list``) and stanzas of fields (``.sources``).
    None when there is none.
    """
    for name, text in sources.items():
        for mirror in _deb822(text) if name.endswith(".sources") else _one_line(text):
            if mirror.uri.rstrip("/").endswith("/debian"):
                return mirror
    return None


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


def _private_apt(work: Path, mirror: Mirror, wanted: Wanted) -> list[str]:
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (work / folder).mkdir(parents=True)
    if wanted.beside_installed and _INSTALLED.exists():
        shutil.copy(_INSTALLED, work / "status")
    else:
        # An empty list of installed packages makes apt fetch even the C library, which must match the others.
        (work / "status").touch()
    signed_by = f"[signed-by={mirror.signed_by}] " if mirror.signed_by else ""
    (work / "sources.list").write_text(f"deb {signed_by}{mirror.uri} {wanted.suite} main\n")
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


def _run(wanted: Wanted, purpose: str, command: list[str]) -> None:
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
        raise PbxError(f"no {wanted.name}: could not {purpose}: {said[0] if said else error}") from error
    except subprocess.TimeoutExpired as error:
        raise PbxError(f"no {wanted.name}: could not {purpose} within {_DOWNLOAD_LIMIT:.0f} s") from error
