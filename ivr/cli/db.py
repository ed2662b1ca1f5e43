"""`postcall db`: the database's schema and its counts."""

import asyncio
import sys
from pathlib import Path

import click

from ivr.cli.options import config_option
from ivr.settings import load_settings
from storage.engine import open_database
from storage.schema import check_schema, upgrade
from storage.verify import Difference, verify


@click.group()
def db() -> None:
    """Look after the database."""


@db.command("upgrade")
@config_option
def upgrade_command(path: Path) -> None:
    """Create the tables, or bring them to what this version needs. Safe to repeat."""
    url = load_settings(path).database.url.get_secret_value()
    revision = asyncio.run(upgrade(url))
    click.echo(f"the database's schema is at {revision}")


@db.command("verify")
@config_option
def verify_command(path: Path) -> None:
    """Recount all tallies from the answers; status 1 when a count is wrong."""
    differences = asyncio.run(_verify(load_settings(path).database.url.get_secret_value()))
    for difference in differences:
        click.echo(str(difference))
    if differences:
        click.echo(f"{len(differences)} counts are not what the answers say", err=True)
        sys.exit(1)
    click.echo("every tally is what the answers say")


async def _verify(url: str) -> list[Difference]:
    async with await open_database(url) as database:
        await check_schema(database)
        return await verify(database)
