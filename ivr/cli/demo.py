"""`postcall demo`: the service beside a PBX of its own, with callers who press keys, and the scores as they come in."""

import asyncio
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from callflows.loader import LIBRARY
from ivr.app import Service, running
from ivr.cli.logs import configure_logs
from ivr.cli.score_table import score_table
from ivr.demo.choices import DemoPbx, real_pbx, simulated_pbx
from ivr.service_settings import LogSettings
from ivr.settings import Settings, build_settings
from ivr.web.score_models import AgentsScores
from ivr.web.sign_in_link import sign_in_link
from ivr.web.try_link import try_link
from storage.accounts import AccountRecord, Accounts
from storage.schema import upgrade
from storage.verify import verify

REFRESH_SECONDS = 0.5
PLAIN_SECONDS = 5.0
"""Between two tables where the terminal cannot redraw."""


@click.command()
@click.option("--pbx", type=click.Choice(["simulated", "asterisk"]), default="simulated", show_default=True)
@click.option("--duration", type=click.FloatRange(min=1), help="Seconds; without it, Ctrl-C ends.")
def demo(pbx: str, duration: float | None) -> None:
    """Run everything on this machine, on a database of its own that is thrown away at the end."""
    configure_logs(LogSettings(level="error"))
    asyncio.run(_demo(pbx, duration))


async def _demo(pbx: str, duration: float | None) -> None:
    console = Console(soft_wrap=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with TemporaryDirectory(prefix="postcall-demo-") as folder:
        if pbx == "asterisk":
            console.print("Getting a real Asterisk ready; the first time on a machine this takes about a minute.")
        async with (
            simulated_pbx() if pbx == "simulated" else real_pbx(LIBRARY / "sounds") as chosen,
            _service(Path(folder), chosen) as (settings, service),
        ):
            token = settings.web.token.get_secret_value()
            url = f"{service.url}/api/v1/agents/scores"
            console.print(f"Postcall runs beside {chosen.about}. The same scores as below:")
            console.print(f'  curl -H "Authorization: Bearer {token}" {url}', highlight=False)
            link = try_link(token, "csat", datetime.now(UTC) + timedelta(days=1))
            console.print("The pages of a supervisor; the link signs you in, once:")
            console.print(f"  {service.url}{await _way_in(service, token)}", highlight=False)
            console.print("Answer the survey yourself, in a browser (a trial, which is not counted):")
            console.print(f"  {service.url}{link}", highlight=False)
            traffic = asyncio.create_task(chosen.traffic(), name="callers")
            showing = asyncio.create_task(_show(console, url, token), name="table")
            stopping = asyncio.create_task(stop.wait())
            tasks: tuple[asyncio.Task[Any], ...] = (stopping, traffic, showing)
            done, _ = await asyncio.wait(tasks, timeout=duration, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for task in done:
                task.result()  # raises what ended it early
            console.print(score_table((await _scores(url, token)).agents, "At the end"))
            differences = await verify(service.database)
            for difference in differences:
                console.print(str(difference))
            console.print("Every tally is what the answers say." if not differences else "The tallies are wrong.")
    if differences:
        sys.exit(1)


@asynccontextmanager
async def _service(folder: Path, pbx: DemoPbx) -> AsyncIterator[tuple[Settings, Service]]:
    url = f"sqlite:///{folder / 'demo.db'}"
    settings = build_settings(
        {
            "database": {"url": url},
            "web": {"port": 0, "token": secrets.token_urlsafe(16)},
            "fastagi": {"port": pbx.agi_port},
            "privacy": {"caller_key": secrets.token_urlsafe(16)},
            "sites": {
                "demo": {
                    "name": "Demonstration",
                    "ami": {"port": pbx.ami_port, "username": pbx.ami_user, "secret": pbx.ami_secret},
                }
            },
        },
        source="demo",
    )
    await upgrade(url)
    async with running(settings) as service:
        yield settings, service


async def _way_in(service: Service, token: str) -> str:
    """A link that signs in to an account of the demonstration."""
    now = datetime.now(UTC)
    await Accounts(service.database).add(AccountRecord(login="demo", role="admin", created_at=now))
    return sign_in_link(token, "demo", now + timedelta(days=1))


async def _show(console: Console, url: str, token: str) -> None:
    """Draw the table again and again, from the API's own answers."""
    if not console.is_terminal:
        ratings: float = 0
        while True:
            await asyncio.sleep(PLAIN_SECONDS)
            scores = await _scores(url, token)
            if sum(agent.n for agent in scores.agents) != ratings:
                ratings = sum(agent.n for agent in scores.agents)
                console.print(score_table(scores.agents, f"{ratings} ratings"))
    with Live(Text("The first calls are on their way."), console=console, transient=True) as live:
        while True:
            scores = await _scores(url, token)
            ratings = sum(agent.n for agent in scores.agents)
            if scores.agents:
                live.update(score_table(scores.agents, f"{ratings} ratings; Ctrl-C ends"))
            await asyncio.sleep(REFRESH_SECONDS)


async def _scores(url: str, token: str) -> AgentsScores:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}, raise_for_status=True) as client,
        client.get(url) as response,
    ):
        return AgentsScores.model_validate_json(await response.read())
