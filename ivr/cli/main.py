"""The command `postcall`. A user's mistake ends in one clear line and status 2, never in a traceback."""

import sys
from typing import Any

import click

from ivr.cli.asterisk import asterisk
from ivr.cli.db import db
from ivr.cli.demo import demo
from ivr.cli.flows import flows
from ivr.cli.init import init
from ivr.cli.phone import phone
from ivr.cli.prompts import prompts
from ivr.cli.rules import rules
from ivr.cli.serve import serve
from ivr.cli.try_link import try_link
from ivr.errors import PostcallError


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PostcallError as error:
            for line in str(error).splitlines():
                click.echo(f"postcall: {line}", err=True)
            sys.exit(2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="postcall")
def main() -> None:
    """After a call ends, the caller rates it on the keypad, and the supervisor sees a fair score."""


for command in (init, serve, demo, phone, try_link, asterisk, db, flows, rules, prompts):
    main.add_command(command)

if __name__ == "__main__":
    main()
