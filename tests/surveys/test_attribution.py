"""Whom a rating belongs to: better nobody than the wrong agent."""

from datetime import UTC, datetime

import pytest

from ivr.calls import AgentRef, Call, EndedBy, Leg
from ivr.surveys.attribution import credit
from ivr.surveys.request import SurveyRequest, reason_code

ALICE = AgentRef(interface="PJSIP/1001", name="Alice Moreau")
BOB = AgentRef(interface="PJSIP/1002", name="Doe, John")
CHEN = AgentRef(interface="PJSIP/1003")


def call(*legs: tuple[AgentRef, EndedBy | None]) -> Call:
    return Call(
        site="main",
        linkedid="1.1",
        queue="support",
        started_at=datetime(2026, 11, 22, tzinfo=UTC),
        legs={
            str(number): Leg(leg=str(number), agent=agent, queue="support", ended_by=by)
            for number, (agent, by) in enumerate(legs)
        },
    )


def request(
    agent: AgentRef | None = None,
    transferred_to: AgentRef | None = None,
    reason: str = "",
    sent_by: AgentRef | None = None,
) -> SurveyRequest:
    return SurveyRequest(
        site="main",
        linkedid="1.1",
        survey="1.1",
        agent=agent,
        transferred_to=transferred_to,
        sent_by=sent_by,
        queue="from the channel",
        reason=reason,
    )


@pytest.mark.parametrize(
    ("heard", "channel", "credited"),
    [
        # what the events told                      what the caller's channel tells            who is credited
        (call((ALICE, "agent")), request(ALICE), ALICE),
        (call((ALICE, None)), request(ALICE), ALICE),  # the survey came before the leg's end was told
        (None, request(ALICE), ALICE),  # nothing was heard: the link was down
        (None, request(ALICE, BOB), BOB),
        (None, request(), None),
        (call((ALICE, "transfer"), (BOB, "agent")), request(ALICE), BOB),
        (call((ALICE, "transfer")), request(ALICE, BOB), BOB),  # only the channel knows the second agent
        (call((ALICE, "transfer")), request(ALICE), None),  # nobody knows: not Alice
        (call((ALICE, "transfer")), request(ALICE, ALICE), None),  # the channel still names the first agent
        (call((ALICE, "transfer"), (BOB, "transfer")), request(ALICE, CHEN), CHEN),
    ],
)
def test_the_last_agent_who_talked_is_credited(
    heard: Call | None, channel: SurveyRequest, credited: AgentRef | None
) -> None:
    assert credit(heard, channel).agent == credited


def test_the_queue_comes_from_the_events_and_else_from_the_channel() -> None:
    assert credit(call((ALICE, "agent")), request()).queue == "support"
    assert credit(None, request()).queue == "from the channel"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("billing", "billing"),
        ("billing/refund", "billing/refund"),
        (" Billing/Refund ", "billing/refund"),
        ("", ""),
        ("billing\r\nAction: Logoff", ""),
        ("billing\n", ""),
        ("a/b/c", ""),
        ("=cmd|' /C calc'!A0", ""),
        ("<script>", ""),
        ("x" * 33, ""),
    ],
)
def test_a_reason_is_a_code_or_nothing(text: str, code: str) -> None:
    assert reason_code(text) == code
    assert credit(None, request(reason=text)).reason == code


@pytest.mark.parametrize(
    ("legs", "sent_by", "expected"),
    [
        ([(ALICE, "transfer")], AgentRef(interface="PJSIP/1001"), ALICE),
        ([(ALICE, "transfer"), (BOB, "transfer")], AgentRef(interface="PJSIP/1002"), BOB),
        ([(ALICE, "transfer")], CHEN, CHEN),
        ([], CHEN, CHEN),
    ],
)
def test_an_agent_who_sent_the_caller_into_the_survey_talked_last(
    legs: list[tuple[AgentRef, EndedBy | None]], sent_by: AgentRef, expected: AgentRef
) -> None:
    assert credit(call(*legs), request(agent=ALICE, transferred_to=BOB, sent_by=sent_by)).agent == expected
    assert credit(None, request(agent=ALICE, sent_by=sent_by)).agent == sent_by
