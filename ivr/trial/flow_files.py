"""The flow that is to be tried, as its file says it now, in force or not."""

from pathlib import Path

from callflows.checks import unknown
from callflows.loader import LIBRARY, FlowVersion, load_flow
from ivr.errors import FlowError, SettingsError


def flow_to_try(given: str, folder: Path | None) -> FlowVersion:
    """The flow that `given` names: a file, or the code of a flow in the admin's own `folder` or of a shipped one.

    Raises `FlowError` with the mistakes of its file or when there is no such flow, and `SettingsError` when there is no
    such folder.
    """
    if given.endswith((".yaml", ".yml")) or Path(given).is_file():
        return load_flow(Path(given))
    if folder is not None and not folder.is_dir():
        raise SettingsError(f"flows.folder: {folder} is not a folder")
    paths = {path.stem: path for path in LIBRARY.glob("*.yaml")}
    mistakes: list[str] = []
    for path in sorted(folder.glob("*.yaml")) if folder else []:
        try:
            paths[load_flow(path).flow.flow] = path
        except FlowError as error:
            mistakes.append(str(error))
    if given not in paths:
        # The flow that is looked for may be in one of the files that cannot be read.
        raise FlowError("\n".join([unknown("flow", given, sorted(paths)), *mistakes]))
    return load_flow(paths[given])
