"""What holds for every flow, every caller and every fault."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from callflows.interview import (
    Ask,
    End,
    Failed,
    HungUp,
    Input,
    Interview,
    Keys,
    Played,
    Save,
    Saved,
    Say,
    Step,
)
from callflows.loader import parse_flow
from callflows.model import Flow
from callflows.sounds import spoken

LANGUAGES = ("en", "zh", "pt_BR")

codes = st.from_regex(r"[a-z][a-z0-9]{0,6}", fullmatch=True)
keys = st.sampled_from(["0", "1", "2", "3", "5", "9", "*", "#", "10", "12", "*1"])
prompts = st.sampled_from(["Hello.", "您好。", "Please press a key."])


@st.composite
def flows(draw: st.DrawFn) -> Flow:
    """A flow by way of its file, so that the loader takes part. JSON is YAML."""
    languages = draw(st.lists(st.sampled_from(LANGUAGES), min_size=1, max_size=3, unique=True))

    def prompt(text: str | None = None) -> dict[str, str]:
        return {language: text or draw(prompts) for language in languages}

    def some(settings: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in settings.items() if draw(st.booleans())}

    codes_used = draw(st.lists(codes, min_size=1, max_size=4, unique=True))
    headline = draw(st.sampled_from(codes_used))
    questions = []
    for code in codes_used:
        mapped = draw(st.dictionaries(keys, st.integers(0, 100), min_size=1, max_size=6))
        question: dict[str, Any] = {"question": code, "ask": prompt(), "keys": mapped}
        question |= some({"tries": draw(st.integers(1, 5)), "timeout": draw(st.floats(1, 30))})
        question |= some({"wrong_key": prompt(), "no_input": prompt(), "confirm": prompt(draw(prompts) + " {key}")})
        if code == headline:
            question |= {"headline": True, "satisfied": [draw(st.sampled_from(sorted(mapped.values())))]}
        questions.append(question)
    needed = {name: prompt() for name in ("wrong_key", "no_input", "thanks")}
    optional = some({"welcome": prompt(), "goodbye": prompt(), "tries": draw(st.integers(1, 5))})
    flow = {"flow": draw(codes), "title": "A flow", "languages": languages, "questions": questions} | needed | optional
    return parse_flow(json.dumps(flow, ensure_ascii=False), "generated.yaml").flow


pressed = st.builds(Keys, pressed=st.one_of(keys, st.text("0123456789*#ABCD", max_size=25)), timed_out=st.booleans())
came = st.tuples(pressed, st.sampled_from([None, None, None, None, None, HungUp(), Failed()]))


def step_limit(flow: Flow) -> int:
    """Every question put as often as it may be and saved once; a last word; the end."""
    return sum(flow.tries_of(question) + 1 for question in flow.questions) + 2


def run(flow: Flow, language: str, inputs: list[tuple[Keys, Input | None]]) -> list[tuple[Step, Input | None]]:
    """Each step with what came of it; when the inputs are used up, the caller presses nothing any more."""
    interview = Interview(flow, language)
    step, left = interview.start(), list(inputs)
    done: list[tuple[Step, Input | None]] = []
    while not isinstance(step, End):
        assert len(done) < step_limit(flow), "the interview does not end"
        keys_pressed, fault = left.pop(0) if left else (Keys(pressed="", timed_out=True), None)
        good: Input = {Say: Played(), Save: Saved(), Ask: keys_pressed}[type(step)]  # type: ignore[assignment]
        done.append((step, fault or good))
        step = interview.send(fault or good)
    return [*done, (step, None)]


@settings(max_examples=300, deadline=None)
@given(st.data(), flows(), st.lists(came, max_size=24))
def test_every_interview_ends_and_keeps_what_was_answered_and_nothing_else(
    data: st.DataObject, flow: Flow, inputs: list[tuple[Keys, Input | None]]
) -> None:
    language = data.draw(st.sampled_from(flow.languages))
    done = run(flow, language, inputs)
    steps = [step for step, _ in done]
    assert done == run(flow, language, inputs)
    assert len(steps) <= step_limit(flow)

    # What is heard was written for this flow and language, and is never nothing.
    first = steps[0]
    assert isinstance(first, Ask)
    texts = spoken(flow)
    for step in steps:
        if isinstance(step, Ask | Say):
            assert step.prompts
            assert all(prompt in texts and prompt.startswith(f"{language}/") for prompt in step.prompts)
    for i, step in enumerate(steps):
        if isinstance(step, Say):
            assert isinstance(steps[i + 1], End), "a key pressed after a Say would be lost"

    # One answer for each question put, in the order of the flow, each saved right after its last try.
    saves = [(i, step.answer) for i, step in enumerate(steps) if isinstance(step, Save)]
    assert [answer.question for _, answer in saves] == [q.question for q in flow.questions[: len(saves)]]
    before = 0
    for (i, answer), question in zip(saves, flow.questions, strict=False):
        asks = steps[before:i]
        assert 1 <= len(asks) == answer.tries <= flow.tries_of(question)
        for step in asks:
            assert isinstance(step, Ask)
            assert (step.max_keys, step.timeout_seconds) == (question.max_keys, flow.timeout_of(question))
            assert step.prompts[-1].endswith(f"{question.question}-ask")
        reply = done[i - 1][1]
        assert (answer.value is None) == (answer.ended != "answered")
        if answer.value is not None:
            assert question.keys[answer.keys] == answer.value
        assert (answer.ended == "hung_up") == isinstance(reply, HungUp)
        assert (answer.ended == "failed") == isinstance(reply, Failed)
        assert len(answer.keys) <= 20
        if answer.ended == "no_input":
            assert reply == Keys(pressed="", timed_out=True)
        before = i + 1
    assert not any(isinstance(step, Ask) for step in steps[before:])

    # The outcome says what the answers say; one that could not be saved does not count.
    durable = [answer for i, answer in saves if not isinstance(done[i][1], Failed)]
    answered = sum(answer.ended == "answered" for answer in durable)
    end = steps[-1]
    assert isinstance(end, End)
    assert (end.outcome == "completed") == (answered == len(flow.questions))
    assert (end.outcome == "partial") == (0 < answered < len(flow.questions))
    broken = [i for i, (step, reply) in enumerate(done) if isinstance(reply, HungUp | Failed) and type(step) is not Say]
    if not answered and not broken:
        assert end.outcome == "no_input"
    if broken:
        assert not any(isinstance(step, Ask | Say) for step in steps[broken[0] + 1 :]), "nobody is there to hear it"
