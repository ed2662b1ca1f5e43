"""How one site chooses the flow of a call: its rules, its agents' teams and the time on its clocks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from ivr.flow_rules import FlowRule
from ivr.surveys.choice import Choice, Situation, choose


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteFlows:
    """What a site's settings say of its flows."""

    flow: str
    """The flow of the calls that no rule matches."""
    rules: tuple[FlowRule, ...]
    team_of: Callable[[str, datetime], str]
    """The team of an agent, by code, at a moment; ``""`` for none."""
    zone: ZoneInfo

    def choose(self, *, at: datetime, queue: str, agent: str, reason: str, language: str) -> Choice:
        """The flow for a call that is put one at the moment `at`. `agent` is a code; ``""`` is not known."""
        return choose(
            self.rules,
            self.flow,
            Situation(
                at=at.astimezone(self.zone),
                queue=queue,
                team=self.team_of(agent, at),
                reason=reason,
                language=language,
            ),
        )
