"""What one caller and the agents who serve that caller will do, decided before the call is placed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

CallEnd = Literal["agent", "caller", "blind_transfer", "attended_transfer"]
"""How the talk with the first agent ends: that agent hangs up, the caller does, or the agent hands the caller over
(after which the second agent hangs up)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """The course of one call. All times are seconds of PBX time, 0 or more."""

    ring_seconds: float = 0.2
    """How long an agent's phone rings before the agent answers."""
    patience_seconds: float = 300.0
    """The caller leaves the queue when no agent has answered after this time."""
    talk_seconds: float = 2.0
    """With each agent."""
    ends: CallEnd = "agent"
    consult_seconds: float = 2.0
    """How long the two agents talk before an attended transfer."""
    keys: tuple[str, ...] | Callable[[str], tuple[str, ...]] = ()
    """What the caller presses each time that keys are collected, in turn; nothing when empty or used up. May be a
    function of the interface of the agent who talked with the caller last."""
    think_seconds: float = 2.5
    """From the first prompt of a question that a key would cut short to the first key."""
    speech_seconds: float = 3.0
    """How long the caller speaks when recorded."""
    hangs_up_in_survey_after: float | None = None
    """Seconds from the survey's start; None to stay to its end."""

    def keys_for(self, interface: str) -> tuple[str, ...]:
        """The keys that the caller will press after talking with the agent at `interface`."""
        return self.keys(interface) if callable(self.keys) else self.keys
