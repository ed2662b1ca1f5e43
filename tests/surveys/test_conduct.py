"""One survey, conducted on a telephone of paper: what the caller hears, and what is kept, whatever goes wrong."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from callflows.loader import parse_flow
from callflows.steps import Keys
from ivr.calls import AgentRef, CallEnded, CallStarted, LegConnected
from ivr.calls import Call as HeardCall
from ivr.errors import CallerHungUp, DatabaseError, PhoneError, PromptMissing
from ivr.flow_rules import FlowRule
from ivr.surveys import asking, conduct
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.attribution import Attribution, CreditRules
from ivr.surveys.conduct import SurveyDesk
from ivr.surveys.known_calls import KnownCalls
from ivr.surveys.privacy import CallerKey
from ivr.surveys.prompt_check import PromptCheck
from ivr.surveys.request import SurveyRequest
from ivr.surveys.site_flows import SiteFlows
from ivr.surveys.tracker import CallTracker
from storage.engine import Database, open_database
from storage.recorder import Recorder
from storage.records import FlowVersionRecord, SiteRecord
from storage.tables import Agent, Answer, Call, Survey
from storage.verify import verify
from tests.shelves import publications_of, shelf_of, shipped
from tests.surveys.flow_files import source

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ALICE = AgentRef(interface="PJSIP/1001", name="Alice Moreau")
REQUEST = SurveyRequest(site="main", linkedid="1.1", survey="1.1", language="en", queue="support", agent=ALICE)

STARTED = CallStarted(
    site="main",
    linkedid="1.1",
    at=NOW,
    uniqueid="1.1",
    channel="PJSIP/trunk-1",
    queue="billing",
    caller_number="",
    caller_name="",
)

SITE = SiteFlows(
    flow="csat",
    rules=(FlowRule(flow="vip", team="gold", reason="billing"),),
    team_of=lambda agent, _: "gold" if agent == "PJSIP/1001" else "",
    zone=ZoneInfo("Asia/Taipei"),
)


EVERYTHING = """\
flow: everything
title: All that can be recorded
languages: [en, zh]
language: {variable: SPOKEN, ask: {en: Press 1., zh: 请按2。}, keys: {1: en, 2: zh}}
wrong_key: {en: Wrong., zh: 错。}
no_input: {en: Nothing., zh: 无。}
goodbye: {en: Bye., zh: 再见。}
steps:
  - ask-reason: why
    text: {en: Why?, zh: 为何？}
    reasons: {1: billing, 2: billing/refund}
  - ask: rating
    text: {en: Rate., zh: 评。}
    keys: 1-5
    headline: true
    satisfied: [4, 5]
  - branch: who
    cases:
      - team: gold
        variable: {TIER: gold}
        time: 17:00-18:00
        go: said
    otherwise: thanks
  - comment: said
    consent: {en: May we?, zh: 可以吗？}
    text: {en: Speak., zh: 请说。}
    max_seconds: 20
    silence: 2
  - end: thanks
    text: {en: Thanks., zh: 谢谢。}
    incentive: {digits: 8, text: {en: Your code., zh: 码。}}
"""
FLOWS = [*shipped(), parse_flow(EVERYTHING, "everything")]


class PaperPhone:
    """Plays nothing, and gives the keys, the comment's length or the trouble that it was told to, turn by turn."""

    def __init__(self, *turns: Keys | float | PhoneError | asyncio.Event, lacks: Sequence[str] = ()) -> None:
        self.lacks = lacks
        self.looked_for: list[tuple[str, ...]] = []
        self.turns = list(turns)
        self.recorded: list[tuple[str, float, float, str]] = []
        self.heard: list[tuple[str, ...]] = []
        self.reached = asyncio.Event()

    async def answer(self) -> None:
        if self.turns and type(self.turns[0]) is PhoneError:
            raise self.turns.pop(0)

    async def unplayable(self, prompts: Sequence[str]) -> list[str]:
        self.looked_for.append(tuple(prompts))
        return [prompt for prompt in prompts if prompt in self.lacks]

    async def play(self, prompts: Sequence[str]) -> None:
        self.heard.append(tuple(prompts))

    async def collect(
        self,
        prompts: Sequence[str],
        *,
        max_keys: int,
        timeout_seconds: float,
        key_timeout_seconds: float,
        barge_in: bool = True,
    ) -> Keys:
        self.heard.append(tuple(prompts))
        turn = self.turns.pop(0)
        if isinstance(turn, asyncio.Event):
            self.reached.set()
            await turn.wait()
            raise CallerHungUp("the caller hung up")
        if isinstance(turn, PhoneError):
            raise turn
        assert isinstance(turn, Keys)
        return turn

    async def variables(self, names: Sequence[str]) -> Mapping[str, str]:
        raise AssertionError("the desk asks no channel for variables")

    async def set_variable(self, name: str, value: str) -> None:
        raise AssertionError("the desk sets no variables")

    async def record(self, path: str, *, max_seconds: float, silence_seconds: float, stop_keys: str) -> float:
        self.recorded.append((path, max_seconds, silence_seconds, stop_keys))
        turn = self.turns.pop(0)
        if isinstance(turn, PhoneError):
            raise turn
        assert isinstance(turn, float)
        return turn

    async def hang_up(self) -> None:
        raise AssertionError("the dialplan hangs up")


