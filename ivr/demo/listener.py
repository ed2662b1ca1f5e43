"""The caller in a survey: hears prompts, thinks, presses keys, and may hang up in the middle."""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

from ivr.demo import events
from ivr.demo.behaviour import Behaviour
from ivr.demo.channels import Channel
from ivr.demo.clock import Clock
from ivr.demo.events import Event

_KEY_MILLISECONDS = 200
_BETWEEN_KEYS_SECONDS = 0.3
_END_KEY = "#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """What came of waiting for keys."""

    keys: str
    timed_out: bool = False
    gone: bool = False


class Listener:
    """One caller on one channel, from the survey's start to its end.

    A question starts with the first prompt that a key would cut short, and ends when keys were collected: for each
    one the caller has thought up, beforehand, what to press and when.
    """

    def __init__(
        self,
        channel: Channel,
        behaviour: Behaviour,
        *,
        keys: tuple[str, ...],
        clock: Clock,
        emit: Callable[[Event], None],
    ) -> None:
        self.gone = asyncio.Event()
        """Set when the call has ended, whoever ended it."""
        self.speech_seconds = behaviour.speech_seconds
        self._channel = channel
        self._think_seconds = behaviour.think_seconds
        self._plan = iter(keys)
        self._keys = ""
        self._next_key_at: float | None = None
        """PBX time; None between questions."""
        self._cut_short = False
        """True after a key that ended a prompt or a wait: more keys come without a prompt, or the question is over."""
        self._clock = clock
        self._emit = emit
        self._timer: asyncio.TimerHandle | None = None
        if behaviour.hangs_up_in_survey_after is not None:
            wait = behaviour.hangs_up_in_survey_after / clock.speed
            self._timer = asyncio.get_running_loop().call_later(wait, self._hang_up)

    def leave(self) -> None:
        """The survey is over for this caller; a hang-up that was still to come is called off."""
        if self._timer:
            self._timer.cancel()

    async def hear(self, seconds: float) -> bool:
        """Listen for `seconds` of PBX time (`math.inf`: for ever); False when the call ended meanwhile."""
        if self.gone.is_set():
            return False
        try:
            async with asyncio.timeout(None if seconds == math.inf else max(0.0, seconds) / self._clock.speed):
                await self.gone.wait()
        except TimeoutError:
            return True
        return False

    async def hear_or_cut_short(self, seconds: float, cutting: str) -> Pressed:
        """Listen to a prompt that any key of `cutting` ends."""
        self._begin_question(has_prompt=True)
        key = self._keys[:1]
        wait = self._until_key()
        if not key or wait > seconds:
            return Pressed(keys="", gone=not await self.hear(seconds))
        started = self._clock.now()
        if not (await self.hear(wait) and await self._press()):
            return Pressed(keys="", gone=True)
        if key in cutting:
            self._cut_short = True
            return Pressed(keys=key)
        return Pressed(keys="", gone=not await self.hear(seconds - (self._clock.now() - started)))

    async def press(self, prompt_seconds: float, *, timeout: float, most: float) -> Pressed:
        """Be asked for up to `most` keys; each wait may last `timeout` seconds, the first one after the prompt."""
        self._begin_question(has_prompt=prompt_seconds > 0)
        goes_on = False
        try:
            taken, patience = "", prompt_seconds + timeout
            while self._keys and self._until_key() <= patience:
                key = self._keys[0]
                if not (await self.hear(self._until_key()) and await self._press()):
                    return Pressed(keys=taken, gone=True)
                if key == _END_KEY:
                    return Pressed(keys=taken)
                taken, patience = taken + key, timeout
                if len(taken) == most:
                    goes_on = True
                    return Pressed(keys=taken)
            heard = await self.hear(patience)
            return Pressed(keys=taken, timed_out=heard, gone=not heard)
        finally:
            # The keys of one answer may be collected by several commands; a prompt begins another question.
            self._cut_short = goes_on
            if not goes_on:
                self._next_key_at = None

    def _begin_question(self, *, has_prompt: bool) -> None:
        if self._next_key_at is None or (self._cut_short and has_prompt):
            self._cut_short = False
            self._keys = next(self._plan, "")
            self._next_key_at = self._clock.now() + self._think_seconds

    def _until_key(self) -> float:
        return max(0.0, (self._next_key_at or 0.0) - self._clock.now())

    async def _press(self) -> bool:
        key, self._keys = self._keys[0], self._keys[1:]
        self._emit(events.dtmf_begin(self._channel, key))
        if not await self.hear(_KEY_MILLISECONDS / 1000):
            return False
        self._emit(events.dtmf_end(self._channel, key, _KEY_MILLISECONDS))
        self._next_key_at = self._clock.now() + _BETWEEN_KEYS_SECONDS
        return True

    def _hang_up(self) -> None:
        self._channel.hangup_source = self._channel.name
        self._emit(events.hangup_request(self._channel, 16))
        self.gone.set()
