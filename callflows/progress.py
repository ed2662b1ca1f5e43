"""Where an interview stands in its flow, and what is known by then."""

from callflows.conditions import Known, way
from callflows.model import Branch, EndStep, Flow, FlowStep, questions_of
from callflows.questions import ReasonQuestion
from callflows.steps import Context, Outcome


class Progress:
    """One caller's way through a flow."""

    def __init__(self, flow: Flow, context: Context) -> None:
        self._flow = flow
        self._context = context
        self._position = 0
        self.reason = context.reason
        """Why the customer called, as the PBX or else the caller says; ``""`` when nobody did."""
        self.values: dict[str, int | None] = {}
        """The value of each keypad question that was put, or is sure to be put next; None for no answer."""
        self.commented = False
        """Whether a comment was recorded."""
        self.pressed = False
        """Whether any key was pressed."""

    @property
    def step(self) -> FlowStep:
        """The step that the interview has come to."""
        return self._flow.steps[self._position]

    @property
    def answered(self) -> bool:
        """Whether the caller has answered anything, with a key or a comment."""
        return self.commented or any(value is not None for value in self.values.values())

    @property
    def nobody_there(self) -> bool:
        """Whether a question was put, and the caller has done nothing at all."""
        return bool(self.values) and not self.pressed and not self.commented

    def is_needless(self, step: FlowStep) -> bool:
        """Whether a step asks for what is known: the reason, when the PBX told it."""
        return isinstance(step, ReasonQuestion) and step.code not in self.values and self._reason_is_told

    @property
    def _reason_is_told(self) -> bool:
        presumed = self._context.reason_is_presumed and self.reason == self._context.reason
        return bool(self.reason) and not presumed

    def go_on(self, language: str) -> None:
        """Come to the next step; `language` is what is spoken now."""
        self._position = self._after(self._position, language)

    def outcome(self, otherwise: Outcome, language: str) -> Outcome:
        """How a survey that ends here has ended; `otherwise` when there was no answer on the keypad."""
        answered = [value is not None for value in self.values.values()]
        if answered and all(answered) and not self._question_is_left(language):
            return "completed"
        return "partial" if any(answered) else otherwise

    def _question_is_left(self, language: str) -> bool:
        """Whether the rest of the caller's way holds a question that was not put."""
        position = self._position
        while not isinstance(step := self._flow.steps[position], EndStep):
            codes = [question.code for question in questions_of(step)]
            if codes and not self.values.keys() & codes and not self.is_needless(step):
                return True
            position = self._after(position, language)
        return False

    def _after(self, position: int, language: str) -> int:
        code: str | None = None
        match self._flow.steps[position]:
            case Branch() as branch:
                known = Known(context=self._context, language=language, reason=self.reason, values=self.values)
                code = way(self._flow, branch, known)
            case EndStep():
                pass
            case step:
                code = step.go
        return self._flow.position(code) if code else position + 1
