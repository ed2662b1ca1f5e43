"""Who asks, and what that person may see."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from aiohttp import web

from storage.accounts import AccountRecord, Role
from storage.records import AgentRecord

ADMIN: frozenset[Role] = frozenset({"admin"})
SUPERVISORS: frozenset[Role] = frozenset({"admin", "supervisor"})
EVERYBODY: frozenset[Role] = frozenset({"admin", "supervisor", "agent"})


LONGEST_LOGIN = 64
LOGIN = re.compile(rf"[a-z0-9][a-z0-9._@-]{{0,{LONGEST_LOGIN - 1}}}")
"""What a login name looks like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Somebody who has shown who they are."""

    name: str
    """The login name; ``token`` for whoever has the token of the settings."""
    role: Role
    site: str | None = None
    """The only site that is seen; None for all. An agent has one."""
    teams: frozenset[str] | None = None
    """The teams whose agents are seen; None for all."""
    agent: str = ""
    """The code of an agent's own; ``""`` for other roles."""

    def sees(self, site: str, agent: str, team: str) -> bool:
        """Whether the scores and calls of an agent, who is in `team` at `site`, may be shown."""
        if self.site is not None and site != self.site:
            return False
        if self.role == "agent":
            return bool(agent) and agent == self.agent
        return self.teams is None or team in self.teams

    @property
    def sees_all_agents(self) -> bool:
        """Whether all agents of the sites that are seen may be shown, and ratings whose agent is not known."""
        return self.role != "agent" and self.teams is None


ROOT = Viewer(name="token", role="admin")
"""Whoever has the token of the settings."""
VIEWER = web.RequestKey("viewer", Viewer)
"""Who asks; set for every request that an operation answers."""


def viewer_of(account: AccountRecord) -> Viewer:
    """What the owner of an account may see."""
    return Viewer(
        name=account.login,
        role=account.role,
        site=account.site or None,
        teams=frozenset(account.teams) if account.teams else None,
        agent=account.agent,
    )


def visible_agents(viewer: Viewer, agents: Iterable[AgentRecord]) -> frozenset[str] | None:
    """The codes of those of the agents of a site whom a viewer may see; None for all, known or not."""
    if viewer.sees_all_agents:
        return None
    return frozenset(agent.agent for agent in agents if viewer.sees(agent.site, agent.agent, agent.team))
