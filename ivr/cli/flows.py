"""`postcall flows`: what admins do with flow files."""

import click

from ivr.cli.lazy import LazyGroup

COMMANDS = {
    "check": "ivr.cli.flow_check",
    "diff": "ivr.cli.flow_tools",
    "draw": "ivr.cli.flow_tools",
    "explain": "ivr.cli.explain",
    "history": "ivr.cli.history",
    "publish": "ivr.cli.publish",
    "rollback": "ivr.cli.publish",
    "schema": "ivr.cli.flow_tools",
    "show": "ivr.cli.history",
    "test": "ivr.cli.flow_tools",
}


@click.group(cls=LazyGroup, modules=COMMANDS)
def flows() -> None:
    """Work on call flows."""
