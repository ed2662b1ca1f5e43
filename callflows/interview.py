"""The interview, sans-IO: given a flow and what the caller did, what is to be done next.

It plays nothing and stores nothing. Whoever drives it (a real phone, a terminal, a browser, a test) carries out each
step and says what came of it; the interview cannot tell them apart.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal

from callflows.model import Flow, Question
from callflows.sounds import FlowPart, QuestionPart, Sound, confirm_sound, flow_sound, question_sound
from ivr.errors import FlowError

AnswerEnd = Literal["answered", "no_input", "no_match", "hung_up", "failed"]
"""How a question ended. Only `answered` has a value: a question without an answer is never a 0."""

Outcome = Literal["completed", "partial", "no_input", "hung_up", "failed"]
"""How a survey ended: `completed` every question was answered; `partial` at least one was, and not all;
`no_input` it came to its end with none answered; `hung_up` the caller left before the first answer;
`failed` it broke off before the first answer for a fault that was not the caller's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One question put to one caller."""

    question: str
    keys: str
    """All keys of the last try as pressed, at most 20; empty when there were none."""
    value: int | None
    """What the keys mean; None unless `ended` is `answered`."""
    tries: int
    """How often the question was put, from 1."""
    ended: AnswerEnd


# --- steps: what is to be done next ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Play prompts to their end. Answer with `Played`."""

    prompts: tuple[str, ...]
    """Names of sounds as ``language/name``, such as ``en/csat-thanks``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Play prompts and take keys; the first key cuts the prompts short. Answer with `Keys`."""

    prompts: tuple[str, ...]
    max_keys: int
    timeout_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """Make an answer durable before anything else is done. Answer with `Saved`."""

    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The interview is over; nothing is to be sent any more."""

    outcome: Outcome


Step = Say | Ask | Save | End

# --- inputs: what came of the step ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The prompts were played."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What the caller pressed while being asked."""

    pressed: str
    """The keys in order, each one of ``0-9 * # A-D``; empty when nothing was pressed. A ``#`` that ended the
    input is not in it."""
    timed_out: bool
    """True when the wait ended by the clock and not by the last wanted key or ``#``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The answer is durable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HungUp:
    """The caller is gone. May answer any step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The step could not be carried out for a fault that was not the caller's. May answer any step."""


Input = Played | Keys | Saved | HungUp | Failed

_MAX_KEPT_KEYS = 20


class Interview:
    """One flow put to one caller in one of the flow's languages.

    Prompts that lead up to a question are part of its `Ask`, because a real PBX loses keys that are pressed between
    two commands: so a caller who knows the flow may answer during the welcome, a confirmation or a complaint.
    An answer is saved before its confirmation is heard. A caller who presses nothing at all at the first question is
    taken to be gone: the further questions are not put.
    """

    def __init__(self, flow: Flow, language: str) -> None:
        """Raises `FlowError` when the flow does not have the language."""
        if language not in flow.languages:
            raise FlowError(f'flow "{flow.flow}" has no language "{language}"; allowed: {", ".join(flow.languages)}')
        self._flow = flow
        self._language = language
        self._pressed = False
        self._steps = self._interview()
        self._step: Step | None = None

    def start(self) -> Step:
        """The first step; to be called once, before any `send`."""
        if self._step is not None:
            raise RuntimeError("the interview was started already")
        self._step = next(self._steps)
        return self._step

    def send(self, came: Input) -> Step:
        """The step after the one before was carried out and `came` of it.

        Raises `RuntimeError` when no step is under way, and `TypeError` when `came` cannot come of that step.
        """
        match self._step, came:
            case (None | End(), _):
                raise RuntimeError("the interview is not under way")
            case (_, HungUp() | Failed()) | (Say(), Played()) | (Ask(), Keys()) | (Save(), Saved()):
                self._step = self._steps.send(came)
                return self._step
            case _:
                raise TypeError(f"{type(came).__name__} cannot come of {type(self._step).__name__}")

    def _interview(self) -> Generator[Step, Input, None]:
        answered = 0
        before = self._flow_prompt("welcome")
        for question in self._flow.questions:
            answer = yield from self._put(question, before)
            came = yield Save(answer=answer)
            if isinstance(came, Failed) or answer.ended == "failed":
                # An answer that is not durable must neither count nor be thanked for.
                yield End(outcome=self._outcome(answered, "failed"))
                return
            answered += answer.ended == "answered"
            if isinstance(came, HungUp) or answer.ended == "hung_up":
                yield End(outcome=self._outcome(answered, "hung_up"))
                return
            before = self._confirmation(question, answer)
            if not self._pressed:
                break
        last_words = self._flow_prompt("thanks")
        if not answered:
            last_words = self._flow_prompt("goodbye") or last_words
        yield Say(prompts=before + last_words)
        yield End(outcome=self._outcome(answered, "no_input"))

    def _put(self, question: Question, before: tuple[str, ...]) -> Generator[Step, Input, Answer]:
        """Ask until there is an answer, the tries are used up, or the caller cannot be asked any more."""
        ended: AnswerEnd = "no_input"
        pressed, tries = "", 0
        while tries < self._flow.tries_of(question):
            tries += 1
            came = yield Ask(
                prompts=before + self._question_prompt(question, "ask"),
                max_keys=question.max_keys,
                timeout_seconds=self._flow.timeout_of(question),
            )
            if not isinstance(came, Keys):
                ended, pressed = "hung_up" if isinstance(came, HungUp) else "failed", ""
                break
            # No keys although the clock did not end the wait: it was a # alone.
            pressed = came.pressed or ("" if came.timed_out else "#")
            self._pressed = self._pressed or bool(pressed)
            if pressed in question.keys:
                ended = "answered"
                break
            ended = "no_match" if pressed else "no_input"
            before = self._question_prompt(question, "wrong_key" if pressed else "no_input")
        value = question.keys[pressed] if ended == "answered" else None
        return Answer(question=question.question, keys=pressed[:_MAX_KEPT_KEYS], value=value, tries=tries, ended=ended)

    def _outcome(self, answered: int, otherwise: Outcome) -> Outcome:
        if answered == len(self._flow.questions):
            return "completed"
        return "partial" if answered else otherwise

    def _confirmation(self, question: Question, answer: Answer) -> tuple[str, ...]:
        return self._named(confirm_sound(self._flow, question, answer.keys) if answer.ended == "answered" else None)

    def _question_prompt(self, question: Question, part: QuestionPart) -> tuple[str, ...]:
        own = self._named(question_sound(self._flow, question, part))
        return own if own or part == "ask" else self._flow_prompt(part)

    def _flow_prompt(self, part: FlowPart) -> tuple[str, ...]:
        return self._named(flow_sound(self._flow, part))

    def _named(self, sound: Sound | None) -> tuple[str, ...]:
        return (f"{self._language}/{sound.name}",) if sound else ()
