"""Brings the rules to a call: what is known of it, the decision, and the offer that follows, in one transaction."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

import structlog

from ivr.calls import Call
from ivr.rule_settings import RuleSettings
from ivr.surveys.asking import SurveyBook
from ivr.surveys.privacy import CallerKey, plain_number
from ivr.surveys.request import SurveyRequest
from ivr.surveys.rules import Facts, Rules, decide, needed
from ivr.surveys.sampling import draw
from storage.quarantine import Past, admission
from storage.records import Exclusion, SurveyOffer
from storage.survey_steps import Admit

log = structlog.get_logger()

EVERYBODY = Rules(given=RuleSettings(), zone=ZoneInfo("UTC"))
"""The rules of a site that sets none."""


class Surveys(SurveyBook, Protocol):
    """Where surveys are kept from their offer on, as `storage.recorder.Recorder` does."""

    async def offer(self, offer: SurveyOffer, admit: Admit | None = None) -> bool:
        """Begin a survey; False when the call was asked before, or `admit` says no."""


class Offering:
    """Offers surveys to the callers whom the rules let through. `rules` are by site."""

    def __init__(self, *, surveys: Surveys, rules: Mapping[str, Rules], callers: CallerKey) -> None:
        self._surveys = surveys
        self._rules = rules
        self._callers = callers

    async def offer(self, offer: SurveyOffer, request: SurveyRequest, call: Call | None) -> bool:
        """Offer a survey; False when the caller is not to be asked, which is then noted on the call.

        The rules look at the past in the transaction that makes the offer, so two calls at once cannot both be the
        last one that a limit allows. Raises `DatabaseError`: with no answer from the database nobody is asked.
        """
        rules = self._rules.get(offer.site, EVERYBODY)
        facts = facts_of(offer, request, call, self._callers)
        drawn = draw(self._callers.key, offer.site, offer.linkedid)
        why: Exclusion | None = None

        def judge(past: Past) -> Exclusion | None:
            nonlocal why
            why = decide(rules, facts, past, drawn).exclusion
            return why

        admit = admission(offer.site, offer.linkedid, needed(rules, facts), judge)
        asked = await self._surveys.offer(replace(offer, caller_digest=facts.caller), admit)
        if not asked:
            told = log.bind(site=offer.site, survey=offer.survey, linkedid=offer.linkedid)
            if why is None:
                told.info("survey not offered: this call was asked before")
            else:
                told.info("survey not offered: a rule says no", exclusion=why.exclusion, rule=why.rule)
        return asked


def facts_of(offer: SurveyOffer, request: SurveyRequest, call: Call | None, callers: CallerKey) -> Facts:
    """What is known of a call whose caller is on the line."""
    number = plain_number(request.caller_number) or plain_number(call.caller_number if call else "")
    return Facts(
        site=offer.site,
        at=offer.offered_at,
        caller=callers.caller(number).digest or request.caller_digest,
        number=number,
        marked_internal=request.marked_internal,
        agent=offer.agent,
        queue=offer.queue,
        reason=offer.reason,
        agent_reached=_agent_reached(request, call),
        talk_seconds=_talk_seconds(request, call, offer.offered_at),
    )


def _agent_reached(request: SurveyRequest, call: Call | None) -> bool | None:
    if request.agent or request.transferred_to or (call and call.legs):
        return True
    # Of a call whose beginning was missed, the agent may have been missed as well.
    return False if call and call.started_at else None


def _talk_seconds(request: SurveyRequest, call: Call | None, now: datetime) -> int | None:
    """The talk of all legs. One that still seems to be up has just ended: its end comes a little after the request."""
    legs = list(call.legs.values()) if call else []
    if not legs:
        return request.talk_seconds
    total = 0
    for leg in legs:
        if leg.talk_seconds is not None:
            total += leg.talk_seconds
        elif request.talk_seconds is not None and leg is legs[-1]:
            # Rather than our clock, which may differ from the PBX's.
            total += request.talk_seconds
        elif leg.connected_at is not None:
            total += max(0, int(((leg.ended_at or now) - leg.connected_at).total_seconds()))
        else:
            return None
    return total
