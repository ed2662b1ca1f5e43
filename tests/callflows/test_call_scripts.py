"""Call scripts: what may stand in one, how a call is carried out by it, and what is told when it goes another way."""

from pathlib import Path

import pytest

from callflows.call_script import load_script, parse_script
from callflows.loader import LIBRARY, load_flow, parse_flow
from callflows.rehearsal import Rehearsal, rehearse
from ivr.errors import FlowError
from tests.callflows.rich_flow import rich

FLOW = rich().flow


def rehearsed(rows: str, flow: object = FLOW) -> Rehearsal:
    """The only call of a script."""
    (call,) = parse_script(f"call It\n{rows}", "it.txt")
    return rehearse(flow, call)  # type: ignore[arg-type]


SHIPPED = [LIBRARY / f"scripts/{flow.stem}.txt" for flow in sorted(LIBRARY.glob("*.yaml"))]


@pytest.mark.parametrize(
    ("script", "title"),
    [pytest.param(file, call.title, id=f"{file.stem}: {call.title}") for file in SHIPPED for call in load_script(file)],
)
def test_a_call_to_a_shipped_flow_goes_as_its_script_says(script: Path, title: str) -> None:
    flow = load_flow(LIBRARY / f"{script.stem}.yaml").flow
    (call,) = [call for call in load_script(script) if call.title == title]
    rehearsal = rehearse(flow, call)
    assert rehearsal.mismatch == "", f"{script}:{rehearsal.line}"
    assert rehearsal.outcome


# --- a call through everything ---


def test_a_call_through_language_reason_low_rating_and_comment() -> None:
    rehearsal = rehearsed(
        """
        hears   "中文请按2。"
        caller  presses 2
        hears   welcome
        hears   why-ask
        caller  presses 2
        hears   "您按了2。"
        caller  presses 1
        hears   comment-consent
        hears   comment-ask
        caller  says 8.5 seconds
        result  why = billing/refund after 1 try
        result  satisfaction = 1
        result  comment = recorded
        hears   "您的优惠码是"
        hears   thanks
        outcome completed
        """
    )
    assert rehearsal == Rehearsal(answers=rehearsal.answers, outcome="completed", line=0, mismatch="")
    assert [(answer.question, answer.value, answer.recording_seconds) for answer in rehearsal.answers] == [
        ("why", 2, None),
        ("satisfaction", 1, None),
        ("comment", None, 8.5),
    ]


@pytest.mark.parametrize("drawn", ["reliability", "empathy"])
def test_a_question_of_a_bank_is_drawn_as_the_script_wants(drawn: str) -> None:
    rehearsal = rehearsed(
        f"""
        reason  technical
        drawn   {drawn}
        caller  presses 1
        caller  presses 5
        caller  presses 1
        hears   {drawn}-ask
        caller  presses 3
        result  solved = yes
        result  {drawn} = 3
        outcome completed
        """
    )
    assert rehearsal.mismatch == ""


@pytest.mark.parametrize(
    ("conditions", "hears"),
    [
        ("queue VIP", "solved-ask"),
        ("queue gold", "solved-ask"),
        ("queue support", "why-ask"),
        ("time sat 18:00", "night"),
        ("time fri 23:00", "why-ask"),
        ("reason billing", "satisfaction-ask"),
    ],
)
def test_what_is_so_before_the_call_decides_where_it_goes(conditions: str, hears: str) -> None:
    rows = f"{conditions}\nlanguage en\ncaller presses 1\nhears welcome\nhears {hears}\ncaller hangs up"
    assert rehearsed(rows).mismatch == ""


def test_a_channel_variable_decides() -> None:
    flow = rich(("queue: [vip, gold], language: en", "variable: {TIER: gold}")).flow
    assert rehearsed("variable TIER = Gold\ncaller presses 1\nhears solved-ask\ncaller hangs up", flow).mismatch == ""
    assert rehearsed("variable TIER = tin\ncaller presses 1\nhears why-ask\ncaller hangs up", flow).mismatch == ""


