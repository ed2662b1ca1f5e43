"""What each kind of step does for a caller."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from callflows.duration import longest_seconds
from callflows.interview import Interview
from callflows.loader import parse_flow
from callflows.model import Flow
from callflows.sounds import spoken
from callflows.steps import (
    Ask,
    End,
    Failed,
    HungUp,
    Keys,
    Played,
    Record,
    Save,
    SaveCode,
    Saved,
    SaveLanguage,
    Say,
)
from tests.callflows.driving import CONTEXT, HASH, MONDAY_MORNING, NOTHING, comment, heard, kept, outcome, put

TOP = """\
flow: demo
title: Demo
languages: [en, zh]
wrong_key: {en: Wrong., zh: 错。}
no_input: {en: Nothing., zh: 无。}
goodbye: {en: Bye., zh: 再见。}
"""
RATING = """\
  - ask: rating
    text: {en: Rate., zh: 评。}
    keys: 1-5
    headline: true
    satisfied: [4, 5]
"""
END = """\
  - end: thanks
    text: {en: Thanks., zh: 谢谢。}
"""


def flow(*steps: str, top: str = "") -> Flow:
    """A flow of these steps after the rating, with an end."""
    return parse_flow(f"{TOP}{top}steps:\n{RATING}{''.join(steps)}{END}", "demo.yaml").flow


def branch(condition: str) -> Flow:
    """Whoever meets the condition hears `yes`."""
    return flow(
        f"  - branch: b\n    cases:\n      - {condition}\n        go: said\n    otherwise: thanks\n",
        "  - say: said\n    text: {en: Yes., zh: 是。}\n",
    )


def is_met(condition: str, *, key: str = "2", language: str = "en", **context: object) -> bool:
    steps = put(branch(condition), key, language=language, context=replace(CONTEXT, **context))
    return "said" in heard(steps)


# --- say, and barge-in ---

SAY = "  - say: notice\n    text: {en: Notice., zh: 注意。}\n"
SOLVED = "  - ask: solved\n    text: {en: Solved?, zh: 解决了？}\n    keys: yes/no\n"


def test_what_is_said_before_a_question_is_cut_short_by_a_key() -> None:
    ask = put(flow(SAY, SOLVED), "5", "1")[2]
    assert isinstance(ask, Ask)
    assert (ask.prompts, ask.barge_in) == (("en/demo-notice", "en/demo-solved-ask"), True)


def test_what_must_be_heard_is_said_to_its_end_before_keys_are_taken() -> None:
    steps = put(flow(SAY + "    barge_in: false\n", SAY.replace("notice", "more"), SOLVED), "5", "1")
    assert steps[2] == Say(prompts=("en/demo-notice",))
    assert isinstance(steps[3], Ask)
    assert steps[3].prompts == ("en/demo-more", "en/demo-solved-ask")


def test_a_question_that_must_be_heard_takes_keys_only_after_it() -> None:
    ask = put(flow(SAY, SOLVED + "    barge_in: false\n"), "5", "1")[2]
    assert isinstance(ask, Ask)
    assert (ask.prompts, ask.barge_in) == (("en/demo-notice", "en/demo-solved-ask"), False)


def test_barge_in_is_set_once_for_all_that_set_nothing_else() -> None:
    steps = put(flow(SAY, SOLVED + "    barge_in: true\n", top="barge_in: false\n"), "5", "1")
    assert [step.barge_in for step in steps if isinstance(step, Ask)] == [False, True]
    assert Say(prompts=("en/demo-notice",)) in steps


def test_a_caller_who_hangs_up_before_a_second_question_was_not_put_it() -> None:
    interview = Interview(flow(SAY + "    barge_in: false\n", SOLVED), "en", CONTEXT)
    interview.start()
    interview.send(Keys(pressed="5", timed_out=False))
    assert interview.send(Saved()) == Say(prompts=("en/demo-notice",))
    assert interview.send(HungUp()) == End(outcome="partial")


# --- ask ---


def test_choices_give_the_number_of_their_key() -> None:
    color = "  - ask: colour\n    text: {en: Which?, zh: 哪个？}\n    choices: {3: Red, 12: Blue}\n"
    assert kept(put(flow(color), "5", "12")) == {"rating": 5, "colour": 12}
    assert dict(flow(color).questions[1].labels) == {3: "Red", 12: "Blue"}


def test_yes_is_1_and_no_is_0() -> None:
    assert kept(put(flow(SOLVED), "5", "1"))["solved"] == 1
    assert kept(put(flow(SOLVED), "5", "2"))["solved"] == 0


def test_what_confirms_is_set_once_for_all_questions() -> None:
    steps = put(flow(SOLVED, top='confirm: {en: "{key}.", zh: "{key}。"}\n'), "5", "2")
    assert heard(steps) == ["rating-ask", "confirm-5", "solved-ask", "confirm-2", "thanks"]


# --- branch ---


@pytest.mark.parametrize(
    ("condition", "met", "not_met"),
    [
        ("answer: {rating: 2}", "2", "3"),
        ("answer: {rating: 1-2}", "1", "3"),
        ("answer: {rating: [1, 4-5]}", "5", "3"),
    ],
)
def test_a_branch_on_an_answer(condition: str, met: str, not_met: str) -> None:
    assert is_met(condition, key=met)
    assert not is_met(condition, key=not_met)


def test_a_branch_on_no_answer_is_not_one_on_any_value() -> None:
    met = put(branch("answer: {rating: none}"), HASH)
    assert heard(met) == ["rating-ask", "said", "goodbye"]
    assert heard(put(branch("answer: {rating: 1-5}"), HASH)) == ["rating-ask", "goodbye"]


def test_a_branch_on_a_label() -> None:
    labelled = SOLVED + "  - branch: b\n    cases:\n      - answer: {solved: NO}\n        go: thanks\n" + SAY
    assert "notice" not in heard(put(flow(labelled), "5", "2"))
    assert "notice" in heard(put(flow(labelled), "5", "1"))


def test_a_branch_on_what_the_pbx_knows() -> None:
    assert is_met("queue: [gold, VIP]", queue=" vip")
    assert not is_met("queue: vip", queue="vip2")
    assert is_met("team: north", team="North")
    assert not is_met("team: north")
    assert is_met("variable: {TIER: [gold, 1]}", variables={"TIER": "1"})
    assert not is_met("variable: {TIER: gold}", variables={"OTHER": "gold"})
    assert is_met("language: zh", language="zh")
    assert not is_met("language: zh")


def test_a_branch_on_a_reason_takes_those_below_it_along() -> None:
    assert is_met("reason: billing", reason="billing/refund")
    assert is_met("reason: billing/refund", reason="billing/refund")
    assert not is_met("reason: billing/refund", reason="billing")
    assert not is_met("reason: bill", reason="billing")


@pytest.mark.parametrize(
    ("hours", "clock", "met"),
    [
        ("08:00-18:00", "08:00", True),
        ("08:00-18:00", "17:59", True),
        ("08:00-18:00", "18:00", False),
        ("18:00-08:00", "07:59", True),
        ("18:00-08:00", "23:00", True),
        ("18:00-08:00", "12:00", False),
        ("18:00-24:00", "23:59", True),
        ("18:00-24:00", "00:00", False),
    ],
)
def test_a_branch_on_the_time(hours: str, clock: str, met: bool) -> None:
    hour, minute = map(int, clock.split(":"))
    assert is_met(f"time: {hours}", at=datetime(2026, 11, 23, hour, minute, tzinfo=UTC)) is met


@pytest.mark.parametrize(
    ("days", "met"),
    [("mon", "mon"), ("mon-fri", "mon tue wed thu fri"), ("[sat, sun]", "sat sun"), ("fri-mon", "fri sat sun mon")],
)
def test_a_branch_on_the_weekday(days: str, met: str) -> None:
    names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    found = [name for i, name in enumerate(names) if is_met(f"weekday: {days}", at=MONDAY_MORNING + timedelta(days=i))]
    assert set(found) == set(met.split())


def test_all_conditions_of_a_case_must_hold_and_the_first_case_wins() -> None:
    cases = """\
  - branch: b
    cases:
      - queue: vip
        answer: {rating: 1}
        go: both
      - queue: vip
        go: one
    otherwise: thanks
  - say: both
    text: {en: Both., zh: 都。}
    go: thanks
  - say: one
    text: {en: One., zh: 一。}
