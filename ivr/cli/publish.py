"""`postcall flows publish` and `rollback`: which version is put to callers, and from when."""

import asyncio
import getpass
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from callflows.loader import FlowVersion, load_flow, parse_flow
from callflows.prompts import missing
from callflows.sounds import spoken
from ivr.cli.options import config_option
from ivr.errors import FlowError, SettingsError
from ivr.settings import Settings, load_settings
from ivr.surveys.publishing import version_record
from ivr.surveys.versions import before, in_force, moment
from storage.engine import Database, open_database
from storage.publication_queries import flow_versions, publications
from storage.recorder import Recorder
from storage.records import PublicationRecord, Way
from storage.schema import check_schema

SHORT = 12
"""How much of a digest is shown."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--at", help="From when, such as 2026-12-01T00:00+01:00. Without it, at once.")
@config_option
def publish(file: Path, at: str | None, path: Path) -> None:
    """Put a flow file in force, at once or at a given time; a service that runs needs no restart."""
    settings = load_settings(path)
    now = datetime.now(UTC)
    moment = _future(at, now) if at else now
    folder = settings.flows.folder
    if at and folder and file.resolve().parent == folder.resolve():
        raise SettingsError(
            f"--at: {file} is in flows.folder, where a file is in force at once; allowed: a file that lies elsewhere"
        )
    version = load_flow(file)
    asyncio.run(_publish(settings, version, now, moment))
    click.echo(_told(version, moment, moment if at else None, home_zone(settings)))
    sounds = file.parent / "sounds"
    lacking = missing(version.flow, sounds)
    if lacking:
        # They may be on the PBX all the same, which alone counts: this is no mistake.
        click.echo(
            f"{len(lacking)} of its {len(spoken(version.flow))} sounds are not in {sounds}: `postcall prompts missing"
            f" {file}` lists them. Callers are asked when the PBX has them all",
            err=True,
        )


@click.command()
@click.argument("flow")
@click.argument("digest", required=False, default="")
@config_option
def rollback(flow: str, digest: str, path: Path) -> None:
    """Put an earlier version of FLOW in force again: the one with DIGEST, or the one in force before this one.

    It holds until a command or a file publishes another version; a file does so when what it says changes.
    """
    settings = load_settings(path)
    now = datetime.now(UTC)
    version = asyncio.run(_roll_back(settings, flow, digest, now))
    click.echo(_told(version, now, None, home_zone(settings)))


@asynccontextmanager
async def flow_database(settings: Settings) -> AsyncIterator[Database]:
    """The database of the settings, with the schema that is needed. Raises `DatabaseError`."""
    async with await open_database(settings.database.url.get_secret_value()) as database:
        await check_schema(database)
        yield database


def home_zone(settings: Settings) -> ZoneInfo:
    """The zone in which moments are shown: that of the first site."""
    return next(iter(settings.sites.values())).zone_info


def only_digest(digests: Collection[str], start: str, of: str = "") -> str:
    """The digest that begins with `start`. Raises `FlowError` unless there is exactly one."""
    found = sorted({one for one in digests if one.startswith(start.lower())})
    if not found:
        raise FlowError(f"there is no version {start!r}{of}; `postcall flows history` lists those that there are")
    if len(found) > 1:
        shortened = ", ".join(one[:SHORT] for one in found[:5])
        raise FlowError(f"{len(found)} versions{of} begin with {start!r}: {shortened}; give more of it")
    return found[0]


async def known_publications(database: Database, flow: str) -> list[PublicationRecord]:
    """The publications of a flow. Raises `FlowError` when it has none."""
    everything = await publications(database)
    found = [one for one in everything if one.flow == flow]
    if not found:
        there = ", ".join(sorted({one.flow for one in everything})) or "none yet"
        raise FlowError(f"no flow {flow!r} was ever published; there are {there}")
    return found


async def _publish(settings: Settings, version: FlowVersion, now: datetime, moment: datetime) -> None:
    async with flow_database(settings) as database:
        await Recorder(database).publish(version_record(version, now))
        await _put_in_force(database, version, now, moment, "command")


async def _roll_back(settings: Settings, flow: str, digest: str, now: datetime) -> FlowVersion:
    async with flow_database(settings) as database:
        known = await known_publications(database, flow)
        at = moment(known, now)
        current = in_force(known, at)
        earlier = (
            only_digest([one.digest for one in known], digest, f" of flow {flow}") if digest else before(known, at)
        )
        if earlier is None:
            raise FlowError(f"no other version of flow {flow} was ever in force")
        if current and current.digest == earlier:
            raise FlowError(f"version {earlier[:SHORT]} of flow {flow} is in force already")
        (record,) = await flow_versions(database, [earlier])
        # What this release cannot read must not be put to callers.
        version = parse_flow(record.source, f"version {record.digest[:SHORT]} of flow {flow}")
        version = replace(version, digest=record.digest)
        await _put_in_force(database, version, now, now, "rollback")
        return version


async def _put_in_force(database: Database, version: FlowVersion, now: datetime, moment: datetime, way: Way) -> None:
    await Recorder(database).put_in_force(
        PublicationRecord(
            flow=version.flow.flow,
            digest=version.digest,
            in_force_from=moment,
            published_at=now,
            way=way,
            published_by=_user(),
        )
    )


def _future(text: str, now: datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise SettingsError(f"--at: got {text!r}; allowed: a moment with its offset, such as 2026-12-01T00:00+01:00")
    if moment <= now:
        raise SettingsError(f"--at: {text} is past; allowed: a moment to come, or no --at to publish at once")
    return moment


def _told(version: FlowVersion, moment: datetime, planned: datetime | None, zone: ZoneInfo) -> str:
    when = f"will be in force from {shown(moment, zone)}" if planned else "is in force"
    return f"flow {version.flow.flow}: version {version.digest[:SHORT]} {when}"


def shown(moment: datetime, zone: ZoneInfo) -> str:
    """A moment in `zone`, to the second."""
    return moment.astimezone(zone).isoformat(sep=" ", timespec="seconds")


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # No login name, as in some containers.
        return ""
