"""What a look at an installation comes to."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "note", "warning", "fault"]
"""``note``: could not be looked at. ``warning``: works, and may not for long. ``fault``: callers are not asked, or
ratings are lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    about: str
    """The part, such as ``database`` or ``pbx main``."""
    said: str
    """What was seen, in one line."""
    fix: str = ""
    """What to do, in one line; empty where nothing is to be done."""
