"""Options and arguments that several commands share."""

import re
from pathlib import Path
from typing import Any

import click

from callflows.loader import library_path
from ivr.errors import FlowError

config_option = click.option(
    "-c",
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("postcall.toml"),
    show_default=True,
    help="The settings file.",
)


_STANDARD_INPUT = Path("/dev/stdin")


class FlowFile(click.ParamType[Path]):
    """A flow file, - for standard input, or the code of a shipped flow."""

    name = "flow"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path of the file; a code without a file of that name is looked up among the shipped flows."""
        if value == "-":
            return _STANDARD_INPUT
        path = Path(value)
        if path.exists() or not re.fullmatch(r"[a-z][a-z0-9-]*", str(value)):
            return path
        try:
            return library_path(str(value))
        except FlowError as error:
            raise FlowError(f"{error}; or give a flow file") from None


FLOW = FlowFile()


def shown_path(path: Path) -> str:
    """A path as it was given."""
    return "-" if path == _STANDARD_INPUT else str(path)
