"""`postcall prompts`: the sounds of a flow."""

from pathlib import Path

import click

from callflows.loader import LIBRARY, load_flow
from callflows.prompts import build, missing
from ivr.errors import FlowError

_folder_option = click.option(
    "--sounds",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=LIBRARY / "sounds",
    show_default="the shipped sounds",
    help="Where the sounds are: <folder>/<language>/<name>.wav.",
)
_file_argument = click.argument("file", type=click.Path(path_type=Path))


@click.group()
def prompts() -> None:
    """Make the sounds that callers hear."""


@prompts.command("build")
@_file_argument
@_folder_option
@click.option("--replace", is_flag=True, help="Make again what is there already, recordings too.")
def build_command(file: Path, folder: Path, replace: bool) -> None:
    """Make the missing sounds of a flow with espeak-ng and sox."""
    made = build(load_flow(file).flow, folder, replace=replace)
    for sound in made:
        click.echo(sound)
    click.echo(f"{len(made)} sounds made")


@prompts.command("missing")
@_file_argument
@_folder_option
def missing_command(file: Path, folder: Path) -> None:
    """List the sounds of a flow that are not there; status 2 when one is missing."""
    names = missing(load_flow(file).flow, folder)
    if names:
        raise FlowError("\n".join(f"{folder / name}.wav is missing" for name in names))
    click.echo("every sound is there")
