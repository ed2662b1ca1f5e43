"""What an interview asks to have done, step by step, and what may come of each step.

Whoever drives an interview (a real phone, a terminal, a browser, a test) carries out one step, says what came of it,
and is given the next. Names of prompts are ``language/name``, such as ``en/csat-thanks``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

AnswerEnd = Literal["answered", "recorded", "skipped", "no_input", "no_match", "hung_up", "failed"]
"""How a question ended. Only `answered` has a value, and only `recorded` a recording: a question without an answer is
never a 0. `skipped` the caller pressed ``#``; `no_match` only keys without a meaning were pressed."""

Outcome = Literal["completed", "partial", "no_input", "hung_up", "failed"]
"""How a survey ended: `completed` every question on the caller's way through the flow was answered; `partial` at least
one was, and not all; `no_input` it came to its end with none answered; `hung_up` the caller left before the first
answer; `failed` it broke off before the first answer for a fault that was not the caller's. Comments are not counted:
they are an extra that the caller may leave out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What is known of the call that the interview is about. The texts are compared, never spoken or shown."""

    at: datetime
    """When the interview begins, in the site's zone: what a flow calls the time and the weekday."""
    queue: str = ""
    team: str = ""
    """The team of the agent."""
    reason: str = ""
    """Why the customer called, as the PBX knows it; ``""`` when it does not."""
    reason_is_presumed: bool = False
    """True when `reason` is only the usual one of the queue: the caller is asked for a better one."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """The channel variables that the flow names (`Flow.variables`); one that is missing counts as empty."""
    seed: int = 0
    """What is drawn, and which code is given, follows from this number alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One question put to one caller."""

    question: str
    keys: str
    """All keys of the last try as pressed, at most 20; empty when there were none."""
    value: int | None
    """What the keys mean; None unless `ended` is `answered`."""
    tries: int
    """How often the question was put, from 1; the times that the caller had it repeated are not counted."""
    ended: AnswerEnd
    recording_seconds: float | None = None
    """The length of what the caller said; None unless `ended` is `recorded`."""


# --- steps: what is to be done next ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Play prompts to their end; keys pressed meanwhile are lost. Answer with `Played`."""

    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Play prompts and take keys. Answer with `Keys`."""

    prompts: tuple[str, ...]
    max_keys: int
    """The wait ends with this key; 1 or 2."""
    timeout_seconds: float
    """The longest silence after the prompts before the first key."""
    key_timeout_seconds: float
    """The longest silence after a key before the next."""
    barge_in: bool
    """True: the first key cuts the prompts short, and counts. False: keys during the prompts are lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Sound a short tone, then record what the caller says. Answer with `Recorded`."""

    name: str
    """The question's code: what tells the recordings of one survey apart."""
    max_seconds: float
    silence_seconds: float
    """So much silence ends the recording; 0 is never."""
    stop_keys: str
    """Each of these keys ends the recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Save:
    """Make an answer durable before anything else is done. Answer with `Saved`."""

    answer: Answer
    reason: str = ""
    """The call reason that the caller chose with this answer, to be credited to the survey; ``""`` for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveLanguage:
    """Keep the language that the caller chose, and that is spoken from here on. Answer with `Saved`."""

    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveCode:
    """Make an incentive code durable before the caller hears it. Answer with `Saved`."""

    code: str
    """Digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The interview is over; nothing is to be sent any more."""

    outcome: Outcome


Step = Say | Ask | Record | Save | SaveLanguage | SaveCode | End

# --- inputs: what came of the step ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The prompts were played."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What the caller pressed while being asked."""

    pressed: str
    """The keys in order, each one of ``0-9 * # A-D``; empty when nothing was pressed. A ``#`` that ended the
    input is not in it: a ``#`` alone is empty, with `timed_out` False."""
    timed_out: bool
    """True when the wait ended by the clock and not by the last wanted key or ``#``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """The recording is over. A caller who hung up at its end is told by the step after the next `Save`."""

    seconds: float
    """Its length, without the silence that ended it; 0 when nothing was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What was to be saved is durable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HungUp:
    """The caller is gone. May answer any step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The step could not be carried out for a fault that was not the caller's. May answer any step."""


Input = Played | Keys | Recorded | Saved | HungUp | Failed
