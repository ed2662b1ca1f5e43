"""What an admin is told about a flow file with mistakes: each mistake in one line, with its place."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callflows.loader import MAX_BYTES, load_flow, parse_flow
from ivr.errors import FlowError

GOOD = """\
flow: csat
title: Customer satisfaction
languages: [en, zh]
wrong_key: {en: Wrong key., zh: 按键无效。}
no_input: {en: No key., zh: 没有按键。}
thanks: {en: Thank you., zh: 谢谢。}
questions:
  - question: satisfaction
    headline: true
    ask: {en: Rate us., zh: 请评分。}
    keys: {1: 1, 2: 2, 3: 3}
    satisfied: [3]
    tries: 2
"""

SECOND = """\
  - question: support
    ask: {en: Rate support., zh: 请评分。}
    keys: 1-3
"""

FLOW_NEEDS = "required: flow, title, languages, wrong_key, no_input, thanks, questions"
FLOW_MAY = "allowed: flow, title, languages, tries, timeout, welcome, wrong_key, no_input, thanks, goodbye, questions"
QUESTION_MAY = "allowed: question, headline, ask, keys, satisfied, confirm, tries, timeout, wrong_key, no_input"
QUESTIONS = 'allowed: a list of 1 to 20 questions, each starting with "- question: code"'
A_CODE = "allowed: a small letter, then up to 31 small letters, digits and -"

# The name of the mistake, the lines of GOOD that are changed (from 1; 14 adds lines), and every line that is reported.
BROKEN: list[tuple[str, dict[int, str], list[str]]] = [
    ("a colon in plain text", {2: "title: Survey: short"},
     ['2:14: an unexpected ":"; allowed: text that has ": " in quotes, and settings in one column']),
    ("a setting out of its column", {13: "     tries: 2"},
     ["13:6: not in the column of what it belongs to; allowed: settings that belong together in one column"]),
    ("a text indented like a setting", {2: "title: Customer\n  satisfaction: yes"},
     ['3:15: an unexpected ":"; allowed: text that has ": " in quotes, and settings in one column']),
    ("a tab", {13: "\ttries: 2"}, ["13:1: a tab; allowed: spaces"]),
    ("a line without a colon", {13: "    tries"}, ['13:5: a line without ":"; allowed: "name: value"']),
    ("an open quote", {2: 'title: "Customer satisfaction'},
     ["2:8: a quote that is not closed; allowed: text between two quotes"]),
    ("a control character", {2: "title: Customer \x07satisfaction"},
     ["2:17: a control character; allowed: printable text"]),
    ("the star key without quotes", {11: "    keys: {1: 1, *: 2, 3: 3}"},
     ['11:18: an alias (*); allowed: the text itself, and the star key in quotes: "*"']),
    ("an anchor", {4: "wrong_key: &wrong {en: Wrong key.}"},
     ["4:12: an anchor (&); allowed: the text itself, in quotes if it starts with &"]),
    ("a tag", {13: "    tries: !!python/object:os.system 2"},
     ["13:12: a tag (!); allowed: the text itself, in quotes if it starts with !"]),
    ("nesting", {13: "    tries: [[[[[[[[[[2]]]]]]]]]]"}, ["13:19: nested too deeply; allowed: 10 levels"]),
    ("a second document", {14: "---\nflow: other"}, ["14:1: a second document; allowed: one flow a file"]),
    ("a misspelled setting of the flow", {1: "flow: csat\ntimout: 5"},
     ['2:1: unknown setting "timout"; did you mean "timeout"?']),
    ("a misspelled setting of a question", {13: "    tires: 2"},
     ['13:5: unknown setting "tires"; did you mean "tries"?']),
    ("a setting from nowhere", {13: "    colour: red"}, [f'13:5: unknown setting "colour"; {QUESTION_MAY}']),
    ("a setting that is missing", {6: ""}, [f'1:1: "thanks" is missing; {FLOW_NEEDS}']),
    ("a question without keys", {11: "", 12: ""},
     ['8:5: "keys" is missing; required: question, ask, keys',
      '9:5: the headline question has no "satisfied"; required: the values that count as satisfied, such as [4, 5]']),
    ("text for a number", {13: "    tries: two"}, ['13:12: "tries" is "two"; allowed: a whole number from 1 to 5']),
    ("a number for text", {4: "wrong_key: {en: 5, zh: 按键无效。}"},
     ['4:17: "wrong_key" in "en" is 5; allowed: text of 1 to 500 characters']),
    ("an empty text", {4: "wrong_key: {en: '', zh: 按键无效。}"},
     ['4:17: "wrong_key" in "en" is ""; allowed: text of 1 to 500 characters']),
    ("a text without a language", {6: "thanks: Thank you."},
     ['6:9: "thanks" is "Thank you."; allowed: a text for each language, such as "en: Hello"']),
    ("yes for true", {9: "    headline: yes"},
     ['7:1: no headline question; required: "headline: true" at exactly one question',
      '9:15: "headline" is "yes"; allowed: true or false']),
    ("tries out of range", {13: "    tries: 6"}, ['13:12: "tries" is 6; allowed: a whole number from 1 to 5']),
    ("no tries", {13: "    tries: 0"}, ['13:12: "tries" is 0; allowed: a whole number from 1 to 5']),
    ("a timeout out of range", {13: "    timeout: 0.5"}, ['13:14: "timeout" is 0.5; allowed: seconds from 1 to 30']),
    ("a timeout that is empty text", {13: "    timeout: ''"},
     ['13:14: "timeout" is ""; allowed: seconds from 1 to 30']),
    ("a key mapped twice", {11: '    keys: {1: 1, 2: 2, "1": 3}'},
     ['11:24: "1" is written twice; allowed: once, and line 11 has it already',
      "12:17: no key gives the satisfied value 3; allowed: 1, 2"]),
    ("a setting written twice", {13: "    tries: 2\n    tries: 3"},
     ['14:5: "tries" is written twice; allowed: once, and line 13 has it already']),
    ("a key that no telephone has", {11: "    keys: {1: 1, x: 2, 3: 3}"},
     ['11:18: "x" is not a key; allowed: one or two of 0-9 and *, or # alone']),
    ("three keys", {11: "    keys: {1: 1, 100: 2, 3: 3}"},
     ['11:18: "100" is not a key; allowed: one or two of 0-9 and *, or # alone']),
    ("a hash with another key", {11: '    keys: {1: 1, "1#": 2, 3: 3}'},
     ['11:18: "1#" is not a key; allowed: one or two of 0-9 and *, or # alone']),
    ("a value that is no number", {11: "    keys: {1: 1, 2: good, 3: 3}"},
     ['11:21: key "2" gives "good"; allowed: a whole number from 0 to 100']),
    ("a scale that goes down", {11: "    keys: 3-1"},
     ['11:11: "keys" is "3-1"; allowed: a scale such as 1-5, or for each key a whole number from 0 to 100']),
    ("no keys", {11: "    keys: {}", 12: "    satisfied: []"},
     ['9:5: the headline question has no "satisfied"; required: the values that count as satisfied, such as [4, 5]',
      '11:11: "keys" is an empty mapping; allowed: a scale such as 1-5, or for each key a whole number from 0 to 100']),
    ("a prompt missing in one language", {10: "    ask: {en: Rate us.}"},
     ['10:5: "ask" has no text in "zh"; required: en, zh']),
    ("a language that the flow does not have", {6: "thanks: {en: Thank you., zh: 谢谢。, fr: Merci.}"},
     ['6:35: unknown language "fr"; allowed: en, zh, sound']),
    ("a misspelled sound", {6: "thanks: {en: Thank you., zh: 谢谢。, sond: ours}"},
     ['6:35: unknown language "sond"; did you mean "sound"?']),
    ("a language that is none", {3: "languages: [en, zh, english]"},
     ['3:21: "languages" is "english"; allowed: a list of 1 to 20 languages such as [en, zh, pt_BR]',
      '4:1: "wrong_key" has no text in "english"; required: en, zh, english',
      '5:1: "no_input" has no text in "english"; required: en, zh, english',
      '6:1: "thanks" has no text in "english"; required: en, zh, english',
      '10:5: "ask" has no text in "english"; required: en, zh, english']),
    ("a language twice", {3: "languages: [en, zh, en]"}, ['3:21: language "en" is there twice; allowed: once']),
    ("a sound outside its folder", {6: "thanks: {en: Thank you., zh: 谢谢。, sound: ../x}"},
     [('6:42: "sound" is "../x"; allowed: '
      "a sound's name without its ending: letters, digits, - and _, with / between folders")]),
    ("one sound for two texts", {6: "thanks: {en: Thank you., zh: 谢谢。, sound: csat-no-input}"},
     ['6:1: sound "csat-no-input" is that of another text on line 5; allowed: one text for a sound']),
    ("a placeholder that is none", {13: '    confirm: {en: "You pressed {kee}.", zh: "{key}"}'},
     ['13:19: placeholder "{kee}" in "confirm"; allowed: {key}, and that in "confirm" only']),
    ("a placeholder in a question", {10: '    ask: {en: "Rate us {key}.", zh: 请评分。}'},
     ['10:15: placeholder "{key}" in "ask"; allowed: {key}, and that in "confirm" only']),
    ("no headline question", {9: "    headline: false"},
     ['7:1: no headline question; required: "headline: true" at exactly one question']),
    ("two headline questions", {14: SECOND + "    headline: true\n    satisfied: [3]"},
     ['17:5: a second headline question; allowed: "headline: true" at exactly one question']),
    ("a headline question that satisfies nobody", {12: ""},
     ['9:5: the headline question has no "satisfied"; required: the values that count as satisfied, such as [4, 5]']),
    ("a satisfied value that no key gives", {12: "    satisfied: [3, 4]"},
     ["12:20: no key gives the satisfied value 4; allowed: 1, 2, 3"]),
    ("a satisfied value that is no number", {12: "    satisfied: [3, good]"},
     ['12:20: "satisfied" is "good"; allowed: a list of values such as [4, 5]']),
    ("codes that would steer the terminal", {1: r'"\e[2J": 1', 2: r'title: "a\eb\nc\uD800"'},
     [f'1:1: "flow" is missing; {FLOW_NEEDS}',
      rf'1:1: unknown setting "\x1b[2J"; {FLOW_MAY}',
      r'2:8: "title" is "a\x1bb\nc\ud800"; allowed: text of 1 to 500 characters']),
    ("names that mean something to the program", {
        1: 'flow: csat\n"[key]": 1',
        6: "thanks: {en: Thank you., zh: 谢谢。, __class__: x}",
        11: '    keys: {3: 3, "[key]": 1}',
    }, [f'2:1: unknown setting "[key]"; {FLOW_MAY}',
        '7:35: unknown language "__class__"; allowed: en, zh, sound',
        '12:18: "[key]" is not a key; allowed: one or two of 0-9 and *, or # alone']),
    ("a very long name", {13: f"    {'x' * 900}: 2"}, [f'13:5: unknown setting "{"x" * 40}…"; {QUESTION_MAY}']),
    ("the same question twice", {14: SECOND.replace("support", "satisfaction")},
     ['14:15: question "satisfaction" is there twice; allowed: once, and line 8 has it already']),
    ("a bad code of the flow", {1: "flow: CSAT"}, [f'1:7: "flow" is "CSAT"; {A_CODE}']),
    ("a number for a code", {8: "  - question: 1"}, [f'8:15: "question" is 1; {A_CODE}']),
    ("a code that is too long", {1: f"flow: {'c' * 33}"}, [f'1:7: "flow" is "{"c" * 33}"; {A_CODE}']),
    ("no questions", dict.fromkeys(range(8, 14), "") | {7: "questions: []"},
     [f'7:12: "questions" is an empty list; {QUESTIONS}']),
    ("three mistakes at once", {1: "flow: CSAT", 10: "    ask: {en: Rate us.}", 13: "    tires: 2"},
     [f'1:7: "flow" is "CSAT"; {A_CODE}',
      '10:5: "ask" has no text in "zh"; required: en, zh',
      '13:5: unknown setting "tires"; did you mean "tries"?']),
]  # fmt: skip


def changed(changes: dict[int, str]) -> str:
    lines = GOOD.splitlines()
    for number, line in changes.items():
        lines[number - 1 : number] = [line]
    return "\n".join(lines) + "\n"


def test_the_flow_that_the_table_breaks_has_no_mistake() -> None:
    assert parse_flow(GOOD, "flow.yaml").flow.flow == "csat"
    assert len(parse_flow(GOOD + SECOND, "flow.yaml").flow.questions) == 2


@pytest.mark.parametrize(("changes", "reported"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_each_mistake_is_told_in_one_line_with_its_place(changes: dict[int, str], reported: list[str]) -> None:
    with pytest.raises(FlowError) as caught:
        parse_flow(changed(changes), "flow.yaml")
    assert str(caught.value).splitlines() == [f"flow.yaml:{line}" for line in reported]


@pytest.mark.parametrize(
    ("raw", "reported"),
    [
        (b"", '1:1: the file is empty; required: a flow, starting with "flow: code"'),
        (b"- flow\n", '1:1: not a mapping; required: a flow, starting with "flow: code"'),
        (b"flow: csat\ntitle: caf\xe9\n", "2:11: not UTF-8; allowed: UTF-8 text"),
        (b"\xef\xbb\xbftitle: caf\xe9\n", "1:11: not UTF-8; allowed: UTF-8 text"),
        (b"#" * (MAX_BYTES + 1), "1:1: too large; allowed: up to 65536 bytes"),
    ],
    ids=["empty", "a list", "Latin-1", "Latin-1 after a byte order mark", "too large"],
)
def test_a_file_that_is_no_flow_is_told_in_one_line(tmp_path: Path, raw: bytes, reported: str) -> None:
    file = tmp_path / "flow.yaml"
    file.write_bytes(raw)
    with pytest.raises(FlowError) as caught:
        load_flow(file)
    assert str(caught.value) == f"{file}:{reported}"


def test_a_file_that_is_not_there_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(FlowError) as caught:
        load_flow(tmp_path / "no.yaml")
    assert str(caught.value) == (
        f"{tmp_path}/no.yaml:1:1: cannot be read: No such file or directory; allowed: a readable file"
    )


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 60_000, id="lists"),
        pytest.param("{" * 60_000, id="mappings"),
        pytest.param("- " * 30_000, id="list items"),
        pytest.param("? " * 30_000, id="keys"),
        pytest.param("a: &a [x]\n" + "b: [*a, *a]\n" * 4_000, id="aliases"),
        pytest.param("x: [" + "1," * 30_000, id="a long list"),
        pytest.param("".join(f"k{i}: 1\n" for i in range(6_000)), id="settings"),
        pytest.param(GOOD + SECOND * 700, id="questions"),
        pytest.param(GOOD + "    title: " + "9" * 50_000, id="a long number"),
    ],
)
def test_a_file_made_to_exhaust_the_reader_is_refused_soon(text: str) -> None:
    with pytest.raises(FlowError):
        parse_flow(text, "flow.yaml")


pieces = st.sampled_from(
    [*GOOD.splitlines(keepends=True), *SECOND.splitlines(keepends=True), "  ", "\t", '"', "*", "&a "]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(st.one_of(pieces, st.text(max_size=8)), max_size=16).map("".join)))
def test_whatever_the_file_holds_the_admin_sees_lines_and_no_traceback(text: str) -> None:
    with contextlib.suppress(FlowError):
        parse_flow(text, "flow.yaml")


plain = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-2, 101), st.just(2.5), st.sampled_from(["en", "1-5", "csat", "{key}"])
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["en", "1", "sound"]), inner)),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.integers(0, 12), plain, min_size=1, max_size=3))
def test_whatever_a_setting_is_set_to_the_admin_sees_lines_with_places(values: dict[int, object]) -> None:
    lines = GOOD.splitlines()
    for number, value in values.items():
        lines[number] = f"{lines[number].partition(':')[0]}: {value!r}".replace("None", "null")
    lines = [line.replace("True", "true").replace("False", "false") for line in lines]
    try:
        parse_flow("\n".join(lines), "flow.yaml")
    except FlowError as error:
        for line in str(error).splitlines():
            name, row, column, text = line.split(":", 3)
            assert (name, row.isdigit(), column.isdigit()) == ("flow.yaml", True, True)
            assert any(word in text for word in ("; allowed: ", "; required: ", "; did you mean "))
