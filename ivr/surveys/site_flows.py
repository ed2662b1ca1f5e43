"""How one site chooses the flow of a call: its rules, its teams and the time on its clocks."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ivr.flow_rules import FlowRule
from ivr.surveys.choice import Choice, Situation, choose
from ivr.surveys.teams import Teams


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFlows:
    """What a site's settings say of its flows."""

    flow: str
    """The flow of the calls that no rule matches."""
    rules: tuple[FlowRule, ...]
    teams: Teams
    zone: ZoneInfo

    def choose(self, *, at: datetime, queue: str, agent: str, reason: str, language: str) -> Choice:
        """The flow for a call that is put one at the moment `at`. `agent` is a code; ``""`` is not known."""
        return choose(
            self.rules,
            self.flow,
            Situation(
                at=at.astimezone(self.zone),
                queue=queue,
                team=self.teams.team_of(agent),
                reason=reason,
                language=language,
            ),
        )
