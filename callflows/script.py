"""What is said next, in the language that is spoken."""

from callflows.model import Flow, FlowStep
from callflows.questions import AnyQuestion
from callflows.sounds import confirm_sound, digit_sound, flow_sound, step_sound


class Script:
    """Gathers prompts until they are said together. Each knows whether a key may cut it short (barge-in)."""

    def __init__(self, flow: Flow, language: str) -> None:
        self._flow = flow
        self.language = language
        """What is spoken from here on."""
        self._unsaid: list[tuple[str, bool]] = []

    def add_step(self, step: FlowStep, part: str = "text", *, barge_in: bool = True) -> bool:
        """Add a prompt of the step; False, and nothing added, when it has none of its own."""
        return self._add(step_sound(self._flow, step, part), barge_in)

    def add_flow(self, part: str) -> None:
        """Add ``goodbye``, ``wrong_key`` or ``no_input`` of the flow itself."""
        self._add(flow_sound(self._flow, part), True)

    def add_confirmation(self, question: AnyQuestion, keys: str) -> None:
        """Add what confirms the keys, if the flow confirms them."""
        self._add(confirm_sound(self._flow, question, keys), True)

    def add_digits(self, digits: str) -> None:
        """Add each digit's own sound."""
        for digit in digits:
            self._add(digit_sound(digit), True)

    def take(self) -> tuple[str, ...]:
        """All prompts that wait, which then wait no more."""
        return self._take(len(self._unsaid))

    def take_uncut(self) -> tuple[str, ...]:
        """Those up to the last one that no key may cut short."""
        return self._take(max((i + 1 for i, (_, barge_in) in enumerate(self._unsaid) if not barge_in), default=0))

    def _add(self, sound: str | None, barge_in: bool) -> bool:
        if sound is not None:
            self._unsaid.append((f"{self.language}/{sound}", barge_in))
        return sound is not None

    def _take(self, count: int) -> tuple[str, ...]:
        taken, self._unsaid = self._unsaid[:count], self._unsaid[count:]
        return tuple(prompt for prompt, _ in taken)
