"""What made-up calls do not have: days that end at midnight, many flows and questions, shares, second thoughts."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from storage.engine import Database
from storage.recorder import Recorder
from storage.records import (
    AgentRecord,
    AnswerRecord,
    CallRecord,
    LegRecord,
    Outcome,
    Share,
    SiteRecord,
    SurveyOffer,
)
from tests.heard import hear_leg

LATE = datetime(2026, 10, 24, 21, 50, tzinfo=UTC)
"""23:50 in Madrid, on the day before the clocks go back."""
OTHER_SITE = SiteRecord(site="lima", name="Branch", zone="America/Lima")
NOBODY = ""
NO_TEAM = "PJSIP/2000"
QUESTIONS: Mapping[str, tuple[str, range]] = {
    "csat": ("satisfaction", range(1, 6)),
    "nps": ("recommend", range(11)),
    "servqual": ("overall", range(1, 6)),
    "csat-with-comment": ("satisfaction", range(1, 6)),
}
"""By flow: its headline question with its values."""
DIMENSIONS = ("tangibles", "reliability", "responsiveness", "assurance", "empathy")
AGENTS = ("PJSIP/1001", "PJSIP/1002", "PJSIP/1003", "PJSIP/1014", NO_TEAM, NOBODY)


class Office:
    """Writes calls as the service does, one by one."""

    def __init__(self, database: Database, versions: Mapping[str, str]) -> None:
        self._recorder = Recorder(database)
        self._versions = versions
        self._dice = random.Random(11)
        self._calls = 0

    async def fill(self) -> None:
        """Some hundred calls around the nights in which clocks change."""
        recorder = self._recorder
        await recorder.ensure_site(OTHER_SITE)
        for agent, team in zip(AGENTS[:-1], ("north", "north", "south", "south", ""), strict=True):
            await recorder.record_agent(
                AgentRecord(site="main", agent=agent, interface=agent, name=f"{agent} <b>", team=team)
            )
        moments = [LATE + timedelta(hours=step * 7, minutes=step) for step in range(-40, 60)]
        # Each quarter of an hour of the nights in which Madrid, New York and a month go over.
        for day in (24, 25, 31):
            midnight = datetime(2026, 10, day, 22, 0, tzinfo=UTC)
            moments += [midnight + timedelta(minutes=15 * step) for step in range(24)]
        for moment in moments:
            await self.survey(moment)
        for number in range(12):
            await self.survey(LATE + timedelta(hours=number), site="lima")
        await self.not_asked()
        await self.second_thoughts()

    async def survey(self, at: datetime, *, site: str = "main", **given: Any) -> str:
        """A call that was asked at `at`; what is not given is drawn."""
        dice, name = self._dice, self._name()
        flow = given.get("flow") or dice.choice(list(QUESTIONS))
        agent = given.get("agent") or dice.choice(AGENTS)
        others = [other for other in AGENTS if other not in (agent, NOBODY)]
        shares: tuple[Share, ...] = ()
        if agent and dice.random() < 0.25:
            second, third = dice.sample(others, 2)
            parts = dice.choice([(500, 500, 0), (333, 333, 334), (999, 1, 0)])
            shares = tuple(
                Share(agent=one, parts=part) for one, part in zip((agent, second, third), parts, strict=True) if part
            )
        queue = dice.choice(("billing", "care", "tech", ""))
        await self._leg(site, name, agent, queue, at)
        await self._recorder.offer(
            SurveyOffer(
                site=site, survey=name, linkedid=name, flow=flow, flow_version=self._versions[flow], offered_at=at,
                language="en", agent="" if shares else agent, shares=shares, queue=queue,
                reason=dice.choice(("billing", "billing/refund", "billing/refund/late", "billings", "tech", "")),
                reason_source="channel",
            )
        )  # fmt: skip
        outcome: Outcome | None = given.get("outcome") or dice.choice(
            ("completed", "completed", "completed", "partial", "no_input", "hung_up", "failed", None)
        )
        await self._answers(site, name, flow, outcome, at)
        if outcome:
            await self._recorder.finish(site, name, outcome, at + timedelta(seconds=50))
        if dice.random() < 0.9:  # the others still talk
            ended_by = dice.choice(("agent", "caller", "transfer", None))
            await self._over(site, name, agent, queue, at + timedelta(minutes=12), ended_by)
        return name

    async def _answers(self, site: str, name: str, flow: str, outcome: Outcome | None, at: datetime) -> None:
        headline, values = QUESTIONS[flow]
        dice, recorder = self._dice, self._recorder
        if outcome in (None, "hung_up") and dice.random() < 0.5:
            return
        await recorder.start(site, name, at + timedelta(seconds=1))
        if outcome in ("no_input", "hung_up", "failed"):
            await recorder.record_answer(site, name, answer(headline, None, at, is_rating=True))
            return
        value = dice.choice(values)
        if outcome == "partial" and flow == "servqual":
            # Asked first, say by another version of the flow: answered, and yet not rated.
            await recorder.record_answer(site, name, answer(dice.choice(DIMENSIONS), value, at))
            return
        await recorder.record_answer(site, name, answer(headline, value, at, is_rating=True))
        if flow == "servqual":
            near = min(5, max(1, value + dice.choice((-1, 0, 0, 1))))
            await recorder.record_answer(site, name, answer(dice.choice(DIMENSIONS), near, at))

    async def not_asked(self) -> None:
        """Calls that were left out around midnight, one that is not decided, and a flow that was only tried."""
        for number, exclusion in enumerate(("caller_hung_up", "abandoned", "sampled_out", "opted_out") * 6):
            name, at = self._name(), LATE + timedelta(minutes=number)
            agent = NOBODY if exclusion == "abandoned" else AGENTS[number % 6]
            await self._leg("main", name, agent, "care", at)
            await self._over("main", name, agent, "care", at, "caller" if number % 4 < 2 else "agent")
            await self._recorder.exclude("main", name, exclusion)
        name = self._name()
        await self._over("main", name, AGENTS[0], "care", LATE, "agent")
        await self._recorder.offer(
            SurveyOffer(
                site="main", survey="trial-1", linkedid="trial-1", flow="csat", flow_version=self._versions["csat"],
                offered_at=LATE, trial=True,
            )
        )  # fmt: skip
        await self._recorder.record_answer("main", "trial-1", answer("satisfaction", 1, LATE, is_rating=True))
        await self._recorder.finish("main", "trial-1", "completed", LATE)

    async def second_thoughts(self) -> None:
        """Facts that became known later, or were put right."""
        recorder = self._recorder
        day = timedelta(days=1)
        moved = [await self.survey(LATE + number * day, flow="csat", outcome="completed") for number in range(9)]
        await recorder.recredit("main", moved[0], agent="PJSIP/1001")
        await recorder.recredit("main", moved[1], agent=NOBODY, queue="tech", reason="")
        shares = (Share(agent="PJSIP/1002", parts=250), Share(agent=NO_TEAM, parts=750))
        await recorder.recredit("main", moved[2], shares=shares)
        await recorder.recredit("main", moved[3], shares=shares)
        await recorder.recredit("main", moved[3], agent="PJSIP/1003")
        for name in moved[4:7]:
            await recorder.set_reason("main", name, "complaint/delay", "wrap_up")

    def _name(self) -> str:
        self._calls += 1
        return f"office.{self._calls}"

    async def _leg(self, site: str, name: str, agent: str, queue: str, at: datetime) -> None:
        if not agent:
            return
        talked = self._dice.choice((None, 0, 29, 30, 59, 60, 119, 120, 299, 300, 599, 600, 4000))
        await hear_leg(
            self._recorder,
            LegRecord(
                site=site, linkedid=name, leg=name, agent=agent, queue=queue, connected_at=at - timedelta(minutes=9),
                talk_seconds=talked,
            )
        )  # fmt: skip

    async def _over(self, site: str, name: str, agent: str, queue: str, at: datetime, ended_by: Any) -> None:
        await self._recorder.record_heard(
            CallRecord(site=site, linkedid=name, queue=queue, agent=agent, ended_at=at, ended_by=ended_by)
        )


def answer(question: str, value: int | None, at: datetime, *, is_rating: bool = False) -> AnswerRecord:
    """An answer, or that there was none."""
    return AnswerRecord(
        question=question, is_rating=is_rating, keys="" if value is None else str(value), value=value, tries=1,
        ended="no_input" if value is None else "answered", answered_at=at + timedelta(seconds=9),
    )  # fmt: skip
