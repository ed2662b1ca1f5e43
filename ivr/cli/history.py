"""`postcall flows history` and `show`: which versions there were, and what they say."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from ivr.cli.options import config_option
from ivr.cli.publish import SHORT, flow_database, home_zone, known_publications, only_digest, shown
from ivr.settings import Settings, load_settings
from ivr.surveys.versions import in_force, in_order, moment
from storage.publication_queries import flow_versions_like, publications, surveys_by_version
from storage.records import PublicationRecord


@click.command()
@click.argument("flow", required=False)
@config_option
def history(flow: str | None, path: Path) -> None:
    """List the publications of all flows, or of FLOW: the newest first, the one in force marked with *."""
    settings = load_settings(path)
    found, surveys = asyncio.run(_history(settings, flow))
    heading = ("flow", "", "in force from", "version", "published", "by", "surveys")
    table = [heading]
    for code in sorted({one.flow for one in found}):
        table += _rows([one for one in found if one.flow == code], surveys, home_zone(settings))
    widths = [max(len(row[column]) for row in table) for column in range(len(heading))]
    for row in table:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@click.command()
@click.argument("digest")
@config_option
def show(digest: str, path: Path) -> None:
    """Print the source of the stored version with DIGEST, or with the only digest that begins so."""
    click.echo(asyncio.run(_source(load_settings(path), digest)), nl=False)


def _rows(
    publications: list[PublicationRecord], surveys: Mapping[str, int], zone: ZoneInfo
) -> list[tuple[str, str, str, str, str, str, str]]:
    current = in_force(publications, moment(publications, datetime.now(UTC)))
    return [
        (
            one.flow,
            "*" if one == current else "",
            shown(one.in_force_from, zone),
            one.digest[:SHORT],
            shown(one.published_at, zone),
            _printable(f"{one.way} {one.published_by}".strip()),
            str(surveys.get(one.digest, 0)),
        )
        for one in reversed(in_order(publications))
    ]


async def _history(settings: Settings, flow: str | None) -> tuple[list[PublicationRecord], Mapping[str, int]]:
    async with flow_database(settings) as database:
        found = await (known_publications(database, flow) if flow else publications(database))
        return found, await surveys_by_version(database, flow)


async def _source(settings: Settings, digest: str) -> str:
    async with flow_database(settings) as database:
        found = {one.digest: one for one in await flow_versions_like(database, digest.lower())}
        return found[only_digest(found, digest)].source


def _printable(text: str) -> str:
    """A file's name must not steer the terminal that shows it."""
    return "".join(char if char.isprintable() else "?" for char in text)
