"""What a caller hears and what is kept, key by key."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from callflows.interview import Interview
from callflows.loader import library_flow, load_flow, parse_flow
from callflows.model import Flow
from callflows.steps import (
    Answer,
    AnswerEnd,
    Ask,
    Context,
    End,
    Failed,
    HungUp,
    Input,
    Keys,
    Played,
    Save,
    Saved,
    Say,
    Step,
)
from ivr.errors import FlowError

NOTHING = Keys(pressed="", timed_out=True)
HASH = Keys(pressed="", timed_out=False)
CONTEXT = Context(at=datetime(2026, 11, 23, 9, 0, tzinfo=UTC))


@pytest.fixture
def csat() -> Flow:
    return library_flow("csat").flow


@pytest.fixture
def two() -> Flow:
    return load_flow(Path(__file__).parent.parent / "flows" / "two-questions.yaml").flow


def press(keys: str) -> Keys:
    return Keys(pressed=keys, timed_out=False)


def put(flow: Flow, *inputs: Input, language: str = "en") -> list[Step]:
    """All steps. A `Save` goes well unless the next input is one for it, and a `Say` when no input is left."""
    interview = Interview(flow, language, CONTEXT)
    left, steps = list(inputs), [interview.start()]
    while not isinstance(steps[-1], End):
        match steps[-1]:
            case Save() if not (left and isinstance(left[0], Saved | HungUp | Failed)):
                came: Input = Saved()
            case Say() if not left:
                came = Played()
            case _:
                came = left.pop(0)
        steps.append(interview.send(came))
    return steps


def ask(
    *prompts: str, max_keys: int = 1, timeout: float = 5.0, key_timeout: float = 2.0, prefix: str = "en/csat-"
) -> Ask:
    return Ask(
        prompts=tuple(prefix + prompt for prompt in prompts),
        max_keys=max_keys,
        timeout_seconds=timeout,
        key_timeout_seconds=key_timeout,
        barge_in=True,
    )


def say(*prompts: str, prefix: str = "en/csat-") -> Say:
    return Say(prompts=tuple(prefix + prompt for prompt in prompts))


def save(ended: AnswerEnd, keys: str, value: int | None, tries: int, question: str = "satisfaction") -> Save:
    return Save(answer=Answer(question=question, keys=keys, value=value, tries=tries, ended=ended))


def test_a_key_is_saved_before_it_is_confirmed(csat: Flow) -> None:
    assert put(csat, press("5")) == [
        ask("welcome", "satisfaction-ask"),
        save("answered", "5", 5, 1),
        say("satisfaction-confirm-5", "thanks"),
        End(outcome="completed"),
    ]


def test_a_chinese_caller_hears_chinese_only(csat: Flow) -> None:
    steps = put(csat, press("9"), press("1"), language="zh")
    heard = [prompt for step in steps if isinstance(step, Ask | Say) for prompt in step.prompts]
    assert heard == [
        "zh/csat-welcome",
        "zh/csat-satisfaction-ask",
        "zh/csat-wrong-key",
        "zh/csat-satisfaction-ask",
        "zh/csat-satisfaction-confirm-1",
        "zh/csat-thanks",
    ]


@pytest.mark.parametrize("wrong", [press("9"), press("0"), press("A"), press("55")])
def test_a_wrong_key_is_told_and_the_question_put_again(csat: Flow, wrong: Keys) -> None:
    assert put(csat, wrong, press("4")) == [
        ask("welcome", "satisfaction-ask"),
        ask("wrong-key", "satisfaction-ask"),
        save("answered", "4", 4, 2),
        say("satisfaction-confirm-4", "thanks"),
        End(outcome="completed"),
    ]


def test_two_wrong_keys_are_kept_without_a_value_and_not_thanked_for(csat: Flow) -> None:
    assert put(csat, press("9"), press("8")) == [
        ask("welcome", "satisfaction-ask"),
        ask("wrong-key", "satisfaction-ask"),
        save("no_match", "8", None, 2),
        say("goodbye"),
        End(outcome="no_input"),
    ]


def test_a_hash_skips_the_question_and_is_no_answer(two: Flow) -> None:
    assert put(two, press("9"), HASH, press("10"))[1:] == [
        ask("wrong-key", "satisfaction-ask", timeout=4.0, prefix="en/two-questions-"),
        save("skipped", "#", None, 2),
        ask("recommend-ask", max_keys=2, timeout=2.5, key_timeout=1.5, prefix="en/two-questions-"),
        save("answered", "10", 10, 1, "recommend"),
        say("recommend-confirm", "thanks", prefix="en/two-questions-"),
        End(outcome="partial"),
    ]


def test_a_caller_who_skips_everything_is_let_go_without_thanks(csat: Flow) -> None:
    assert put(csat, HASH)[1:] == [save("skipped", "#", None, 1), say("goodbye"), End(outcome="no_input")]


def test_a_star_repeats_the_question_without_a_complaint_and_without_costing_a_try(csat: Flow) -> None:
    assert put(csat, press("*"), press("*"), press("9"), press("4")) == [
        ask("welcome", "satisfaction-ask"),
        ask("satisfaction-ask"),
        ask("satisfaction-ask"),
        ask("wrong-key", "satisfaction-ask"),
        save("answered", "4", 4, 2),
        say("satisfaction-confirm-4", "thanks"),
        End(outcome="completed"),
    ]


def test_a_caller_who_presses_nothing_but_stars_is_not_asked_for_ever(csat: Flow) -> None:
    steps = put(csat, *[press("*")] * 4)
    assert steps[:4] == [ask("welcome", "satisfaction-ask"), *[ask("satisfaction-ask")] * 3]
    assert steps[4:] == [save("no_match", "*", None, 2), say("goodbye"), End(outcome="no_input")]


def test_a_star_repeats_a_question_of_two_keys_too(two: Flow) -> None:
    steps = put(two, press("5"), Keys(pressed="*", timed_out=True), press("10"))
    assert steps[3] == ask("recommend-ask", max_keys=2, timeout=2.5, key_timeout=1.5, prefix="en/two-questions-")
    assert steps[4] == save("answered", "10", 10, 1, "recommend")


def test_silence_is_told_and_ends_without_an_answer(csat: Flow) -> None:
    assert put(csat, NOTHING, NOTHING) == [
        ask("welcome", "satisfaction-ask"),
        ask("no-input", "satisfaction-ask"),
        save("no_input", "", None, 2),
        say("goodbye"),
        End(outcome="no_input"),
    ]


def test_a_caller_who_presses_nothing_at_the_first_question_is_not_asked_the_second(two: Flow) -> None:
    steps = put(two, NOTHING, NOTHING, NOTHING)
    assert [step.answer.question for step in steps if isinstance(step, Save)] == ["satisfaction"]
    assert steps[-1] == End(outcome="no_input")


def test_a_caller_who_pressed_a_wrong_key_once_is_asked_the_second_question(two: Flow) -> None:
    steps = put(two, press("9"), NOTHING, NOTHING, press("10"))
    assert [step for step in steps if isinstance(step, Save)] == [
        save("no_input", "", None, 3),
        save("answered", "10", 10, 1, "recommend"),
    ]
    assert steps[-1] == End(outcome="partial")


def test_a_confirmation_leads_into_the_next_question_so_that_a_key_during_it_counts(two: Flow) -> None:
    name = "en/two-questions-"
    assert put(two, press("2"), Keys(pressed="7", timed_out=True)) == [
        ask("welcome", "satisfaction-ask", timeout=4.0, prefix=name),
        save("answered", "2", 2, 1),
        ask("satisfaction-confirm-2", "recommend-ask", max_keys=2, timeout=2.5, key_timeout=1.5, prefix=name),
        save("answered", "7", 7, 1, "recommend"),
        say("recommend-confirm", "thanks", prefix=name),
        End(outcome="completed"),
    ]


def test_a_first_question_without_an_answer_leads_into_the_second_without_a_word(two: Flow) -> None:
    steps = put(two, press("8"), press("8"), press("8"), press("10"))
    assert steps[4] == ask("recommend-ask", max_keys=2, timeout=2.5, key_timeout=1.5, prefix="en/two-questions-")


def test_a_second_question_without_an_answer_leaves_the_survey_partial(two: Flow) -> None:
    steps = put(two, press("2"), press("11"))
    assert save("no_match", "11", None, 1, "recommend") in steps
    assert steps[-2:] == [say("thanks", prefix="en/two-questions-"), End(outcome="partial")]


def test_a_question_with_its_own_words_for_a_wrong_key_uses_them() -> None:
    version = load_flow(Path(__file__).parent.parent / "flows" / "two-questions.yaml")
    more_tries = parse_flow(version.source.replace("    tries: 1\n", ""), "two-questions.yaml").flow
    assert put(more_tries, press("1"), press("11"), NOTHING, press("10"))[3:5] == [
        ask(
            "recommend-wrong-key", "recommend-ask", max_keys=2, timeout=2.5, key_timeout=1.5, prefix="en/two-questions-"
        ),
        ask("no-input", "recommend-ask", max_keys=2, timeout=2.5, key_timeout=1.5, prefix="en/two-questions-"),
    ]


def test_a_caller_who_hangs_up_during_the_question_is_kept_as_that(csat: Flow) -> None:
    assert put(csat, press("9"), HungUp())[2:] == [save("hung_up", "", None, 2), End(outcome="hung_up")]


def test_a_call_that_breaks_off_for_our_fault_during_the_question_is_kept_as_that(csat: Flow) -> None:
    assert put(csat, press("9"), Failed())[2:] == [save("failed", "", None, 2), End(outcome="failed")]


@pytest.mark.parametrize("broken", [HungUp(), Failed()])
def test_a_call_that_breaks_off_at_the_second_question_keeps_the_first_answer(two: Flow, broken: Input) -> None:
    steps = put(two, press("5"), Saved(), broken)
    assert steps[1] == save("answered", "5", 5, 1)
    assert steps[-1] == End(outcome="partial")


@pytest.mark.parametrize("broken", [HungUp(), Failed()])
def test_a_call_that_breaks_off_during_the_thanks_is_completed_all_the_same(csat: Flow, broken: Input) -> None:
    assert put(csat, press("5"), Saved(), broken)[-1] == End(outcome="completed")


def test_a_caller_who_hangs_up_while_the_answer_is_saved_has_answered(csat: Flow) -> None:
    assert put(csat, press("5"), HungUp())[1:] == [save("answered", "5", 5, 1), End(outcome="completed")]


def test_a_caller_who_hangs_up_while_silence_is_saved_has_hung_up(csat: Flow) -> None:
    assert put(csat, NOTHING, NOTHING, HungUp())[-1] == End(outcome="hung_up")


def test_an_answer_that_could_not_be_saved_is_neither_thanked_for_nor_counted(csat: Flow, two: Flow) -> None:
    assert put(csat, press("5"), Failed())[1:] == [save("answered", "5", 5, 1), End(outcome="failed")]
    assert put(two, press("5"), Saved(), press("10"), Failed())[-1] == End(outcome="partial")


def test_of_a_caller_who_leans_on_the_keypad_20_keys_are_kept(csat: Flow) -> None:
    assert save("no_match", "5" * 20, None, 2) in put(csat, press("5" * 300), press("5" * 300))


def test_star_and_hash_are_answers_where_the_flow_gives_them_a_value(csat: Flow) -> None:
    source = library_flow("csat").source.replace("keys: 1-5", 'keys: {4: 4, 5: 5, "*": 1, "#": 2}')
    flow = parse_flow(source, "csat.yaml").flow
    assert put(flow, press("*"))[1:3] == [save("answered", "*", 1, 1), say("satisfaction-confirm-star", "thanks")]
    assert put(flow, HASH)[1:3] == [save("answered", "#", 2, 1), say("satisfaction-confirm-hash", "thanks")]


def test_a_language_that_the_flow_does_not_have_is_refused(csat: Flow) -> None:
    with pytest.raises(FlowError, match=r'^flow "csat" has no language "fr"; allowed: en, zh$'):
        Interview(csat, "fr", CONTEXT)


def test_an_interview_is_started_once_and_told_only_what_can_have_come(csat: Flow) -> None:
    interview = Interview(csat, "en", CONTEXT)
    with pytest.raises(RuntimeError):
        interview.send(NOTHING)
    interview.start()
    with pytest.raises(RuntimeError):
        interview.start()
    with pytest.raises(TypeError):
        interview.send(Played())
    assert interview.send(HungUp()) == save("hung_up", "", None, 1)
    interview.send(Saved())
    with pytest.raises(RuntimeError):
        interview.send(HungUp())
