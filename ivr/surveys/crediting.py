"""From the settings of all sites: who sits where, and whom ratings are credited to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from ivr.errors import SettingsError
from ivr.settings import Settings
from ivr.site_settings import SiteSettings
from ivr.surveys.agents import AgentBook, AgentDirectory
from ivr.surveys.agents_file import follow_agents, read_agents
from ivr.surveys.attribution import Attribution, CreditRules


def attribution_of(settings: Settings) -> tuple[AgentDirectory, Attribution]:
    """Who sits where, and whom ratings are credited to. Raises `SettingsError` when a list of agents has mistakes, or
    lacks a team that a rule names."""
    agents = AgentDirectory({code: _book(code, site) for code, site in settings.sites.items()})
    rules = {
        code: CreditRules(default=site.credit.default, queues=site.credit.queues, reasons=site.queue_reasons)
        for code, site in settings.sites.items()
    }
    return agents, Attribution(rules, agents.identify)


def _book(code: str, site: SiteSettings) -> AgentBook:
    """Who sits where at a site, and in which team: by its list, or else by the settings alone."""
    if site.agents_file is None:
        return AgentBook(teams={agent: team for team, agents in site.teams.items() for agent in agents})
    book = read_agents(site.agents_file, site.zone_info)
    for number, rule in enumerate(site.flows, 1):
        for team in rule.team or ():
            if team not in book.teams:
                there = f"there are {', '.join(sorted(book.teams))}" if book.teams else "there is none"
                raise SettingsError(
                    f"sites.{code}.flows.{number}.team: there is no team {team} in {site.agents_file}; {there}"
                )
    return book


@asynccontextmanager
async def following_agents(settings: Settings, agents: AgentDirectory) -> AsyncIterator[None]:
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
