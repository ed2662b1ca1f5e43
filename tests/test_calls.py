"""A call's story, told by neutral events."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.calls import AgentRef, Call, CallEnded, CallEvent, CallStarted, LegConnected, LegEnded

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ALICE = AgentRef(interface="PJSIP/1001", name="Alice Moreau")
BOB = AgentRef(interface="PJSIP/1002", name="Doe, John")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def started(second: float = 0) -> CallStarted:
    return CallStarted(
        site="main",
        linkedid="1.1",
        at=at(second),
        uniqueid="1.1",
        channel="PJSIP/trunk-1",
        queue="support",
        caller_number="0912000111",
        caller_name="Anna",
    )


def connected(second: float, agent: AgentRef = ALICE, leg: str = "1.2") -> LegConnected:
    return LegConnected(
        site="main",
        linkedid="1.1",
        at=at(second),
        uniqueid="1.1",
        channel="PJSIP/trunk-1",
        leg=leg,
        agent=agent,
        queue="support",
        ring_seconds=2,
        hold_seconds=3,
    )


def ended(second: float, by: str, agent: AgentRef = ALICE, leg: str = "1.2") -> LegEnded:
    return LegEnded(
        site="main", linkedid="1.1", at=at(second), leg=leg, agent=agent, queue="support", ended_by=by, talk_seconds=20
    )


def hung_up(second: float, *, abandoned: bool = False) -> CallEnded:
    return CallEnded(site="main", linkedid="1.1", at=at(second), abandoned=abandoned)


def told(*events: CallEvent) -> Call:
    call = Call(site="main", linkedid="1.1")
    for event in events:
        call = call.after(event)
    return call


def test_a_good_call() -> None:
    call = told(started(), connected(3), ended(23, "agent"), hung_up(30))
    leg = call.last_leg
    assert leg is not None
    assert (leg.agent, leg.connected_at, leg.ended_at, leg.talk_seconds) == (ALICE, at(3), at(23), 20)
    assert (leg.ring_seconds, leg.hold_seconds, leg.ended_by) == (2, 3, "agent")
    assert (call.started_at, call.ended_at, call.ended_by, call.abandoned) == (at(0), at(30), "agent", False)


def test_a_caller_who_leaves_the_queue() -> None:
    call = told(started(), hung_up(9, abandoned=True))
    assert (call.abandoned, call.ended_by, call.last_leg) == (True, "caller", None)


def test_after_a_transfer_the_second_agent_is_the_last() -> None:
    call = told(
        started(), connected(3), ended(10, "transfer"), connected(12, BOB, "1.3"), ended(40, "agent", BOB, "1.3")
    )
    assert [leg.agent for leg in call.legs.values()] == [ALICE, BOB]
    assert call.last_leg is not None
    assert call.last_leg.agent == BOB


def test_the_end_of_a_leg_whose_start_was_missed_still_names_the_agent() -> None:
    call = told(ended(23, "agent"))
    leg = call.last_leg
    assert leg is not None
    assert (leg.agent, leg.connected_at, leg.ended_by) == (ALICE, None, "agent")
    assert call.queue == "support"


def test_a_call_that_only_ended_was_ended_by_nobody_knows_whom() -> None:
    assert told(hung_up(5)).ended_by == "unknown"


@given(st.permutations([started(), connected(3), ended(23, "agent"), hung_up(30)]), st.data())
def test_late_and_repeated_events_lead_to_the_same_call(events: list[CallEvent], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(events)))
    straight = told(started(), connected(3), ended(23, "agent"), hung_up(30))
    assert told(*events, *again) == straight


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no zone"):
        CallEnded(site="main", linkedid="1", at=datetime(2026, 1, 1))  # noqa: DTZ001
