"""`postcall flows`: what admins do with flow files."""

from pathlib import Path

import click

from callflows.loader import load_flow
from ivr.cli.explain import explain
from ivr.cli.history import history, show
from ivr.cli.publish import publish, rollback
from ivr.errors import FlowError


@click.group()
def flows() -> None:
    """Work on call flows."""


@flows.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> None:
    """Check flow files; every mistake with its place, and status 2 when there is one."""
    mistakes: list[str] = []
    for file in files:
        try:
            version = load_flow(file)
        except FlowError as error:
            mistakes.append(str(error))
        else:
            click.echo(f"{file}: flow {version.flow.flow} is good, version {version.digest[:12]}")
    if mistakes:
        raise FlowError("\n".join(mistakes))


for command in (publish, rollback, history, show, explain):
    flows.add_command(command)
