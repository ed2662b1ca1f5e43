"""From the settings of all sites: who sits where, and whom ratings are credited to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from ivr.settings import Settings
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.agents_file import follow_agents, read_agents
from ivr.surveys.attribution import Attribution, CreditRules


def attribution_of(settings: Settings) -> tuple[AgentDirectory, Attribution]:
    """Who sits where, and whom ratings are credited to. Raises `SettingsError` when a list of agents has mistakes."""
    agents = AgentDirectory(
        {
            code: read_agents(site.agents_file, site.zone_info)
            for code, site in settings.sites.items()
            if site.agents_file
        }
    )
    rules = {
        code: CreditRules(default=site.credit.default, queues=site.credit.queues, reasons=site.queue_reasons)
        for code, site in settings.sites.items()
    }
    return agents, Attribution(rules, agents.identify)


@asynccontextmanager
async def following(settings: Settings, agents: AgentDirectory) -> AsyncIterator[None]:
    """Use each new state of the lists of agents while the block runs."""
    tasks = [
        asyncio.create_task(
            follow_agents(site.agents_file, site.zone_info, partial(agents.replace, code)), name=f"agents of {code}"
        )
        for code, site in settings.sites.items()
        if site.agents_file
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