def key(pressed: str) -> Keys:
    return Keys(pressed=pressed, timed_out=False)


HASH = Keys(pressed="", timed_out=False)
SILENCE = Keys(pressed="", timed_out=True)


class Desk:
    """A desk with its database."""

    def __init__(
        self,
        database: Database,
        recorder: Recorder,
        attribution: Attribution | None = None,
        now: Callable[[], datetime] = lambda: NOW,
    ) -> None:
        self.database = database
        self.recorder = recorder
        self.told: list[HeardCall] = []
        """What the facts of calls are written by."""
        self.calls = CallTracker(self.told.append)
        self.desk = SurveyDesk(
            recorder=recorder,
            calls=self.calls,
            known=KnownCalls(self.calls, database, lambda _site: True),
            flows=shelf_of(FLOWS),
            attribution=attribution or Attribution({}, AgentDirectory().identify),
            agents=AgentDirectory(),
            callers=CallerKey(b"a key of these tests"),
            prompts=PromptCheck(now=lambda: NOW),
            now=now,
            sites={"main": SITE},
            recordings="/var/spool/postcall",
        )

    async def conduct(self, phone: PaperPhone, request: SurveyRequest = REQUEST, flow: str = "") -> None:
        await self.desk.conduct(replace(request, flow=flow or request.flow), "en", phone)

    async def surveys(self) -> list[tuple[str, str, str, str]]:
        return [(row.survey, row.status, row.agent, row.language) for row in await self.rows(Survey)]

    async def answers(self) -> list[tuple[str, int | None, int, str]]:
        return [(row.keys, row.value, row.tries, row.ended) for row in await self.rows(Answer)]

    async def exclusions(self) -> dict[str, str]:
        return {row.linkedid: row.exclusion for row in await self.rows(Call)}

    async def names(self) -> dict[str, str]:
        return {row.agent: row.name for row in await self.rows(Agent)}

    async def rows(self, table: Any) -> list[Any]:
        async def work(connection: Any) -> list[Any]:
            return list(
                (await connection.execute(select(table.__table__).order_by(*table.__table__.primary_key))).all()
            )

        assert await verify(self.database) == []
        return await self.database.read(work)


