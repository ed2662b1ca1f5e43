"""The scenarios of which a real Asterisk's events were recorded, with the survey before, between and after them."""

import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from ivr.asterisk.events import AgentComplete, AgentConnect, Hangup
from storage.engine import Database, open_database
from storage.queries import tallies
from storage.records import CountFilter
from storage.tables import Answer, Call, Leg, Survey
from storage.verify import verify
from tests import recordings
from tests.scenarios.recorded import Heard, events_of, heard_caller, hearing, request_of
from tests.scenarios.table import Scenario, scenarios

RECORDED = [(scenario, name) for scenario in scenarios() for name in scenario.expected.get("recorded", [])]
ASKED = [(scenario, name) for scenario, name in RECORDED if scenario.expects("asked") == "yes"]
WITHOUT_A_QUEUE = {"ast22/i1_dial_option_g", "ast22/i2_dial_option_F_outbound"}
SITES = count(1)


def named(value: object) -> str | None:
    return value if isinstance(value, str) else None


@pytest.fixture
async def database(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    path = tmp_path / "postcall.db"
    shutil.copy(migrated_file, path)
    async with await open_database(f"sqlite:///{path}") as opened:
        yield opened


def test_every_recording_of_a_queue_call_has_its_scenario() -> None:
    assert {name for _, name in RECORDED} == set(recordings.names()) - WITHOUT_A_QUEUE


async def outcome(heard: Heard, scenario: Scenario) -> dict[str, str]:
    """What became of the one call, in the words of the tables; without seconds, which are the recording's own."""
    await heard.facts.all_written()
    (call,) = await heard.rows(Call)
    surveys = await heard.rows(Survey)
    legs = sorted(await heard.rows(Leg), key=lambda leg: leg.connected_at)
    told = {
        "asked": "yes" if surveys else f"no: {call.exclusion}",
        "ended by": call.ended_by,
        "legs": ", ".join(f"{leg.agent.removeprefix('PJSIP/')} by {leg.ended_by}" for leg in legs),
    }
    if surveys:
        told["credited"] = surveys[0].agent.removeprefix("PJSIP/") or "nobody"
        told["rating"] = ", ".join(str(row.value) for row in await heard.rows(Answer) if row.value is not None)
    return told


def expected(scenario: Scenario) -> dict[str, str]:
    wanted = {name: scenario.expects(name) for name in ("asked", "ended by", "legs")}
    wanted["legs"] = re.sub(r" \d+ s", "", wanted["legs"])
    if wanted["asked"] == "yes":
        wanted |= {"credited": scenario.expects("credited"), "rating": scenario.expects("rating")}
    return wanted


@pytest.mark.parametrize(("scenario", "name"), RECORDED, ids=named)
async def test_a_recorded_call_comes_out_as_the_table_says(scenario: Scenario, name: str, database: Database) -> None:
    events = events_of(name)
    async with hearing(database, "main") as heard:
        for event in events:
            # The survey begins after the talks, and ends with the caller's channel.
            if (
                isinstance(event, Hangup)
                and event.uniqueid == heard_caller(name)
                and scenario.expects("asked") == "yes"
            ):
                await heard.ask(request_of(name, "main"), *scenario.presses("caller"))
            heard.feed(event)
        assert await outcome(heard, scenario) == expected(scenario)
        assert await verify(database) == []


@pytest.mark.parametrize(("scenario", "name"), ASKED, ids=named)
async def test_the_survey_may_come_at_any_moment_before_between_and_after_the_events(
    scenario: Scenario, name: str, database: Database
) -> None:
    events = events_of(name)
    connected = next(number for number, event in enumerate(events) if isinstance(event, AgentConnect))
    for moment in range(connected + 1, len(events) + 1):
        site = f"site{next(SITES)}"
        async with hearing(database, site) as heard:
            for event in events[:moment]:
                heard.feed(event)
            # By its own clock the survey begins after the last talk; only the telling of the events is late.
            heard.now = max(event.at for event in events if isinstance(event, AgentComplete | Hangup))
            await heard.ask(request_of(name, site), *scenario.presses("caller"))
            for event in events[moment:]:
                heard.feed(event)
            assert await outcome(heard, scenario) == expected(scenario), f"the survey after {moment} events"
    assert await verify(database) == []


@pytest.mark.parametrize(("scenario", "name"), ASKED, ids=named)
async def test_events_that_are_all_told_after_the_survey_credit_it_again(
    scenario: Scenario, name: str, database: Database
) -> None:
    async with hearing(database, "main") as heard:
        await heard.ask(request_of(name, "main"), *scenario.presses("caller"))
        for event in events_of(name):
            heard.feed(event)
        assert await outcome(heard, scenario) == expected(scenario)
    assert await verify(database) == []


async def test_two_sites_with_the_same_ids_keep_their_calls_apart(database: Database) -> None:
    """The same uniqueids, at one site a blind transfer to 1002, at the other one a talk with 1001."""
    transfer, plain = events_of("ast22/g_blind_transfer_sip"), events_of("ast22/a_normal")
    async with hearing(database, "madrid") as madrid, hearing(database, "taipei") as taipei:
        same = request_of("ast22/g_blind_transfer_sip", "madrid")
        # Only the call's ids are made alike.
        ids = {"linkedid": same.linkedid, "survey": same.survey}
        for number in range(max(len(transfer), len(plain))):
            if number < len(transfer):
                madrid.feed(transfer[number])
            if number < len(plain):
                for told in taipei.translator.feed(plain[number]):
                    taipei.now = max(taipei.now, plain[number].at)
                    taipei.calls.handle(replace(told, linkedid=same.linkedid))
        await madrid.ask(same, "5")
        await taipei.ask(replace(request_of("ast22/a_normal", "taipei"), **ids), "1")
    found = {(row.site, row.agent, row.value): int(row.ratings) for row in await tallies(database, CountFilter())}
    assert found == {("madrid", "PJSIP/1002", 5): 1, ("taipei", "PJSIP/1001", 1): 1}
    assert await verify(database) == []
