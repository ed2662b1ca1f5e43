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
goodbye: {en: Goodbye., zh: 再见。}
steps:
  - ask: satisfaction
    headline: true
    text: {en: Rate us., zh: 请评分。}
    keys: {1: 1, 2: 2, 3: 3}
    satisfied: [3]
    tries: 2
  - end: thanks
    text: {en: Thank you., zh: 谢谢。}
"""

SECOND = """\
  - ask: support
    text: {en: Rate support., zh: 请评分。}
    keys: 1-3
"""
WORDS = "text: {en: Words., zh: 话。}"
TRIES = "    tries: 2"


def step(*lines: str) -> str:
    """A step after the question, which ends on line 13: the step begins on line 14."""
    return "\n".join([TRIES, f"  - {lines[0]}", *(f"    {line}" for line in lines[1:])])


FLOW_NEEDS = "required: flow, title, languages, wrong_key, no_input, goodbye, steps"
FLOW_MAY = (
    "allowed: flow, title, languages, language, tries, timeout, key_timeout, barge_in, max_seconds, wrong_key, "
    "no_input, goodbye, confirm, steps"
)
ASK_MAY = (
    "allowed: ask, text, confirm, tries, timeout, key_timeout, barge_in, wrong_key, no_input, go, headline, keys, "
    "choices, satisfied"
)
STEPS = 'allowed: a list of 1 to 100 steps, each starting with "- ask: code" or so'
A_CODE = "allowed: a small letter, then up to 31 small letters, digits and -"
ANSWERS = "allowed: a value, a label, a range such as 1-2, or none, or a list of them"
ONE_HEADLINE = '"headline: true" at exactly one "ask" step'
NO_SATISFIED = 'the headline question has no "satisfied"; required: the values that count as satisfied, such as [4, 5]'

# The name of the mistake, the lines of GOOD that are changed (from 1; 16 adds lines), and every line that is reported.
BROKEN: list[tuple[str, dict[int, str], list[str]]] = [
    # --- not YAML, or too much of it ---
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
    ("a second document", {16: "---\nflow: other"}, ["16:1: a second document; allowed: one flow a file"]),
    # --- names and values of settings ---
    ("a misspelled setting of the flow", {1: "flow: csat\ntimout: 5"},
     ['2:1: unknown setting "timout"; did you mean "timeout"?']),
    ("a misspelled setting of a question", {13: "    tires: 2"},
     ['13:5: unknown setting "tires"; did you mean "tries"?']),
    ("a setting from nowhere", {13: "    colour: red"}, [f'13:5: unknown setting "colour"; {ASK_MAY}']),
    ("a setting that is missing", {6: ""}, [f'1:1: "goodbye" is missing; {FLOW_NEEDS}']),
    ("a question without text", {10: ""}, ['8:5: "text" is missing; required: ask, text']),
    ("text for a number", {13: "    tries: two"}, ['13:12: "tries" is "two"; allowed: a whole number from 1 to 5']),
    ("a number for text", {4: "wrong_key: {en: 5, zh: 按键无效。}"},
     ['4:17: "wrong_key" in "en" is 5; allowed: text of 1 to 500 characters']),
    ("an empty text", {4: "wrong_key: {en: '', zh: 按键无效。}"},
     ['4:17: "wrong_key" in "en" is ""; allowed: text of 1 to 500 characters']),
    ("a text without a language", {6: "goodbye: Goodbye."},
     ['6:10: "goodbye" is "Goodbye."; allowed: a text for each language, such as "en: Hello"']),
    ("a step's text without a language", {15: "    text: Thank you."},
     ['15:11: "text" is "Thank you."; allowed: a text for each language, such as "en: Hello"']),
    ("a number for a step's text", {15: "    text: {en: Thank you., zh: 3}"},
     ['15:32: "text" in "zh" is 3; allowed: text of 1 to 500 characters']),
    ("yes for true", {9: "    headline: yes"},
     [f'7:1: no headline question; required: {ONE_HEADLINE}', '9:15: "headline" is "yes"; allowed: true or false']),
    ("tries out of range", {13: "    tries: 6"}, ['13:12: "tries" is 6; allowed: a whole number from 1 to 5']),
    ("no tries", {13: "    tries: 0"}, ['13:12: "tries" is 0; allowed: a whole number from 1 to 5']),
    ("a timeout out of range", {13: "    timeout: 0.5"}, ['13:14: "timeout" is 0.5; allowed: seconds from 1 to 30']),
    ("a timeout that is empty text", {13: "    timeout: ''"},
     ['13:14: "timeout" is ""; allowed: seconds from 1 to 30']),
    ("a key timeout out of range", {13: "    key_timeout: 11"},
     ['13:18: "key_timeout" is 11; allowed: seconds from 1 to 10']),
    ("barge-in that is neither on nor off", {13: "    barge_in: off"},
     ['13:15: "barge_in" is "off"; allowed: true or false']),
    ("a setting written twice", {13: "    tries: 2\n    tries: 3"},
     ['14:5: "tries" is written twice; allowed: once, and line 13 has it already']),
    ("a very long name", {13: f"    {'x' * 900}: 2"}, [f'13:5: unknown setting "{"x" * 40}…"; {ASK_MAY}']),
    ("a bad code of the flow", {1: "flow: CSAT"}, [f'1:7: "flow" is "CSAT"; {A_CODE}']),
    ("a number for a code", {8: "  - ask: 1"}, [f'8:10: "ask" is 1; {A_CODE}']),
    ("a code that is too long", {1: f"flow: {'c' * 33}"}, [f'1:7: "flow" is "{"c" * 33}"; {A_CODE}']),
    ("codes that would steer the terminal", {1: r'"\e[2J": 1', 2: r'title: "a\eb\nc\uD800"'},
     [f'1:1: "flow" is missing; {FLOW_NEEDS}',
      rf'1:1: unknown setting "\x1b[2J"; {FLOW_MAY}',
      r'2:8: "title" is "a\x1bb\nc\ud800"; allowed: text of 1 to 500 characters']),
    ("names that mean something to the program", {
        1: 'flow: csat\n"[key]": 1',
        6: "goodbye: {en: Goodbye., zh: 再见。, __class__: x}",
        11: '    keys: {3: 3, "[key]": 1}',
    }, [f'2:1: unknown setting "[key]"; {FLOW_MAY}',
        '7:34: unknown language "__class__"; allowed: en, zh, sound',
        '12:18: "[key]" is not a key; allowed: one or two of 0-9 and *, or # alone']),
    ("three mistakes at once", {1: "flow: CSAT", 10: "    text: {en: Rate us.}", 13: "    tires: 2"},
     [f'1:7: "flow" is "CSAT"; {A_CODE}',
      '10:5: "text" has no text in "zh"; required: en, zh',
      '13:5: unknown setting "tires"; did you mean "tries"?']),
    # --- keys, choices and values ---
    ("a question without keys", {11: ""},
     ['8:5: "keys" is missing; required: "keys", such as 1-5, or "choices" with a label for each key']),
    ("keys and choices", {13: "    choices: {1: Good, 2: Bad}"},
     ['13:5: "choices" beside "keys"; allowed: one of the two']),
    ("a choice of one", {11: "", 12: "    choices: {1: Good}\n    satisfied: [1]"},
     ['12:14: "choices" is a mapping; allowed: 2 to 20 keys, numbers from 0 to 99, each with its label']),
    ("a choice by star", {11: "", 12: '    choices: {1: Good, "*": Bad}\n    satisfied: [1]'},
     ['12:24: "*" is not a key; allowed: a number from 0 to 99']),
    ("a choice without a label", {11: "", 12: "    choices: {1: Good, 2: ''}\n    satisfied: [1]"},
     ['12:27: key "2" gives ""; allowed: a label of 1 to 60 characters']),
    ("a key mapped twice", {11: '    keys: {1: 1, 2: 2, "1": 3}'},
     ['11:24: "1" is written twice; allowed: once, and line 11 has it already',
      "12:17: no key gives the satisfied value 3; allowed: 1, 2"]),
    ("a key that no telephone has", {11: "    keys: {1: 1, x: 2, 3: 3}"},
     ['11:18: "x" is not a key; allowed: one or two of 0-9 and *, or # alone']),
    ("three keys", {11: "    keys: {1: 1, 100: 2, 3: 3}"},
     ['11:18: "100" is not a key; allowed: one or two of 0-9 and *, or # alone']),
    ("a hash with another key", {11: '    keys: {1: 1, "1#": 2, 3: 3}'},
     ['11:18: "1#" is not a key; allowed: one or two of 0-9 and *, or # alone']),
    ("a value that is no number", {11: "    keys: {1: 1, 2: good, 3: 3}"},
     ['11:21: key "2" gives "good"; allowed: a whole number from 0 to 100']),
    ("a scale that goes down", {11: "    keys: 3-1"},
     [('11:11: "keys" is "3-1"; allowed: a scale such as 1-5, yes/no, or for each key '
       "a whole number from 0 to 100")]),
    ("no keys", {11: "    keys: {}", 12: "    satisfied: []"},
     [f"9:5: {NO_SATISFIED}",
      ('11:11: "keys" is an empty mapping; allowed: a scale such as 1-5, yes/no, or for each key '
       "a whole number from 0 to 100")]),
    # --- languages, texts and sounds ---
    ("a prompt missing in one language", {10: "    text: {en: Rate us.}"},
     ['10:5: "text" has no text in "zh"; required: en, zh']),
    ("a language that the flow does not have", {6: "goodbye: {en: Goodbye., zh: 再见。, fr: Salut.}"},
     ['6:34: unknown language "fr"; allowed: en, zh, sound']),
    ("a misspelled sound", {6: "goodbye: {en: Goodbye., zh: 再见。, sond: ours}"},
     ['6:34: unknown language "sond"; did you mean "sound"?']),
    ("a language that is none", {3: "languages: [en, zh, english]"},
     ['3:21: "languages" is "english"; allowed: a list of 1 to 20 languages such as [en, zh, pt_BR]',
      '4:1: "wrong_key" has no text in "english"; required: en, zh, english',
      '5:1: "no_input" has no text in "english"; required: en, zh, english',
      '6:1: "goodbye" has no text in "english"; required: en, zh, english',
      '10:5: "text" has no text in "english"; required: en, zh, english',
      '15:5: "text" has no text in "english"; required: en, zh, english']),
    ("a language twice", {3: "languages: [en, zh, en]"}, ['3:21: language "en" is there twice; allowed: once']),
    ("a sound outside its folder", {6: "goodbye: {en: Goodbye., zh: 再见。, sound: ../x}"},
     [('6:41: "sound" is "../x"; allowed: '
      "a sound's name without its ending: letters, digits, - and _, with / between folders")]),
    ("a step's sound outside its folder", {15: "    text: {en: Thank you., zh: 谢谢。, sound: /x}"},
     [('15:44: "sound" is "/x"; allowed: '
      "a sound's name without its ending: letters, digits, - and _, with / between folders")]),
    ("one sound for two texts", {6: "goodbye: {en: Goodbye., zh: 再见。, sound: csat-no-input}"},
     ['6:1: sound "csat-no-input" is that of another text on line 5; allowed: one text for a sound']),
    ("a step called like a prompt of the flow", {14: "  - end: goodbye"},
     ['15:5: sound "csat-goodbye" is that of another text on line 6; allowed: one text for a sound']),
    ("a placeholder that is none", {13: '    confirm: {en: "You pressed {kee}.", zh: "{key}"}'},
     ['13:19: placeholder "{kee}" in "confirm"; allowed: {key}, and that in "confirm" only']),
    ("a placeholder in a question", {10: '    text: {en: "Rate us {key}.", zh: 请评分。}'},
     ['10:16: placeholder "{key}" in "text"; allowed: {key}, and that in "confirm" only']),
    ("a language of a queue that the flow does not have", {3: "languages: [en, zh]\nlanguage: {queues: {vip: fr}}"},
     ['4:26: unknown language "fr"; allowed: en, zh']),
    ("a language that is no language", {3: "languages: [en, zh]\nlanguage: {queues: {vip: 3}}"},
     ['4:26: queue "vip" gives 3; allowed: a language such as en or pt_BR']),
    ("a language asked for without keys",
     {3: "languages: [en, zh]\nlanguage: {ask: {en: Press 1., zh: 请按2。}}"},
     ['4:12: "ask" without "keys"; required: both']),
    ("keys for a language that nobody asks for", {3: "languages: [en, zh]\nlanguage: {keys: {1: en, 2: zh}}"},
     ['4:12: "keys" without "ask"; required: both']),
    ("a misspelled way to a language", {3: "languages: [en, zh]\nlanguage: {queue: {vip: zh}}"},
     ['4:12: unknown setting "queue"; did you mean "queues"?']),
    ("a channel variable that is none", {3: 'languages: [en, zh]\nlanguage: {variable: "A B"}'},
     ['4:22: "variable" is "A B"; allowed: a channel variable: letters, digits and _']),
    # --- the headline question ---
    ("no headline question", {9: "    headline: false"}, [f'7:1: no headline question; required: {ONE_HEADLINE}']),
    ("two headline questions", {13: SECOND.rstrip() + "\n    headline: true\n    satisfied: [3]"},
     [f'16:5: a second headline question; allowed: {ONE_HEADLINE}']),
    ("a headline question that satisfies nobody", {12: ""}, [f"9:5: {NO_SATISFIED}"]),
    ("a satisfied value that no key gives", {12: "    satisfied: [3, 4]"},
     ["12:20: no key gives the satisfied value 4; allowed: 1, 2, 3"]),
    ("a satisfied label that there is not", {12: "    satisfied: [3, good]"},
     ['12:16: no key gives the satisfied value "good"; allowed: 1, 2, 3']),
    ("a satisfied value that is a mapping", {12: "    satisfied: {3: true}"},
     ['12:16: "satisfied" is a mapping; allowed: a list of values such as [4, 5]']),
    ("a headline question in a bank",
     {13: step("draw: one", "questions:", "  - ask: a", f"    {WORDS}", "    keys: 1-3", "    headline: true",
               "    satisfied: [3]")},
     [f"19:9: a headline question in a bank, which not every caller is asked; required: {ONE_HEADLINE}"]),
    # --- steps ---
    ("no steps", dict.fromkeys(range(8, 16), "") | {7: "steps: []"}, [f'7:8: "steps" is an empty list; {STEPS}']),
    ("a misspelled step", {14: "  - edn: thanks"}, ['14:5: unknown step "edn"; did you mean "end"?']),
    ("a step that is none", {14: "  - play: thanks"},
     ['14:5: unknown step "play"; allowed: say, ask, comment, branch, draw, ask-reason, end']),
    ("a step without settings", {13: "    tries: 2\n  - goodbye"},
     [('14:5: a step is "goodbye"; allowed: one of say, ask, comment, branch, draw, ask-reason, end, '
       "with its settings")]),
    ("two steps in one", {14: "  - end: thanks\n    say: thanks"},
     ['15:5: unknown setting "say"; allowed: end, text, incentive']),
    ("the same question twice", {13: SECOND.rstrip().replace("support", "satisfaction")},
     ['13:10: step "satisfaction" is there twice; allowed: once, and line 8 has it already']),
    ("a step that is called like a question of a bank",
     {13: step("draw: one", "questions:", "  - ask: thanks", f"    {WORDS}", "    keys: 1-3")},
     ['19:10: step "thanks" is there twice; allowed: once, and line 16 has it already']),
    ("no end", {14: "", 15: ""},
     ['7:1: no "end" step; required: at least one',
      '8:5: nothing comes after step "satisfaction"; required: an "end" step, or "go" to one']),
    ("something after the end", {16: SECOND.rstrip()},
     ['16:5: nobody comes to step "support"; required: "go: support" at a step before, or none of it']),
    ("a step that is jumped over", {13: "    go: thanks\n" + SECOND.rstrip()},
     ['14:5: nobody comes to step "support"; required: "go: support" at a step before, or none of it']),
    ("a way to nowhere", {13: "    go: thank"}, ['13:9: unknown step "thank"; did you mean "thanks"?']),
    ("a step that leads to itself", {13: "    go: satisfaction"},
     [('13:9: step "satisfaction" leads back to itself: a loop without end; '
       "allowed: a step that does not lead here again"),
      '14:5: nobody comes to step "thanks"; required: "go: thanks" at a step before, or none of it']),
    ("a loop of three", {13: step("branch: again", "cases:", "  - queue: vip", "    go: more", "otherwise: thanks")
                         + f"\n  - say: more\n    {WORDS}\n    go: satisfaction"},
     [('21:9: step "more" leads back to "satisfaction": a loop without end; '
       "allowed: a step that does not lead here again")]),
    ("an end that goes on", {15: "    text: {en: Thank you., zh: 谢谢。}\n    go: satisfaction"},
     ['16:5: unknown setting "go"; allowed: end, text, incentive']),
    ("an interview that is too long", {2: "title: Long\nmax_seconds: 30\ntimeout: 30"},
     ['3:1: the longest interview in "en" takes about 125 s; allowed: 30 s, by "max_seconds"',
      '3:1: the longest interview in "zh" takes about 128 s; allowed: 30 s, by "max_seconds"']),
    ("an interview that is longer than the longest there is by default",
     {2: "title: Long", 10: "    text: {en: Rate us., zh: " + "请" * 160 + "}"},
     ['1:1: the longest interview in "zh" takes about 184 s; allowed: 180 s, by "max_seconds"']),
    # --- branches ---
    ("a branch to nowhere", {13: step("branch: low", "cases:", "  - answer: {satisfaction: 1}", "    go: bye")},
     ['17:13: unknown step "bye"; allowed: satisfaction, low, thanks']),
    ("a branch that otherwise leads nowhere",
     {13: step("branch: low", "cases:", "  - queue: vip", "    go: thanks", "otherwise: thank")},
     ['18:16: unknown step "thank"; did you mean "thanks"?']),
    ("a case without a way", {13: step("branch: low", "cases:", "  - queue: vip")},
     ['16:9: "go" is missing; required: go']),
    ("a case without a condition", {13: step("branch: low", "cases:", "  - go: thanks")},
     [("16:9: a case without a condition; required: one of answer, queue, team, reason, language, time, weekday, "
       "variable")]),
    ("a branch without cases", {13: step("branch: low", "otherwise: thanks")},
     ['14:5: "cases" is missing; required: branch, cases']),
    ("a branch with no case", {13: step("branch: low", "cases: []")},
     ['15:12: "cases" is an empty list; allowed: a list of 1 to 20 cases']),
    ("a misspelled condition",
     {13: step("branch: low", "cases:", "  - queue: vip", "    weekdy: sat", "    go: thanks")},
     ['17:9: unknown setting "weekdy"; did you mean "weekday"?']),
    ("a branch on an unknown question",
     {13: step("branch: low", "cases:", "  - answer: {satisfacton: 1}", "    go: thanks")},
     ['16:18: unknown question "satisfacton"; did you mean "satisfaction"?']),
    ("a branch on a question that comes later",
     {13: step("branch: low", "cases:", "  - answer: {support: 1}", "    go: thanks") + "\n" + SECOND.rstrip()},
     ['16:18: question "support" is not put before this branch; allowed: satisfaction']),
    ("a branch on an answer that there is not",
     {13: step("branch: low", "cases:", "  - answer: {satisfaction: 4}", "    go: thanks")},
     ['16:32: question "satisfaction" has no answer "4"; allowed: 1, 2, 3, none']),
    ("a branch on a range that goes too far",
     {13: step("branch: low", "cases:", "  - answer: {satisfaction: [1, 2-4]}", "    go: thanks")},
     ['16:36: question "satisfaction" has no answer "2-4"; allowed: 1, 2, 3, none']),
    ("a branch on a label that there is not",
     {13: SECOND.rstrip().replace("1-3", "yes/no")
      + "\n  - branch: low\n    cases:\n      - answer: {support: maybe}\n        go: thanks"},
     ['18:27: question "support" has no answer "maybe"; allowed: 0 (no), 1 (yes), none']),
    ("a branch on an answer that is a mapping",
     {13: step("branch: low", "cases:", "  - answer: {satisfaction: {1: 2}}", "    go: thanks")},
     [f'16:32: question "satisfaction" gives a mapping; {ANSWERS}']),
    ("a branch on a language that the flow does not have",
     {13: step("branch: low", "cases:", "  - language: fr", "    go: thanks")},
     ['16:19: unknown language "fr"; allowed: en, zh']),
    ("a time that no clock shows", {13: step("branch: low", "cases:", "  - time: 8-18", "    go: thanks")},
     ['16:15: "time" is "8-18"; allowed: hours such as 08:00-18:00']),
    ("a time that never is", {13: step("branch: low", "cases:", "  - time: 08:00-08:00", "    go: thanks")},
     ['16:15: "time" is "08:00-08:00"; allowed: hours such as 08:00-18:00']),
    ("a day that is none", {13: step("branch: low", "cases:", "  - weekday: [sat, sunday]", "    go: thanks")},
     ['16:18: "weekday" is a list; allowed: days such as mon-fri or [sat, sun]']),
    ("a queue that is a mapping", {13: step("branch: low", "cases:", "  - queue: {vip: true}", "    go: thanks")},
     ['16:16: "queue" is a mapping; allowed: one text or a list of texts']),
    ("a branch on a variable that is none",
     {13: step("branch: low", "cases:", '  - variable: {"A-B": x}', "    go: thanks")},
     ['16:20: "A-B" is not a channel variable; allowed: a channel variable: letters, digits and _']),
    # --- banks, reasons, comments and codes ---
    ("a bank that is too small",
     {13: step("draw: one", "count: 2", "questions:", "  - ask: a", f"    {WORDS}", "    keys: 1-3")},
     ['15:12: "count" is 2, but the bank has 1; allowed: 1 to 1']),
    ("a bank without questions", {13: step("draw: one", "questions: []")},
     ['15:16: "questions" is an empty list; allowed: a list of 1 to 100 questions, each starting with "- ask: code"']),
    ("a comment in a bank", {13: step("draw: one", "questions:", "  - comment: a", f"    {WORDS}")},
     ['16:9: "ask" is missing; required: ask, text',
      '16:9: "keys" is missing; required: "keys", such as 1-5, or "choices" with a label for each key',
      f'16:9: unknown setting "comment"; {ASK_MAY}']),
    ("a question of a bank that goes elsewhere",
     {13: step("draw: one", "questions:", "  - ask: a", f"    {WORDS}", "    keys: 1-3", "    go: thanks")},
     ['19:9: "go" at a question of a bank; allowed: "go" at the "draw" step itself']),
    ("a question of a bank without a text in one language",
     {13: step("draw: one", "questions:", "  - ask: a", "    text: {zh: 话。}", "    keys: 1-3")},
     ['17:9: "text" has no text in "en"; required: en, zh']),
    ("a reason that is no code", {13: step("ask-reason: why", WORDS, "reasons: {1: billing, 2: The other one}")},
     ['16:30: key "2" gives "The other one"; allowed: a reason such as billing or billing/refund']),
    ("a reason by star", {13: step("ask-reason: why", WORDS, 'reasons: {1: billing, "*": other}')},
     ['16:27: "*" is not a key; allowed: a number from 0 to 99']),
    ("one reason", {13: step("ask-reason: why", WORDS, "reasons: {1: billing}")},
     [('16:14: "reasons" is a mapping; allowed: 2 to 20 keys, numbers from 0 to 99, each with a reason such as '
       "billing/refund")]),
    ("a comment without consent", {13: step("comment: why", WORDS)},
     ['14:5: "consent" is missing; required: comment, consent, text']),
    ("a comment that is too long",
     {13: step("comment: why", WORDS, "consent: {en: Ok., zh: 好。}", "max_seconds: 600")},
     ['17:18: "max_seconds" is 600; allowed: whole seconds from 5 to 120']),
    ("a comment that two keys stop",
     {13: step("comment: why", WORDS, "consent: {en: Ok., zh: 好。}", 'stop_key: "12"')},
     ['17:15: "stop_key" is "12"; allowed: one of 0-9, * and #, in quotes']),
    ("an incentive without words", {15: "    text: {en: Thank you., zh: 谢谢。}\n    incentive: {digits: 6}"},
     ['16:5: "text" is missing; required: text']),
    ("an incentive that is too short",
     {15: "    text: {en: Thank you., zh: 谢谢。}\n    incentive: {digits: 2, text: {en: Your code., zh: 码。}}"},
     ['16:25: "digits" is 2; allowed: a whole number from 4 to 10']),
    ("an incentive without words in one language",
     {15: "    text: {en: Thank you., zh: 谢谢。}\n    incentive: {text: {en: Your code.}}"},
     ['16:17: "text" has no text in "zh"; required: en, zh']),
]  # fmt: skip


def changed(changes: dict[int, str]) -> str:
    lines = GOOD.splitlines()
    for number, line in changes.items():
        lines[number - 1 : number] = [line]
    return "\n".join(lines) + "\n"


def test_the_flow_that_the_table_breaks_has_no_mistake() -> None:
    assert parse_flow(GOOD, "flow.yaml").flow.flow == "csat"
    assert len(BROKEN) > 100
    assert len(parse_flow(changed({13: SECOND}), "flow.yaml").flow.questions) == 2


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
