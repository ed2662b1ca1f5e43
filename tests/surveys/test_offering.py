"""What the rules get to know of a call whose caller is on the line."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ivr.calls import AgentRef, Call, Leg
from ivr.surveys.offering import facts_of
from ivr.surveys.privacy import CallerKey
from ivr.surveys.request import SurveyRequest
from storage.records import SurveyOffer

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
KEY = CallerKey(b"a key of these tests")
ALICE = AgentRef(interface="PJSIP/1001")
OFFER = SurveyOffer(site="main", survey="1.1", linkedid="1.1", flow="csat", flow_version="aa", offered_at=NOW)


def request(**given: Any) -> SurveyRequest:
    return SurveyRequest(site="main", linkedid="1.1", survey="1.1", **given)


def call(*legs: Leg, **given: Any) -> Call:
    return Call(site="main", linkedid="1.1", legs={leg.leg: leg for leg in legs}, **{"started_at": NOW, **given})


def leg(name: str, **given: Any) -> Leg:
    return Leg(leg=name, agent=ALICE, queue="support", **given)


def ago(seconds: int) -> datetime:
    return NOW - timedelta(seconds=seconds)


DONE = leg("1", connected_at=ago(100), ended_at=ago(60), talk_seconds=40)
UP = leg("2", connected_at=ago(50))

# what the channel says | what the events said | seconds of talk
TALKS: list[tuple[int | None, Call | None, int | None]] = [
    (None, None, None),
    (45, None, 45),
    (45, call(), 45),
    (None, call(DONE), 40),
    (45, call(DONE), 40),
    (None, call(DONE, UP), 90),
    (12, call(DONE, UP), 52),
    (None, call(leg("1", connected_at=ago(30), ended_at=ago(10))), 20),
    (None, call(leg("1")), None),
    # The PBX's clock is ahead of ours.
    (None, call(leg("1", connected_at=ago(-30))), 0),
]


@pytest.mark.parametrize(("channel", "heard", "seconds"), TALKS)
def test_the_talk_is_that_of_all_legs_as_far_as_it_is_known(
    channel: int | None, heard: Call | None, seconds: int | None
) -> None:
    assert facts_of(OFFER, request(talk_seconds=channel), heard, KEY).talk_seconds == seconds


@pytest.mark.parametrize(
    ("given", "heard", "reached"),
    [
        ({"agent": ALICE}, None, True),
        ({"transferred_to": ALICE}, None, True),
        ({}, call(DONE), True),
        ({}, call(), False),
        ({}, None, None),
        # The beginning was missed, and with it perhaps the agent.
        ({}, call(started_at=None), None),
    ],
)
def test_that_no_agent_was_reached_must_be_known(
    given: dict[str, Any], heard: Call | None, reached: bool | None
) -> None:
    assert facts_of(OFFER, request(**given), heard, KEY).agent_reached is reached


@pytest.mark.parametrize(
    ("channel", "heard", "number"),
    [
        ("0912-000-111", None, "0912000111"),
        ("0912000111", call(caller_number="0912000222"), "0912000111"),
        ("unknown", call(caller_number="0912 000 222"), "0912000222"),
        ("unknown", None, ""),
        ("0912000111\r\nAction: Logoff", None, ""),
    ],
)
def test_the_caller_is_known_by_the_channel_that_is_asked(channel: str, heard: Call | None, number: str) -> None:
    facts = facts_of(OFFER, request(caller_number=channel), heard, KEY)
    assert (facts.number, facts.caller) == (number, KEY.caller(number).digest)
    assert not number or number not in repr(facts)
