"""What an admin writes: a call flow. A field's description is what a message about a mistake in it says is allowed.

A default must never change once a flow was used with it: the digest of a flow leaves out what was not written.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from callflows import fields
from callflows.fields import Code, Language, Text
from callflows.questions import AnyQuestion, Prompt, Put, Question, ReasonQuestion, Record


class SayStep(Record):
    """Something that is said."""

    code: Code = Field(alias="say", description=fields.A_CODE)
    text: Prompt = Field(description=fields.A_PROMPT)
    barge_in: fields.Switch | None = Field(default=None, description=fields.A_SWITCH)
    go: Code | None = Field(default=None, description=fields.A_STEP)


class CommentStep(Record):
    """Records what the caller says, after consent."""

    code: Code = Field(alias="comment", description=fields.A_CODE)
    consent: Prompt = Field(description=fields.A_PROMPT)
    text: Prompt = Field(description=fields.A_PROMPT)
    max_seconds: int = Field(default=30, strict=True, ge=5, le=120, description="whole seconds from 5 to 120")
    silence: int = Field(default=3, strict=True, ge=1, le=10, description="whole seconds from 1 to 10")
    stop_key: str = Field(default="#", strict=True, pattern=r"^[0-9*#]\z", description="one of 0-9, * and #, in quotes")
    barge_in: fields.Switch | None = Field(default=None, description=fields.A_SWITCH)
    go: Code | None = Field(default=None, description=fields.A_STEP)


class Case(Record):
    """Where to go when all of its conditions hold."""

    answer: dict[Code, fields.Wanted] = Field(default={}, description="for a question, the answers that are meant")
    queue: fields.Words = Field(default=(), description=fields.WORDS)
    team: fields.Words = Field(default=(), description=fields.WORDS)
    reason: fields.Words = Field(default=(), description=fields.WORDS)
    language: fields.Words = Field(default=(), description=fields.WORDS)
    time: fields.Hours | None = Field(default=None, description=fields.HOURS)
    weekday: fields.Days = Field(default=(), description=fields.DAYS)
    variable: dict[fields.Variable, fields.Words] = Field(
        default={}, description="for a channel variable, the texts that are meant"
    )
    go: Code = Field(description=fields.A_STEP)


class Branch(Record):
    """Goes where the first case that holds says."""

    code: Code = Field(alias="branch", description=fields.A_CODE)
    cases: tuple[Case, ...] = Field(min_length=1, max_length=20, description="a list of 1 to 20 cases")
    otherwise: Code | None = Field(default=None, description=fields.A_STEP)


class Draw(Record):
    """Puts some questions of a bank, drawn anew for each caller."""

    code: Code = Field(alias="draw", description=fields.A_CODE)
    count: int = Field(default=1, strict=True, ge=1, le=10, description="a whole number from 1 to 10")
    questions: tuple[Question, ...] = Field(
        min_length=1, max_length=100, description='a list of 1 to 100 questions, each starting with "- ask: code"'
    )
    go: Code | None = Field(default=None, description=fields.A_STEP)


class Incentive(Record):
    """A code that is read out twice to a caller who has answered."""

    digits: int = Field(default=6, strict=True, ge=4, le=10, description="a whole number from 4 to 10")
    text: Prompt = Field(description=fields.A_PROMPT)


class EndStep(Record):
    """The end of the interview."""

    code: Code = Field(alias="end", description=fields.A_CODE)
    text: Prompt = Field(description=fields.A_PROMPT)
    incentive: Incentive | None = Field(default=None, description="digits and text")


class LanguageChoice(Record):
    """How a call's language is found, before the channel's own is taken."""

    variable: fields.Variable | None = Field(default=None, description=fields.A_VARIABLE)
    queues: dict[Text, Language] = Field(default={}, description="for a queue its language")
    ask: Prompt | None = Field(default=None, description=fields.A_PROMPT)
    keys: dict[fields.Key, Language] = Field(default={}, description="for each key its language, such as {1: en}")


FlowStep = SayStep | AnyQuestion | CommentStep | Branch | Draw | EndStep

KINDS: Mapping[str, type[FlowStep]] = {
    "say": SayStep,
    "ask": Question,
    "comment": CommentStep,
    "branch": Branch,
    "draw": Draw,
    "ask-reason": ReasonQuestion,
    "end": EndStep,
}
"""What a step may do, by the word that it starts with."""


def kind_of(step: Any) -> str | None:
    """The word that says what a step does; of a step in a file, the first of its settings that is one."""
    if isinstance(step, dict):
        return next((word for word in step if word in KINDS), None)
    return next((word for word, model in KINDS.items() if isinstance(step, model)), None)


def questions_of(step: FlowStep) -> tuple[AnyQuestion, ...]:
    """The questions on the keypad that a step may put."""
    if isinstance(step, Draw):
        return step.questions
    return (step,) if isinstance(step, Put) else ()


_AnyStep = Annotated[
    Annotated[SayStep, Tag("say")]
    | Annotated[Question, Tag("ask")]
    | Annotated[CommentStep, Tag("comment")]
    | Annotated[Branch, Tag("branch")]
    | Annotated[Draw, Tag("draw")]
    | Annotated[ReasonQuestion, Tag("ask-reason")]
    | Annotated[EndStep, Tag("end")],
    Discriminator(kind_of),
]


class Flow(Record):
    """One survey as it is put to callers. `callflows.loader` makes sure of what types alone cannot say."""

    flow: Code = Field(description=fields.A_CODE)
    title: Text = Field(description=fields.A_TEXT)
    languages: tuple[Language, ...] = Field(
        min_length=1, max_length=20, description="a list of 1 to 20 languages such as [en, zh, pt_BR]"
    )
    language: LanguageChoice = Field(default=LanguageChoice(), description="variable, queues, or ask and keys")
    tries: fields.Tries = Field(default=2, description=fields.A_TRIES)
    timeout: fields.Timeout = Field(default=5.0, description=fields.A_TIMEOUT)
    key_timeout: fields.KeyTimeout = Field(default=2.0, description=fields.A_KEY_TIMEOUT)
    barge_in: fields.Switch = Field(default=True, description=fields.A_SWITCH)
    max_seconds: int = Field(default=180, strict=True, ge=30, le=600, description="whole seconds from 30 to 600")
    wrong_key: Prompt = Field(description=fields.A_PROMPT)
    no_input: Prompt = Field(description=fields.A_PROMPT)
    goodbye: Prompt = Field(description=fields.A_PROMPT)
    confirm: Prompt | None = Field(default=None, description=fields.A_PROMPT)
    steps: tuple[_AnyStep, ...] = Field(
        min_length=1, max_length=100, description='a list of 1 to 100 steps, each starting with "- ask: code" or so'
    )

    @property
    def keypad_questions(self) -> tuple[AnyQuestion, ...]:
        """Every question that is answered on the keypad, those of a bank included, in the order of the file."""
        return tuple(question for step in self.steps for question in questions_of(step))

    @property
    def questions(self) -> tuple[Question, ...]:
        """Those of the keypad questions that do not ask for the reason."""
        return tuple(question for question in self.keypad_questions if isinstance(question, Question))

    @property
    def headline_question(self) -> Question:
        """The one question whose answers are ratings."""
        return next(question for question in self.questions if question.headline)

    @property
    def variables(self) -> tuple[str, ...]:
        """The channel variables that the flow needs to know, in order."""
        named = {self.language.variable} if self.language.variable else set()
        for step in self.steps:
            if isinstance(step, Branch):
                named |= {name for case in step.cases for name in case.variable}
        return tuple(sorted(named))

    def nearest_language(self, wanted: str) -> str | None:
        """The flow's language for a tag such as ``zh-TW``: that one, or else ``zh``; None when it has neither."""
        first, _, region = wanted.strip().replace("-", "_").partition("_")
        tags = (f"{first.lower()}_{region.upper()}", first.lower())
        return next((tag for tag in tags if tag in self.languages), None)

    def position(self, code: str) -> int:
        """Where among the steps the one of this code stands, from 0."""
        return next(i for i, step in enumerate(self.steps) if step.code == code)

    def tries_of(self, question: Put) -> int:
        """How often the question is put at most, repeats that the caller asks for not counted."""
        return question.tries or self.tries

    def timeout_of(self, question: Put) -> float:
        """The longest silence in seconds after the prompts, before the wait ends."""
        return question.timeout or self.timeout

    def key_timeout_of(self, question: Put) -> float:
        """The longest silence in seconds after the first of two keys."""
        return question.key_timeout or self.key_timeout

    def confirm_of(self, question: Put) -> Prompt | None:
        """What confirms a key, if anything does."""
        return question.confirm or self.confirm
