"""How a site chooses the flow of a call, from its settings."""

from functools import partial

from ivr.site_settings import SiteSettings
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.site_flows import SiteFlows


def site_flows(code: str, site: SiteSettings, agents: AgentDirectory) -> SiteFlows:
    """How the site of that code chooses the flow of a call."""
    return SiteFlows(flow=site.flow, rules=site.flows, team_of=partial(agents.team_of, code), zone=site.zone_info)
