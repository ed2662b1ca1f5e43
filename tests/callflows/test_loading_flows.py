"""A flow file that is right becomes a flow version, and the same one for ever."""

import hashlib
from pathlib import Path

import pytest

from callflows.loader import library_flow, library_path, load_flow, parse_flow
from callflows.sounds import spoken
from ivr.errors import FlowError

TWO_QUESTIONS = Path(__file__).parent.parent / "flows" / "two-questions.yaml"

SHORT = """\
flow: short
title: Short
languages: [en]
wrong_key: {en: Wrong key.}
no_input: {en: No key.}
goodbye: {en: Goodbye.}
steps:
  - ask: rating
    headline: true
    text: {en: Rate us.}
    keys: {1: 10, "*": 20, "#": 20}
    satisfied: [20]
    confirm: {en: "{key} it is."}
  - end: thanks
    text: {en: Thank you.}
"""


def test_the_shipped_flow_rates_from_1_to_5_and_counts_4_and_5_as_satisfied() -> None:
    flow = library_flow("csat").flow
    question = flow.headline_question
    assert (flow.flow, flow.languages, len(flow.questions)) == ("csat", ("en", "zh"), 1)
    assert question.keys == {"1": 1, "2": 2, "3": 3, "4": 4, "5": 5}
    assert question.satisfied_values == (4, 5)


def test_what_is_set_for_the_flow_holds_for_a_question_that_sets_nothing_else() -> None:
    flow = load_flow(TWO_QUESTIONS).flow
    satisfaction, recommend = flow.questions
    assert (flow.tries_of(satisfaction), flow.timeout_of(satisfaction)) == (3, 4.0)
    assert (flow.tries_of(recommend), flow.timeout_of(recommend)) == (1, 2.5)


def test_a_flow_that_sets_neither_tries_nor_timeout_has_2_tries_of_5_seconds() -> None:
    flow = parse_flow(SHORT, "short.yaml").flow
    assert (flow.tries, flow.timeout, flow.key_timeout, flow.barge_in) == (2, 5.0, 2.0, True)


def test_a_scale_from_0_to_10_takes_two_keys() -> None:
    recommend = load_flow(TWO_QUESTIONS).flow.questions[1]
    assert recommend.keys == {str(value): value for value in range(11)}
    assert recommend.max_keys == 2


def test_star_and_hash_may_be_keys_and_two_keys_may_give_one_value() -> None:
    flow = parse_flow(SHORT, "short.yaml").flow
    assert flow.headline_question.keys == {"1": 10, "*": 20, "#": 20}
    assert spoken(flow)["en/short-rating-confirm-star"] == "* it is."
    assert spoken(flow)["en/short-rating-confirm-hash"] == "# it is."


def test_sounds_are_named_after_what_they_say() -> None:
    assert set(spoken(library_flow("csat").flow)) == {
        f"{language}/csat-{part}"
        for language in ("en", "zh")
        for part in ("welcome", "wrong-key", "no-input", "thanks", "goodbye", "satisfaction-ask")
    } | {f"{language}/csat-satisfaction-confirm-{key}" for language in ("en", "zh") for key in range(1, 6)}
    two = spoken(load_flow(TWO_QUESTIONS).flow)
    assert two["en/two-questions-recommend-wrong-key"] == "Please press a number from 0 to 10."
    assert two["en/two-questions-recommend-confirm"] == "Noted."


def test_a_sound_that_the_admin_names_is_used_instead() -> None:
    text = SHORT.replace('{en: "{key} it is."}', '{en: "{key} it is.", sound: ours/you-pressed}')
    text = text.replace("text: {en: Thank you.}", "text: {en: Thank you., sound: auth-thankyou}")
    names = set(spoken(parse_flow(text, "short.yaml").flow))
    assert {"en/ours/you-pressed-1", "en/ours/you-pressed-star", "en/auth-thankyou"} <= names
    assert not {"en/short-thanks", "en/short-rating-confirm-1"} & names


def test_a_text_over_several_lines_is_the_same_text_in_one() -> None:
    folded = SHORT.replace("text: {en: Thank you.}", "text:\n      en: >\n        Thank\n        you.\n")
    assert parse_flow(folded, "short.yaml").flow == parse_flow(SHORT, "short.yaml").flow


def test_a_file_saved_by_an_editor_on_windows_is_the_same_flow(tmp_path: Path) -> None:
    file = tmp_path / "short.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + SHORT.replace("\n", "\r\n").encode())
    assert load_flow(file).digest == parse_flow(SHORT, "short.yaml").digest


def test_a_version_is_made_again_from_its_source() -> None:
    for version in (library_flow("csat"), load_flow(TWO_QUESTIONS)):
        assert parse_flow(version.source, "stored") == version


@pytest.mark.parametrize(
    "same",
    [
        "# a comment\n" + SHORT,
        SHORT.replace("languages: [en]", "tries: 2\ntimeout: 5\nbarge_in: true\nlanguages:\n  - en"),
        SHORT.replace("title: Short\n", "") + "title: 'Short'\n",
        SHORT.replace("[20]", "[20, 20]"),
        SHORT.replace("  - ask: rating\n    headline: true\n", "  - headline: true\n    ask: rating\n"),
    ],
    ids=["a comment", "defaults written out", "another order and style", "a value twice", "the kind of step not first"],
)
def test_what_changes_nothing_for_a_caller_or_a_score_keeps_the_digest(same: str) -> None:
    assert parse_flow(same, "short.yaml").digest == parse_flow(SHORT, "short.yaml").digest


@pytest.mark.parametrize(
    "other",
    [
        SHORT.replace("Rate us.", "Rate us!"),
        SHORT.replace("[20]", "[10, 20]"),
        SHORT.replace("{1: 10,", "{1: 10, 2: 10,"),
        SHORT.replace("title: Short", "title: Short\ntries: 1"),
        SHORT.replace("{en: Thank you.}", "{en: Thank you., sound: ours}"),
    ],
    ids=["a text", "satisfied", "a key", "tries", "a sound"],
)
def test_what_changes_something_changes_the_digest(other: str) -> None:
    assert parse_flow(other, "short.yaml").digest != parse_flow(SHORT, "short.yaml").digest


def test_the_digest_is_the_sha_256_of_what_the_flow_says_as_sorted_json() -> None:
    said = (
        '{"flow":"short","goodbye":{"en":"Goodbye."},"languages":["en"],"no_input":{"en":"No key."},"steps":['
        '{"ask":"rating","confirm":{"en":"{key} it is."},"headline":true,"keys":{"#":20,"*":20,"1":10},'
        '"satisfied":[20],"text":{"en":"Rate us."}},{"end":"thanks","text":{"en":"Thank you."}}],"title":"Short",'
        '"wrong_key":{"en":"Wrong key."}}'
    )
    assert parse_flow(SHORT, "short.yaml").digest == hashlib.sha256(said.encode()).hexdigest()


@pytest.mark.parametrize("code", ["cast", "../csat", "csat.yaml", ""])
def test_a_flow_that_is_not_shipped_is_refused_with_those_that_are(code: str) -> None:
    with pytest.raises(FlowError, match=r"^unknown flow .*csat"):
        library_path(code)
