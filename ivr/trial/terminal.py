"""The terminal as a telephone: what is said is written, and keys come from the keyboard or a pipe."""

import asyncio
import codecs
import os
import termios
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from callflows.steps import Keys
from ivr.errors import CallerHungUp, PostcallError, PromptMissing
from ivr.trial.keypad import EVERY_KEY, take_keys

HANG_UP: Final = "\x03\x04"
"""Ctrl-C and Ctrl-D."""
_READ_BYTES: Final = 1024


class KeySource(Protocol):
    """Where the keys come from."""

    async def next_key(self, within: float) -> str:
        """The next key; ``""`` for silence that lasts `within` seconds. Raises `CallerHungUp`."""


class TerminalPhone:
    """Implements `ivr.phone.Phone`. Prompts are written at once: reading them takes no time off the timeouts' clock
    but the reader's own."""

    def __init__(self, keys: KeySource, texts: Mapping[str, str], write: Callable[[str], object]) -> None:
        """`texts` is what is spoken in each sound, as `callflows.sounds.spoken` says; `write` takes text as it is."""
        self._keys = keys
        self._texts = texts
        self._write = write

    async def answer(self) -> None:
        """Nothing has to be done."""

    async def play(self, prompts: Sequence[str]) -> None:
        """Write what is said."""
        for prompt in prompts:
            if prompt not in self._texts:
                raise PromptMissing(f"{prompt} is no sound of this flow")
            self._write(f"  {self._texts[prompt]}\n")

    async def collect(
        self,
        prompts: Sequence[str],
        *,
        max_keys: int,
        timeout_seconds: float,
        key_timeout_seconds: float,
        barge_in: bool = True,
    ) -> Keys:
        """Write what is said, and take keys, each of which is written too.

        What is written takes no time, so there is nothing to barge in on.
        """
        await self.play(prompts)
        self._write("> ")
        try:
            keys = await take_keys(
                self._next_key,
                max_keys=max_keys,
                timeout_seconds=timeout_seconds,
                key_timeout_seconds=key_timeout_seconds,
            )
        except CallerHungUp:
            self._write("(hung up)\n")
            raise
        self._write("\n" if keys.pressed or not keys.timed_out else "(silence)\n")
        return keys

    async def variables(self, names: Sequence[str]) -> Mapping[str, str]:
        """There is no channel, so every variable is empty."""
        return dict.fromkeys(names, "")

    async def unplayable(self, prompts: Sequence[str]) -> list[str]:
        """None: where there is no sound, the text is shown."""
        return []

    async def set_variable(self, name: str, value: str) -> None:
        """There is no dialplan that could read it."""

    async def record(self, path: str, *, max_seconds: float, silence_seconds: float, stop_keys: str) -> float:
        """Say that a caller would be recorded now. Nobody is, so there is nothing in the recording; any key goes on."""
        self._write(f"  (A caller would be recorded now, for up to {max_seconds:g} s. Any key goes on.)\n> ")
        await self._next_key(max_seconds)
        self._write("\n")
        return 0.0

    async def hang_up(self) -> None:
        """Nothing has to be done."""

    async def _next_key(self, within: float) -> str:
        key = await self._keys.next_key(within)
        self._write(key)
        return key


class TypedKeys:
    """Keys from a file descriptor. Use it as an asynchronous context manager, on one event loop.

    From a terminal each press counts at once, silence takes its real time, Ctrl-C and Ctrl-D hang up, and what is no
    key does nothing. From a pipe or file each character is a key, a line end is silence that lasts until the timeout,
    and the end hangs up; nobody is waited for, and what is no key raises `PostcallError`.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._by_hand = os.isatty(descriptor)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._typed: deque[str] = deque()
        self._news = asyncio.Event()
        self._ended = False
        self._followed = False

    async def __aenter__(self) -> "TypedKeys":
        try:
            asyncio.get_running_loop().add_reader(self._descriptor, self._read)
            self._followed = True
        except PermissionError:
            # A plain file: epoll(7) takes none, and reading one never waits.
            while not self._ended:
                self._read()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._unfollow()

    async def next_key(self, within: float) -> str:
        """See `KeySource`."""
        try:
            async with asyncio.timeout(within if self._by_hand else None):
                while True:
                    while not self._typed:
                        if self._ended:
                            raise CallerHungUp("the keys have ended")
                        self._news.clear()
                        await self._news.wait()
                    key = self._key(self._typed.popleft())
                    if key is not None:
                        return key
        except TimeoutError:
            return ""

    def _key(self, typed: str) -> str | None:
        """The key that a character stands for, ``""`` for silence, None for none at all."""
        if typed in HANG_UP:
            raise CallerHungUp("hung up at the keyboard")
        if typed.upper() in EVERY_KEY:
            return typed.upper()
        if self._by_hand or typed == "\r":
            return None
        if typed == "\n":
            return ""
        raise PostcallError(f"keys: got {typed!r}; allowed: {' '.join(EVERY_KEY)}, and a line end for silence")

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, _READ_BYTES)
        except OSError:
            data = b""  # a terminal that was closed
        self._typed.extend(self._decoder.decode(data))
        if not data:
            self._ended = True
            self._unfollow()
        self._news.set()

    def _unfollow(self) -> None:
        if self._followed:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            self._followed = False


@contextmanager
def single_presses(descriptor: int) -> Iterator[None]:
    """Have a terminal hand over each key at once, unechoed, Ctrl-C too; anything else than a terminal is left alone."""
    if not os.isatty(descriptor):
        yield
        return
    before = termios.tcgetattr(descriptor)
    raw = termios.tcgetattr(descriptor)
    raw[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
    try:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, raw)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
