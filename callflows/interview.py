"""The interview, sans-IO: given a flow and what the caller did, what is to be done next.

It plays nothing and stores nothing. Whoever drives it (a real phone, a terminal, a browser, a test) carries out each
step and says what came of it; the interview cannot tell them apart.
"""

from collections.abc import Generator
from random import Random

from callflows.conditions import known_language
from callflows.duration import CONSENT_SECONDS, FREE_REPEATS
from callflows.lots import drawn_questions
from callflows.model import CommentStep, Draw, EndStep, Flow, FlowStep, SayStep
from callflows.progress import Progress
from callflows.questions import AnyQuestion, Put, ReasonQuestion
from callflows.script import Script
from callflows.sounds import language_sound
from callflows.steps import (
    Answer,
    AnswerEnd,
    Ask,
    Context,
    End,
    Failed,
    HungUp,
    Input,
    Keys,
    Outcome,
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
from ivr.errors import FlowError

SHORTEST_COMMENT_SECONDS = 0.5
"""A recording that is shorter says nothing."""

_REPEAT = "*"
_SKIP = "#"
_MAX_KEPT_KEYS = 20

_Steps = Generator[Step, Input, None]


class Interview:
    """One flow put to one caller.

    Prompts that lead up to a question are part of its `Ask`, because a real PBX loses keys that are pressed between
    two commands: so a caller who knows the flow may answer during the welcome, a confirmation or a complaint.
    An answer is saved before its confirmation is heard. A caller who presses nothing at all at the first question is
    taken to be gone: the further questions are not put. The same flow, context and inputs give the same steps.
    """

    def __init__(self, flow: Flow, language: str, context: Context) -> None:
        """`language` is spoken unless the flow finds another by a variable, the queue or the caller's key.

        Raises `FlowError` when the flow does not have the language.
        """
        if language not in flow.languages:
            raise FlowError(f'flow "{flow.flow}" has no language "{language}"; allowed: {", ".join(flow.languages)}')
        self._flow = flow
        self._context = context
        known = known_language(flow, context)
        self._asks_language = flow.language.ask is not None and known is None
        self._script = Script(flow, known or language)
        self._progress = Progress(flow, context)
        self._steps = self._interview()
        self._step: Step | None = None

    @property
    def language(self) -> str:
        """The language that is spoken now."""
        return self._script.language

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
            case (
                (_, HungUp() | Failed())
                | (Say(), Played())
                | (Ask(), Keys())
                | (Record(), Recorded())
                | (Save() | SaveLanguage() | SaveCode(), Saved())
            ):
                self._step = self._steps.send(came)
                return self._step
            case _:
                raise TypeError(f"{type(came).__name__} cannot come of {type(self._step).__name__}")

    def _interview(self) -> _Steps:
        try:
            if self._asks_language:
                yield from self._choose_language()
            while not isinstance(step := self._progress.step, EndStep):
                yield from self._go_through(step)
                if self._progress.nobody_there:
                    self._script.add_flow("goodbye")
                    break
                self._progress.go_on(self.language)
            else:
                yield from self._last_words(step)
            yield Say(prompts=self._script.take())
        except _BrokenOff as broken:
            yield End(outcome=self._progress.outcome(broken.outcome, self.language))
        else:
            yield End(outcome=self._progress.outcome("no_input", self.language))

    def _go_through(self, step: FlowStep) -> _Steps:
        match step:
            case SayStep():
                self._script.add_step(step, barge_in=self._barge_in(step.barge_in))
            case Put() if not self._progress.is_needless(step):
                yield from self._put(step)
            case Draw():
                questions = drawn_questions(step, self._context.seed)
                self._progress.values |= {question.code: None for question in questions}
                for question in questions:
                    yield from self._put(question)
                    if self._progress.nobody_there:
                        return
            case CommentStep():
                yield from self._comment(step)
            case _:
                pass

    def _put(self, question: AnyQuestion) -> _Steps:
        """Put a question, keep what came of it, and have its confirmation said next."""
        answer = yield from self._answer(question)
        reason = ""
        if isinstance(question, ReasonQuestion) and answer.value is not None:
            reason = question.labels[answer.value]
        came = yield Save(answer=answer, reason=reason)
        if not isinstance(came, Failed):
            # An answer that is not durable must neither count nor be thanked for.
            self._progress.values[question.code] = answer.value
            self._progress.reason = reason or self._progress.reason
        self._go_on_after(answer, came)
        if answer.ended == "answered":
            self._script.add_confirmation(question, answer.keys)

    def _answer(self, question: AnyQuestion) -> Generator[Step, Input, Answer]:
        """Ask until there is an answer, the tries are used up, or the caller cannot be asked any more."""
        ended: AnswerEnd = "no_input"
        pressed, tries, repeats = "", 0, 0
        barge_in = self._barge_in(question.barge_in)
        while tries < self._flow.tries_of(question):
            tries += 1
            self._script.add_step(question, barge_in=barge_in)
            yield from self._say_what_must_be_heard(barge_in)
            self._progress.values.setdefault(question.code, None)
            came = yield Ask(
                prompts=self._script.take(),
                max_keys=question.max_keys,
                timeout_seconds=self._flow.timeout_of(question),
                key_timeout_seconds=self._flow.key_timeout_of(question),
                barge_in=barge_in,
            )
            if not isinstance(came, Keys):
                ended, pressed = "hung_up" if isinstance(came, HungUp) else "failed", ""
                break
            pressed = self._pressed_keys(came)
            if pressed in question.meaning:
                ended = "answered"
                break
            if pressed == _SKIP:
                ended = "skipped"
                break
            ended = "no_match" if pressed else "no_input"
            if pressed.startswith(_REPEAT) and not any(_REPEAT in keys for keys in question.meaning):
                # Not for ever: past the free ones, each repeat costs a try.
                repeats += 1
                tries -= repeats <= FREE_REPEATS
            elif tries < self._flow.tries_of(question):
                part = "wrong_key" if pressed else "no_input"
                if not self._script.add_step(question, part):
                    self._script.add_flow(part)
        value = question.meaning[pressed] if ended == "answered" else None
        return Answer(question=question.code, keys=pressed[:_MAX_KEPT_KEYS], value=value, tries=tries, ended=ended)

    def _comment(self, comment: CommentStep) -> _Steps:
        """Say what the recording is for; a caller who does not refuse by then is recorded."""
        barge_in = self._barge_in(comment.barge_in)
        for part in ("consent", "text"):
            self._script.add_step(comment, part, barge_in=barge_in)
        yield from self._say_what_must_be_heard(barge_in)
        came = yield Ask(
            prompts=self._script.take(),
            max_keys=1,
            timeout_seconds=CONSENT_SECONDS,
            key_timeout_seconds=CONSENT_SECONDS,
            barge_in=barge_in,
        )
        keys = self._pressed_keys(came) if isinstance(came, Keys) else ""
        if isinstance(came, Keys) and keys != _SKIP:
            came = yield Record(
                name=comment.code,
                max_seconds=comment.max_seconds,
                silence_seconds=comment.silence,
                stop_keys=comment.stop_key,
            )
        seconds: float | None = None
        ended: AnswerEnd = "skipped"
        match came:
            case HungUp():
                ended = "hung_up"
            case Failed():
                ended = "failed"
            case Recorded() if came.seconds >= SHORTEST_COMMENT_SECONDS:
                ended, seconds = "recorded", came.seconds
            case Recorded():
                ended = "no_input"
        answer = Answer(question=comment.code, keys=keys, value=None, tries=1, ended=ended, recording_seconds=seconds)
        came = yield Save(answer=answer)
        if ended == "recorded" and not isinstance(came, Failed):
            self._progress.commented = True
        self._go_on_after(answer, came)

    def _choose_language(self) -> _Steps:
        """Let the caller choose by key; one who does not is spoken to in the language that was found."""
        flow, choice = self._flow, self._flow.language
        for _ in range(flow.tries):
            came = yield Ask(
                prompts=tuple(f"{language}/{language_sound(flow)}" for language in flow.languages),
                max_keys=max(map(len, choice.keys)),
                timeout_seconds=flow.timeout,
                key_timeout_seconds=flow.key_timeout,
                barge_in=flow.barge_in,
            )
            self._must_be_there(came)
            pressed = self._pressed_keys(came) if isinstance(came, Keys) else ""
            if pressed in choice.keys:
                self._script.language = choice.keys[pressed]
                self._must_be_there((yield SaveLanguage(language=self.language)))
                return

    def _last_words(self, step: EndStep) -> _Steps:
        answered = self._progress.answered
        if self._progress.values and not answered:
            self._script.add_flow("goodbye")
            return
        if step.incentive and answered:
            random = Random(f"{self._context.seed}/{step.code}")
            code = "".join(random.choice("0123456789") for _ in range(step.incentive.digits))
            self._must_be_there((yield SaveCode(code=code)))
            # Twice, because few callers hold a pen at the first time.
            for _ in range(2):
                self._script.add_step(step, "incentive")
                self._script.add_digits(code)
        self._script.add_step(step)

    # --- what came ---

    def _go_on_after(self, answer: Answer, came: Input) -> None:
        """Break off when the answer or its saving says that there is nobody, or nothing, to go on with."""
        if answer.ended == "failed":
            raise _BrokenOff("failed")
        self._must_be_there(came)
        if answer.ended == "hung_up":
            raise _BrokenOff("hung_up")

    def _must_be_there(self, came: Input) -> None:
        if isinstance(came, HungUp | Failed):
            raise _BrokenOff("hung_up" if isinstance(came, HungUp) else "failed")

    def _pressed_keys(self, came: Keys) -> str:
        # No keys although the clock did not end the wait: it was a # alone.
        pressed = came.pressed or ("" if came.timed_out else _SKIP)
        self._progress.pressed = self._progress.pressed or bool(pressed)
        return pressed

    def _barge_in(self, own: bool | None) -> bool:
        return self._flow.barge_in if own is None else own

    def _say_what_must_be_heard(self, barge_in: bool) -> _Steps:
        """Where keys may cut the next prompts short, say first what no key may cut short."""
        if barge_in and (prompts := self._script.take_uncut()):
            self._must_be_there((yield Say(prompts=prompts)))


class _BrokenOff(Exception):
    """The caller or the means to go on are gone."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome
