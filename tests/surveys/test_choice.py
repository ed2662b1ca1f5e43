"""Which flow a call is put: the first rule that matches, and an explanation that says the same."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow_rules import FlowRule, never_matching
from ivr.surveys.agents import AgentBook
from ivr.surveys.choice import Situation, choose
from ivr.surveys.site_flows import SiteFlows

TAIPEI = ZoneInfo("Asia/Taipei")
SUNDAY_10 = datetime(2026, 11, 22, 10, tzinfo=TAIPEI)


def call(**known: Any) -> Situation:
    return Situation(**{"at": SUNDAY_10, **known})


def matches(rule: FlowRule, situation: Situation) -> bool:
    return choose([rule], "other", situation).rule == 1


def rule(**conditions: Any) -> FlowRule:
    return FlowRule(flow="nps", **conditions)


def test_the_first_rule_that_matches_wins_and_every_rule_says_why() -> None:
    rules = [
        FlowRule(flow="nps", queue="sales"),
        FlowRule(flow="ces", reason="billing", language="zh"),
        FlowRule(flow="fcr", queue="support"),
        FlowRule(flow="csi", team="gold"),
    ]
    choice = choose(rules, "csat", call(queue="support", reason="billing/refund", language="zh_TW"))
    assert (choice.flow, choice.rule) == ("ces", 2)
    assert [str(verdict) for verdict in choice.verdicts] == [
        "rule 1 does not put nps: queue is support, not sales",
        "rule 2 puts ces: reason is billing/refund, language is zh_TW",
        "rule 3 would put fcr, but an earlier rule was chosen: queue is support",
        "rule 4 does not put csi: team is not known, not gold",
    ]


def test_without_a_rule_that_matches_it_is_the_sites_own_flow() -> None:
    choice = choose([FlowRule(flow="nps", queue="sales")], "csat", call(queue="support"))
    assert (choice.flow, choice.rule) == ("csat", None)
    assert choose([], "csat", call()).verdicts == ()


@pytest.mark.parametrize(
    ("wanted", "reason", "met"),
    [
        ("billing", "billing", True),
        ("billing", "billing/refund", True),
        ("billing", "billing2", False),
        ("billing", "", False),
        ("billing/refund", "billing", False),
        (["sales", "billing"], "billing/refund", True),
    ],
)
def test_a_reason_includes_those_below_it(wanted: Any, reason: str, met: bool) -> None:
    assert matches(rule(reason=wanted), call(reason=reason)) is met


@pytest.mark.parametrize(
    ("wanted", "spoken", "met"),
    [
        ("zh", "zh", True),
        ("zh", "zh_TW", True),
        ("zh", "zh-CN", True),
        ("zh_TW", "zh-tw", True),
        ("zh_TW", "zh", False),
        ("zh", "", False),
        ("zh", "zho", False),
    ],
)
def test_a_language_includes_its_kinds(wanted: str, spoken: str, met: bool) -> None:
    assert matches(rule(language=wanted), call(language=spoken)) is met


@pytest.mark.parametrize(
    ("hours", "moment", "met"),
    [
        ("mon-sun 08:00-18:00", "2026-11-22T08:00:00", True),
        ("mon-sun 08:00-18:00", "2026-11-22T07:59:59", False),
        ("mon-sun 08:00-18:00", "2026-11-22T17:59:59", True),
        ("mon-sun 08:00-18:00", "2026-11-22T18:00:00", False),
        ("mon-fri 08:00-18:00", "2026-11-20T12:00:00", True),
        ("mon-fri 08:00-18:00", "2026-11-21T12:00:00", False),
        ("mon,sat-sun 00:00-24:00", "2026-11-22T23:59:00", True),
        ("mon,sat-sun 00:00-24:00", "2026-11-24T00:00:00", False),
        (["mon-fri 09:00-12:00", "sat 10:00-11:00"], "2026-11-21T10:30:00", True),
        (["mon-fri 09:00-12:00", "sat 10:00-11:00"], "2026-11-21T09:30:00", False),
        # The night of Friday goes on until Saturday morning, and Friday morning is the night of Thursday.
        ("fri 22:00-06:00", "2026-11-21T05:59:00", True),
        ("fri 22:00-06:00", "2026-11-20T05:00:00", False),
        ("sun 22:00-06:00", "2026-11-23T01:00:00", True),
    ],
)
def test_hours(hours: Any, moment: str, met: bool) -> None:
    assert matches(rule(hours=hours), call(at=datetime.fromisoformat(moment).replace(tzinfo=TAIPEI))) is met


def test_hours_are_those_of_the_sites_clocks_and_the_team_is_the_agents() -> None:
    site = SiteFlows(
        flow="csat",
        rules=(FlowRule(flow="nps", team="gold", hours="mon-sun 08:00-18:00"),),
        team_of=AgentBook(teams={"PJSIP/1001": "gold", "PJSIP/1002": "silver"}).team_of,
        zone=TAIPEI,
    )
    morning = datetime(2026, 11, 22, 1, 30, tzinfo=ZoneInfo("UTC"))
    known = {"queue": "", "reason": "", "language": ""}
    assert site.choose(at=morning, agent="PJSIP/1001", **known).flow == "nps"
    assert site.choose(at=morning, agent="PJSIP/1002", **known).flow == "csat"
    assert site.choose(at=morning - timedelta(hours=2), agent="PJSIP/1001", **known).flow == "csat"
    assert str(site.choose(at=morning, agent="PJSIP/1002", **known).verdicts[0]) == (
        "rule 1 does not put nps: team is silver, not gold"
    )


def test_the_time_is_explained_as_the_rule_says_it() -> None:
    choice = choose([rule(hours=["mon-fri 08:00-18:00", "sat 09:00-12:00"])], "csat", call())
    assert (
        str(choice.verdicts[0])
        == "rule 1 does not put nps: time is sun 10:00, not mon-fri 08:00-18:00 or sat 09:00-12:00"
    )


REASONS = ("billing", "billing/refund", "sales")
LANGUAGES = ("zh", "zh_TW", "en")
HOURS = (
    "mon-fri 08:00-18:00", "mon 12:00-13:00", "sat-sun 22:00-06:00", "sat-mon 00:00-24:00", "mon-sun 00:00-24:00",
)  # fmt: skip


def some(values: tuple[str, ...]) -> st.SearchStrategy[list[str] | None]:
    return st.none() | st.lists(st.sampled_from(values), min_size=1, max_size=2)


@st.composite
def rules(draw: st.DrawFn) -> FlowRule:
    conditions: dict[str, Any] = {
        "queue": draw(some(("support", "sales"))),
        "team": draw(some(("gold", "silver"))),
        "reason": draw(some(REASONS)),
        "language": draw(some(LANGUAGES)),
        "hours": draw(some(HOURS)),
    }
    if not any(conditions.values()):
        conditions["queue"] = ["support"]
    return FlowRule(
        flow=draw(st.sampled_from(("a", "b", "c"))), **{name: value for name, value in conditions.items() if value}
    )


situations = st.builds(
    Situation,
    at=st.integers(0, 7 * 24 * 60 - 1).map(lambda minutes: SUNDAY_10 + timedelta(minutes=minutes)),
    queue=st.sampled_from(("", "support", "sales")),
    team=st.sampled_from(("", "gold", "silver")),
    reason=st.sampled_from(("", *REASONS)),
    language=st.sampled_from(("", *LANGUAGES)),
)


@given(st.lists(rules(), max_size=6), situations)
def test_the_first_match_wins_and_the_explanation_agrees(given_rules: list[FlowRule], situation: Situation) -> None:
    choice = choose(given_rules, "otherwise", situation)
    alone = [number for number, one in enumerate(given_rules, 1) if matches(one, situation)]
    assert choice.rule == (alone[0] if alone else None)
    assert choice.flow == (given_rules[alone[0] - 1].flow if alone else "otherwise")

    assert [verdict.number for verdict in choice.verdicts] == list(range(1, len(given_rules) + 1))
    assert [verdict.number for verdict in choice.verdicts if verdict.outcome == "chosen"] == alone[:1]
    assert [verdict.number for verdict in choice.verdicts if verdict.outcome == "too late"] == alone[1:]
    for verdict in choice.verdicts:
        assert verdict.findings
        assert all(finding.met for finding in verdict.findings) == (verdict.outcome != "not met")


@given(rules(), rules(), situations)
def test_a_rule_that_covers_another_matches_all_its_calls(wide: FlowRule, narrow: FlowRule, at: Situation) -> None:
    if wide.covers(narrow) and matches(narrow, at):
        assert matches(wide, at)


def test_a_rule_that_can_never_match_is_found_with_the_one_before_it() -> None:
    billing, refunds, at_night = (
        rule(reason="billing"),
        rule(reason="billing/refund"),
        rule(hours="mon-sun 22:00-06:00"),
    )
    assert never_matching((refunds, billing, at_night)) is None
    assert never_matching((at_night, billing, refunds)) == (3, 2)
    assert never_matching((billing, billing)) == (2, 1)
    assert never_matching((rule(queue=["a", "b"]), rule(queue="b", language="zh"))) == (2, 1)
    assert never_matching((rule(queue="a"), rule(queue=["a", "b"]))) is None
    assert never_matching((rule(language="zh_TW"), rule(language="zh"))) is None
    assert never_matching((rule(hours="mon-fri 00:00-24:00"), rule(hours="tue 08:00-09:00"))) == (2, 1)
    assert never_matching((rule(hours="mon-fri 00:00-24:00"), rule(hours="fri 22:00-06:00"))) is None
