"""`postcall demo-data`: fills an empty database with a call centre that never was."""

import asyncio
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path

import click

from callflows.loader import LIBRARY, load_flow
from ivr.cli.logs import configure_logs
from ivr.cli.options import config_option
from ivr.cli.publish import flow_database
from ivr.demo.data import REASONS, DemoCall, DemoPlan, demo_agents, demo_calls
from ivr.demo.data_rows import rows_of
from ivr.errors import SettingsError
from ivr.service_settings import LogSettings
from ivr.settings import Settings, load_settings
from ivr.surveys.flows import FlowShelf
from ivr.surveys.publishing import Publishing
from storage.bulk import Rows, fill, has_calls
from storage.recorder import Recorder
from storage.records import AgentRecord, ReasonRecord, SiteRecord

AT_ONCE = 5000
"""Calls written with one statement a table."""
FLOW = LIBRARY / "csat.yaml"


@click.command("demo-data")
@click.option("--ratings", type=click.IntRange(1, 100_000_000), default=10_000, show_default=True)
@click.option("--agents", type=click.IntRange(2, 10_000), default=20, show_default=True)
@click.option("--reasons", type=click.IntRange(1, len(REASONS)), default=len(REASONS), show_default=True)
@click.option("--days", type=click.IntRange(1, 3650), default=90, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed makes the same calls.")
@click.option("--until", help="The last day, such as 2026-11-26; without it today.")
@config_option
def demo_data(ratings: int, agents: int, reasons: int, days: int, seed: int, until: str | None, path: Path) -> None:
    """Fill an empty database with made-up calls, to see pages and figures before there are callers."""
    configure_logs(LogSettings(level="error"))
    settings = load_settings(path)
    site = next(iter(settings.sites.values()))
    plan = DemoPlan(
        ratings=ratings,
        agents=agents,
        reasons=reasons,
        last=_day(until) if until else datetime.now(site.zone_info).date(),
        days=days,
        zone=site.zone_info,
        seed=seed,
    )
    begin = time.perf_counter()
    calls = asyncio.run(_fill(settings, plan))
    click.echo(
        f"{calls:,} calls with {ratings:,} ratings of {agents:,} agents and {reasons} reasons, from"
        f" {plan.days} days up to {plan.last}, seed {seed}, in {time.perf_counter() - begin:.0f} s"
    )


def _day(given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise SettingsError(f"--until: got {given!r}; allowed: a day such as 2026-11-26") from None


async def _fill(settings: Settings, plan: DemoPlan) -> int:
    code, site = next(iter(settings.sites.items()))
    async with flow_database(settings) as database:
        if await has_calls(database):
            raise SettingsError("demo-data: the database has calls already; allowed: an empty one")
        recorder = Recorder(database)
        await recorder.ensure_site(SiteRecord(site=code, name=site.name, zone=site.zone))
        await Publishing(database=database, shelf=FlowShelf(_now), folder=None, now=_now).start()
        version = load_flow(FLOW)
        agents = demo_agents(plan)
        for agent in agents:
            await recorder.record_agent(
                AgentRecord(site=code, agent=agent.agent, interface=agent.agent, name=agent.name, team=agent.team)
            )
        for reason, label, queue, _ in REASONS[: plan.reasons]:
            parent = reason.rpartition("/")[0]
            await recorder.record_reason(ReasonRecord(site=code, reason=reason, label=label, parent=parent))
            await recorder.record_queue(code, queue)
        calls = 0

        def batches() -> Iterator[Rows]:
            nonlocal calls
            calls = 0
            for some in _some(demo_calls(plan, agents)):
                calls += len(some)
                yield rows_of(
                    some,
                    site=code,
                    flow=version.flow.flow,
                    version=version.digest,
                    question=version.flow.headline_question.code,
                    zone=plan.zone,
                )

        await fill(database, batches)
        return calls


def _some(calls: Iterable[DemoCall]) -> Iterator[list[DemoCall]]:
    calls = iter(calls)
    while some := list(islice(calls, AT_ONCE)):
        yield some


def _now() -> datetime:
    return datetime.now(UTC)
