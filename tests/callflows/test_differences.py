"""What `postcall flows diff` says of two flows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callflows.differences import differences
from callflows.restriction import in_languages
from tests.callflows.rich_flow import RICH, rich

BEFORE = rich()


def said(*changes: tuple[str, str]) -> list[str]:
    """The differences that some changes of the text make."""
    return differences(BEFORE.flow, rich(*changes).flow)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("tries: 2", "tries: 3", "tries 2 → 3"),
        ("timeout: 5", "timeout: 7.5", "timeout 5 s → 7.5 s"),
        ("max_seconds: 300", "max_seconds: 310", "max seconds 300 → 310"),
        (
            "After a support call",
            "After the call",
            "title After a support call → After the call",
        ),
        (
            "Before you go, two short",
            "Two short",
            'say welcome (en): text changed from "Before you go, two short questions." to "Two short questions."',
        ),
        (
            "晚安。",
            "再见。",
            'end night (zh): text changed from "晚安。" to "再见。"',
        ),
        (
            "Sorry, we did not hear a key.",
            "We heard nothing.",
            'no input (en): text changed from "Sorry, we did not hear a key." to "We heard nothing."',
        ),
        ("    keys: 1-5\n", "    keys: 1-5\n    tries: 3\n", "question satisfaction: tries 2 → 3"),
        ("    keys: 1-5\n", "    keys: 1-5\n    barge_in: false\n", "question satisfaction: barge in on → off"),
        ("    count: 1\n", "    count: 1\n    go: night\n", "draw bank: goes on to the step below → night"),
        (
            "    keys: 1-5\n    satisfied: [4, 5]",
            "    keys: {1: 1, 2: 2, 3: 3, 5: 5, 9: 4}\n    satisfied: [4, 5]",
            "question satisfaction: key 4 (4) is now a wrong key",
        ),
        ("satisfied: [4, 5]", "satisfied: [5]", "question satisfaction: satisfied 4, 5 → 5"),
        (
            "3: technical}",
            "3: technical, 4: sales}",
            "question why (reason): key 4 is new, now 4 (sales)",
        ),
        (
            "2: billing/refund",
            "2: billing/other",
            "question why (reason): key 2 was 2 (billing/refund), now 2 (billing/other)",
        ),
        (
            "{satisfaction: 1-2}",
            "{satisfaction: 1-3}",
            "branch low: case 1: satisfaction 1-2: goes to comment → satisfaction 1-3: goes to comment",
        ),
        (
            "      - {answer: {satisfaction: none}, go: thanks}\n",
            "",
            "branch low: case removed: satisfaction none: goes to thanks",
        ),
        (
            '"18:00-08:00", weekday: [sat, sun]',
            '"18:00-09:00", weekday: [sun]',
            "branch which: case 2: 18:00-08:00, sat or sun: goes to night → 18:00-09:00, sun: goes to night",
        ),
        (
            "consent:\n      en: What you say is recorded.",
            "consent:\n      en: We record.",
            (
                "comment comment: consent (en): text changed from "
                '"What you say is recorded. Press hash if you do not want that." to '
                '"We record. Press hash if you do not want that."'
            ),
        ),
        (
            "    go: thanks\n  - draw",
            "    max_seconds: 60\n    go: thanks\n  - draw",
            "comment comment: max seconds 30 → 60",
        ),
        (
            "From 1 to 5, did we listen to you?",
            "Did we listen to you?",
            'question empathy (en): text changed from "From 1 to 5, did we listen to you?" to "Did we listen to you?"',
        ),
        ("incentive: {digits: 6", "incentive: {digits: 8", "end thanks, incentive: digits 6 → 8"),
        (
            "Your voucher code is",
            "Your code is",
            'end thanks, incentive (en): text changed from "Your voucher code is" to "Your code is"',
        ),
        ("  keys: {1: en, 2: zh}", "  keys: {1: en, 3: zh}", "choice of language: keys 1 en, 2 zh → 1 en, 3 zh"),
        ("languages: [en, zh]", "languages: [zh, en]", "languages: en, zh → zh, en"),
        (
            'confirm: {en: "You pressed {key}.", zh: "您按了{key}。"}\n',
            "",
            'confirm: prompt removed: "You pressed {key}."',
        ),
        (
            "zh: 还有两个简短的问题。}",
            "zh: 还有两个简短的问题。, sound: ours/hello}",
            "say welcome: sound named after the flow → ours/hello",
        ),
    ],
)
def test_each_change_is_one_line_in_words(old: str, new: str, line: str) -> None:
    lines = said((old, new))
    assert line in lines
    assert all("\n" not in one for one in lines)


def test_the_flow_with_itself_has_no_difference() -> None:
    assert said() == []
    assert said(("tries: 2\n", "# a comment\ntries: 2\n")) == []


def test_a_step_that_comes_and_one_that_goes() -> None:
    lines = said(
        ('  - say: welcome\n    text: {en: "Before you go, two short questions.", zh: 还有两个简短的问题。}\n', ""),
        ("  - end: thanks\n", "  - say: last\n    text: {en: One more., zh: 最后。}\n  - end: thanks\n"),
    )
    assert lines == ["step removed: say welcome", 'step added: say last, after draw bank: "One more."']


def test_steps_that_change_places_are_told_once() -> None:
    night = '  - end: night\n    text: {en: "Good night.", zh: 晚安。}\n'
    assert said(
        (night, ""),
        ("  - ask: solved\n", f"{night}  - ask: solved\n"),
        ("go: thanks}\n", "go: thanks}\n    otherwise: solved\n"),
    ) == [
        "branch low: otherwise goes to the step below → solved",
        "end night: now after branch low",
    ]


def test_a_step_of_another_kind_under_the_same_code() -> None:
    lines = said(
        (
            '  - end: night\n    text: {en: "Good night.", zh: 晚安。}',
            '  - say: night\n    text: {en: "Good night.", zh: 晚安。}\n    go: thanks',
        )
    )
    assert lines == ['end night: is now say night: "Good night."']


def test_a_bank_that_changes() -> None:
    lines = said(("      - ask: empathy\n", "      - ask: tangibles\n"))
    assert lines == [
        "draw bank: question empathy removed from the bank",
        'draw bank: question tangibles added to the bank: "From 1 to 5, did we listen to you?"',
    ]


def test_a_language_that_goes_and_one_that_comes() -> None:
    narrow = in_languages(BEFORE.flow, {"en"})
    gone = differences(BEFORE.flow, narrow)
    assert gone[0] == "language removed: zh"
    assert 'choice of language: ask: prompt removed: "For English, press 1."' in gone
    assert differences(narrow, BEFORE.flow)[0] == "language added: zh"


def test_cases_in_another_order() -> None:
    first = "      - {queue: [vip, gold], language: en, go: solved}\n"
    second = '      - {time: "18:00-08:00", weekday: [sat, sun], go: night}\n'
    third = "      - {team: red, go: solved}\n"
    lines = said((first + second, second + third + first))
    assert lines == [
        "branch which: case added: team red: goes to solved",
        "branch which: the cases stand in another order",
    ]


@settings(deadline=None, max_examples=30)
@given(
    st.sampled_from([line for line in RICH.splitlines() if "{en:" in line and "text" in line]),
    st.text("abc", min_size=1),
)
def test_every_text_that_changes_is_told(line: str, words: str) -> None:
    said_before = line.split('{en: "')[1].split('"')[0]
    changed = line.replace(said_before, f"{said_before} {words}")
    lines = said((line, changed))
    assert len(lines) == 1
    assert lines[0].endswith(f'text changed from "{said_before}" to "{said_before} {words}"')