"""
    vip = replace(CONTEXT, queue="vip")
    assert heard(put(flow(cases), "1", context=vip)) == ["rating-ask", "both", "thanks"]
    assert heard(put(flow(cases), "2", context=vip)) == ["rating-ask", "one", "thanks"]
    assert heard(put(flow(cases), "1")) == ["rating-ask", "thanks"]


def test_without_otherwise_a_branch_goes_on_below() -> None:
    cases = "  - branch: b\n    cases:\n      - queue: vip\n        go: thanks\n"
    assert heard(put(flow(cases, SAY), "1")) == ["rating-ask", "notice", "thanks"]


def test_a_question_on_another_way_does_not_keep_a_survey_from_being_complete() -> None:
    low = "  - branch: b\n    cases:\n      - answer: {rating: 3-5}\n        go: thanks\n" + SOLVED
    assert outcome(put(flow(low), "5")) == "completed"
    assert outcome(put(flow(low), "1", HASH)) == "partial"
    interview = Interview(flow(low), "en", CONTEXT)
    interview.start()
    interview.send(Keys(pressed="1", timed_out=False))
    assert interview.send(HungUp()) == End(outcome="partial")
    interview = Interview(flow(low), "en", CONTEXT)
    interview.start()
    interview.send(Keys(pressed="5", timed_out=False))
    assert interview.send(HungUp()) == End(outcome="completed")


def test_a_flow_knows_the_variables_that_it_needs() -> None:
    assert branch("variable: {TIER: gold, AGE: 1}").variables == ("AGE", "TIER")
    assert flow(top="language: {variable: SPOKEN}\n").variables == ("SPOKEN",)


# --- draw ---

BANK = "  - draw: bank\n    count: 2\n    questions:\n" + "".join(
    f"      - ask: q{i}\n        text: {{en: Q{i}., zh: 题{i}。}}\n        keys: 1-3\n" for i in range(10)
)


def drawn(seed: int) -> tuple[str, ...]:
    return tuple(kept(put(flow(BANK), "5", "1", "1", context=replace(CONTEXT, seed=seed))))[1:]


def test_each_caller_is_put_as_many_questions_of_a_bank_as_the_flow_says_in_the_banks_order() -> None:
    for seed in range(50):
        assert len(drawn(seed)) == 2
        assert list(drawn(seed)) == sorted(drawn(seed))
        assert drawn(seed) == drawn(seed)


def test_every_question_of_a_bank_is_drawn_about_as_often() -> None:
    often = Counter(code for seed in range(1000) for code in drawn(seed))
    # 1,000 callers, 2 of 10 questions: 200 each, with a standard deviation of 13.
    assert len(often) == 10
    assert all(140 < times < 260 for times in often.values())


def test_who_leaves_after_the_first_of_two_drawn_questions_has_not_answered_all() -> None:
    interview = Interview(flow(BANK), "en", CONTEXT)
    interview.start()
    interview.send(Keys(pressed="1", timed_out=False))
    interview.send(Saved())
    interview.send(Keys(pressed="1", timed_out=False))
    assert interview.send(HungUp()) == End(outcome="partial")


def test_the_longest_interview_draws_the_longest_questions() -> None:
    bank = flow(BANK.replace("题9。}\n        keys: 1-3", "题9。}\n        keys: 1-3\n        timeout: 20"))
    # A rating, of the bank one question that waits 5 s and one that waits 20 s, thanks; sounds of no length.
    assert longest_seconds(bank, "en", lambda _: 0.0) == 4 * 5 + 4 * 5 + 4 * 20


# --- comment ---

COMMENT = """\
  - comment: why
    consent: {en: We record., zh: 录音。}
    text: {en: Speak., zh: 请说。}
    max_seconds: 20
    stop_key: "*"
