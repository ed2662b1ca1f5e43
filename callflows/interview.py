"""The interview, sans-IO: given a flow and what the caller did, what is to be done next.

It plays nothing and stores nothing. Whoever drives it (a real phone, a terminal, a browser, a test) carries out each
step and says what came of it; the interview cannot tell them apart.
"""

from dataclasses import dataclass
from typing import Literal

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
