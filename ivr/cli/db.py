"""`postcall db`: the database's schema, its counts, and its way from SQLite to PostgreSQL."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import click

from ivr.cli.group import Group
from ivr.cli.options import config_option
from ivr.errors import SettingsError
from ivr.settings import Settings, load_settings
from ivr.surveys.crediting import attribution_of
from storage.address import parse_url, sqlite_path
from storage.copying import copy_all
from storage.engine import open_database
from storage.queries import asked_calls
from storage.recorder import Recorder
from storage.schema import check_schema, upgrade
from storage.verify import Difference, verify

DAY = click.DateTime(["%Y-%m-%d"])


@click.group(cls=Group)
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
    _tell(asyncio.run(_verify(load_settings(path).database.url.get_secret_value())))


def _tell(differences: Sequence[Difference]) -> None:
    for difference in differences:
        click.echo(str(difference))
    if differences:
        click.echo(f"{len(differences)} counts are not what the answers say", err=True)
        sys.exit(1)
    click.echo("every tally is what the answers say")


@db.command("copy")
@config_option
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def copy_command(path: Path, file: Path) -> None:
    """Copy all that the SQLite FILE holds into the empty PostgreSQL database that the settings name.

    For when one machine is no longer enough. The service is stopped meanwhile; FILE stays as it is.
    """
    url = load_settings(path).database.url.get_secret_value()
    if sqlite_path(parse_url(url)):
        raise SettingsError("database.url: got an SQLite file; allowed: the PostgreSQL database to copy into")
    copied, differences = asyncio.run(_copy(f"sqlite:///{file}", url))
    click.echo(", ".join(f"{table} {rows}" for table, rows in copied.items() if rows) or "there was nothing to copy")
    _tell(differences)


@db.command("recredit")
@config_option
@click.option("--site", required=True, help="The site whose surveys are credited again.")
@click.option("--from", "from_day", type=DAY, help="The first day of the surveys, in the site's zone.")
@click.option("--to", "to_day", type=DAY, help="The last day of the surveys, itself included.")
def recredit_command(path: Path, site: str, from_day: datetime | None, to_day: datetime | None) -> None:
    """Credit surveys again, from the stored legs of their calls, by the settings as they are now.

    For after a change of `credit`, `queue_reasons` or the `agents_file`. Safe to repeat, and while the service runs.
    """
    settings = load_settings(path)
    if site not in settings.sites:
        raise SettingsError(f"--site: got {site!r}; allowed: {', '.join(sorted(settings.sites))}")
    if from_day and to_day and from_day > to_day:
        raise SettingsError(f"--from: got {from_day:%Y-%m-%d}; allowed: a day not after --to, {to_day:%Y-%m-%d}")
    seen, moved = asyncio.run(
        _recredit(settings, site, from_day.date() if from_day else None, to_day.date() if to_day else None)
    )
    click.echo(f"{moved} of {seen} surveys are credited elsewhere now")


async def _recredit(settings: Settings, site: str, from_day: date | None, to_day: date | None) -> tuple[int, int]:
    _, attribution = attribution_of(settings)
    seen = moved = 0
    async with await open_database(settings.database.url.get_secret_value()) as database:
        await check_schema(database)
        recorder = Recorder(database)
        async for linkedid in asked_calls(database, site, from_day=from_day, to_day=to_day):
            seen += 1
            moved += await recorder.recredit_call(site, linkedid, attribution.decide)
    return seen, moved


async def _copy(source: str, target: str) -> tuple[Mapping[str, int], list[Difference]]:
    async with await open_database(source) as old, await open_database(target) as new:
        await check_schema(old)
        await check_schema(new)
        return await copy_all(old, new), await verify(new)


async def _verify(url: str) -> list[Difference]:
    async with await open_database(url) as database:
        await check_schema(database)
        return await verify(database)
