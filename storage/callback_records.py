"""Call-backs as they go into the database and come out of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

CallbackState = Literal["pending", "calling", "answered", "given_up", "withdrawn"]
"""`pending` is due some time; `calling` a try is under way; `answered` somebody pressed a key, and is asked; `given_up`
nobody was reached; `withdrawn` may not, or need not, be called any more. The last three are for good."""
CallbackEnd = Literal[
    "no_answer",
    "busy",
    "failed",
    "no_key",
    "lost",
    "answered",
    "hung_up",
    "opted_out",
    "asked",
    "expired",
    "unreadable",
]
"""How a try ended, or why there is none: `no_answer` nobody took the call; `busy`; `failed` the PBX could not place it;
`no_key` it was taken, and no key was pressed, as by an answering machine; `lost` the service ended in the middle of it;
`hung_up` a person who was greeted hung up; `opted_out`; `asked` the caller was asked in another way; `expired` it is
too late; `unreadable` the number was sealed under another key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRecord:
    """A caller who is to be called back."""

    site: str
    linkedid: str
    """The call that the caller will be asked about."""
    sealed_number: str = field(repr=False)
    caller_digest: str
    agent: str
    queue: str
    due_at: datetime
    expires_at: datetime
    tries: int = 0
    """Tries begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackLimits:
    """How much may go on at one site."""

    at_once: int
    per_minute: int