"""


def test_consent_is_said_before_a_comment_is_recorded() -> None:
    steps = put(flow(COMMENT), "1", NOTHING, comment(7.5))
    assert steps[2:4] == [
        Ask(
            prompts=("en/demo-why-consent", "en/demo-why-ask"),
            max_keys=1,
            timeout_seconds=1.0,
            key_timeout_seconds=1.0,
            barge_in=True,
        ),
        Record(name="why", max_seconds=20, silence_seconds=3, stop_keys="*"),
    ]
    save = steps[4]
    assert isinstance(save, Save)
    assert (save.answer.ended, save.answer.value, save.answer.recording_seconds) == ("recorded", None, 7.5)
    assert outcome(steps) == "completed"


def test_a_caller_who_presses_the_hash_key_is_not_recorded() -> None:
    steps = put(flow(COMMENT), "1", HASH)
    assert not any(isinstance(step, Record) for step in steps)
    assert kept(steps) == {"rating": 1, "why": "skipped"}
    assert (heard(steps)[-1], outcome(steps)) == ("thanks", "completed")


def test_another_key_begins_the_recording_at_once() -> None:
    assert kept(put(flow(COMMENT), "1", "5", comment(2.0))) == {"rating": 1, "why": "recorded"}


def test_a_comment_without_a_word_is_no_recording() -> None:
    assert kept(put(flow(COMMENT), "1", NOTHING, comment(0.2))) == {"rating": 1, "why": "no_input"}


@pytest.mark.parametrize(("came", "ended"), [(HungUp(), "hung_up"), (Failed(), "failed")])
def test_a_recording_that_breaks_off_is_kept_as_that_and_the_rating_stays(came: HungUp | Failed, ended: str) -> None:
    steps = put(flow(COMMENT), "1", NOTHING, came)
    assert kept(steps) == {"rating": 1, "why": ended}
    assert outcome(steps) == "completed"


def test_who_skips_the_rating_but_leaves_a_comment_is_thanked() -> None:
    steps = put(flow(COMMENT), HASH, NOTHING, comment(3.0))
    assert (heard(steps)[-1], outcome(steps)) == ("thanks", "no_input")


# --- ask-reason ---

REASON = """\
  - ask-reason: topic
    text: {en: Why did you call?, zh: 为何来电？}
    reasons: {1: billing, 2: billing/refund}
