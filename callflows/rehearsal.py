"""Carries a call script out on the interview itself, and says where the call goes another way than the script."""

from dataclasses import dataclass

from callflows.call_script import ENDS, HangsUp, Hears, IsSilent, OutcomeIs, Presses, ResultIs, Row, Says, ScriptedCall
from callflows.checks import unknown
from callflows.interview import Interview
from callflows.lots import drawn_questions
from callflows.model import CommentStep, Draw, Flow
from callflows.questions import AnyQuestion
from callflows.sounds import spoken
from callflows.steps import (
    Answer,
    Ask,
    Context,
    End,
    HungUp,
    Input,
    Keys,
    Outcome,
    Played,
    Record,
    Recorded,
    Save,
    Saved,
    Say,
)

_SEEDS = 20_000
"""How many draws are tried for one that gives what the script wants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """How a scripted call went."""

    answers: tuple[Answer, ...]
    outcome: Outcome | None
    """None when the call went another way than the script before it was over."""
    line: int
    """Of the row that came out otherwise; 0 when all went as the script says."""
    mismatch: str
    """What was expected there, and what came; empty when all went as the script says."""


def rehearse(flow: Flow, call: ScriptedCall) -> Rehearsal:
    """Put the flow to the scripted caller."""
    run = _Run(flow, call)
    try:
        run.to_its_end()
    except _Otherwise as otherwise:
        return Rehearsal(
            answers=tuple(run.answers.values()), outcome=None, line=otherwise.line, mismatch=str(otherwise)
        )
    return Rehearsal(answers=tuple(run.answers.values()), outcome=run.outcome, line=0, mismatch="")


class _Otherwise(Exception):
    def __init__(self, line: int, expected: str, got: str) -> None:
        super().__init__(f"expected: {expected}; got: {got}")
        self.line = line


class _Run:
    """One call under way."""

    def __init__(self, flow: Flow, call: ScriptedCall) -> None:
        self._flow = flow
        self._call = call
        self._rows = list(call.rows)
        self._texts = spoken(flow)
        self._said: list[str] = []
        """The sounds since the caller last did something that no row has named yet, as ``language/name``."""
        self.answers: dict[str, Answer] = {}
        self.outcome: Outcome | None = None

    def to_its_end(self) -> None:
        """Raises `_Otherwise` at the first row that comes out otherwise."""
        call, flow = self._call, self._flow
        language = call.language or flow.languages[0]
        if language not in flow.languages:
            raise _Otherwise(call.line, f"language {language}", f"the flow has {', '.join(flow.languages)}")
        context = Context(
            at=call.at,
            queue=call.queue,
            team=call.team,
            reason=call.reason,
            variables=call.variables,
            seed=self._seed(),
        )
        interview = Interview(flow, language, context)
        step = interview.start()
        while not isinstance(step, End):
            came: Input = Saved()
            match step:
                case Say():
                    self._said += step.prompts
                    came = self._while_said()
                case Ask():
                    self._said += step.prompts
                    came = self._asked(step)
                case Record():
                    came = self._recorded(step)
                case Save():
                    self.answers[step.answer.question] = step.answer
            step = interview.send(came)
        self.outcome = step.outcome
        self._over()

    def _seed(self) -> int:
        """One with which the wanted questions are drawn."""
        draws = [step for step in self._flow.steps if isinstance(step, Draw)]
        banked = {question.code for step in draws for question in step.questions}
        for code in self._call.drawn:
            if code not in banked:
                raise _Otherwise(self._call.line, f"drawn {code}", unknown("question of a bank", code, sorted(banked)))
        for seed in range(_SEEDS):
            drawn = {question.code for step in draws for question in drawn_questions(step, seed)}
            if drawn.issuperset(self._call.drawn):
                return seed
        raise _Otherwise(self._call.line, f"drawn {', '.join(self._call.drawn)}", "never drawn together")

    # --- where the caller may act ---

    def _while_said(self) -> Input:
        """What no key cuts short: the caller can only listen to it, or hang up."""
        while self._rows:
            row = self._rows[0]
            if isinstance(row, Hears) and self._is_said(row):
                self._rows.pop(0)
            elif isinstance(row, ResultIs) and row.question in self.answers:
                self._check_result(row)
                self._rows.pop(0)
            elif isinstance(row, HangsUp):
                self._act()
                return HungUp()
            else:
                break
        return Played()

    def _asked(self, step: Ask) -> Input:
        row = self._next_act("the caller is asked and does nothing")
        match row:
            case Says():
                return Keys(pressed="", timed_out=True)  # and speaks after the tone
            case IsSilent():
                self._act()
                return Keys(pressed="", timed_out=True)
            case Presses():
                self._act()
                return self._pressed(step, row)
            case _:
                self._act()
                return HungUp()

    def _pressed(self, step: Ask, row: Presses) -> Keys:
        keys = row.keys.removesuffix("#")
        if len(keys) > step.max_keys or "#" in keys:
            raise _Otherwise(row.line, row.text, f"the question takes {step.max_keys} at most, and # ends them")
        ended = row.keys.endswith("#") or len(keys) == step.max_keys
        return Keys(pressed=keys, timed_out=not ended)

    def _recorded(self, step: Record) -> Input:
        row = self._next_act("the caller is recorded and says nothing")
        if isinstance(row, Presses):
            raise _Otherwise(row.line, row.text, "the caller is recorded; allowed: caller says 8 seconds")
        self._act()
        if isinstance(row, HangsUp):
            return HungUp()
        return Recorded(seconds=min(row.seconds if isinstance(row, Says) else 0.0, step.max_seconds))

    def _next_act(self, otherwise: str) -> Row:
        """What the caller does next, after all rows before it were looked at."""
        while self._rows:
            row = self._rows[0]
            match row:
                case Hears():
                    if not self._is_said(row):
                        raise _Otherwise(row.line, row.text, self._what_is_said())
                case ResultIs():
                    self._check_result(row)
                case OutcomeIs():
                    raise _Otherwise(row.line, row.text, f"the survey is not over: {otherwise}, {self._what_is_said()}")
                case _:
                    return row
            self._rows.pop(0)
        last = self._call.rows[-1].line if self._call.rows else self._call.line
        raise _Otherwise(last, "a row with what the caller does next", f"{otherwise}, {self._what_is_said()}")

    def _act(self) -> None:
        self._rows.pop(0)
        self._said.clear()

    def _over(self) -> None:
        for row in self._rows:
            match row:
                case Hears():
                    if not self._is_said(row):
                        raise _Otherwise(row.line, row.text, self._what_is_said())
                case ResultIs():
                    self._check_result(row)
                case OutcomeIs():
                    if row.outcome != self.outcome:
                        raise _Otherwise(row.line, row.text, f"outcome {self.outcome}")
                case _:
                    raise _Otherwise(row.line, row.text, f"the survey is over, outcome {self.outcome}")

    # --- what is so ---

    def _is_said(self, row: Hears) -> bool:
        """Whether the prompt is among those not named yet; those before it are passed over."""
        for i, sound in enumerate(self._said):
            name = sound.partition("/")[2]
            is_named = row.sound in (sound, name, name.removeprefix(f"{self._flow.flow}-"))
            if is_named or (row.words and row.words in self._texts[sound]):
                del self._said[: i + 1]
                return True
        return False

    def _what_is_said(self) -> str:
        said = [
            f'{sound.partition("/")[2].removeprefix(f"{self._flow.flow}-")} "{self._texts[sound]}"'
            for sound in self._said
        ]
        return f"hears {', '.join(said)}" if said else "hears nothing more"

    def _check_result(self, row: ResultIs) -> None:
        answer = self.answers.get(row.question)
        if answer is None:
            codes = [question.code for question in self._flow.keypad_questions]
            codes += [step.code for step in self._flow.steps if isinstance(step, CommentStep)]
            got = f"{row.question} was not put" if row.question in codes else unknown("question", row.question, codes)
            raise _Otherwise(row.line, row.text, got)
        is_right = answer.ended == row.value
        if row.value not in ENDS and answer.value is not None:
            question = self._question(row.question)
            is_right = question is not None and answer.value in question.meant(_value(row.value))
        if not is_right or row.tries not in (None, answer.tries):
            raise _Otherwise(row.line, row.text, self._result(answer))

    def _question(self, code: str) -> AnyQuestion | None:
        return next((question for question in self._flow.keypad_questions if question.code == code), None)

    def _result(self, answer: Answer) -> str:
        tries = f"after {answer.tries} {'try' if answer.tries == 1 else 'tries'}"
        if answer.value is None:
            return f"result {answer.question} = {answer.ended} {tries}"
        question = self._question(answer.question)
        label = question.labels.get(answer.value) if question else None
        return f"result {answer.question} = {answer.value}{f' ({label})' if label else ''} {tries}"


def _value(text: str) -> int | str:
    return int(text) if text.isdecimal() and len(text) < 4 else text
