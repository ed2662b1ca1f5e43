"""Every shipped flow, put to callers in both of its languages."""

import pytest

from callflows.duration import estimate
from callflows.interview import Interview
from callflows.loader import LIBRARY, library_flow
from callflows.steps import Context, Record
from tests.callflows.driving import CONTEXT, HASH, MONDAY_MORNING, NOTHING, comment, heard, kept, outcome, put

CODES = ["ces", "csat", "csat-with-comment", "csi-expectation", "fcr", "kano-pair", "nps", "servqual"]
both_languages = pytest.mark.parametrize("language", ["en", "zh"])


def test_these_flows_are_shipped_in_both_languages() -> None:
    assert sorted(path.stem for path in LIBRARY.glob("*.yaml")) == CODES
    for code in CODES:
        flow = library_flow(code).flow
        assert (flow.flow, flow.languages) == (code, ("en", "zh"))


def test_all_shipped_sounds_together_stay_small() -> None:
    assert sum(file.stat().st_size for file in LIBRARY.rglob("*.wav")) < 10_000_000


@pytest.mark.parametrize("code", CODES)
@both_languages
def test_a_caller_who_presses_nothing_is_let_go(code: str, language: str) -> None:
    steps = put(library_flow(code).flow, NOTHING, NOTHING, language=language)
    assert outcome(steps) == "no_input"
    assert heard(steps)[-1].endswith("goodbye")


@pytest.mark.parametrize("code", CODES)
def test_no_caller_is_kept_for_longer_than_three_minutes(code: str) -> None:
    flow = library_flow(code).flow
    assert all(estimate(flow, language, recordings=False) <= 180 for language in flow.languages)


@both_languages
def test_csat(language: str) -> None:
    steps = put(library_flow("csat").flow, "4", language=language)
    assert (kept(steps), outcome(steps)) == ({"satisfaction": 4}, "completed")


@both_languages
@pytest.mark.parametrize(("keys", "value"), [("10", 10), ("0", 0), ("9", 9)])
def test_nps_takes_two_digits(language: str, keys: str, value: int) -> None:
    flow = library_flow("nps").flow
    steps = put(flow, keys, language=language)
    assert (kept(steps), outcome(steps)) == ({"recommend": value}, "completed")
    assert flow.headline_question.satisfied_values == (9, 10)


@both_languages
def test_ces(language: str) -> None:
    flow = library_flow("ces").flow
    assert kept(put(flow, "8", "7", language=language)) == {"ease": 7}
    assert flow.headline_question.satisfied_values == (5, 6, 7)


@both_languages
def test_fcr(language: str) -> None:
    flow = library_flow("fcr").flow
    assert kept(put(flow, "1", language=language)) == {"solved": 1}
    assert kept(put(flow, "2", language=language)) == {"solved": 0}
    assert flow.headline_question.satisfied_values == (1,)


@both_languages
def test_a_comment_is_asked_for_only_after_a_low_rating(language: str) -> None:
    flow = library_flow("csat-with-comment").flow
    for key in "345":
        steps = put(flow, key, language=language)
        assert not any(isinstance(step, Record) for step in steps)
    for key in "12":
        steps = put(flow, key, NOTHING, comment(12.0), language=language)
        assert kept(steps) == {"satisfaction": int(key), "comment": "recorded"}
        assert outcome(steps) == "completed"
    assert kept(put(flow, "1", HASH, language=language))["comment"] == "skipped"


@both_languages
def test_servqual_puts_each_caller_one_of_five_dimensions(language: str) -> None:
    flow = library_flow("servqual").flow
    seen = set()
    for seed in range(60):
        steps = put(flow, "5", "3", language=language, context=Context(at=MONDAY_MORNING, seed=seed))
        assert len(kept(steps)) == 2
        seen |= set(kept(steps))
        assert outcome(steps) == "completed"
    assert seen == {"overall", "tangibles", "reliability", "responsiveness", "assurance", "empathy"}


@both_languages
def test_csi_asks_what_was_expected_and_then_what_was_perceived(language: str) -> None:
    flow = library_flow("csi-expectation").flow
    assert kept(put(flow, "5", "2", language=language)) == {"expected": 5, "perceived": 2}
    assert flow.headline_question.code == "perceived"


@both_languages
def test_kano_asks_for_a_feature_with_and_without_it(language: str) -> None:
    flow = library_flow("kano-pair").flow
    assert kept(put(flow, "1", "5", language=language)) == {"with": 1, "without": 5}
    assert flow.questions[0].labels == flow.questions[1].labels
    assert len(flow.questions[0].labels) == 5


def test_a_shipped_flow_can_be_asked_in_its_languages_only() -> None:
    assert Interview(library_flow("nps").flow, "zh", CONTEXT).language == "zh"
