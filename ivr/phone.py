"""The one door through which a caller is spoken to. FastAGI implements it for Asterisk; nothing above knows that."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from callflows.steps import Keys


class Phone(Protocol):
    """A caller on the line. Every method may raise `CallerHungUp` or another `PhoneError`."""

    async def answer(self) -> None:
        """Take the call if it is not yet up; costs nothing when it already is."""

    async def unplayable(self, prompts: Sequence[str]) -> list[str]:
        """Those of `prompts` that the PBX cannot play. The caller hears nothing of the question."""

    async def play(self, prompts: Sequence[str]) -> None:
        """Play prompts one after another to their end; keys pressed meanwhile are lost.

        Raises `PromptMissing` when the PBX cannot play one and the caller is still there.
        """

    async def collect(
        self,
        prompts: Sequence[str],
        *,
        max_keys: int,
        timeout_seconds: float,
        key_timeout_seconds: float,
        barge_in: bool = True,
    ) -> Keys:
        """Play prompts, and take up to `max_keys` keys, or fewer and ``#``, which is not one of them.

        `timeout_seconds` is the longest silence after the prompts, `key_timeout_seconds` the longest after a key,
        before the wait ends. With `barge_in` the first key cuts the prompts short and counts; without, keys during the
        prompts are lost.
        """

    async def variables(self, names: Sequence[str]) -> Mapping[str, str]:
        """Read channel variables or dialplan functions; a name without a value maps to ``""``.

        Values are hostile text: any characters, line breaks too.
        """

    async def set_variable(self, name: str, value: str) -> None:
        """Set a variable on the caller's channel, for the dialplan that goes on afterwards."""

    async def record(self, path: str, *, max_seconds: float, silence_seconds: float, stop_keys: str) -> float:
        """Sound a short tone, then record the caller into `path` (on the PBX, without extension) as 8 kHz mono WAV.

        Ends after `max_seconds`, at one of `stop_keys`, or after `silence_seconds` of silence (0 is never). Returns the
        length in seconds of what was said before that, also when the caller hung up at its end.
        """

    async def hang_up(self) -> None:
        """End the call."""
