"""The flows that can be put to callers: the shipped ones, and those in the admin's own folder."""

from collections.abc import Mapping
from pathlib import Path

from callflows.loader import LIBRARY, FlowVersion, load_flow
from ivr.errors import FlowError, SettingsError


class FlowShelf:
    """Every flow in force, by code."""

    def __init__(self, versions: Mapping[str, FlowVersion]) -> None:
        self._versions = dict(versions)

    @classmethod
    def load(cls, folder: Path | None) -> "FlowShelf":
        """The shipped flows, and those of `folder`, which go before shipped ones of the same code.

        Raises `FlowError` with every mistake of every file in `folder`, one line each, and `SettingsError` when there
        is no such folder.
        """
        versions = {path.stem: load_flow(path) for path in sorted(LIBRARY.glob("*.yaml"))}
        if folder is None:
            return cls(versions)
        if not folder.is_dir():
            raise SettingsError(f"flows.folder: {folder} is not a folder")
        mistakes: list[str] = []
        own: dict[str, Path] = {}
        for path in sorted(folder.glob("*.yaml")):
            try:
                version = load_flow(path)
            except FlowError as error:
                mistakes.append(str(error))
                continue
            code = version.flow.flow
            if code in own:
                mistakes.append(f"{path}: flow {code} stands in {own[code]} too; a code may be given once")
            own[code] = path
            versions[code] = version
        if mistakes:
            raise FlowError("\n".join(mistakes))
        return cls(versions)

    @property
    def versions(self) -> list[FlowVersion]:
        """All flows in force."""
        return list(self._versions.values())

    @property
    def variables(self) -> list[str]:
        """The channel variables that the flows in force name, in order."""
        return sorted({name for version in self._versions.values() for name in version.flow.variables})

    def find(self, code: str) -> FlowVersion | None:
        """The version in force of the flow `code`."""
        return self._versions.get(code)

    def require(self, code: str, *, setting: str) -> FlowVersion:
        """The version in force of `code`; raises `SettingsError` that names `setting` when there is none."""
        version = self._versions.get(code)
        if version is None:
            raise SettingsError(f"{setting}: there is no flow {code!r}; there are {', '.join(sorted(self._versions))}")
        return version
