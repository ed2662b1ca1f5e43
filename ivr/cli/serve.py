"""`postcall serve`: the service on a real PBX."""

import asyncio
import gc
import signal
from pathlib import Path

import click
import structlog

from ivr.app import Service, running
from ivr.cli.logs import configure_logs
from ivr.cli.options import config_option
from ivr.cli.systemd import tell_systemd, watched
from ivr.settings import Settings, load_settings

log = structlog.get_logger()


@click.command()
@config_option
def serve(path: Path) -> None:
    """Run the service until it is told to stop (SIGTERM, Ctrl-C).

    Then nobody new is asked, and surveys under way may end; told a second time, it ends at once.
    """
    settings = load_settings(path)
    configure_logs(settings.log)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    stop, at_once = asyncio.Event(), asyncio.Event()

    def told() -> None:
        (at_once if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told)
    async with watched(), running(settings) as service:
        # What the service was built of stays for good: to look through it for garbage, again and again, would hold up
        # every caller and every page for 80 ms at a time.
        gc.collect()
        gc.freeze()
        click.echo(f"Postcall listens: scores on {service.url}, surveys on port {service.agi_port}", err=True)
        tell_systemd("READY=1", "STATUS=surveys are taken")
        await stop.wait()
        await _let_end(service, settings.fastagi.drain_seconds, at_once)


async def _let_end(service: Service, seconds: float, at_once: asyncio.Event) -> None:
    """Take no new surveys, and wait for those under way: for `seconds`, and until `at_once`. The others are ended, and
    what was keyed in them is kept."""
    under_way = service.agi.counts.open
    log.info("the service stops: no new surveys", under_way=under_way, seconds=seconds)
    tell_systemd("STOPPING=1", f"STATUS=no new surveys, {under_way} are under way")
    draining = asyncio.create_task(service.agi.drain(seconds))
    hurry = asyncio.create_task(at_once.wait())
    await asyncio.wait((draining, hurry), return_when=asyncio.FIRST_COMPLETED)
    for task in (draining, hurry):
        task.cancel()
    await asyncio.gather(draining, hurry, return_exceptions=True)
    if left := service.agi.counts.open:
        log.warning("surveys under way are ended by the stop of the service", surveys=left)
    await service.agi.stop(0)
