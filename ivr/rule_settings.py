"""The settings that say who is asked: `[rules]` for all sites, `[sites.CODE.rules]` for one."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ivr.grammar.numbers import NumberPattern, parse_number_pattern
from ivr.grammar.quarantine import MOST, Quarantine, parse_quarantine
from ivr.grammar.shares import parse_share
from ivr.setting_section import VARIABLE, ManyHours, read, shaped, wrong


def _digest(text: str) -> str:
    if len(text) != 64 or set(text) - set("0123456789abcdef"):
        raise wrong("should be a digest of 64 hexadecimal digits; `postcall rules digest` makes one")
    return text


Share = Annotated[float, read(parse_share)]
Maximum = Annotated[int, Field(ge=1, le=MOST)]


class RuleSettings(BaseModel):
    """Rules. What a site does not set stands as it does for all sites."""

    # The types of the grammars are not pydantic's own.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, arbitrary_types_allowed=True)

    do_not_ask: tuple[Annotated[str, AfterValidator(_digest)], ...] = ()
    """Digests of callers who are never asked."""
    do_not_ask_file: Path | None = None
    """The same in a file, one number or digest a line."""
    internal: tuple[Annotated[NumberPattern, read(parse_number_pattern)], ...] = ()
    """Numbers of our own people, who are not asked."""
    internal_variable: Annotated[str, shaped(r"([A-Za-z_][A-Za-z0-9_]*)?", VARIABLE)] = ""
    """A channel variable that marks a call as internal by any value but nothing, 0, no and false."""
    without_agent: bool = False
    """Whether callers are asked who reached no agent."""
    minimum_talk: Annotated[int, Field(ge=0, le=86_400)] = 0
    """Seconds of talk below which nobody is asked."""
    hours: ManyHours = ()
    """When callers are asked, in the site's zone; empty for always."""
    quarantine: tuple[Annotated[Quarantine, read(parse_quarantine)], ...] = ()
    maximum_a_day: Maximum | None = None
    """Surveys of a site and day."""
    maximum_a_day_by_queue: dict[str, Maximum] = Field(default_factory=dict)
    sampling: Share = 1.0
    """The share of the callers that no other rule stops."""
    sampling_by_agent: dict[str, Share] = Field(default_factory=dict)
    sampling_by_reason: dict[str, Share] = Field(default_factory=dict)
    sampling_by_queue: dict[str, Share] = Field(default_factory=dict)
    weekly_ratings: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Ratings that every agent should get near in 7 days."""

    def changed_by(self, site: "RuleSettings") -> Self:
        """These rules with what `site` sets in their place, setting by setting."""
        return self.model_copy(update={name: getattr(site, name) for name in site.model_fields_set})
