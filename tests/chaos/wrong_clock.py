"""`postcall` by a clock that is wrong: `python -m tests.chaos.wrong_clock serve …`.

The file that the variable `CHAOS_CLOCK` names says by how many seconds, at each look. Only who asks for the time
of day is misled; a time that cannot be put back (`time.monotonic`, the event loop's) stays right, as on a real machine.
"""

import datetime
import os
import time
from pathlib import Path
from typing import Any

right, right_seconds = datetime.datetime, time.time
FILE = Path(os.environ["CHAOS_CLOCK"])


def wrong_by() -> float:
    """Seconds; below zero when the clock is slow."""
    return float(FILE.read_text())


class Kind(type):
    """Every right date is one of the wrong class, too: databases and C code make right ones."""

    def __instancecheck__(cls, thing: object) -> bool:
        return isinstance(thing, right)


class Wrong(right, metaclass=Kind):
    """What the service takes for `datetime`."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return right.now(tz) + datetime.timedelta(seconds=wrong_by())


if __name__ == "__main__":
    datetime.datetime = Wrong  # type: ignore[misc]
    time.time = lambda: right_seconds() + wrong_by()
    from ivr.cli.main import main

    main()
