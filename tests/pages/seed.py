"""A month of a small call centre: the same at every run."""

import random
from datetime import datetime, timedelta

from storage.engine import Database
from storage.recorder import Recorder
from storage.records import (
    AgentRecord,
    AnswerRecord,
    CallRecord,
    EndedBy,
    LegRecord,
    ReasonRecord,
    Share,
    SiteRecord,
    SurveyOffer,
)
from tests.heard import hear_leg

SITE = "main"
AGENTS = {
    "PJSIP/1001": ("Alice Moreau", "north", 0.90),
    "PJSIP/1002": ("Doe, John <b>", "north", 0.45),
    "PJSIP/1003": ("李雷", "south", 0.80),
    "PJSIP/1004": ("Dora Lucky", "south", 1.00),
}
"""By code: name, team, and how many callers in one are satisfied. One name is hostile."""
REASONS = {"billing": "Billing", "billing/refund": "Refund", "technical": "Technical question"}
REFUND = 0.25
"""By how much callers who want their money back are less satisfied."""
RECORDED = "now.7"
"""A call of today whose caller left a comment."""
EXCLUDED = "now.8"
"""A call of today whose caller was not asked."""
SHARED = "now.9"
"""A call of today with two agents who share the survey."""


async def seed(database: Database, now: datetime, *, zone: str, flow_version: str, calls: int = 160) -> None:
    """Fill an empty database with calls up to `now`."""
    recorder = Recorder(database)
    await recorder.ensure_site(SiteRecord(site=SITE, name="Head office", zone=zone))
    for agent, (name, team, _) in AGENTS.items():
        await recorder.record_agent(AgentRecord(site=SITE, agent=agent, interface=agent, name=name, team=team))
    for reason, label in REASONS.items():
        await recorder.record_reason(
            ReasonRecord(site=SITE, reason=reason, label=label, parent=reason.rpartition("/")[0])
        )
    dice = random.Random(7)
    office = Office(recorder, flow_version)
    busy = list(AGENTS)[:3]
    for number in range(calls):
        agent = dice.choice(busy)
        reason = dice.choice(list(REASONS))
        pleased = AGENTS[agent][2] - (REFUND if reason == "billing/refund" else 0.0)
        at = now - timedelta(days=dice.randrange(1, 30), minutes=dice.randrange(0, 400))
        answers = dice.random() < 0.6
        value = dice.choice((4, 5)) if dice.random() < pleased else dice.choice((1, 2, 3))
        await office.call(f"past.{number}", agent, reason, at, value if answers else None)
    for number in range(4):
        await office.call(f"lucky.{number}", "PJSIP/1004", "technical", now - timedelta(days=3, hours=number), 5)
    for number, value in enumerate((5, 4, None, 2, 5)):
        at = now - timedelta(minutes=50 - 9 * number)
        await office.call(f"now.{number}", busy[number % 3], "billing", at, value)
    await office.call(RECORDED, "PJSIP/1001", "billing/refund", now - timedelta(minutes=4), 1, comment=True)
    await office.call(SHARED, "PJSIP/1001", "technical", now - timedelta(minutes=2), 5, shared_with="PJSIP/1003")
    await office.excluded(EXCLUDED, "PJSIP/1002", now - timedelta(minutes=1))
    for number in range(12):
        await office.excluded(f"left.{number}", "PJSIP/1002", now - timedelta(days=2, minutes=number))


class Office:
    """Writes calls into the database as the service does."""

    def __init__(self, recorder: Recorder, flow_version: str) -> None:
        self._recorder = recorder
        self._version = flow_version

    async def call(
        self,
        linkedid: str,
        agent: str,
        reason: str,
        at: datetime,
        value: int | None,
        *,
        comment: bool = False,
        shared_with: str = "",
    ) -> None:
        """A call that ended at `at`, was asked, and rated unless `value` is None."""
        await self._facts(linkedid, agent, reason, at)
        shares = (Share(agent=agent, parts=500), Share(agent=shared_with, parts=500)) if shared_with else ()
        await self._recorder.offer(
            SurveyOffer(
                site=SITE,
                survey=linkedid,
                linkedid=linkedid,
                flow="csat",
                flow_version=self._version,
                offered_at=at,
                language="en",
                agent="" if shares else agent,
                shares=shares,
                queue="support",
                reason=reason,
                reason_source="wrap_up",
            )
        )
        await self._recorder.start(SITE, linkedid, at)
        rating = AnswerRecord(
            question="satisfaction",
            is_rating=True,
            keys="" if value is None else str(value),
            value=value,
            tries=1 if value else 2,
            ended="no_input" if value is None else "answered",
            answered_at=at + timedelta(seconds=8),
        )
        await self._recorder.record_answer(SITE, linkedid, rating)
        if comment:
            await self._recorder.record_answer(
                SITE,
                linkedid,
                AnswerRecord(
                    question="comment",
                    is_rating=False,
                    keys="",
                    value=None,
                    tries=1,
                    ended="recorded",
                    answered_at=at + timedelta(seconds=30),
                    recording=f"/var/spool/asterisk/postcall/{SITE}-{linkedid}-comment",
                    recording_seconds=14.0,
                ),
            )
        outcome = "no_input" if value is None else "completed"
        await self._recorder.finish(SITE, linkedid, outcome, at + timedelta(seconds=40))

    async def excluded(self, linkedid: str, agent: str, at: datetime) -> None:
        """A call that ended at `at` because its caller hung up."""
        await self._facts(linkedid, agent, "billing", at, ended_by="caller")
        await self._recorder.exclude(SITE, linkedid, "caller_hung_up")

    async def _facts(self, linkedid: str, agent: str, reason: str, at: datetime, ended_by: EndedBy = "agent") -> None:
        await self._recorder.record_heard(
            CallRecord(
                site=SITE,
                linkedid=linkedid,
                queue="support",
                agent=agent,
                reason=reason,
                reason_source="wrap_up",
                caller_mask="+886*****789",
                started_at=at - timedelta(minutes=6),
                ended_at=at,
                ended_by=ended_by,
            )
        )
        await hear_leg(
            self._recorder,
            LegRecord(
                site=SITE,
                linkedid=linkedid,
                leg=f"{linkedid}.a",
                agent=agent,
                interface=agent,
                queue="support",
                connected_at=at - timedelta(minutes=5),
                ended_at=at,
                ended_by=ended_by,
                ring_seconds=4,
                hold_seconds=60,
                talk_seconds=300,
            ),
        )
