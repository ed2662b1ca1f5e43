"""Whom a rating belongs to, and under which queue and reason. Pure: the same facts always give the same credit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ivr.calls import Call
from ivr.site_settings import CreditPolicy
from ivr.surveys.legs import leg_record
from ivr.surveys.request import SurveyRequest, reason_code
from ivr.surveys.talks import Identify, Talk, talks_of
from storage.records import PARTS, AskedCall, CreditRecord, Share


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditRules:
    """What a site has chosen."""

    default: CreditPolicy = "last"
    queues: Mapping[str, CreditPolicy] = field(default_factory=dict)
    """For single queues, by name."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """The default reason of a queue, by its name."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """Credits the surveys of all sites."""

    rules: Mapping[str, CreditRules]
    """By site."""
    identify: Identify

    def decide(self, call: AskedCall) -> CreditRecord:
        """To whom the survey of a call belongs, as far as is known now. What is not known is ``""``."""
        rules = self.rules.get(call.site, CreditRules())
        policy = rules.queues.get(call.queue, rules.default)
        reason, source = call.reason, call.reason_source
        if not reason or source == "queue":
            reason = rules.reasons.get(call.queue, "")
            source = "queue" if reason else ""
        shares = share_out(talks_of(call, self.identify), policy)
        return CreditRecord(shares=shares, queue=call.queue, reason=reason, reason_source=source)


def asked_call(call: Call | None, request: SurveyRequest, at: datetime) -> AskedCall:
    """What is known of a call at the moment `at` in which its caller is about to be asked."""
    reason = reason_code(request.reason)
    return AskedCall(
        site=request.site,
        linkedid=request.linkedid,
        survey=request.survey,
        offered_at=at,
        queue=(call.queue if call else "") or request.queue,
        reason=reason,
        reason_source=request.reason_source if reason else "",
        member=request.agent.interface if request.agent else "",
        member_name=request.agent.name if request.agent else "",
        transferred_to=request.transferred_to.interface if request.transferred_to else "",
        handed_over_by=request.handed_over_by,
        sent_by=request.sent_by.interface if request.sent_by else "",
        legs=tuple(leg_record(call, leg, agent="") for leg in call.legs.values()) if call else (),
    )


def heard_call(call: Call, at: datetime) -> AskedCall:
    """What is known of a call whose caller was not asked, from its events alone."""
    return AskedCall(
        site=call.site,
        linkedid=call.linkedid,
        survey="",
        offered_at=at,
        queue=call.queue,
        reason="",
        reason_source="",
        legs=tuple(leg_record(call, leg, agent="") for leg in call.legs.values()),
    )


def share_out(talks: Sequence[Talk], policy: CreditPolicy) -> tuple[Share, ...]:
    """The shares of those who talked, together a whole survey; none when nobody did.

    For `longest` and `split` an agent's talks count together. A talk whose length is not known could be the longest:
    then nobody is credited, unless there is only one agent. Of agents who talked equally long the later one goes first.
    """
    if not talks:
        return ()
    if policy == "last":
        return _whole(talks[-1].agent)
    if policy == "first":
        return _whole(talks[0].agent)
    totals: dict[str, int] = {}
    for talk in talks:
        # Taken out and put back: the order is that of the agents' last talks.
        totals[talk.agent] = totals.pop(talk.agent, 0) + (talk.seconds or 0)
    if len(totals) == 1:
        return _whole(talks[0].agent)
    if any(talk.seconds is None for talk in talks):
        return _whole("")
    if policy == "longest":
        return _whole(max(reversed(totals), key=lambda agent: totals[agent]))
    return split(totals)


def split(seconds: Mapping[str, int]) -> tuple[Share, ...]:
    """Whole parts in proportion to `seconds`, which add up to exactly `PARTS`; equal ones when all are 0.

    By largest remainders (Hamilton's method), so no share is a whole part away from its exact size; who talked for 0
    seconds beside others gets none, and of equal remainders that of the later agent is rounded up first.
    """
    total = sum(seconds.values())
    weights = dict(seconds) if total else dict.fromkeys(seconds, 1)
    total = sum(weights.values())
    parts = {agent: PARTS * weight // total for agent, weight in weights.items()}
    place = {agent: number for number, agent in enumerate(weights)}
    by_remainder = sorted(weights, key=lambda agent: (PARTS * weights[agent] % total, place[agent]), reverse=True)
    for agent in by_remainder[: PARTS - sum(parts.values())]:
        parts[agent] += 1
    return tuple(Share(agent=agent, parts=some) for agent, some in parts.items() if some)


def _whole(agent: str) -> tuple[Share, ...]:
    return (Share(agent=agent, parts=PARTS),)