"""


def test_a_caller_says_by_key_why_the_call_was_made() -> None:
    save = put(flow(REASON), "5", "2")[3]
    assert isinstance(save, Save)
    assert (save.answer.question, save.answer.value, save.reason) == ("topic", 2, "billing/refund")


def test_who_does_not_say_has_no_reason() -> None:
    save = put(flow(REASON), "5", HASH)[3]
    assert isinstance(save, Save)
    assert (save.answer.value, save.reason) == (None, "")


def test_nobody_is_asked_for_a_reason_that_the_pbx_knows() -> None:
    steps = put(flow(REASON), "5", context=replace(CONTEXT, reason="sales"))
    assert kept(steps) == {"rating": 5}
    assert outcome(steps) == "completed"


def test_a_reason_that_the_caller_said_leads_a_branch() -> None:
    told = REASON + "  - branch: b\n    cases:\n      - reason: billing\n        go: thanks\n" + SAY
    assert "notice" not in heard(put(flow(told), "5", "2"))
    assert "notice" in heard(put(flow(told), "5", HASH))


# --- end, and its code ---


def test_a_code_is_kept_and_then_read_out_twice() -> None:
    code = END + "    incentive: {digits: 4, text: {en: Your code., zh: 码。}}\n"
    rewarded_flow = parse_flow(f"{TOP}steps:\n{RATING}{code}", "demo.yaml").flow
    steps = put(rewarded_flow, "5", context=replace(CONTEXT, seed=7))
    save = steps[2]
    assert isinstance(save, SaveCode)
    assert (len(save.code), save.code.isdecimal()) == (4, True)
    said = ["en/demo-thanks-incentive", *(f"en/digit-{digit}" for digit in save.code)]
    assert steps[3] == Say(prompts=(*said, *said, "en/demo-thanks"))
    assert spoken(rewarded_flow)["zh/digit-7"] == "7"
    assert put(rewarded_flow, "5", context=replace(CONTEXT, seed=8))[2] != save

    assert not any(isinstance(step, SaveCode) for step in put(rewarded_flow, HASH))
    interview = Interview(rewarded_flow, "en", CONTEXT)
    interview.start()
    interview.send(Keys(pressed="5", timed_out=False))
    interview.send(Saved())
    assert interview.send(Failed()) == End(outcome="completed")


def test_who_was_asked_nothing_is_given_no_code() -> None:
    closed = f"  - branch: night\n    cases:\n      - queue: night\n        go: thanks\n{RATING}{END}"
    code = "    incentive: {digits: 4, text: {en: Your code., zh: 码。}}\n"
    steps = put(parse_flow(f"{TOP}steps:\n{closed}{code}", "demo.yaml").flow, context=replace(CONTEXT, queue="night"))
    assert steps == [Say(prompts=("en/demo-thanks",)), End(outcome="no_input")]


# --- language ---

CHOICE = "language: {variable: SPOKEN, queues: {china: zh}, ask: {en: Press 1., zh: 请按2。}, keys: {1: en, 2: zh}}\n"


def test_the_caller_chooses_the_language_by_key() -> None:
    steps = put(flow(top=CHOICE), "2", "5")
    assert steps[:3] == [
        Ask(
            prompts=("en/demo-language-ask", "zh/demo-language-ask"),
            max_keys=1,
            timeout_seconds=5.0,
            key_timeout_seconds=2.0,
            barge_in=True,
        ),
        SaveLanguage(language="zh"),
        Ask(
            prompts=("zh/demo-rating-ask",),
            max_keys=1,
            timeout_seconds=5.0,
            key_timeout_seconds=2.0,
            barge_in=True,
        ),
    ]


def test_who_chooses_no_language_is_asked_in_that_of_the_channel() -> None:
    steps = put(flow(top=CHOICE), "7", NOTHING, "5", language="zh")
    assert heard(steps)[4:] == ["rating-ask", "thanks"]
    assert not any(isinstance(step, SaveLanguage) for step in steps)
    assert steps[-2] == Say(prompts=("zh/demo-thanks",))


@pytest.mark.parametrize(
    ("spoken_by", "queue", "language"),
    [("zh-TW", "", "zh"), ("ZH", "", "zh"), ("", "China", "zh"), ("en", "china", "en"), ("fr", "china", "zh")],
)
def test_a_variable_or_else_the_queue_tells_the_language_and_nobody_is_asked(
    spoken_by: str, queue: str, language: str
) -> None:
    context = replace(CONTEXT, queue=queue, variables={"SPOKEN": spoken_by})
    interview = Interview(flow(top=CHOICE), "en", context)
    step = interview.start()
    assert interview.language == language
    assert isinstance(step, Ask)
    assert step.prompts == (f"{language}/demo-rating-ask",)


def test_a_caller_who_hangs_up_while_choosing_was_put_no_question() -> None:
    steps = put(flow(top=CHOICE), HungUp())
    assert steps[1:] == [End(outcome="hung_up")]


def test_played_is_all_that_can_come_of_what_is_said() -> None:
    interview = Interview(flow(), "en", CONTEXT)
    interview.start()
    with pytest.raises(TypeError):
        interview.send(Played())
