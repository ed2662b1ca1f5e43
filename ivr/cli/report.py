"""`postcall report`: the scores of a week as one HTML file with its charts inside."""

import asyncio
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from ivr.cli.options import config_option
from ivr.cli.publish import flow_database
from ivr.errors import SettingsError
from ivr.parts.web import RatedFlows
from ivr.scoreboard.board import Scoreboard, ScoredSite, ScoreQuery
from ivr.settings import Settings, load_settings
from ivr.surveys.flows import FlowShelf
from ivr.surveys.publishing import Publishing
from ivr.web.pages.language import NAMES, language
from ivr.web.pages.report import Heading
from ivr.web.pages.report import report as rendered

A_WEEK = "a week such as 2026-W47, which begins on a Monday (ISO 8601)"


@click.command()
@click.option("--week", required=True, help="The week, such as 2026-W47.")
@click.option("--site", help="The site; without it the first one.")
@click.option("--flow", help="The flow; without it the site's usual one.")
@click.option("--team", default="", help="One team alone.")
@click.option("--language", "spoken", type=click.Choice(list(NAMES)), default="en", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file; without it standard output.")
@config_option
def report(week: str, site: str | None, flow: str | None, team: str, spoken: str, out: Path | None, path: Path) -> None:
    """Write the scores of a week as one HTML file."""
    settings = load_settings(path)
    first = first_day(week)
    code = site or next(iter(settings.sites))
    if code not in settings.sites:
        raise SettingsError(f"--site: got {code!r}; allowed: {', '.join(settings.sites)}")
    text = asyncio.run(_report(settings, first, code, flow or settings.sites[code].flow, team, spoken))
    if out is None:
        click.echo(text)
        return
    try:
        out.write_text(text, "utf-8")
    except OSError as error:
        raise SettingsError(f"--out: {out} cannot be written: {error.strerror}") from None
    click.echo(f"{out} has the week from {first} to {first + timedelta(days=6)}")


def first_day(week: str) -> date:
    """The Monday of a week. Raises `SettingsError` for what is none."""
    found = re.fullmatch(r"(\d{4})-W(\d{2})", week)
    try:
        if found is None:
            raise ValueError
        return date.fromisocalendar(int(found[1]), int(found[2]), 1)
    except ValueError:
        raise SettingsError(f"--week: got {week!r}; allowed: {A_WEEK}") from None


async def _report(settings: Settings, first: date, code: str, flow: str, team: str, spoken: str) -> str:
    site = settings.sites[code]
    async with flow_database(settings) as database:
        shelf = FlowShelf(_now)
        publishing = Publishing(database=database, shelf=shelf, folder=None, now=_now)
        await publishing.refresh()
        flows = RatedFlows(shelf)
        if flow not in flows:
            raise SettingsError(f"--flow: got {flow!r}; allowed: {', '.join(flows) or 'none is in force yet'}")
        board = Scoreboard(
            database=database,
            sites={code: ScoredSite(zone=site.zone_info, flow=site.flow, name=site.name)},
            flows=flows,
            now=_now,
        )
        query = ScoreQuery(
            site=code,
            zone=site.zone_info,
            flow=flow,
            from_day=first,
            to_day=first + timedelta(days=6),
            team=team or None,
        )
        heading = Heading(site=site.name or code, flow=flows[flow].title, team=team)
        return await rendered(board, query, language(spoken), heading)


def _now() -> datetime:
    return datetime.now(UTC)
