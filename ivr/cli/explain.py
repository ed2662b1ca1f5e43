"""`postcall flows explain`: which flow a call would be put, and why."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from ivr.calls import AgentRef
from ivr.cli.options import config_option
from ivr.cli.publish import SHORT, flow_database, shown
from ivr.errors import SettingsError
from ivr.parts.choice import site_flows
from ivr.settings import Settings, load_settings
from ivr.surveys.crediting import attribution_of
from ivr.surveys.request import reason_code
from ivr.surveys.versions import in_force
from storage.publication_queries import publications


@click.command()
@click.option("--site", help="The site; needed when there are several.")
@click.option("--queue", default="")
@click.option("--agent", default="", help="The agent's interface, such as PJSIP/1001: it has the team.")
@click.option("--reason", default="")
@click.option("--language", default="", help="The language of the caller's channel.")
@click.option("--at", help="The moment, such as 2026-11-22T10:00 on the site's clocks. Without it, now.")
@config_option
def explain(site: str | None, queue: str, agent: str, reason: str, language: str, at: str | None, path: Path) -> None:
    """Say which flow a call is put, what each rule of the site says of it, and which version is in force then."""
    settings = load_settings(path)
    code = _site(settings, site)
    known = reason_code(reason)
    if reason and not known:
        raise SettingsError(f"--reason: got {reason!r}; allowed: a code such as billing or billing/refund")
    agents, _ = attribution_of(settings)
    flows = site_flows(code, settings.sites[code], agents)
    moment = _moment(at, flows.zone)
    who = agents.identify(code, AgentRef(interface=agent), moment)
    choice = flows.choose(at=moment, queue=queue, agent=who, reason=known, language=language)
    why = f"rule {choice.rule}" if choice.rule else "the site's own: no rule matches"
    click.echo(f"site {code} puts flow {choice.flow} ({why})")
    click.echo(asyncio.run(_version(settings, choice.flow, moment, flows.zone)))
    for verdict in choice.verdicts:
        click.echo(str(verdict))


def _site(settings: Settings, given: str | None) -> str:
    there = ", ".join(settings.sites)
    if given is None:
        if len(settings.sites) > 1:
            raise SettingsError(f"--site: is needed, for there are several sites: {there}")
        return next(iter(settings.sites))
    if given not in settings.sites:
        raise SettingsError(f"--site: got {given!r}; allowed: {there}")
    return given


def _moment(given: str | None, zone: ZoneInfo) -> datetime:
    if given is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise SettingsError(f"--at: got {given!r}; allowed: a moment such as 2026-11-22T10:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


async def _version(settings: Settings, flow: str, at: datetime, zone: ZoneInfo) -> str:
    async with flow_database(settings) as database:
        found = in_force(await publications(database, flow), at)
    if found is None:
        return f"no version of flow {flow} is in force at {shown(at, zone)}"
    begun = shown(found.in_force_from, zone)
    return f"version {found.digest[:SHORT]} is in force at {shown(at, zone)}, by the publication of {begun}"
