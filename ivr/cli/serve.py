"""`postcall serve`: the service on a real PBX."""

import asyncio
import gc
import signal
from pathlib import Path

import click

from ivr.app import running
from ivr.cli.logs import configure_logs
from ivr.cli.options import config_option
from ivr.settings import Settings, load_settings


@click.command()
@config_option
def serve(path: Path) -> None:
    """Run the service until it is told to stop (SIGTERM, Ctrl-C)."""
    settings = load_settings(path)
    configure_logs(settings.log)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(settings) as service:
        # What the service was built of stays for good: to look through it for garbage, again and again, would hold up
        # every caller and every page for 80 ms at a time.
        gc.collect()
        gc.freeze()
        click.echo(f"Postcall listens: scores on {service.url}, surveys on port {service.agi_port}", err=True)
        await stop.wait()
