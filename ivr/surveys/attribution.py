"""Whom a rating belongs to."""

from dataclasses import dataclass

from ivr.calls import AgentRef, Call
from ivr.surveys.request import SurveyRequest, reason_code


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Under whose name a survey is counted. What is not known is None or ``""``: better than a wrong agent."""

    agent: AgentRef | None
    queue: str
    reason: str


def credit(call: Call | None, request: SurveyRequest) -> Credit:
    """The agent who talked last, the queue, and the reason.

    The PBX's events are trusted before the caller's channel, whose variables still name the first agent after a
    transfer. A last leg that ended by a transfer means that somebody else talked afterwards: then only the channel
    can tell who, or nobody can. An agent who sent the caller here talked last, whatever the PBX calls it.
    """
    leg = call.last_leg if call else None
    agent: AgentRef | None
    if request.sent_by:
        agent = leg.agent if leg and leg.agent.interface == request.sent_by.interface else request.sent_by
    elif leg is None:
        agent = request.transferred_to or request.agent
    elif leg.ended_by == "transfer":
        agent = request.transferred_to if request.transferred_to != leg.agent else None
    else:
        agent = leg.agent
    return Credit(
        agent=agent,
        queue=(leg.queue if leg else "") or (call.queue if call else "") or request.queue,
        reason=reason_code(request.reason),
    )
