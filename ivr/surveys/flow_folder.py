"""The folder of flow files, looked at again and again: which file holds which good flow, and which is refused.

Plain looks rather than notifications of the operating system: those do not cross a network file system. A content
counts once it is the same in two looks, so a file that an editor or a copy is still writing is neither taken nor
complained of, even where its first half would make a flow.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from callflows.loader import MAX_BYTES, FlowVersion, load_flow
from ivr.errors import FlowError


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFile:
    """What is to be said of one file."""

    path: Path
    content: str
    """Hash of the bytes that this was made of."""
    flow: str
    """The flow's code; of a refused file that of its last good content, ``""`` when it never had any."""
    version: FlowVersion | None = None
    """None when the file is refused."""
    mistakes: tuple[str, ...] = ()
    """Why it is refused: the checker's own lines."""


class FlowFolder:
    """The `*.yaml` files of a folder; a name that begins with a dot is an editor's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[Path, str] = {}
        self._taken: dict[Path, FlowFile] = {}
        self._owners: dict[str, Path] = {}

    def look(self, *, at_once: bool = False) -> Mapping[Path, FlowFile]:
        """What is to be said of each file now. Reads the folder: not for the event loop.

        `at_once` takes contents that were not seen in an earlier look. Raises `OSError` when the folder cannot be read.
        """
        there = {path: _hash(path) for path in sorted(self._folder.iterdir()) if _is_flow_file(path)}
        for path, content in there.items():
            settled = at_once or self._seen.get(path) == content
            taken = self._taken.get(path)
            if settled and (taken is None or taken.content != content):
                self._taken[path] = _load(path, content, flow=taken.flow if taken else "")
        # Some editors take the file away for a moment while they save it.
        for path in self._taken.keys() - there.keys() - self._seen.keys():
            del self._taken[path]
        self._seen = there
        return self._without_doubles()

    def _without_doubles(self) -> Mapping[Path, FlowFile]:
        """Refuse all but one of the files that say the same code: the one that had it first keeps it."""
        by_code: dict[str, list[Path]] = {}
        for path in sorted(self._taken):
            file = self._taken[path]
            if file.version is not None:
                by_code.setdefault(file.flow, []).append(path)
        self._owners = {
            code: self._owners[code] if self._owners.get(code) in paths else paths[0] for code, paths in by_code.items()
        }
        said = {path: self._taken[path] for path in sorted(self._taken)}
        for code, paths in by_code.items():
            owner = self._owners[code]
            for path in paths:
                if path != owner:
                    mistake = f"{path}: flow {code} stands in {owner} too; a code may be given once"
                    said[path] = replace(said[path], version=None, mistakes=(mistake,))
        return said


def _is_flow_file(path: Path) -> bool:
    """Also one whose name only nearly fits: it is refused, and not passed over without a word."""
    return path.suffix.lower() in (".yaml", ".yml") and not path.name.startswith(".")


def _hash(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        content = (error.strerror or str(error)).encode()
    return hashlib.sha256(content).hexdigest()


def _load(path: Path, content: str, *, flow: str) -> FlowFile:
    if path.suffix != ".yaml":
        mistake = f"{path}: the name ends in {path.suffix}; allowed: a name that ends in .yaml"
        return FlowFile(path=path, content=content, flow=flow, mistakes=(mistake,))
    try:
        version = load_flow(path)
    except FlowError as error:
        return FlowFile(path=path, content=content, flow=flow, mistakes=tuple(str(error).splitlines()))
    return FlowFile(path=path, content=content, flow=version.flow.flow, version=version)
