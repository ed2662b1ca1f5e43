"""Whom a rating belongs to: better nobody than the wrong agent."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.calls import AgentRef, Call, EndedBy, Leg
from ivr.site_settings import CreditPolicy
from ivr.surveys.agents import AgentDirectory
from ivr.surveys.attribution import Attribution, CreditRules, asked_call, share_out, split
from ivr.surveys.request import SurveyRequest, reason_code
from ivr.surveys.talks import Talk
from storage.records import PARTS, CreditRecord

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALICE = AgentRef(interface="PJSIP/1001", name="Alice Moreau")
BOB = AgentRef(interface="PJSIP/1002", name="Doe, John")
CHEN = AgentRef(interface="PJSIP/1003")
UNKNOWN = AgentRef(interface="")


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def leg(
    agent: AgentRef,
    since: float | None,
    until: float | None = None,
    by: EndedBy | None = None,
    talked: int | None = None,
    queue: str = "support",
) -> Leg:
    return Leg(
        leg=f"{agent.interface}#{since}",
        agent=agent,
        queue=queue,
        connected_at=None if since is None else at(since),
        ended_at=None if until is None else at(until),
        ended_by=by,
        talk_seconds=talked,
    )


def call(*legs: Leg, queue: str = "support") -> Call:
    return Call(site="main", linkedid="1.1", queue=queue, started_at=NOON, legs={one.leg: one for one in legs})


def request(
    agent: AgentRef | None = None,
    transferred_to: AgentRef | None = None,
    reason: str = "",
    sent_by: AgentRef | None = None,
    handed_over_by: str = "",
) -> SurveyRequest:
    return SurveyRequest(
        site="main",
        linkedid="1.1",
        survey="1.1",
        agent=agent,
        transferred_to=transferred_to,
        sent_by=sent_by,
        handed_over_by=handed_over_by,
        queue="from the channel",
        reason=reason,
    )


def decided(
    heard: Call | None, channel: SurveyRequest, policy: CreditPolicy = "last", asked: float = 100, **rules: object
) -> CreditRecord:
    """The credit of a call whose caller is asked `asked` seconds after noon."""
    chosen = CreditRules(default=policy, **rules)  # type: ignore[arg-type]
    return Attribution({"main": chosen}, AgentDirectory().identify).decide(asked_call(heard, channel, at(asked)))


def credited(*given: object, **more: object) -> dict[str, int]:
    return {share.agent: share.parts for share in decided(*given, **more).shares}  # type: ignore[arg-type]


ALICES = leg(ALICE, 10, 40, "agent", 30)
HANDED_OVER = leg(ALICE, 10, 40, "transfer", 30)
BOBS = leg(BOB, 45, 90, "agent", 45, queue="")


@pytest.mark.parametrize(
    ("heard", "channel", "agent"),
    [
        # what the events told                        what the caller's channel tells           who is credited
        (call(ALICES), request(ALICE), ALICE),
        (call(leg(ALICE, 10)), request(ALICE), ALICE),  # the survey came before the leg's end was told
        (None, request(ALICE), ALICE),  # nothing was heard: the link was down
        (None, request(ALICE, BOB), BOB),
        (None, request(), None),
        (call(HANDED_OVER, BOBS), request(ALICE), BOB),
        (call(BOBS, HANDED_OVER), request(ALICE), BOB),  # told in the wrong order
        (call(HANDED_OVER), request(ALICE, BOB), BOB),  # only the channel knows the second agent
        (call(HANDED_OVER), request(ALICE), UNKNOWN),  # nobody knows: not Alice
        (call(HANDED_OVER), request(ALICE, ALICE), UNKNOWN),  # the channel still names the first agent
        (call(HANDED_OVER, leg(BOB, 45, 60, "transfer", 15)), request(ALICE, CHEN), CHEN),
        (call(ALICES), request(CHEN), CHEN),  # a minute later: the queue connected Chen, of whom no event told
        (call(leg(ALICE, 10, 98, "agent", 88)), request(CHEN), ALICE),  # the survey follows Alice's talk
        (call(leg(ALICE, 10)), request(CHEN), ALICE),
        (call(leg(ALICE, 10, 130, "unknown")), request(CHEN), CHEN),  # how Alice's talk ended was missed
        (call(leg(ALICE, 10, 40, "agent", 30, queue="")), request(CHEN), ALICE),  # Chen handed over to Alice
    ],
)
def test_the_last_agent_who_talked_is_credited(
    heard: Call | None, channel: SurveyRequest, agent: AgentRef | None
) -> None:
    assert credited(heard, channel) == ({agent.interface: PARTS} if agent else {})


@pytest.mark.parametrize("how_it_ended", [None, "unknown"])
def test_a_transfer_that_only_the_channel_shows_leaves_the_last_agent_unknown(how_it_ended: EndedBy | None) -> None:
    heard = call(leg(ALICE, 10, None if how_it_ended is None else 130, how_it_ended))
    blind, attended = request(ALICE, BOB), request(ALICE, handed_over_by=ALICE.interface)
    for channel in (blind, attended):
        assert credited(heard, channel) == credited(heard, channel, "split") == {"": PARTS}
        assert credited(heard, channel, "first") == {ALICE.interface: PARTS}
    assert credited(None, attended) == {"": PARTS}
    assert credited(None, attended, "first") == {ALICE.interface: PARTS}


def test_a_transfer_that_the_channel_shows_is_no_news_when_the_events_told_what_came_after_it() -> None:
    heard = call(HANDED_OVER, leg(BOB, 45, None, None, queue=""))
    for channel in (request(ALICE, BOB), request(ALICE, handed_over_by=ALICE.interface)):
        assert credited(heard, channel) == {BOB.interface: PARTS}


def test_a_member_of_no_leg_who_handed_over_talked_before_the_agent_who_talked_right_before_the_survey() -> None:
    channel = request(ALICE, handed_over_by=ALICE.interface)
    bob_last = call(leg(BOB, 40, 98, "unknown"))
    assert credited(bob_last, channel, asked=100) == {BOB.interface: PARTS}
    assert credited(bob_last, channel, "first", asked=100) == {ALICE.interface: PARTS}
    # Long before the survey, Bob may have been the first of three, and then nobody knows who the third was.
    bob_long_ago = call(leg(BOB, 10, 40, "unknown"))
    assert credited(bob_long_ago, channel, asked=100) == {"": PARTS}


THREE = call(leg(ALICE, 0, 20, "transfer", 20), leg(BOB, 20, 80, "transfer", 60), leg(CHEN, 80, 100, "agent", 20))


@pytest.mark.parametrize(
    ("policy", "credit"),
    [
        ("last", {CHEN.interface: 1000}),
        ("first", {ALICE.interface: 1000}),
        ("longest", {BOB.interface: 1000}),
        ("split", {ALICE.interface: 200, BOB.interface: 600, CHEN.interface: 200}),
    ],
)
def test_each_policy_credits_its_own(policy: CreditPolicy, credit: dict[str, int]) -> None:
    assert credited(THREE, request(ALICE), policy) == credit


def test_the_policy_is_that_of_the_queue_entered_last() -> None:
    two = call(leg(ALICE, 0, 60, "transfer", 60, "support"), leg(BOB, 70, 90, "agent", 20, "billing"), queue="billing")
    assert credited(two, request(BOB), "last", queues={"billing": "first"}) == {ALICE.interface: PARTS}
    assert credited(two, request(BOB), "last", queues={"support": "first"}) == {BOB.interface: PARTS}


def test_an_agent_who_had_the_caller_twice_is_counted_once_with_both_talks() -> None:
    back = call(leg(ALICE, 0, 30, "transfer", 30), leg(BOB, 30, 75, "transfer", 45), leg(ALICE, 75, 100, "agent", 25))
    assert credited(back, request(ALICE), "longest") == {ALICE.interface: PARTS}
    assert credited(back, request(ALICE), "split") == {ALICE.interface: 550, BOB.interface: 450}


@pytest.mark.parametrize("policy", ["longest", "split"])
def test_a_talk_of_unknown_length_leaves_the_others_uncredited(policy: CreditPolicy) -> None:
    missed = call(leg(ALICE, None, None), leg(BOB, 50, 90, "agent", 40))
    assert credited(missed, request(ALICE), policy) == {"": PARTS}
    assert credited(None, request(ALICE, BOB), policy) == {"": PARTS}


@pytest.mark.parametrize("policy", ["last", "first", "longest", "split"])
def test_with_one_agent_every_policy_says_the_same(policy: CreditPolicy) -> None:
    for talked in (None, 0, 30):
        assert credited(call(leg(ALICE, 10, 40, "agent", talked)), request(ALICE), policy) == {ALICE.interface: PARTS}
    assert credited(None, request(ALICE), policy) == {ALICE.interface: PARTS}


def test_the_length_of_a_talk_whose_end_is_not_told_yet_is_counted_until_the_survey() -> None:
    late = call(leg(ALICE, 0, 25, "transfer", 25), leg(BOB, 25))
    assert credited(late, request(ALICE), "split", asked=125) == {ALICE.interface: 200, BOB.interface: 800}


def test_an_end_that_was_only_found_out_after_the_survey_began_says_nothing_of_the_talk() -> None:
    # The link came back ten minutes later.
    heard = call(leg(ALICE, 0, 25, "transfer", 25), leg(BOB, 25, 725, "unknown"))
    assert credited(heard, request(ALICE), "split", asked=125) == {ALICE.interface: 200, BOB.interface: 800}


def test_somebody_unknown_keeps_the_share_that_is_nobody_elses() -> None:
    assert credited(call(leg(ALICE, 0, 75, "transfer", 75)), request(ALICE), "split", asked=100) == {
        ALICE.interface: 750,
        "": 250,
    }


def test_two_who_picked_up_and_dropped_the_caller_at_once_share_equally() -> None:
    both = call(leg(ALICE, 10, 10, "transfer", 0), leg(BOB, 10.5, 10.7, "agent", 0))
    assert credited(both, request(ALICE), "split") == {ALICE.interface: 500, BOB.interface: 500}


def test_of_two_who_talked_equally_long_the_later_one_is_credited() -> None:
    both = [Talk(agent="a", seconds=30), Talk(agent="b", seconds=30)]
    assert [share.agent for share in share_out(both, "longest")] == ["b"]
    assert [share.agent for share in share_out(both[::-1], "longest")] == ["a"]


@given(st.dictionaries(st.sampled_from("abcdefghijkl"), st.integers(0, 100_000), min_size=1))
def test_shares_are_exact_to_the_part_and_never_more_or_less_than_one_survey(seconds: dict[str, int]) -> None:
    shares = {share.agent: share.parts for share in split(seconds)}
    assert sum(shares.values()) == PARTS
    total = sum(seconds.values())
    for agent, talked in seconds.items():
        exact = PARTS * talked / total if total else PARTS / len(seconds)
        assert abs(shares.get(agent, 0) - exact) < 1


def test_the_queue_comes_from_the_events_and_else_from_the_channel() -> None:
    assert decided(call(ALICES), request()).queue == "support"
    assert decided(None, request()).queue == "from the channel"


def test_a_reason_of_the_dialplan_goes_before_the_queue_s_default() -> None:
    reasons = {"support": "tech/other"}
    told = decided(call(ALICES), request(reason="billing"), reasons=reasons)
    untold = decided(call(ALICES), request(reason="<script>"), reasons=reasons)
    elsewhere = decided(call(ALICES, queue="sales"), request(), reasons=reasons)
    assert (told.reason, told.reason_source) == ("billing", "channel")
    assert (untold.reason, untold.reason_source) == ("tech/other", "queue")
    assert (elsewhere.reason, elsewhere.reason_source) == ("", "")


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
    assert decided(None, request(reason=text)).reason == code


@pytest.mark.parametrize(
    ("heard", "sent_by", "expected"),
    [
        (call(HANDED_OVER), ALICE, ALICE),
        (call(HANDED_OVER, leg(BOB, 45, 90, "transfer", 45, queue="")), BOB, BOB),
        (call(HANDED_OVER), CHEN, CHEN),
        (call(), CHEN, CHEN),
        (None, CHEN, CHEN),
    ],
)
def test_an_agent_who_sent_the_caller_into_the_survey_talked_last(
    heard: Call | None, sent_by: AgentRef, expected: AgentRef
) -> None:
    assert decided(heard, request(agent=ALICE, transferred_to=BOB, sent_by=sent_by)).agent == expected.interface


def test_an_agent_who_sent_the_caller_on_has_what_was_talked_before_too() -> None:
    sent = request(agent=ALICE, sent_by=AgentRef(interface=ALICE.interface))
    assert decided(call(HANDED_OVER), sent, "longest").agent == ALICE.interface
    assert decided(call(HANDED_OVER), request(agent=ALICE, sent_by=CHEN), "first").agent == ALICE.interface