@pytest.mark.parametrize(
    ("rows", "ended"),
    [
        ("caller presses #", "skipped"),
        ("caller says nothing", "no_input"),
        ("caller says 0.2 seconds", "no_input"),
        ("caller hangs up", "hung_up"),
        ("caller presses 5\ncaller hangs up", "hung_up"),
        ("caller is silent\ncaller says 3 seconds", "recorded"),
    ],
)
def test_a_comment_ends_in_its_ways(rows: str, ended: str) -> None:
    start = "reason technical\ncaller presses 1\ncaller presses 1\nhears comment-ask\n"
    assert rehearsed(f"{start}{rows}\nresult comment = {ended}").mismatch == ""


def test_two_keys_are_one_answer() -> None:
    flow = parse_flow(
        "flow: nps\ntitle: NPS\nlanguages: [en]\nwrong_key: {en: W}\nno_input: {en: N}\ngoodbye: {en: G}\nsteps:\n"
        "- {ask: recommend, headline: true, text: {en: A}, keys: 0-10, satisfied: [9, 10]}\n"
        "- {end: thanks, text: {en: T}}\n",
        "nps.yaml",
    ).flow
    for keys, value in (("10", 10), ("1 then 0", 10), ("1", 1), ("1#", 1), ("9", 9)):
        assert rehearsed(f"caller presses {keys}\nresult recommend = {value}\noutcome completed", flow).mismatch == ""


# --- it goes another way ---


@pytest.mark.parametrize(
    ("rows", "line", "mismatch"),
    [
        (
            "caller presses 1\nhears goodbye\ncaller hangs up",
            3,
            (
                'expected: hears goodbye; got: hears welcome "Before you go, two short questions.", '
                'why-ask "Why did you call? Press 1 for billing, 2 for a refund, or 3 for technical help."'
            ),
        ),
        (
            'caller presses 1\nhears welcome\nhears "Hello"',
            4,
            (
                'expected: hears "Hello"; got: hears '
                'why-ask "Why did you call? Press 1 for billing, 2 for a refund, or 3 for technical help."'
            ),
        ),
        (
            "reason x\ncaller presses 1\ncaller presses 2\nresult satisfaction = 3\ncaller hangs up",
            5,
            "expected: result satisfaction = 3; got: result satisfaction = 2 after 1 try",
        ),
        (
            "reason x\ncaller presses 1\ncaller presses 9\ncaller presses 9\nresult satisfaction = 3\ncaller hangs up",
            6,
            "expected: result satisfaction = 3; got: result satisfaction = no_match after 2 tries",
        ),
        (
            "caller presses 1\ncaller presses 1\nresult why = technical\ncaller hangs up",
            4,
            "expected: result why = technical; got: result why = 1 (billing) after 1 try",
        ),
        (
            "caller presses 1\nresult solved = yes\ncaller hangs up",
            3,
            "expected: result solved = yes; got: solved was not put",
        ),
        (
            "caller presses 1\nresult sloved = yes\ncaller hangs up",
            3,
            'expected: result sloved = yes; got: unknown question "sloved"; did you mean "solved"?',
        ),
        (
            "reason x\ncaller presses 1\ncaller presses 9\ncaller presses 9\noutcome partial",
            6,
            "expected: outcome partial; got: outcome no_input",
        ),
        (
            "caller presses 1\ncaller hangs up\ncaller presses 2",
            4,
            "expected: caller presses 2; got: the survey is over, outcome hung_up",
        ),
        (
            "caller presses 1\nhears why-ask\noutcome completed",
            4,
            (
                "expected: outcome completed; got: the survey is not over: the caller is asked and does nothing, "
                "hears nothing more"
            ),
        ),
        (
            "caller presses 1\nhears why-ask",
            3,
            (
                "expected: a row with what the caller does next; got: the caller is asked and does nothing, "
                "hears nothing more"
            ),
        ),
        ("caller presses 12", 2, "expected: caller presses 12; got: the question takes 1 at most, and # ends them"),
        ("language fr\ncaller presses 1", 1, "expected: language fr; got: the flow has en, zh"),
        (
            "drawn empaty\ncaller presses 1",
            1,
            'expected: drawn empaty; got: unknown question of a bank "empaty"; did you mean "empathy"?',
        ),
        ("drawn empathy, reliability", 1, "expected: drawn empathy, reliability; got: never drawn together"),
        (
            "reason x\ncaller presses 1\ncaller presses 1\ncaller is silent\ncaller presses 5",
            6,
            "expected: caller presses 5; got: the caller is recorded; allowed: caller says 8 seconds",
        ),
    ],
)
def test_where_a_call_goes_another_way_the_row_is_told_with_what_came(rows: str, line: int, mismatch: str) -> None:
    rehearsal = rehearsed(rows)
    assert (rehearsal.line, rehearsal.mismatch, rehearsal.outcome) == (line, mismatch, None)


