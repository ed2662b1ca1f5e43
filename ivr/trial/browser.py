"""A page in a browser as a telephone: it plays, shows and presses; what a key means and how long one waits is ours.

Each thing that is to be played has a number, its step. The page says with each key during which step it was pressed,
so a key that comes late, when that step is over, is lost as it is on a real phone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from callflows.steps import Keys
from ivr.errors import CallerHungUp, PromptMissing
from ivr.trial.keypad import take_keys

PLAYING_SECONDS: Final = 60.0
"""How long the page may take to play one prompt, before it is taken to be heard."""
_MOST_WAITING: Final = 64
"""Keys and reports that may wait; more come from no human hand."""

_PLAYED: Final = ""


class BrowserPhone:
    """Implements `ivr.phone.Phone`. Whoever reads the page's messages tells them with `press`, `played`, `hung_up`."""

    def __init__(
        self, send: Callable[[Mapping[str, Any]], Awaitable[None]], prompt: Callable[[str], Mapping[str, str]]
    ) -> None:
        """`send` brings a step to the page; `prompt` gives what the page has to know of a sound, or raises
        `PromptMissing`."""
        self._send = send
        self._prompt = prompt
        self._step = 0
        self._news: asyncio.Queue[str | None] = asyncio.Queue(_MOST_WAITING)
        self._gone = False

    # --- what comes from the page ---

    def press(self, step: int, key: str) -> None:
        """A key was pressed during a step."""
        self._tell(step, key)

    def played(self, step: int) -> None:
        """All prompts of a step were played."""
        self._tell(step, _PLAYED)

    def hung_up(self) -> None:
        """The page is closed, or hangs up."""
        self._gone = True
        while not self._news.empty():
            self._news.get_nowait()
        self._news.put_nowait(None)

    def _tell(self, step: int, what: str) -> None:
        if step == self._step and not self._gone and not self._news.full():
            self._news.put_nowait(what)

    # --- what the interview asks for ---

    async def answer(self) -> None:
        """Nothing has to be done."""

    async def play(self, prompts: Sequence[str]) -> None:
        """Have prompts played to their end; keys pressed meanwhile are lost."""
        await self._begin("say", prompts)
        with suppress(TimeoutError):
            async with asyncio.timeout(PLAYING_SECONDS * len(prompts)):
                while await self._next() != _PLAYED:
                    pass

    async def collect(
        self,
        prompts: Sequence[str],
        *,
        max_keys: int,
        timeout_seconds: float,
        key_timeout_seconds: float,
        barge_in: bool = True,
    ) -> Keys:
        """Have prompts played, with `barge_in` cut short by the first key, and take keys."""
        await self._begin(
            "ask",
            prompts,
            max_keys=max_keys,
            timeout_seconds=timeout_seconds,
            key_timeout_seconds=key_timeout_seconds,
            barge_in=barge_in,
        )
        first = ""
        with suppress(TimeoutError):
            async with asyncio.timeout(PLAYING_SECONDS * len(prompts)):
                while (first := await self._next()) and not barge_in:
                    pass
        first = first if barge_in else ""

        async def next_key(within: float) -> str:
            nonlocal first
            if first:
                key, first = first, ""
                return key
            with suppress(TimeoutError):
                async with asyncio.timeout(within):
                    # The page may still report that it has played what a key cut short.
                    while not (key := await self._next()):
                        pass
                    return key
            return ""

        return await take_keys(
            next_key, max_keys=max_keys, timeout_seconds=timeout_seconds, key_timeout_seconds=key_timeout_seconds
        )

    async def variables(self, names: Sequence[str]) -> Mapping[str, str]:
        """There is no channel, so every variable is empty."""
        return dict.fromkeys(names, "")

    async def unplayable(self, prompts: Sequence[str]) -> list[str]:
        """None: where there is no sound, the text is shown."""
        return []

    async def set_variable(self, name: str, value: str) -> None:
        """There is no dialplan that could read it."""

    async def record(self, path: str, *, max_seconds: float, silence_seconds: float, stop_keys: str) -> float:
        """Have the page say that a caller would be recorded now. Nobody is, so there is nothing in the recording; any
        key goes on."""
        await self._begin("record", (), max_seconds=max_seconds)
        with suppress(TimeoutError):
            async with asyncio.timeout(max_seconds):
                while not await self._next():
                    pass
        return 0.0

    async def hang_up(self) -> None:
        """Nothing has to be done: the page is told the result."""

    async def _begin(self, kind: str, prompts: Sequence[str], **more: float) -> None:
        if self._gone:
            raise CallerHungUp("the page hung up")
        told = [self._prompt(name) for name in prompts]
        self._step += 1
        while not self._news.empty():
            self._news.get_nowait()
        try:
            await self._send({"do": kind, "step": self._step, "prompts": told, **more})
        except ConnectionError:
            raise CallerHungUp("the page is gone") from None

    async def _next(self) -> str:
        news = await self._news.get()
        if news is None:
            self._news.put_nowait(None)
            raise CallerHungUp("the page hung up")
        return news


def prompts_of(texts: Mapping[str, str], address: Callable[[str], str]) -> Callable[[str], Mapping[str, str]]:
    """What a page has to know of a flow's sounds: the text, its language, and the address of the sound."""

    def prompt(name: str) -> Mapping[str, str]:
        if name not in texts:
            raise PromptMissing(f"{name} is no sound of this flow")
        return {"text": texts[name], "language": name.partition("/")[0], "sound": address(name)}

    return prompt
