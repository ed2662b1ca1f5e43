"""What holds for every flow, every caller and every fault."""

from dataclasses import dataclass
from dataclasses import field as data_field

from hypothesis import given, settings
from hypothesis import strategies as st

from callflows.duration import FREE_REPEATS, estimate, estimated_seconds, longest_seconds
from callflows.interview import Interview
from callflows.loader import library_flow
from callflows.model import CommentStep, Draw, Flow
from callflows.sounds import spoken
from callflows.steps import (
    Ask,
    Context,
    End,
    Failed,
    HungUp,
    Input,
    Keys,
    Played,
    Record,
    Recorded,
    Save,
    SaveCode,
    Saved,
    SaveLanguage,
    Say,
    Step,
)
from tests.callflows.generated import contexts, faults, flows, pressed

Turn = tuple[Keys, float, Input | None]
turns = st.lists(st.tuples(pressed, st.floats(0, 1), faults), max_size=40)
NOTHING: Turn = (Keys(pressed="", timed_out=True), 0.0, None)
MANY_STEPS = 2000


@dataclass
class Run:
    """An interview with what came of each step."""

    language: str
    done: list[tuple[Step, Input | None]] = data_field(default_factory=list)

    @property
    def steps(self) -> list[Step]:
        return [step for step, _ in self.done]


def run(flow: Flow, context: Context, language: str, inputs: list[Turn]) -> Run:
    """When the inputs are used up, the caller presses and says nothing any more."""
    interview = Interview(flow, language, context)
    here = Run(language)
    step, left = interview.start(), list(inputs)
    while not isinstance(step, End):
        assert len(here.done) < MANY_STEPS, "the interview does not end"
        keys, share, fault = left.pop(0) if left else NOTHING
        match step:
            case Ask():
                good: Input = keys
            case Record():
                good = Recorded(seconds=share * step.max_seconds)
            case Say():
                good = Played()
            case _:
                good = Saved()
        here.done.append((step, fault or good))
        step = interview.send(fault or good)
    here.done.append((step, None))
    here.language = interview.language
    return here


def seconds(step: Step, came: Input | None, texts: dict[str, str]) -> float:
    """The longest that a step can have taken, by what came of it."""
    match step:
        case Say():
            return sum(estimated_seconds(texts[prompt]) for prompt in step.prompts)
        case Ask():
            said = sum(estimated_seconds(texts[prompt]) for prompt in step.prompts)
            return said + step.timeout_seconds + (step.max_keys - 1) * step.key_timeout_seconds
        case Record():
            return step.max_seconds
        case _:
            return 0.0


@settings(max_examples=100, deadline=None)
@given(st.data(), flows(), contexts, turns)
def test_every_interview_ends_within_its_longest_duration(
    data: st.DataObject, flow: Flow, context: Context, inputs: list[Turn]
) -> None:
    here = run(flow, context, data.draw(st.sampled_from(flow.languages)), inputs)
    texts = spoken(flow)
    taken = sum(seconds(step, came, texts) for step, came in here.done)
    assert taken <= max(estimate(flow, language) for language in flow.languages) + 1e-6
    if not any(isinstance(step, SaveLanguage) for step in here.steps):
        assert taken <= estimate(flow, here.language) + 1e-6


@settings(max_examples=100, deadline=None)
@given(st.data(), flows(), contexts, turns)
def test_the_same_call_gives_the_same_steps(
    data: st.DataObject, flow: Flow, context: Context, inputs: list[Turn]
) -> None:
    language = data.draw(st.sampled_from(flow.languages))
    assert run(flow, context, language, inputs).done == run(flow, context, language, inputs).done


@settings(max_examples=100, deadline=None)
@given(st.data(), flows(), contexts, turns)
def test_each_question_that_is_put_is_kept_once_and_never_as_a_0_that_nobody_pressed(
    data: st.DataObject, flow: Flow, context: Context, inputs: list[Turn]
) -> None:
    here = run(flow, context, data.draw(st.sampled_from(flow.languages)), inputs)
    questions = {question.code: question for question in flow.keypad_questions}
    comments = {step.code: step for step in flow.steps if isinstance(step, CommentStep)}
    saves = [step for step in here.steps if isinstance(step, Save)]
    codes = [save.answer.question for save in saves]
    assert len(codes) == len(set(codes)), "a question is kept twice"
    order = [*questions, *comments]
    assert set(codes) <= set(order)

    # Which question each Ask puts, by the sound that it ends with.
    put = [_question_of(flow, step) for step in here.steps if isinstance(step, Ask)]
    assert list(dict.fromkeys(code for code in put if code)) == codes, "a question is put and not kept, or the reverse"

    for save in saves:
        answer = save.answer
        came = [
            reply for step, reply in here.done if isinstance(step, Ask) and _question_of(flow, step) == answer.question
        ]
        assert (answer.value is None) == (answer.ended != "answered")
        assert (answer.recording_seconds is None) == (answer.ended != "recorded")
        if answer.question in comments:
            assert answer.ended != "answered"
            continue
        question = questions[answer.question]
        assert answer.tries <= flow.tries_of(question)
        assert answer.tries <= len(came) <= answer.tries + FREE_REPEATS
        last = came[-1]
        if answer.value is not None:
            assert isinstance(last, Keys)
            assert question.meaning[answer.keys] == answer.value
        assert (answer.ended == "hung_up") == isinstance(last, HungUp)
        assert (answer.ended == "failed") == isinstance(last, Failed)
        if answer.ended == "skipped":
            assert "#" not in question.meaning
            assert isinstance(last, Keys)
            assert last.pressed in ("", "#")
        if answer.ended == "no_input":
            assert last == Keys(pressed="", timed_out=True)


