"""Callers who could not be asked are called back: whom, when, how often, and what became of it. The clock is set."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from callflows.loader import GREETING, load_flow
from ivr.calls import AgentRef, Call, Leg
from ivr.errors import CallerHungUp, PbxError, PbxRefused
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.attribution import Attribution
from ivr.surveys.callback_desk import CallbackDesk
from ivr.surveys.callbacks import Callbacks, CallbackSite
from ivr.surveys.facts import FactWriter
from ivr.surveys.privacy import CallerKey
from ivr.surveys.prompt_check import PromptCheck
from ivr.surveys.publishing import version_record
from ivr.surveys.request import SurveyRequest
from ivr.surveys.sealed_numbers import NumberSeal
from storage.engine import Database, open_database
from storage.recorder import Recorder
from storage.records import SiteRecord
from storage.tables import Base, Survey
from storage.tables import Call as CallRow
from storage.tables import Callback as CallbackRow
from tests.shelves import shipped
from tests.surveys.test_callback_plan import plan
from tests.surveys.test_conduct import SILENCE, Desk, PaperPhone, key
from tests.waiting import until

NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)
"""A Monday, on the clocks of Madrid."""
CALLERS = CallerKey(b"a key of these tests")
NUMBER = "0912000111"
ALICE = AgentRef(interface="PJSIP/1001", name="Alice Moreau")
REQUEST = SurveyRequest(site="main", linkedid="9.9", survey="9.9", callback_of="1.1")


def call(linkedid: str = "1.1", *, number: str = NUMBER, ended_by: Any = "caller", talked: bool = True) -> Call:
    """A call that is over."""
    leg = Leg(leg="l", agent=ALICE, queue="support", connected_at=NOON, ended_at=NOON, ended_by=ended_by)
    return Call(
        site="main",
        linkedid=linkedid,
        queue="support",
        caller_number=number,
        started_at=NOON,
        ended_at=NOON,
        abandoned=not talked,
        legs={"l": leg} if talked else {},
    )


class Office:
    """A service that calls back, with a clock to be set and a PBX that does as it is told."""

    def __init__(self, database: Database, recorder: Recorder, secret: bytes = CALLERS.key, **changed: Any) -> None:
        self.database, self.recorder = database, recorder
        self.now = NOON
        self.ready = True
        self.held = False
        """True while telephones ring on."""
        self.outcomes: list[str | Exception | asyncio.Event] = []
        self.dialled: list[tuple[str, str]] = []
        self.callbacks = Callbacks(
            recorder=recorder,
            callers=CALLERS,
            seal=NumberSeal(secret),
            sites={
                "main": CallbackSite(
                    plan=plan(**changed), place=self.place, is_here=lambda: True, is_ready=lambda: self.ready
                )
            },
            refuses=recorder.has_opted_out,
            now=lambda: self.now,
        )
        self.facts = FactWriter(
            recorder,
            CALLERS,
            AgentDirectory(),
            Attribution({}, AgentDirectory().identify),
            self.callbacks.not_asked,
        )
        self.desk = CallbackDesk(
            recorder=recorder,
            callbacks=self.callbacks,
            desk=Desk(database, recorder).desk,
            greetings={"main": load_flow(GREETING)},
            prompts=PromptCheck(now=lambda: self.now),
            now=lambda: self.now,
        )

    async def place(self, number: str, about: str) -> str:
        self.dialled.append((number, about))
        outcome = self.outcomes.pop(0) if self.outcomes else "taken"
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, asyncio.Event):
            await outcome.wait()
            return "no_answer"
        return outcome

    async def over(self, *calls: Call) -> None:
        """These calls are over, and written."""
        writing = asyncio.create_task(self.facts.run())
        for one in calls:
            self.facts.call_changed(one)
        await self.facts.all_written()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)

    async def after(self, **time: float) -> int:
        """So much later, and how many were dialled then."""
        before = len(self.dialled)
        self.now += timedelta(**time)
        await self.callbacks.step("main")
        if not self.held:
            await asyncio.gather(*self.callbacks._trying)
        return len(self.dialled) - before

    async def takes_the_call(self, *turns: Any) -> PaperPhone:
        """Somebody, or something, takes the call-back."""
        phone = PaperPhone(*turns)
        await self.desk.conduct(REQUEST, "en", phone)
        return phone

    async def rows(self, table: type[Base] = CallbackRow) -> list[Any]:
        async def work(connection: Any) -> list[Any]:
            return list((await connection.execute(select(table.__table__))).all())

        return await self.database.read(work)

    async def state(self) -> tuple[str, str, int]:
        """Of the only call-back: its state, why, and the tries."""
        (row,) = await self.rows()
        assert (row.sealed_number is not None) is (row.state in ("pending", "calling"))
        return row.state, row.why, row.tries


@pytest.fixture
async def recorder(url: str) -> AsyncIterator[tuple[Database, Recorder]]:
    async with await open_database(url) as database:
        recorder = Recorder(database)
        await recorder.ensure_site(SiteRecord(site="main", name="", zone="Europe/Madrid"))
        for version in shipped():
            await recorder.publish(version_record(version, NOON))
        yield database, recorder


@pytest.fixture
def office(recorder: tuple[Database, Recorder]) -> Office:
    return Office(*recorder)


async def test_a_caller_who_hung_up_first_is_called_back_and_the_rating_is_the_agents(office: Office) -> None:
    await office.over(call())
    ((exclusion,),) = {(row.exclusion,) for row in await office.rows(CallRow)}
    assert exclusion == "caller_hung_up"
    assert await office.after(minutes=9) == 0
    assert await office.after(minutes=1) == 1
    assert office.dialled == [(NUMBER, "1.1")]
    assert await office.after(seconds=1) == 0
    phone = await office.takes_the_call(key("1"), key("4"))
    assert phone.heard[0] == ("en/callback-welcome", "en/callback-welcome-back-ask")
    assert await office.state() == ("answered", "answered", 1)
    (survey,) = await office.rows(Survey)
    assert survey.caller_digest == CALLERS.caller(NUMBER).digest
    assert (survey.survey, survey.linkedid, survey.agent, survey.queue, survey.status) == (
        "9.9",
        "1.1",
        "PJSIP/1001",
        "support",
        "completed",
    )
    ((exclusion,),) = {(row.exclusion,) for row in await office.rows(CallRow)}
    assert exclusion == ""
    assert await office.after(hours=2) == 0


@pytest.mark.parametrize(
    "not_wanted",
    [
        call(talked=False),
        call(number=""),
        call(number="1001"),
        call(number="anonymous"),
        call(ended_by="unknown"),
    ],
    ids=["left the queue", "withheld", "internal", "no number", "end not known"],
)
async def test_who_is_not_called_back(office: Office, not_wanted: Call) -> None:
    await office.over(not_wanted)
    assert await office.rows() == []


async def test_a_call_that_is_told_many_times_is_called_back_once(office: Office) -> None:
    for _ in range(3):
        await office.over(call())
        assert await office.after(minutes=20) in (0, 1)
    assert len(office.dialled) == 1


async def test_at_night_nobody_is_called(office: Office) -> None:
    office.now = NOON + timedelta(hours=7, minutes=55)  # five to eight in the evening
    await office.over(replace(call(), ended_at=office.now))
    assert await office.after(minutes=10) == 0
    assert await office.after(hours=12) == 0
    assert await office.after(hours=1) == 1


async def test_a_service_that_was_away_all_day_calls_nobody_at_night(office: Office) -> None:
    await office.over(call())
    assert await office.after(hours=9) == 0
    assert (await office.state())[0] == "pending"


async def test_two_tries_without_an_answer_and_no_third(office: Office) -> None:
    await office.over(call())
    office.outcomes = ["no_answer", "busy"]
    assert await office.after(minutes=10) == 1
    assert await office.state() == ("pending", "no_answer", 1)
    assert await office.after(minutes=59) == 0
    assert await office.after(minutes=1) == 1
    assert await office.state() == ("given_up", "busy", 2)
    assert await office.after(hours=20) == 0


async def test_an_answering_machine_is_no_answer(office: Office) -> None:
    await office.over(call())
    for tries, state in ((1, "pending"), (2, "given_up")):
        assert await office.after(minutes=60) == 1
        await office.takes_the_call(SILENCE, SILENCE)
        assert await office.state() == (state, "no_key", tries)
    assert await office.rows(Survey) == []
    ((exclusion,),) = {(row.exclusion,) for row in await office.rows(CallRow)}
    assert exclusion == "caller_hung_up"


async def test_a_person_who_hangs_up_when_greeted_is_left_alone(office: Office) -> None:
    await office.over(call())
    await office.after(minutes=10)
    await office.takes_the_call(CallerHungUp("gone"))
    assert await office.state() == ("withdrawn", "hung_up", 1)
    assert await office.after(hours=3) == 0


async def test_never_again_is_never_again_for_later_calls_too(office: Office) -> None:
    await office.over(call(), call("1.2"))
    office.callbacks._sites["main"] = CallbackSite(  # type: ignore[index]
        plan=plan(at_once=1), place=office.place, is_here=lambda: True, is_ready=lambda: True
    )
    await office.after(minutes=10)
    await office.takes_the_call(key("9"))
    assert [(row.state, row.why) for row in await office.rows()] == [("withdrawn", "opted_out")] * 2
    (said,) = await office.recorder.opt_outs(CALLERS.caller(NUMBER).digest)
    assert (said.site, said.way) == (None, "key")
    assert await office.rows(Survey) == []
    await office.over(call("1.3"))
    assert len(await office.rows()) == 2
    assert await office.after(hours=2) == 0


async def test_a_caller_who_is_asked_after_all_is_not_called_back(office: Office) -> None:
    await office.over(call())
    await office.desk._desk.conduct(
        SurveyRequest(site="main", linkedid="1.1", survey="1.1"), "en", PaperPhone(key("5"))
    )
    assert await office.after(minutes=10) == 0
    assert await office.state() == ("withdrawn", "asked", 0)


async def test_without_a_link_nobody_is_dialled_and_no_try_is_lost(office: Office) -> None:
    await office.over(call())
    office.ready = False
    assert await office.after(minutes=10) == 0
    office.ready = True
    assert await office.after(seconds=1) == 1
    assert (await office.state())[2] == 1


async def test_a_pbx_that_refuses_to_dial_costs_no_try(office: Office) -> None:
    await office.over(call())
    office.outcomes = [PbxRefused("no right")]
    assert await office.after(minutes=10) == 1
    assert await office.state() == ("pending", "", 0)
    assert await office.after(seconds=59) == 0
    assert await office.after(seconds=1) == 1


async def test_a_try_whose_outcome_is_not_known_is_given_up_after_a_while(office: Office) -> None:
    await office.over(call())
    office.outcomes = [PbxError("the connection was lost")]
    await office.after(minutes=10)
    assert await office.state() == ("calling", "", 1)
    assert await office.after(minutes=3, seconds=1) == 0
    assert await office.state() == ("pending", "lost", 1)
    assert await office.after(hours=1) == 1


async def test_the_service_is_restarted_between_the_call_and_the_call_back(
    office: Office, recorder: tuple[Database, Recorder]
) -> None:
    await office.over(call())
    second = Office(*recorder)
    assert await second.after(minutes=10) == 1
    assert second.dialled == [(NUMBER, "1.1")]
    # And again while the telephone rings: the person who takes the call is asked by the third.
    third = Office(*recorder)
    assert await third.after(minutes=10, seconds=30) == 0
    await third.takes_the_call(key("1"), key("3"))
    assert await third.state() == ("answered", "answered", 1)


async def test_a_number_that_was_sealed_under_another_key_is_given_up(
    office: Office, recorder: tuple[Database, Recorder]
) -> None:
    await office.over(call())
    second = Office(*recorder, secret=b"quite another key")
    assert await second.after(minutes=10) == 0
    assert await second.state() == ("withdrawn", "unreadable", 1)


async def test_only_so_many_at_once(office: Office, recorder: tuple[Database, Recorder]) -> None:
    few = Office(*recorder, at_once=2)
    await few.over(*(call(f"1.{n}", number=f"091200011{n}") for n in range(4)))
    ring = asyncio.Event()
    few.outcomes, few.held = [ring, ring], True
    await few.after(minutes=10)

    async def both_ring() -> bool:
        return len(few.dialled) == 2

    await until(both_ring)
    await few.after(seconds=10)
    assert [row.state for row in await few.rows()].count("calling") == 2
    ring.set()
    few.held = False
    await asyncio.gather(*few.callbacks._trying)
    assert await few.after(seconds=60) == 2


async def test_only_so_many_in_a_minute(office: Office, recorder: tuple[Database, Recorder]) -> None:
    slow = Office(*recorder, at_once=100, per_minute=3)
    await slow.over(*(call(f"1.{n}", number=f"091200011{n}") for n in range(8)))
    slow.outcomes = ["busy"] * 8
    assert await slow.after(minutes=10) == 3
    assert await slow.after(seconds=59) == 0
    assert await slow.after(seconds=1) == 3
    assert await slow.after(seconds=60) == 2


async def test_a_call_back_that_nobody_placed_asks_nobody(office: Office) -> None:
    phone = await office.takes_the_call()
    assert phone.heard == []
    await office.over(call())
    phone = await office.takes_the_call()
    assert phone.heard == []


async def test_the_number_is_nowhere_in_the_database(office: Office) -> None:
    await office.over(call())
    assert (await office.state())[0] == "pending"
    for table in CallRow.metadata.sorted_tables:
        for row in await office.rows(type("Any", (), {"__table__": table})):
            assert NUMBER not in str(row)


def test_a_seal_is_another_each_time_and_opens_under_its_key_alone() -> None:
    seal = NumberSeal(b"a key")
    assert seal.seal(NUMBER) != seal.seal(NUMBER)
    assert seal.open(seal.seal(NUMBER)) == NUMBER
    assert NumberSeal(b"another").open(seal.seal(NUMBER)) is None
    assert seal.open("not sealed") is None
    assert "a key" not in repr(seal)
