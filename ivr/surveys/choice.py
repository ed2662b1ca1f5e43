"""Which flow a call is put, and why: the site's rules from the first to the last, the first that matches wins."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from ivr.flow_rules import FlowRule, within_language, within_reason
from ivr.grammar.hours import DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the rules look at. What is not known is ``""`` and meets no condition."""

    at: datetime
    """The moment, in the site's zone."""
    queue: str = ""
    team: str = ""
    reason: str = ""
    language: str = ""
    """The language of the caller's channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One condition of a rule, held against a call."""

    condition: str
    """The setting's name."""
    wanted: str
    """What the rule asks for."""
    given: str
    """What the call has, ``""`` when not known."""
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rule says of a call."""

    number: int
    """Its place in the settings, from 1."""
    flow: str
    findings: tuple[Finding, ...]
    outcome: Literal["chosen", "too late", "not met"]
    """`too late`: all conditions are met, and an earlier rule was chosen."""

    def __str__(self) -> str:
        met = ", ".join(f"{one.condition} is {one.given}" for one in self.findings if one.met)
        unmet = ", ".join(
            f"{one.condition} is {one.given or 'not known'}, not {one.wanted}" for one in self.findings if not one.met
        )
        match self.outcome:
            case "chosen":
                return f"rule {self.number} puts {self.flow}: {met}"
            case "too late":
                return f"rule {self.number} would put {self.flow}, but an earlier rule was chosen: {met}"
            case _:
                return f"rule {self.number} does not put {self.flow}: {unmet}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The flow that a call is put."""

    flow: str
    rule: int | None
    """The number of the rule that was chosen; None when no rule matches and it is the site's own flow."""
    verdicts: tuple[Verdict, ...]
    """What each rule says, in order."""


def choose(rules: Sequence[FlowRule], otherwise: str, situation: Situation) -> Choice:
    """The flow of the first rule whose conditions are all met, or else `otherwise`."""
    verdicts: list[Verdict] = []
    chosen: Verdict | None = None
    for number, rule in enumerate(rules, 1):
        findings = _findings(rule, situation)
        matches = all(finding.met for finding in findings)
        verdict = Verdict(
            number=number,
            flow=rule.flow,
            findings=findings,
            outcome="not met" if not matches else "too late" if chosen else "chosen",
        )
        if verdict.outcome == "chosen":
            chosen = verdict
        verdicts.append(verdict)
    return Choice(
        flow=chosen.flow if chosen else otherwise,
        rule=chosen.number if chosen else None,
        verdicts=tuple(verdicts),
    )


def _findings(rule: FlowRule, call: Situation) -> tuple[Finding, ...]:
    findings: list[Finding] = []

    def find(condition: str, wanted: Sequence[str], given: str, met: bool) -> None:
        findings.append(Finding(condition=condition, wanted=" or ".join(wanted), given=given, met=met))

    if rule.queue is not None:
        find("queue", rule.queue, call.queue, call.queue in rule.queue)
    if rule.team is not None:
        find("team", rule.team, call.team, call.team in rule.team)
    if rule.reason is not None:
        find("reason", rule.reason, call.reason, any(within_reason(one, call.reason) for one in rule.reason))
    if rule.language is not None:
        find(
            "language", rule.language, call.language, any(within_language(one, call.language) for one in rule.language)
        )
    if rule.hours is not None:
        met = any(hours.hold(call.at) for hours in rule.hours)
        find("time", [hours.text for hours in rule.hours], f"{DAYS[call.at.weekday()]} {call.at:%H:%M}", met)
    return tuple(findings)
