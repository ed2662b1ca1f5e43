"""Nothing is played that the PBX was not seen to have: a flow is put to callers only in languages that are complete.

The caller's own channel is asked, so the answer is that of the very PBX that will play the prompts, near or far. It
holds for a while, so that one caller in many pays for it, with a round trip to the PBX for each prompt.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from callflows.loader import FlowVersion
from callflows.model import Flow
from callflows.restriction import in_languages
from callflows.sounds import spoken
from ivr.errors import PhoneError
from ivr.phone import Phone

log = structlog.get_logger()

COMPLETE_FOR = timedelta(minutes=15)
"""How long a language that was complete is taken to be so. A prompt that goes meanwhile ends a survey as failed, and
the next caller's prompts are looked at again."""
LACKING_FOR = timedelta(seconds=20)
"""How soon the prompts that were missing are looked for again: an admin who has just copied them wants to see it."""
_NAMED = 5
"""How many missing prompts a log line names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptState:
    """What one PBX was seen to have of one flow in one language."""

    site: str
    flow: str
    digest: str
    """The flow version."""
    language: str
    missing: tuple[str, ...]
    """The prompts that it cannot play, as ``language/name``; empty when the language is complete."""
    checked_at: datetime


class PromptCheck:
    """Remembers what each site's PBX was seen to have. `now` tells the time, with its zone."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._states: dict[tuple[str, str, str], PromptState] = {}

    @property
    def states(self) -> list[PromptState]:
        """The last look at each flow in each language that was to be spoken, in no certain order."""
        return list(self._states.values())

    async def speakable(self, site: str, version: FlowVersion, wanted: Iterable[str], phone: Phone) -> Flow | None:
        """The flow in the languages that the PBX was seen to have every prompt of; None when there is none.

        That is the first such of the languages `wanted`, then of the flow's own; where callers choose by key, all of
        those that are complete. When `phone` fails while it is asked, the flow is taken as it is: the survey then ends
        by the same fault, and is counted.
        """
        flow = version.flow
        complete: list[str] = []
        try:
            for language in dict.fromkeys((*wanted, *flow.languages)):
                if language in flow.languages and not (await self._state(site, version, language, phone)).missing:
                    complete.append(language)
                    if not flow.language.ask:
                        break
        except PhoneError:
            return flow
        return in_languages(flow, complete) if complete else None

    async def look(self, site: str, version: FlowVersion, phone: Phone) -> list[PromptState]:
        """Ask `phone` now, whatever was seen before, for every language of the flow. Raises `PhoneError`."""
        self.forget(site, version.flow.flow)
        return [await self._state(site, version, language, phone) for language in version.flow.languages]

    def forget(self, site: str, flow: str) -> None:
        """Look again at the next caller: a prompt that was there could not be played."""
        self._states = {key: state for key, state in self._states.items() if key[:2] != (site, flow)}

    async def _state(self, site: str, version: FlowVersion, language: str, phone: Phone) -> PromptState:
        key = (site, version.flow.flow, language)
        before = self._states.get(key)
        if before and before.digest == version.digest:
            lasts = LACKING_FOR if before.missing else COMPLETE_FOR
            # The clock may have been put back since.
            if timedelta() <= self._now() - before.checked_at < lasts:
                return before
        needed = [name for name in spoken(version.flow) if name.startswith(f"{language}/")]
        state = PromptState(
            site=site,
            flow=version.flow.flow,
            digest=version.digest,
            language=language,
            missing=tuple(await phone.unplayable(needed)),
            checked_at=self._now(),
        )
        self._states[key] = state
        self._tell(before, state)
        return state

    def _tell(self, before: PromptState | None, state: PromptState) -> None:
        """One line when something changed, and not one a caller."""
        lacked = before.missing if before else ()
        if state.missing == lacked:
            return
        told = log.bind(site=state.site, flow=state.flow, language=state.language)
        if not state.missing:
            told.info("the PBX has every prompt again")
            return
        files = ", ".join(state.missing[:_NAMED]) + (" …" if len(state.missing) > _NAMED else "")
        told.error(
            "the flow is not spoken in this language: the PBX cannot play its prompts",
            missing=len(state.missing),
            files=files,
        )
