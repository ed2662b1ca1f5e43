"""`postcall try-link`: a link with which a flow is tried in a browser."""

import asyncio
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from ivr.cli.options import config_option
from ivr.cli.publish import flow_database
from ivr.errors import FlowError
from ivr.settings import Settings, load_settings
from ivr.surveys.versions import in_force, moment
from ivr.web import try_link as links
from storage.publication_queries import publications
from storage.records import PublicationRecord

ANY_HOST = ("0.0.0.0", "::")  # noqa: S104 - what a service listens on, not where it is


@click.command("try-link")
@config_option
@click.argument("flow", required=False)
@click.option(
    "--hours", type=click.FloatRange(0, 24 * 30, min_open=True), default=8, show_default=True, help="How long it holds."
)
def try_link(path: Path, flow: str | None, hours: float) -> None:
    """Print a link: whoever opens it may try FLOW (without it, the site's own) on a keypad with sound.

    The service must be running. The link gives no right to anything else.
    """
    settings = load_settings(path)
    code = flow or next(iter(settings.sites.values())).flow
    asyncio.run(_require(settings, code))
    host = socket.gethostname() if settings.web.host in ANY_HOST else settings.web.host
    shown = f"[{host}]" if ":" in host else host
    until = datetime.now(UTC) + timedelta(hours=hours)
    click.echo(
        f"http://{shown}:{settings.web.port}{links.try_link(settings.web.token.get_secret_value(), code, until)}"
    )


async def _require(settings: Settings, flow: str) -> None:
    now = datetime.now(UTC)
    async with flow_database(settings) as database:
        by_flow: dict[str, list[PublicationRecord]] = {}
        for one in await publications(database):
            by_flow.setdefault(one.flow, []).append(one)
    there = [code for code, ones in sorted(by_flow.items()) if in_force(ones, moment(ones, now))]
    if flow not in there:
        raise FlowError(f"FLOW: no flow {flow!r} is in force; there are {', '.join(there) or 'none'}")