@settings(max_examples=100, deadline=None)
@given(st.data(), flows(), contexts, turns)
def test_the_outcome_says_what_the_answers_say_and_nobody_is_spoken_to_after_a_fault(
    data: st.DataObject, flow: Flow, context: Context, inputs: list[Turn]
) -> None:
    here = run(flow, context, data.draw(st.sampled_from(flow.languages)), inputs)
    texts = spoken(flow)
    for step in here.steps:
        if isinstance(step, Ask | Say):
            assert step.prompts
            assert all(prompt in texts for prompt in step.prompts)
    broken = next((i for i, (_, came) in enumerate(here.done) if isinstance(came, HungUp | Failed)), None)
    if broken is not None:
        assert not any(isinstance(step, Ask | Say | Record) for step in here.steps[broken + 1 :])

    kept = {question.code for question in flow.keypad_questions}
    durable = [
        step.answer
        for step, came in here.done
        if isinstance(step, Save) and not isinstance(came, Failed) and step.answer.question in kept
    ]
    answered = sum(answer.ended == "answered" for answer in durable)
    end = here.steps[-1]
    assert isinstance(end, End)
    if end.outcome == "completed":
        assert answered == len(durable) > 0
    assert (end.outcome in ("completed", "partial")) == (answered > 0)
    if broken is None and answered == 0:
        assert end.outcome == "no_input"
    if broken is None and 0 < answered == len(durable):
        assert end.outcome == "completed"
    if broken is None and 0 < answered < len(durable):
        assert end.outcome == "partial"


@settings(max_examples=60, deadline=None)
@given(st.data(), flows(), contexts, turns)
def test_only_who_answered_is_given_a_code_and_only_one_that_was_kept_is_read_out(
    data: st.DataObject, flow: Flow, context: Context, inputs: list[Turn]
) -> None:
    here = run(flow, context, data.draw(st.sampled_from(flow.languages)), inputs)
    said = [prompt for step in here.steps if isinstance(step, Say | Ask) for prompt in step.prompts]
    digits = [prompt.partition("digit-")[2] for prompt in said if "/digit-" in prompt]
    codes = [(step.code, came) for step, came in here.done if isinstance(step, SaveCode)]
    assert len(codes) <= 1
    if digits:
        ((code, came),) = codes
        assert came == Saved()
        assert "".join(digits) == code * 2
    if codes:
        kept = [step.answer.ended for step in here.steps if isinstance(step, Save)]
        assert {"answered", "recorded"} & set(kept)


@settings(max_examples=60, deadline=None)
@given(st.data(), flows(), contexts)
def test_a_draw_puts_as_many_different_questions_as_it_says(data: st.DataObject, flow: Flow, context: Context) -> None:
    first = Keys(pressed="A", timed_out=False)
    here = run(flow, context, data.draw(st.sampled_from(flow.languages)), [(first, 0.9, None)] * 500)
    put = [step.answer.question for step in here.steps if isinstance(step, Save)]
    for step in flow.steps:
        if isinstance(step, Draw):
            drawn = [code for code in put if code in [question.code for question in step.questions]]
            assert len(drawn) in (0, step.count)
            assert drawn == sorted(drawn, key=[question.code for question in step.questions].index)


def test_the_longest_duration_is_that_of_a_caller_who_does_all_wrong() -> None:
    # One second a sound: 2 tries and 2 repeats of question and 5 s; one complaint, one confirmation, welcome, thanks.
    flow = library_flow("csat").flow
    assert longest_seconds(flow, "en", lambda _: 1.0) == 4 * (1 + 5) + 1 + 1 + 1 + 1


def _question_of(flow: Flow, step: Ask) -> str | None:
    """The code of the question that an Ask puts; None when it asks for the language."""
    name = step.prompts[-1].partition("/")[2].removeprefix("generated-").removesuffix("-ask")
    return None if name == "language" else name
