"""Settings of call-backs: `[sites.CODE.callback]`."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ivr.grammar.hours import parse_hours
from ivr.setting_section import ManyHours, Section, shaped, wrong


class CallbackSettings(Section):
    """Whom a site calls back to ask, and when."""

    enabled: bool = False
    channel: str = ""
    """What Asterisk dials, with `{number}` for the caller's number: `PJSIP/{number}@trunk`."""
    caller_id: Annotated[str, shaped(r"[^\r\n\x00]{0,80}", "one line of at most 80 characters")] = ""
    """What the called person is shown, such as `"Example Ltd" <0800123456>`."""
    exclusions: tuple[Literal["caller_hung_up", "not_reached"], ...] = ("caller_hung_up", "not_reached")
    """Which calls that were not asked: by the code of their exclusion."""
    numbers: str = r"\+?[0-9]{5,15}"
    """A regular expression that a number must match as a whole to be dialled: callers choose what number they show."""
    greeting_file: Path | None = None
    """A flow that is put first, instead of the shipped one: a key that gives 0 means never again, any other that the
    survey may begin."""
    delay_minutes: Annotated[float, Field(ge=0, le=1440)] = 10
    """How long after the call."""
    hours: ManyHours = (parse_hours("mon-sat 09:00-20:00"),)
    """When people may be called, on the site's clocks."""
    expires_hours: Annotated[float, Field(gt=0, le=168)] = 24
    """How long after the call nobody is called any more."""
    tries: Annotated[int, Field(ge=1, le=10)] = 2
    retry_minutes: Annotated[float, Field(ge=1, le=1440)] = 60
    """How long after a try that reached nobody."""
    ring_seconds: Annotated[int, Field(ge=5, le=120)] = 25
    at_once: Annotated[int, Field(ge=1, le=1000)] = 2
    """Call-backs under way at one time."""
    per_minute: Annotated[int, Field(ge=1, le=1000)] = 10
    """Call-backs begun in any minute."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.enabled and self.channel.count("{number}") != 1:
            raise wrong("channel should have {number} once, as in PJSIP/{number}@trunk, when enabled is true")
        if any(c in self.channel for c in "\r\n\0,"):
            raise wrong("channel should have no comma and no line break")
        if not self.hours:
            raise wrong("hours should have at least one, such as mon-sat 09:00-20:00")
        try:
            re.compile(self.numbers)
        except re.error as error:
            raise wrong(f"numbers is no regular expression: {error}") from None
        return self
