"""Who asks, and what that person may see."""

from dataclasses import dataclass
from typing import Literal

from aiohttp import web

Role = Literal["admin", "supervisor", "agent"]
"""An admin may do everything, a supervisor sees some teams, an agent the own score."""

ADMIN: frozenset[Role] = frozenset({"admin"})
SUPERVISORS: frozenset[Role] = frozenset({"admin", "supervisor"})
EVERYBODY: frozenset[Role] = frozenset({"admin", "supervisor", "agent"})


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
            return agent == self.agent
        return self.teams is None or team in self.teams


VIEWER = web.RequestKey("viewer", Viewer)
"""Who asks; set for every request that an operation answers."""
