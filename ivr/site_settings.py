"""Settings of one PBX: `[sites.CODE]`."""

import difflib
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BeforeValidator, Field, SecretStr, model_validator

from ivr.callback_settings import CallbackSettings
from ivr.flow_rules import Code, FlowRule, ReasonCode, never_matching
from ivr.rule_settings import RuleSettings
from ivr.setting_section import Port, Section, SectionWithSecret, Variable, shaped, wrong


def _zone(value: object) -> object:
    if value not in available_timezones():
        near = difflib.get_close_matches(str(value), available_timezones(), n=1)
        hint = f", did you mean {near[0]}?" if near else ""
        raise wrong(f"should be an IANA time zone such as Europe/Madrid{hint}")
    return value


class AmiSettings(SectionWithSecret):
    """How to reach a site's Asterisk Manager Interface."""

    host: str = "127.0.0.1"
    port: Port = 5038
    username: Annotated[str, Field(min_length=1)] = "postcall"
    hidden = "secret"
    secret: SecretStr
    secret_file: Path | None = None
    tls: bool = False
    """Encrypt, and verify the certificate against `ca_file`, or against the system's authorities."""
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ca_file and not self.tls:
            raise wrong("ca_file is given, but tls is false")
        return self


CreditPolicy = Literal["last", "first", "longest", "split"]
"""To which of the agents who talked with a caller the rating goes: the last, the first, the one who talked longest, or
all of them by talk time."""


class CreditSettings(Section):
    """Whom ratings are credited to."""

    default: CreditPolicy = "last"
    queues: dict[str, CreditPolicy] = Field(default_factory=dict)
    """For single queues, by name: that of the queue which the caller entered last counts."""


class SiteSettings(Section):
    """One PBX, and what its callers are asked."""

    name: str = ""
    zone: Annotated[str, BeforeValidator(_zone)] = "UTC"
    """The IANA time zone in which this site's days begin."""
    flow: Code = "csat"
    """The flow of the calls that no rule in `flows` matches."""
    flows: tuple[FlowRule, ...] = ()
    """Which other calls are put which flow; the first rule that matches wins."""
    teams: dict[Code, tuple[Annotated[str, Field(min_length=1)], ...]] = Field(default_factory=dict)
    """The interfaces of each team's agents, where no list of agents says who is in which team."""
    language: Annotated[str, shaped(r"[a-z]{2}", "a language in two small letters, such as en")] = "en"
    """The language when the call's own is not one of the flow's."""
    trigger: Literal["ami", "dialplan"] = "ami"
    """`ami`: the caller is sent into the survey over AMI, and the queue's dialplan stays as it is. `dialplan`: the
    dialplan itself runs the survey after `Queue(…,c)`."""
    survey_goto: Annotated[
        str, shaped(r"[A-Za-z0-9_-]+,[A-Za-z0-9_-]+,[0-9]+", "context,extension,priority, such as postcall-survey,s,1")
    ] = "postcall-survey,s,1"
    """Context, extension and priority of the survey in the dialplan."""
    create_extension: bool = False
    """Create the survey's extension over AMI when it is not there; the AMI user then needs the class `system`."""
    reason_variable: Variable = "POSTCALL_REASON"
    """The channel variable that holds the call reason."""
    rules: RuleSettings = RuleSettings()
    """Who is asked, where that is not as in `Settings.rules`."""
    callback: CallbackSettings = CallbackSettings()
    queue_reasons: dict[str, ReasonCode] = Field(default_factory=dict)
    """The reason of a queue's calls of which nobody gives another one, by the queue's name."""
    credit: CreditSettings = CreditSettings()
    agents_file: Path | None = None
    """A CSV file that says who sits at which device, and when."""
    ami: AmiSettings

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.teams and self.agents_file:
            raise wrong("teams and agents_file are both given; with a list of agents its column team says the teams")
        teams: dict[str, str] = {}
        for team, agents in self.teams.items():
            for agent in agents:
                if teams.setdefault(agent, team) != team:
                    raise wrong(f"teams: {agent} is in {teams[agent]} and in {team}; an agent has one team")
        for number, rule in enumerate(self.flows, 1):
            for team in rule.team or ():
                if team not in self.teams and not self.agents_file:
                    there = f"there are {', '.join(self.teams)}" if self.teams else "there is none in teams"
                    raise wrong(f"flows: rule {number}: there is no team {team}; {there}")
        lost = never_matching(self.flows)
        if lost:
            raise wrong(
                f"flows: rule {lost[0]} can never match, for rule {lost[1]} matches all its calls; put it first"
            )
        return self

    @property
    def zone_info(self) -> ZoneInfo:
        """The zone in which this site's days begin."""
        return ZoneInfo(self.zone)
