"""`postcall try-link`: a link with which a flow is tried in a browser."""

import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from ivr.cli.options import config_option
from ivr.settings import load_settings
from ivr.surveys.flows import FlowShelf
from ivr.web import try_link as links

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
    shelf = FlowShelf.load(settings.flows.folder)
    code = shelf.require(flow or next(iter(settings.sites.values())).flow, setting="FLOW").flow.flow
    host = socket.gethostname() if settings.web.host in ANY_HOST else settings.web.host
    shown = f"[{host}]" if ":" in host else host
    until = datetime.now(UTC) + timedelta(hours=hours)
    click.echo(
        f"http://{shown}:{settings.web.port}{links.try_link(settings.web.token.get_secret_value(), code, until)}"
    )