# --- what cannot be read ---


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", 'it.txt:1: no call; required: a row such as "call The caller presses 5"'),
        ("# only a comment", 'it.txt:1: no call; required: a row such as "call The caller presses 5"'),
        (
            "caller presses 5",
            'it.txt:1: a row before the first call; required: a row such as "call The caller presses 5"',
        ),
        ("call", "it.txt:1: nothing is said; required: a title, such as call The caller presses 5"),
        ("call X\ncalller presses 5", 'it.txt:2: unknown row "calller"; did you mean "caller"?'),
        (
            "call X\n\ncaller walks away",
            (
                'it.txt:3: "caller walks away" is nothing that a caller does; allowed: caller presses 5, '
                "caller is silent, "
                "caller says 8 seconds, caller says nothing, caller hangs up"
            ),
        ),
        (
            "call X\ncaller presses five",
            'it.txt:2: "five" are no keys; allowed: 0-9, * and #, such as caller presses 10',
        ),
        (
            "call X\nhears",
            'it.txt:2: nothing is said; required: a prompt, such as hears wrong-key, or hears "Thank you"',
        ),
        (
            "call X\nhears thank you",
            'it.txt:2: "thank you" is no prompt; allowed: its name, such as wrong-key, or its words in quotes',
        ),
        (
            "call X\nresult satisfaction 4",
            'it.txt:2: "result satisfaction 4" is no result; allowed: such as result satisfaction = 4 after 2 tries',
        ),
        ("call X\noutcome complete", 'it.txt:2: unknown outcome "complete"; did you mean "completed"?'),
        (
            "call X\ncaller presses 5\nqueue vip",
            'it.txt:3: "queue" after the call has begun; allowed: before its first event',
        ),
        ("call X\ntime 10:30", 'it.txt:2: "10:30" is no time; allowed: a day and a time, such as time mon 10:30'),
        (
            "call X\ntime mon 24:00",
            'it.txt:2: "mon 24:00" is no time; allowed: a day and a time, such as time mon 10:30',
        ),
        (
            "call X\nvariable VIP yes",
            'it.txt:2: "VIP yes" is no variable; allowed: a name and a value, such as variable VIP = yes',
        ),
        ("call X\n\x1b[31mhears x", 'it.txt:2: unknown row "?[31mhears"; did you mean "hears"?'),
    ],
)
def test_a_row_that_cannot_be_read_is_told_with_its_place(text: str, mistake: str) -> None:
    with pytest.raises(FlowError) as refusal:
        parse_script(text, "it.txt")
    assert str(refusal.value).startswith(mistake)
    assert "\n" not in str(refusal.value)


def test_all_mistakes_of_a_script_are_told_at_once() -> None:
    with pytest.raises(FlowError) as refusal:
        parse_script("call X\nheard x\ncaller sings\noutcome bad\n", "it.txt")
    assert [line.split(": ")[0] for line in str(refusal.value).splitlines()] == ["it.txt:2", "it.txt:3", "it.txt:4"]


@pytest.mark.parametrize(
    ("content", "mistake"),
    [(b"call \xff", "not UTF-8; allowed: UTF-8 text"), (b"# " * 200_000, "too large; allowed: up to 262144 bytes")],
)
def test_a_file_that_is_no_script_is_told_in_one_line(tmp_path: Path, content: bytes, mistake: str) -> None:
    file = tmp_path / "it.txt"
    file.write_bytes(content)
    with pytest.raises(FlowError) as refusal:
        load_script(file)
    assert str(refusal.value) == f"{file}: {mistake}"
