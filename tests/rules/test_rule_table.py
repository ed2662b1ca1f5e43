"""Every rule with the calls that it stops and lets through, and the order in which they are asked."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.surveys.rules import decide, needed
from tests.rules.kit import ANNA, TAIPEI, call, past, rules

ONCE_A_MONTH = "no more than 1 in 30 days where caller is the same"
FIVE_AN_HOUR = "no more than 5 in 1 hour where agent is the same"
ONE_A_REASON = "no more than 1 in 1 day where reason is the same"

# what is set | what is different about the call | surveys offered before | reason code, rule (None: asked)
TABLE: list[tuple[dict[str, Any], dict[str, Any], int, tuple[str, str] | None]] = [
    ({}, {}, 1000, None),
    ({}, {"caller": "", "number": "", "talk_seconds": None, "agent": "", "agent_reached": None}, 0, None),
    # our own people
    ({"internal": ["_1XXX"]}, {"number": "1001"}, 0, ("internal", "internal")),
    ({"internal": ["_1XXX", "900"]}, {"number": "900"}, 0, ("internal", "internal")),
    ({"internal": ["_1XXX"]}, {"number": "0912000111"}, 0, None),
    ({"internal": ["_X!"]}, {"number": "", "caller": ""}, 0, None),
    ({"internal_variable": "INTERNAL"}, {"marked_internal": True}, 0, ("internal", "internal_variable")),
    ({}, {"marked_internal": True}, 0, None),
    # no agent was reached
    ({}, {"agent_reached": False, "agent": ""}, 0, ("no_agent", "without_agent")),
    ({"without_agent": True}, {"agent_reached": False, "agent": ""}, 0, None),
    # talk
    ({"minimum_talk": 20}, {"talk_seconds": 19}, 0, ("too_short", "minimum_talk")),
    ({"minimum_talk": 20}, {"talk_seconds": 20}, 0, None),
    ({"minimum_talk": 20}, {"talk_seconds": 0}, 0, ("too_short", "minimum_talk")),
    ({"minimum_talk": 20}, {"talk_seconds": None}, 0, None),
    # hours, in the site's zone: the call comes on Sunday at 10:00
    ({"hours": ["mon-fri 09:00-18:00"]}, {}, 0, ("outside_hours", "hours")),
    ({"hours": ["mon-fri 09:00-18:00", "sun 09:00-12:00"]}, {}, 0, None),
    ({"hours": ["sun 02:00-03:00"]}, {}, 0, ("outside_hours", "hours")),
    # quarantine
    ({"quarantine": [ONCE_A_MONTH]}, {}, 0, None),
    ({"quarantine": [ONCE_A_MONTH]}, {}, 1, ("quarantine", f"quarantine: {ONCE_A_MONTH}")),
    ({"quarantine": [ONCE_A_MONTH]}, {"caller": ""}, 1, None),
    ({"quarantine": [FIVE_AN_HOUR]}, {}, 4, None),
    ({"quarantine": [FIVE_AN_HOUR]}, {}, 5, ("quarantine", f"quarantine: {FIVE_AN_HOUR}")),
    ({"quarantine": [FIVE_AN_HOUR]}, {"agent": ""}, 5, None),
    ({"quarantine": [FIVE_AN_HOUR, ONCE_A_MONTH]}, {}, 1, ("quarantine", f"quarantine: {ONCE_A_MONTH}")),
    ({"quarantine": [FIVE_AN_HOUR, ONCE_A_MONTH]}, {}, 5, ("quarantine", f"quarantine: {FIVE_AN_HOUR}")),
    ({"quarantine": [ONE_A_REASON]}, {"reason": ""}, 1, None),
    # a day's maximum
    ({"maximum_a_day": 3}, {}, 2, None),
    ({"maximum_a_day": 3}, {}, 3, ("daily_maximum", "maximum_a_day")),
    ({"maximum_a_day_by_queue": {"support": 3}}, {}, 3, ("daily_maximum", "maximum_a_day_by_queue")),
    ({"maximum_a_day_by_queue": {"billing": 3}}, {}, 3, None),
    (
        {"maximum_a_day": 9, "maximum_a_day_by_queue": {"support": 3}},
        {},
        3,
        ("daily_maximum", "maximum_a_day_by_queue"),
    ),
    # sampling: the call draws 30 %
    ({"sampling": "1 in 4"}, {}, 0, ("sampled_out", "sampling")),
    ({"sampling": "31 %"}, {}, 0, None),
    ({"sampling": "30 %"}, {}, 0, ("sampled_out", "sampling")),
    ({"sampling_by_queue": {"support": "10 %"}}, {}, 0, ("sampled_out", "sampling_by_queue")),
    ({"sampling_by_queue": {"billing": "10 %"}}, {}, 0, None),
    ({"sampling_by_reason": {"billing/refund": "0 %"}}, {}, 0, ("sampled_out", "sampling_by_reason")),
    ({"sampling_by_reason": {"billing": "0 %"}}, {}, 0, ("sampled_out", "sampling_by_reason")),
    ({"sampling_by_reason": {"billing": "0 %", "billing/refund": "100 %"}}, {}, 0, None),
    ({"sampling_by_agent": {"PJSIP/1001": "0 %"}}, {}, 0, ("sampled_out", "sampling_by_agent")),
    ({"sampling": "0 %", "sampling_by_agent": {"PJSIP/1001": "100 %"}}, {}, 0, None),
    (
        {"sampling_by_agent": {"PJSIP/1001": "100 %"}, "sampling_by_reason": {"billing": "0 %"}},
        {},
        0,
        None,
    ),
    (
        {"sampling_by_reason": {"billing": "100 %"}, "sampling_by_queue": {"support": "0 %"}},
        {},
        0,
        None,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("given_", "different", "offered", "expected"), TABLE)
def test_who_is_asked(
    given_: dict[str, Any], different: dict[str, Any], offered: int, expected: tuple[str, str] | None
) -> None:
    known, facts = rules(**given_), call(**different)
    decision = decide(known, facts, past(known, facts, offered), 0.3)
    exclusion = decision.exclusion
    assert (exclusion and (exclusion.exclusion, exclusion.rule)) == expected
    assert decision.asked is (expected is None)


def test_who_opted_out_is_never_asked() -> None:
    known, facts = rules(), call()
    assert needed(known, facts).caller == ANNA
    decision = decide(known, facts, past(known, facts, opted_out=True), 0.0)
    assert decision.exclusion is not None
    assert (decision.exclusion.exclusion, decision.exclusion.rule) == ("opted_out", "opt_out")


def test_who_is_on_the_list_is_never_asked_and_others_are() -> None:
    known = rules(do_not_ask=frozenset({ANNA}))
    listed, other = call(), call(caller="b" * 64)
    stopped = decide(known, listed, past(known, listed), 0.0).exclusion
    assert stopped is not None
    assert (stopped.exclusion, stopped.rule) == ("listed", "do_not_ask")
    assert decide(known, other, past(known, other), 0.0).asked


EVERYTHING: dict[str, Any] = {
    "internal": ["_1XXX"],
    "minimum_talk": 20,
    "hours": ["mon-sun 09:00-18:00"],
    "quarantine": [ONCE_A_MONTH],
    "maximum_a_day": 3,
    "sampling": "50 %",
}
# Each makes one rule stop the call, in the order of the rules.
TROUBLES = [
    ("opted_out", {}),
    ("listed", {"caller": "c" * 64}),
    ("internal", {"number": "1001"}),
    ("no_agent", {"agent_reached": False}),
    ("too_short", {"talk_seconds": 3}),
    ("outside_hours", {"at": datetime(2026, 11, 22, 20, 0, tzinfo=TAIPEI)}),
    ("quarantine", {}),
    ("daily_maximum", {}),
    ("sampled_out", {}),
]


@given(st.sets(st.sampled_from(range(len(TROUBLES)))))
def test_of_all_rules_that_stop_a_call_the_first_in_the_order_is_named(troubles: set[int]) -> None:
    wanted = [TROUBLES[number] for number in sorted(troubles)]
    codes = [code for code, _ in wanted]
    known = rules(do_not_ask=frozenset({"c" * 64}), **EVERYTHING)
    facts = call(**{name: value for _, changes in wanted for name, value in changes.items()})
    found = past(known, facts, opted_out="opted_out" in codes)
    counts = {
        asked: asked.up_to if ("quarantine" if asked.same == "caller" else "daily_maximum") in codes else 0
        for asked in found.surveys
    }
    found = type(found)(surveys=counts, opted_out=found.opted_out)
    decision = decide(known, facts, found, 0.9 if "sampled_out" in codes else 0.1)
    assert [line.code for line in decision.lines if line.says == "stops"] == codes
    assert (decision.exclusion and decision.exclusion.exclusion) == (codes[0] if codes else None)


def test_the_past_is_asked_only_for_what_the_rules_need() -> None:
    facts = call()
    assert needed(rules(), facts).surveys == ()
    assert needed(rules(), facts).rated_agent == ""
    assert needed(rules(), call(caller="")).caller == ""
    both = needed(rules(quarantine=[ONCE_A_MONTH, FIVE_AN_HOUR], maximum_a_day=9), call(agent="")).surveys
    assert [(asked.same, asked.up_to) for asked in both] == [("caller", 1), ("site", 9)]


def test_a_day_begins_at_midnight_of_the_site() -> None:
    (asked,) = needed(rules(maximum_a_day=9), call()).surveys
    midnight = datetime(2026, 11, 22, tzinfo=TAIPEI)
    assert asked.since < midnight
    assert (midnight - asked.since).total_seconds() < 0.001


def test_the_caller_s_number_is_in_no_line_and_no_repr() -> None:
    known = rules(internal=["_09XX."], hours=["mon 09:00-10:00"], minimum_talk=600)
    facts = call()
    decision = decide(known, facts, past(known, facts), None)
    assert "0912000111" not in repr(decision) + repr(facts) + repr(needed(known, facts))


def test_without_a_draw_chance_is_left_open() -> None:
    for share, says in (("100 %", "not set"), ("50 %", "not known"), ("0 %", "stops")):
        known, facts = rules(sampling=share), call()
        assert decide(known, facts, past(known, facts), None).lines[-1].says == says
