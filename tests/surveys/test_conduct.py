"""One survey, conducted on a telephone of paper: what the caller hears, and what is kept, whatever goes wrong."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from callflows.interview import Keys
from callflows.loader import parse_flow
from ivr.calls import AgentRef, CallStarted, LegConnected
from ivr.errors import CallerHungUp, DatabaseError, PhoneError, PromptMissing
from ivr.flow_rules import FlowRule
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.attribution import Attribution
from ivr.surveys.conduct import STORE_SECONDS, SurveyDesk
from ivr.surveys.privacy import CallerKey
from ivr.surveys.prompt_check import PromptCheck
from ivr.surveys.request import SurveyRequest
from ivr.surveys.site_flows import SiteFlows
from ivr.surveys.teams import Teams
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

SITE = SiteFlows(
    flow="csat",
    rules=(FlowRule(flow="vip", team="gold", reason="billing"),),
    teams=Teams({"gold": ["PJSIP/1001"]}),
    zone=ZoneInfo("UTC"),
)


class PaperPhone:
    """Plays nothing, and gives the keys or the trouble that it was told to, question by question."""

    def __init__(self, *turns: Keys | PhoneError | asyncio.Event, lacks: Sequence[str] = ()) -> None:
        self.lacks = lacks
        self.looked_for: list[tuple[str, ...]] = []
        self.turns = list(turns)
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

    async def collect(self, prompts: Sequence[str], *, max_keys: int, timeout_seconds: float) -> Keys:
        self.heard.append(tuple(prompts))
        turn = self.turns.pop(0)
        if isinstance(turn, asyncio.Event):
            self.reached.set()
            await turn.wait()
            raise CallerHungUp("the caller hung up")
        if isinstance(turn, PhoneError):
            raise turn
        return turn

    async def variables(self, names: Sequence[str]) -> Mapping[str, str]:
        raise AssertionError("the desk asks no channel for variables")

    async def set_variable(self, name: str, value: str) -> None:
        raise AssertionError("the desk sets no variables")

    async def record(self, path: str, *, max_seconds: float, silence_seconds: float, stop_keys: str) -> float:
        raise AssertionError("there is nothing to record")

    async def hang_up(self) -> None:
        raise AssertionError("the dialplan hangs up")


def key(pressed: str) -> Keys:
    return Keys(pressed=pressed, timed_out=False)


SILENCE = Keys(pressed="", timed_out=True)


class Desk:
    """A desk with its database."""

    def __init__(self, database: Database, recorder: Recorder) -> None:
        self.database = database
        self.recorder = recorder
        self.calls = CallTracker(lambda _: None)
        self.desk = SurveyDesk(
            recorder=recorder,
            calls=self.calls,
            flows=shelf_of(shipped()),
            attribution=Attribution({}, AgentDirectory().identify),
            agents=AgentDirectory(),
            callers=CallerKey(b"a key of these tests"),
            prompts=PromptCheck(now=lambda: NOW),
            now=lambda: NOW,
            sites={"main": SITE},
        )

    async def conduct(self, phone: PaperPhone, request: SurveyRequest = REQUEST) -> None:
        await self.desk.conduct(request, "en", phone)

    async def surveys(self) -> list[tuple[str, str, str, str]]:
        return [(row.survey, row.status, row.agent, row.language) for row in await self._rows(Survey)]

    async def answers(self) -> list[tuple[str, int | None, int, str]]:
        return [(row.keys, row.value, row.tries, row.ended) for row in await self._rows(Answer)]

    async def exclusions(self) -> dict[str, str]:
        return {row.linkedid: row.exclusion for row in await self._rows(Call)}

    async def names(self) -> dict[str, str]:
        return {row.agent: row.name for row in await self._rows(Agent)}

    async def _rows(self, table: Any) -> list[Any]:
        async def work(connection: Any) -> list[Any]:
            return list((await connection.execute(select(table.__table__))).all())

        assert await verify(self.database) == []
        return await self.database.read(work)


@pytest.fixture
async def desk(url: str) -> Any:
    async with await open_database(url) as database:
        recorder = Recorder(database)
        await recorder.ensure_site(SiteRecord(site="main", name="", zone="UTC"))
        for version in shipped():
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
    async def away(_: object) -> bool:
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

    monkeypatch.setattr(desk.recorder, "record_answer", hangs)
    phone = PaperPhone(key("5"))
    async with asyncio.timeout(STORE_SECONDS + 5):
        await desk.conduct(phone)
    assert len(phone.heard) == 1


async def test_the_events_name_the_agent_before_the_channel_does(desk: Desk) -> None:
    john = AgentRef(interface="PJSIP/1002", name="Doe, John")
    desk.calls.handle(
        CallStarted(
            site="main",
            linkedid="1.1",
            at=NOW,
            uniqueid="1.1",
            channel="PJSIP/trunk-1",
            queue="billing",
            caller_number="",
            caller_name="",
        )
    )
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
    desk.desk._flows.update(*publications_of([*shipped(), vip]))
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
    put = {row.survey: row.flow for row in await desk._rows(Survey)}
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
