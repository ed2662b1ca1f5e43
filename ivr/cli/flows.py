"""`postcall flows`: what admins do with flow files."""

import click

from ivr.cli.explain import explain
from ivr.cli.flow_check import check
from ivr.cli.flow_tools import diff, draw, schema, test
from ivr.cli.history import history, show
from ivr.cli.publish import publish, rollback


@click.group()
def flows() -> None:
    """Work on call flows."""


for command in (check, test, draw, diff, schema, publish, rollback, history, show, explain):
    flows.add_command(command)
