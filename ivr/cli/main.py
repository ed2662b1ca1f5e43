"""The command `postcall`. A user's mistake ends in one clear line and status 2, never in a traceback."""

import sys
from typing import Any

import click

from ivr.cli.lazy import LazyGroup
from ivr.errors import PostcallError

COMMANDS = {
    "accounts": "ivr.cli.accounts",
    "asterisk": "ivr.cli.asterisk",
    "db": "ivr.cli.db",
    "demo": "ivr.cli.demo",
    "demo-data": "ivr.cli.demo_data",
    "doctor": "ivr.cli.doctor",
    "flows": "ivr.cli.flows",
    "init": "ivr.cli.init",
    "phone": "ivr.cli.phone",
    "prompts": "ivr.cli.prompts",
    "report": "ivr.cli.report",
    "rules": "ivr.cli.rules",
    "serve": "ivr.cli.serve",
    "try-link": "ivr.cli.try_link",
}


class _Main(LazyGroup):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except PostcallError as error:
            for line in str(error).splitlines():
                click.echo(f"postcall: {line}", err=True)
            sys.exit(2)


@click.group(cls=_Main, modules=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="postcall")
def main() -> None:
    """After a call ends, the caller rates it on the keypad, and the supervisor sees a fair score."""


if __name__ == "__main__":
    main()
