"""How the link to one Asterisk is doing."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiState:
    """How a link is doing."""

    connected: bool
    since: datetime
    """Since when it is so."""
    problem: str
    """Why it is not connected, in one line; empty while it is."""
    version: str
    """Of the AMI protocol, such as ``11.0.0``; empty before the first session."""
    reconnects: int
    """Sessions after the first one."""
    skipped_messages: int
    """Messages that could not be read, were too large, or lacked a required header."""
    dropped_events: int
    """Call events thrown away because the consumer was too slow; a `Gap` told of them."""
    consumer_errors: int
    """Exceptions that the consumer raised."""
    unattributable: int
    """Ends of talks that could not be matched with a leg."""
    armed: int
    """How many callers were sent into the survey at the end of their talk."""
    not_armed: int
    """How many could not be."""
    events: int
    """Events taken in that mean something for calls."""
    lag_seconds: float
    """Between Asterisk's own time of the last of them and its arrival; 0 where Asterisk tells no times."""
    waiting_events: int
    """Call events that the consumer has not taken yet."""
    extension_problem: str
    """Why the survey's extension cannot be created, in one line; empty when it is there, or is not ours to create."""
