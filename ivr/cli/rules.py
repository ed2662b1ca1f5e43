"""`postcall rules`: who is asked, and why."""

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from ivr.cli.group import Group
from ivr.cli.options import config_option
from ivr.errors import SettingsError
from ivr.settings import Settings, load_settings
from ivr.surveys.privacy import CallerKey, plain_number
from ivr.surveys.request import reason_code
from ivr.surveys.rulebook import rules_of
from ivr.surveys.rules import Decision, Facts, decide, needed
from ivr.surveys.sampling import draw
from storage.engine import open_database
from storage.quarantine import Lookup, Past, look_back
from storage.schema import check_schema


@click.group(cls=Group)
def rules() -> None:
    """Who is asked, and why."""


@rules.command()
@click.option("--site", help="The site; may be left out when there is one.")
@click.option("--caller", default="", help="The caller's number; without it the number counts as withheld.")
@click.option("--queue", default="", help="The queue that the caller waited in.")
@click.option("--agent", default="", help="The interface of the agent, such as PJSIP/1001.")
@click.option("--reason", default="", help="The call reason, such as billing/refund.")
@click.option("--talk", type=click.IntRange(0, 86_400), help="Seconds of talk.")
@click.option("--internal", is_flag=True, help="As if the channel variable said that the call is internal.")
@click.option("--call", "linkedid", help="The call's linkedid, for the draw of the sampling.")
@click.option("--at", help="The moment, such as 2026-11-22T10:00+08:00; without an offset in the site's zone.")
@config_option
def explain(
    site: str | None,
    caller: str,
    queue: str,
    agent: str,
    reason: str,
    talk: int | None,
    internal: bool,
    linkedid: str | None,
    at: str | None,
    path: Path,
) -> None:
    """Say rule by rule whether such a call would be asked; writes nothing."""
    settings = load_settings(path)
    code = _site(settings, site)
    callers = _callers(settings)
    known = rules_of(settings, code, callers)
    number = plain_number(caller)
    if caller and not number:
        raise SettingsError("--caller: not a telephone number; allowed are +, digits, * and #")
    if reason and not reason_code(reason):
        raise SettingsError(f"--reason: got {reason!r}; should be a code such as billing or billing/refund")
    moment = _moment(at, known.zone) if at else datetime.now(UTC)
    facts = Facts(
        site=code,
        at=moment,
        caller=callers.caller(number).digest,
        number=number,
        marked_internal=internal,
        agent=agent,
        queue=queue,
        reason=reason_code(reason),
        agent_reached=True if agent else None,
        talk_seconds=talk,
    )
    lookup = needed(known, facts)
    past = asyncio.run(_past(settings, replace(lookup, before=moment) if at else lookup))
    decision = decide(known, facts, past, draw(callers.key, code, linkedid) if linkedid else None)
    click.echo(f"site {code}, {moment.astimezone(known.zone):%A %Y-%m-%d %H:%M %Z}")
    for line in _told(decision):
        click.echo(line)


@rules.command()
@config_option
def digest(path: Path) -> None:
    """Read numbers from standard input, one a line, and print the digest of each, for `do_not_ask`."""
    callers = _callers(load_settings(path))
    for place, line in enumerate(sys.stdin, start=1):
        caller = callers.caller(line.strip())
        if not caller.digest:
            raise SettingsError(f"line {place}: not a telephone number; allowed are +, digits, * and #")
        click.echo(caller.digest)


async def _past(settings: Settings, lookup: Lookup) -> Past:
    async with await open_database(settings.database.url.get_secret_value()) as database:
        await check_schema(database)
        return await look_back(database, lookup)


def _told(decision: Decision) -> list[str]:
    lines = [f"  {line.says:<9}  {line.rule}: {line.why}" for line in decision.lines]
    decided = decision.decided_by
    if decided is not None:
        return [*lines, f"not asked: {decided.code}, by {decided.rule}"]
    sampling = decision.lines[-1]
    if sampling.says == "not known":
        return [*lines, "asked if the draw allows it; --call LINKEDID tells the draw of one call"]
    return [*lines, "asked"]


def _callers(settings: Settings) -> CallerKey:
    return CallerKey(settings.privacy.caller_key.get_secret_value().encode())


def _site(settings: Settings, site: str | None) -> str:
    if site is None and len(settings.sites) == 1:
        return next(iter(settings.sites))
    if site not in settings.sites:
        given = f"got {site!r}; " if site else ""
        raise SettingsError(f"--site: {given}should be one of {', '.join(sorted(settings.sites))}")
    return site


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        if not 1970 <= moment.year <= 2999:
            raise ValueError
    except ValueError:
        raise SettingsError(f"--at: got {text!r}; should be a moment such as 2026-11-22T10:00+08:00") from None
    return moment
