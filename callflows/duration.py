"""How long an interview can last at most, whatever the caller does."""

import unicodedata
from collections.abc import Callable

from callflows.model import CommentStep, Draw, EndStep, Flow, FlowStep, SayStep
from callflows.questions import AnyQuestion, Put
from callflows.sounds import confirm_sound, digit_sound, flow_sound, language_sound, spoken, step_sound
from callflows.ways import longest

FREE_REPEATS = 2
"""How often a caller may have one question repeated before that costs a try."""
CONSENT_SECONDS = 1.0
"""The silence between the words before a recording and its beginning, in which ``#`` still refuses."""

SecondsOf = Callable[[str], float]
"""The length in seconds of a sound, by ``language/name``."""


def longest_seconds(flow: Flow, language: str, seconds_of: SecondsOf, *, recordings: bool = True) -> float:
    """An upper bound of the length of every interview that is spoken in `language`, in seconds.

    It counts prompts, waits and recordings (unless `recordings` is False), but neither the tone before a recording nor
    the time that the PBX and the database take for themselves.
    """
    return _Bound(flow, language, seconds_of, recordings).seconds()


def estimated_seconds(text: str) -> float:
    """About how long a text takes to say: 15 letters a second, 4 Chinese, Japanese or Korean signs a second."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return 0.3 + wide / 4 + (len(text) - wide) / 15


def estimate(flow: Flow, language: str, *, recordings: bool = True) -> float:
    """`longest_seconds` by the texts alone, for a flow whose sounds do not exist yet."""
    texts = spoken(flow)
    return longest_seconds(flow, language, lambda name: estimated_seconds(texts[name]), recordings=recordings)


class _Bound:
    def __init__(self, flow: Flow, language: str, seconds_of: SecondsOf, recordings: bool) -> None:
        self._flow = flow
        self._language = language
        self._seconds_of = seconds_of
        self._recordings = recordings

    def seconds(self) -> float:
        return self._choice() + longest(self._flow, self._step)

    def _sound(self, name: str | None) -> float:
        return self._seconds_of(f"{self._language}/{name}") if name else 0.0

    def _choice(self) -> float:
        """Asking for the language, in every one of them."""
        flow = self._flow
        if not flow.language.ask:
            return 0.0
        once = sum(self._seconds_of(f"{language}/{language_sound(flow)}") for language in flow.languages)
        keys = max(len(key) for key in flow.language.keys)
        return flow.tries * (once + flow.timeout + (keys - 1) * flow.key_timeout)

    def _step(self, step: FlowStep) -> float:
        flow = self._flow
        match step:
            case SayStep():
                return self._sound(step_sound(flow, step))
            case Put():
                return self._question(step)
            case Draw():
                return sum(sorted(map(self._question, step.questions))[-step.count :])
            case CommentStep():
                said = self._sound(step_sound(flow, step, "consent")) + self._sound(step_sound(flow, step))
                return said + CONSENT_SECONDS + (step.max_seconds if self._recordings else 0)
            case EndStep():
                return max(self._last_words(step), self._sound(flow_sound(flow, "goodbye")))
            case _:
                return 0.0

    def _question(self, question: AnyQuestion) -> float:
        flow = self._flow
        tries = flow.tries_of(question)
        wait = flow.timeout_of(question) + (question.max_keys - 1) * flow.key_timeout_of(question)
        complaint = max(
            self._sound(step_sound(flow, question, part) or flow_sound(flow, part))
            for part in ("wrong_key", "no_input")
        )
        confirmation = max(self._sound(confirm_sound(flow, question, key)) for key in question.meaning)
        put = self._sound(step_sound(flow, question)) + wait
        return (tries + FREE_REPEATS) * put + (tries - 1) * complaint + confirmation

    def _last_words(self, step: EndStep) -> float:
        words = self._sound(step_sound(self._flow, step))
        if step.incentive:
            digit = max(self._sound(digit_sound(digit)) for digit in "0123456789")
            code = self._sound(step_sound(self._flow, step, "incentive")) + step.incentive.digits * digit
            words += 2 * code
        return words
