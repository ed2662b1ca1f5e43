"""How a site chooses the flow of a call, from its settings."""

from ivr.site_settings import SiteSettings
from ivr.surveys.site_flows import SiteFlows
from ivr.surveys.teams import Teams


def site_flows(site: SiteSettings) -> SiteFlows:
    """How a site chooses the flow of a call."""
    return SiteFlows(flow=site.flow, rules=site.flows, teams=Teams(site.teams), zone=site.zone_info)
