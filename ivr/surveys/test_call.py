"""A test call: can the PBX play every prompt of the flows in force, and is one begun? Counted nowhere, kept nowhere."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Self

from callflows.loader import FlowVersion
from callflows.sounds import spoken
from ivr.phone import Phone
from ivr.surveys.flows import FlowShelf
from ivr.surveys.prompt_check import PromptCheck, PromptState

RESULT = "POSTCALL_TEST"
"""The variable of the test call's channel in which the result stands, until somebody hangs up."""
WAIT_SECONDS = 10.0
"""How long the result may be read."""
ROOM = 1200
"""Characters of a result: a command that sets a variable may have some 2,000 bytes, and each quote takes two."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """A flow that is not spoken in a language."""

    flow: str
    language: str
    missing: int
    """How many prompts the PBX cannot play."""
    first: str
    """One of them, as ``language/name``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundByTestCall:
    """What a test call found."""

    prompts: int
    """How many prompts were looked at."""
    begun: str
    """The prompt that was played, as ``language/name``; empty when none can be."""
    lacking: tuple[Lacking, ...]

    def text(self) -> str:
        """As one line, for a channel variable: of what is lacking, as much as there is room for, and at least one."""
        text = json.dumps(asdict(self))
        if len(text) <= ROOM or len(self.lacking) < 2:
            return text
        return replace(self, lacking=self.lacking[:-1]).text()

    @classmethod
    def read(cls, text: str) -> Self:
        """Back from `text`. Raises `ValueError` for anything else."""
        try:
            given = json.loads(text)
            lacking = tuple(Lacking(**one) for one in given["lacking"])
            return cls(prompts=int(given["prompts"]), begun=str(given["begun"]), lacking=lacking)
        except (KeyError, TypeError) as error:
            raise ValueError("not the result of a test call") from error


class DoctorsDesk:
    """Takes test calls. `codes` has the flows that each site may put, its usual one first; `greetings` the flow of each
    site that calls back."""

    def __init__(
        self,
        *,
        flows: FlowShelf,
        codes: Mapping[str, Sequence[str]],
        greetings: Mapping[str, FlowVersion],
        prompts: PromptCheck,
    ) -> None:
        self._flows = flows
        self._codes = codes
        self._greetings = greetings
        self._prompts = prompts

    async def conduct(self, site: str, phone: Phone) -> None:
        """Look, play, and leave the result on the channel; returns after `WAIT_SECONDS`. Raises `PhoneError`, as when
        whoever placed the call hangs up."""
        await phone.answer()
        states = [state for version in self._versions(site) for state in await self._prompts.look(site, version, phone)]
        whole = next((state for state in states if not state.missing), None)
        begun = self._shortest(site, whole) if whole else ""
        if begun:
            await phone.play([begun])
        lacking = [
            Lacking(flow=one.flow, language=one.language, missing=len(one.missing), first=one.missing[0])
            for one in states
            if one.missing
        ]
        prompts = sum(len(spoken(version.flow)) for version in self._versions(site))
        result = FoundByTestCall(prompts=prompts, begun=begun, lacking=tuple(lacking))
        await phone.set_variable(RESULT, result.text())
        await phone.collect([], max_keys=1, timeout_seconds=WAIT_SECONDS, key_timeout_seconds=WAIT_SECONDS)

    def _versions(self, site: str) -> list[FlowVersion]:
        found = [self._flows.find(code) for code in dict.fromkeys(self._codes[site])]
        return [version for version in (*found, self._greetings.get(site)) if version]

    def _shortest(self, site: str, whole: PromptState) -> str:
        """A prompt of that flow and language, and not the one that takes longest."""
        texts = next(spoken(version.flow) for version in self._versions(site) if version.digest == whole.digest)
        return min((name for name in texts if name.startswith(f"{whole.language}/")), key=lambda name: len(texts[name]))