@pytest.fixture(autouse=True)
def _patient_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy test machine is not what these tests are about."""
    for module in (asking, conduct):
        monkeypatch.setattr(module, "STORE_SECONDS", 30.0)


@pytest.fixture
async def desk(url: str) -> Any:
    async with await open_database(url) as database:
        recorder = Recorder(database)
        await recorder.ensure_site(SiteRecord(site="main", name="", zone="UTC"))
        for version in FLOWS:
            await recorder.publish(
                FlowVersionRecord(
                    digest=version.digest, flow=version.flow.flow, source=version.source, published_at=NOW
                )
            )
        yield Desk(database, recorder)


async def test_a_key_becomes_a_rating_before_the_caller_is_thanked(desk: Desk) -> None:
    kept: list[Any] = []

    class Watching(PaperPhone):
        async def play(self, prompts: Sequence[str]) -> None:
            kept.extend(await desk.answers())
            await super().play(prompts)

    phone = Watching(key("5"))
    await desk.conduct(phone)

    assert phone.heard == [
        ("en/csat-welcome", "en/csat-satisfaction-ask"),
        ("en/csat-satisfaction-confirm-5", "en/csat-thanks"),
    ]
    assert kept == [("5", 5, 1, "answered")]
    assert await desk.surveys() == [("1.1", "completed", "PJSIP/1001", "en")]


async def test_what_is_heard_before_there_is_a_survey_to_credit_is_told_once_more(desk: Desk) -> None:
    class Hearing(PaperPhone):
        async def unplayable(self, prompts: Sequence[str]) -> list[str]:
            desk.calls.handle(CallEnded(site="main", linkedid=REQUEST.linkedid, at=NOW))
            return await super().unplayable(prompts)

    desk.calls.handle(STARTED)
    await desk.conduct(Hearing(key("5")))
    assert [call.ended_at for call in desk.told] == [None, NOW, NOW]


async def test_what_was_heard_before_the_caller_came_is_not_told_once_more(desk: Desk) -> None:
    desk.calls.handle(STARTED)
    await desk.conduct(PaperPhone(key("5")))
    assert [call.ended_at for call in desk.told] == [None]
    assert await desk.surveys() == [("1.1", "completed", "PJSIP/1001", "en")]


async def test_a_wrong_key_is_said_and_the_question_put_again(desk: Desk) -> None:
    phone = PaperPhone(key("9"), key("4"))
    await desk.conduct(phone)

    assert phone.heard[1] == ("en/csat-wrong-key", "en/csat-satisfaction-ask")
    assert await desk.answers() == [("4", 4, 2, "answered")]


async def test_silence_is_never_a_zero(desk: Desk) -> None:
    phone = PaperPhone(SILENCE, SILENCE)
    await desk.conduct(phone)

    assert phone.heard[-1] == ("en/csat-goodbye",)
    assert await desk.answers() == [("", None, 2, "no_input")]
    assert await desk.surveys() == [("1.1", "no_input", "PJSIP/1001", "en")]


@pytest.mark.parametrize(
    ("trouble", "ended", "status"),
    [
        (CallerHungUp("the caller hung up"), "hung_up", "hung_up"),
        (PromptMissing("the PBX cannot play postcall/en/csat-welcome"), "failed", "failed"),
    ],
)
async def test_a_survey_that_breaks_off_leaves_a_complete_record(
    desk: Desk, trouble: PhoneError, ended: str, status: str
) -> None:
    await desk.conduct(PaperPhone(trouble))

    assert await desk.answers() == [("", None, 1, ended)]
    assert await desk.surveys() == [("1.1", status, "PJSIP/1001", "en")]


async def test_a_call_that_cannot_be_answered_is_a_failed_survey(desk: Desk) -> None:
    await desk.conduct(PaperPhone(PhoneError("the PBX could not answer the call")))

    assert await desk.surveys() == [("1.1", "failed", "PJSIP/1001", "en")]


async def test_a_call_is_asked_once_whatever_leads_to_it_twice(desk: Desk) -> None:
    first, second, third = PaperPhone(key("5")), PaperPhone(key("1")), PaperPhone(key("1"))
    await desk.conduct(first)
    await desk.conduct(second)
    await desk.conduct(
        third, SurveyRequest(site="main", linkedid="1.1", survey="1.9", language="en", queue="support", agent=ALICE)
    )

    assert second.heard == third.heard == []
    assert await desk.answers() == [("5", 5, 1, "answered")]


async def test_the_service_stops_in_the_middle_and_the_survey_is_ended(desk: Desk) -> None:
    phone = PaperPhone(asyncio.Event())
    survey = asyncio.create_task(desk.conduct(phone))
    await phone.reached.wait()
    survey.cancel()
    with pytest.raises(asyncio.CancelledError):
        await survey

    assert await desk.answers() == [("", None, 1, "failed")]
    assert await desk.surveys() == [("1.1", "failed", "PJSIP/1001", "en")]


async def test_without_a_database_the_caller_is_not_asked_and_not_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> bool:
        raise DatabaseError("database sqlite:///x is away")

    monkeypatch.setattr(desk.recorder, "offer", away)
    phone = PaperPhone(key("5"))
    await desk.conduct(phone)

    assert phone.heard == []
    assert await desk.surveys() == []


async def test_an_answer_that_could_not_be_kept_is_not_thanked_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> bool:
        raise DatabaseError("database or disk is full")

    monkeypatch.setattr(desk.recorder, "record_answer", full)
    phone = PaperPhone(key("5"))
    await desk.conduct(phone)

    assert phone.heard == [("en/csat-welcome", "en/csat-satisfaction-ask")]
    assert await desk.surveys() == [("1.1", "failed", "PJSIP/1001", "en")]


async def test_a_database_that_hangs_keeps_nobody_waiting(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(*_: object) -> bool:
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(asking, "STORE_SECONDS", 0.3)
    monkeypatch.setattr(desk.recorder, "record_answer", hangs)
    phone = PaperPhone(key("5"))
    async with asyncio.timeout(60):
        await desk.conduct(phone)
    assert len(phone.heard) == 1


async def test_all_that_hangs_at_the_end_of_a_survey_hangs_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(*_: object) -> bool:
        await asyncio.Event().wait()
        return True

    monkeypatch.setattr(asking, "STORE_SECONDS", 0.8)
    for work in ("record_answer", "finish", "recredit_call"):
        monkeypatch.setattr(desk.recorder, work, hangs)
    begun = time.monotonic()
    await desk.conduct(PaperPhone(key("5")))
    assert time.monotonic() - begun < 2 * 0.8


async def test_a_credit_that_hangs_after_a_good_survey_keeps_nobody_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(desk.recorder, "recredit_call", hangs)
    monkeypatch.setattr(conduct, "STORE_SECONDS", 2.0)
    async with asyncio.timeout(60):
        await desk.conduct(PaperPhone(key("5")))
    assert await desk.surveys() == [("1.1", "completed", "PJSIP/1001", "en")]


async def test_the_events_name_the_agent_before_the_channel_does(desk: Desk) -> None:
    john = AgentRef(interface="PJSIP/1002", name="Doe, John")
    desk.calls.handle(STARTED)
    desk.calls.handle(
        LegConnected(
            site="main",
            linkedid="1.1",
            at=NOW,
            uniqueid="1.1",
            channel="PJSIP/trunk-1",
            leg="1.2",
            agent=john,
            queue="billing",
        )
    )
    await desk.conduct(PaperPhone(key("5")))
    assert await desk.surveys() == [("1.1", "completed", "PJSIP/1002", "en")]


async def test_an_agent_of_whom_only_the_channel_told_has_a_name_all_the_same(desk: Desk) -> None:
    await desk.conduct(PaperPhone(key("5")))
    assert await desk.names() == {"PJSIP/1001": "Alice Moreau"}


@pytest.mark.parametrize(
    ("channel", "spoken"),
    [("zh", "zh"), ("zh_TW", "zh"), ("zh-CN", "zh"), ("EN", "en"), ("fr", "en"), ("", "en"), ("../../etc", "en")],
)
async def test_the_channels_language_is_spoken_when_the_flow_has_it(desk: Desk, channel: str, spoken: str) -> None:
    phone = PaperPhone(key("5"))
    await desk.conduct(
        phone, SurveyRequest(site="main", linkedid="1.1", survey="1.1", language=channel, queue="support")
    )
    assert phone.heard[0][0] == f"{spoken}/csat-welcome"
    assert (await desk.surveys())[0][3] == spoken


async def test_a_flow_that_the_dialplan_makes_up_is_replaced_by_the_sites_own(desk: Desk) -> None:
    phone = PaperPhone(key("5"))
    await desk.conduct(phone, SurveyRequest(site="main", linkedid="1.1", survey="1.1", flow="no-such-flow"))
    assert phone.heard[0][0] == "en/csat-welcome"


async def test_a_rule_of_the_site_chooses_the_flow_by_the_credited_agent_and_reason(desk: Desk) -> None:
    vip = parse_flow(source("For our best", flow="vip"), "vip")
    desk.desk._flows.update(*publications_of([*FLOWS, vip]))
    await desk.recorder.publish(FlowVersionRecord(digest=vip.digest, flow="vip", source=vip.source, published_at=NOW))
    asked = {"language": "en", "queue": "support", "agent": ALICE}
    requests = {
        "1.1": {"reason": "billing/refund"},
        "1.2": {"reason": "sales"},
        "1.3": {"reason": "billing", "flow": "csat"},
        "1.4": {"reason": "billing", "flow": "no-such-flow"},
        "1.5": {"reason": "billing", "agent": AgentRef(interface="PJSIP/1009")},
    }
    for survey, known in requests.items():
        await desk.conduct(
            PaperPhone(key("5")),
            SurveyRequest(**{"site": "main", "linkedid": survey, "survey": survey, **asked, **known}),
        )
    put = {row.survey: row.flow for row in await desk.rows(Survey)}
    assert put == {"1.1": "vip", "1.2": "csat", "1.3": "csat", "1.4": "vip", "1.5": "csat"}


async def test_a_language_with_a_missing_prompt_is_not_spoken_and_another_one_is(desk: Desk) -> None:
    phone = PaperPhone(key("5"), lacks=["zh/csat-thanks"])
    await desk.conduct(phone, SurveyRequest(site="main", linkedid="1.1", survey="1.1", language="zh"))

    assert phone.heard[0][0] == "en/csat-welcome"
    assert await desk.surveys() == [("1.1", "completed", "", "en")]


async def test_a_caller_who_could_not_be_asked_in_any_language_is_not_asked_and_counted_as_excluded(desk: Desk) -> None:
    phone = PaperPhone(lacks=["zh/csat-thanks", "en/csat-satisfaction-confirm-3"])
    await desk.conduct(phone)

    assert phone.heard == []
    assert await desk.surveys() == []
    assert await desk.exclusions() == {"1.1": "prompts_missing"}


async def test_a_database_that_is_away_keeps_no_caller_who_cannot_be_asked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> bool:
        raise DatabaseError("database sqlite:///x is away")

    monkeypatch.setattr(desk.recorder, "exclude", away)
    await desk.conduct(PaperPhone(lacks=["zh/csat-thanks", "en/csat-thanks"]))

    assert await desk.surveys() == []


async def test_after_a_prompt_was_missed_in_a_survey_the_next_caller_is_looked_after(desk: Desk) -> None:
    gone = PromptMissing("the PBX cannot play postcall/en/csat-satisfaction-ask")
    await desk.conduct(PaperPhone(gone))
    phone = PaperPhone(key("5"), lacks=["en/csat-satisfaction-ask"])
    await desk.conduct(phone, SurveyRequest(site="main", linkedid="1.2", survey="1.2", language="en"))

    assert phone.heard[0][0] == "zh/csat-welcome"


GOLD = replace(REQUEST, variables={"SPOKEN": "", "TIER": "gold"})


async def test_all_that_a_caller_says_is_kept(desk: Desk) -> None:
    # 9:00 UTC is 17:00 in Taipei.
    phone = PaperPhone(key("2"), key("2"), key("4"), SILENCE, 7.5)
    await desk.conduct(phone, GOLD, "everything")

    assert phone.heard[:4] == [
        ("en/everything-language-ask", "zh/everything-language-ask"),
        ("zh/everything-why-ask",),
        ("zh/everything-rating-ask",),
        ("zh/everything-said-consent", "zh/everything-said-ask"),
    ]
    assert phone.recorded == [("/var/spool/postcall/main-1.1-said", 20, 2, "#")]
    (survey,) = await desk.rows(Survey)
    assert (survey.status, survey.language, survey.reason) == ("completed", "zh", "billing/refund")
    assert len(survey.incentive) == 8
    spoken = [f"zh/digit-{digit}" for digit in survey.incentive]
    code = ["zh/everything-thanks-incentive", *spoken]
    assert list(phone.heard[4]) == [*code, *code, "zh/everything-thanks"]
    answers = {row.question: row for row in await desk.rows(Answer)}
    assert {name: (row.ended, row.value, row.recording, row.recording_seconds) for name, row in answers.items()} == {
        "why": ("answered", 2, None, None),
        "rating": ("answered", 4, None, None),
        "said": ("recorded", None, "/var/spool/postcall/main-1.1-said", 7.5),
    }
    assert await verify(desk.database) == []


async def test_the_reason_of_the_channel_is_trusted_and_the_caller_not_asked_for_it(desk: Desk) -> None:
    phone = PaperPhone(key("1"), key("4"), SILENCE, 0.1)
    await desk.conduct(phone, replace(GOLD, reason="shipping"), "everything")

    assert phone.heard[1] == ("en/everything-rating-ask",)
    (survey,) = await desk.rows(Survey)
    assert (survey.reason, survey.status) == ("shipping", "completed")
    assert [(row.question, row.ended) for row in await desk.rows(Answer)] == [
        ("rating", "answered"),
        ("said", "no_input"),
    ]


async def test_a_queues_usual_reason_does_not_keep_the_caller_from_being_asked_for_it(desk: Desk) -> None:
    rules = CreditRules(reasons={GOLD.queue: "shipping"})
    presuming = Desk(desk.database, desk.recorder, Attribution({"main": rules}, AgentDirectory().identify))
    await presuming.conduct(PaperPhone(key("2"), key("2"), key("4"), SILENCE, 7.5), GOLD, "everything")

    (survey,) = await desk.rows(Survey)
    assert (survey.reason, survey.reason_source) == ("billing/refund", "caller")
    assert await verify(desk.database) == []


async def test_a_skipped_question_and_a_refused_comment_are_kept_as_that(desk: Desk) -> None:
    phone = PaperPhone(key("1"), HASH, HASH, HASH)
    await desk.conduct(phone, GOLD, "everything")

    assert [(row.question, row.ended, row.value) for row in await desk.rows(Answer)] == [
        ("rating", "skipped", None),
        ("said", "skipped", None),
        ("why", "skipped", None),
    ]
    (survey,) = await desk.rows(Survey)
    assert (survey.status, survey.incentive, survey.reason) == ("no_input", None, "")


async def test_a_variable_names_the_language_and_the_caller_is_not_asked_for_it(desk: Desk) -> None:
    phone = PaperPhone(CallerHungUp("the caller hung up"))
    await desk.conduct(phone, replace(REQUEST, variables={"SPOKEN": "zh-TW"}), "everything")

    assert phone.heard == [("zh/everything-why-ask",)]
    assert await desk.surveys() == [("1.1", "hung_up", "PJSIP/1001", "zh")]


async def test_a_code_that_could_not_be_kept_is_not_read_out(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = desk.recorder.note

    async def full(site: str, survey: str, *, language: str | None = None, incentive: str | None = None) -> None:
        if incentive:
            raise DatabaseError("database or disk is full")
        await kept(site, survey, language=language)

    monkeypatch.setattr(desk.recorder, "note", full)
    phone = PaperPhone(key("1"), key("1"), key("4"))
    await desk.conduct(phone, replace(REQUEST, variables={"TIER": "iron"}), "everything")

    assert len(phone.heard) == 3
    assert await desk.surveys() == [("1.1", "completed", "PJSIP/1001", "en")]


async def test_a_uniqueid_with_a_strange_system_name_makes_a_harmless_path(desk: Desk) -> None:
    phone = PaperPhone(key("1"), key("1"), key("4"), SILENCE, CallerHungUp("the caller hung up"))
    strange = replace(GOLD, linkedid="a/../b 1.1", survey="a/../b 1.1")
    await desk.conduct(phone, strange, "everything")

    assert phone.recorded[0][0] == "/var/spool/postcall/main-a_.._b_1.1-said"
    assert [row.ended for row in await desk.rows(Answer)] == ["answered", "hung_up", "answered"]


BY_QUEUE = parse_flow(
    EVERYTHING.replace("flow: everything", "flow: by-queue").replace(
        "language: {variable: SPOKEN, ask: {en: Press 1., zh: 请按2。}, keys: {1: en, 2: zh}}",
        "language: {variable: SPOKEN, queues: {support: zh}}",
    ),
    "by-queue",
)


@pytest.mark.parametrize(
    ("named", "lacks", "spoken"),
    [("", "", "zh"), ("en", "", "en"), ("", "zh/by-queue-said-ask", "en"), ("en", "en/by-queue-thanks", "zh")],
)
async def test_what_the_flow_says_of_the_language_goes_before_the_channels_where_it_can_be_spoken(
    desk: Desk, named: str, lacks: str, spoken: str
) -> None:
    desk.desk._flows.update(*publications_of([*shipped(), BY_QUEUE]))
    await desk.recorder.publish(
        FlowVersionRecord(digest=BY_QUEUE.digest, flow="by-queue", source=BY_QUEUE.source, published_at=NOW)
    )
    phone = PaperPhone(CallerHungUp("the caller hung up"), lacks=[lacks])
    await desk.conduct(phone, replace(REQUEST, flow="by-queue", variables={"SPOKEN": named}))

    assert phone.heard == [(f"{spoken}/by-queue-why-ask",)]
    assert [survey[3] for survey in await desk.surveys()] == [spoken]


async def test_a_clock_that_is_put_back_again_and_again_leaves_answers_in_their_order(desk: Desk) -> None:
    minutes = count()
    falling = Desk(desk.database, desk.recorder, now=lambda: NOW - timedelta(minutes=next(minutes)))
    phone = PaperPhone(key("1"), key("2"))
    await falling.conduct(phone, flow="servqual")
    answers = sorted(await desk.rows(Answer), key=lambda answer: answer.answered_at)
    assert [answer.keys for answer in answers] == ["1", "2"]
    assert answers[0].answered_at < answers[1].answered_at
