"""A caller on an Asterisk channel, spoken to over one FastAGI session."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from callflows.steps import Keys
from ivr.asterisk.agi_protocol import Reply, without_breaks
from ivr.asterisk.agi_session import AgiSession
from ivr.asterisk.agi_variables import check_variable_name, decode_values, read_expressions
from ivr.errors import CallerHungUp, PhoneError, PromptMissing

STATE: Final = "CHANNEL(state)"
"""Read among other variables, it saves `AgiPhone.answer` a round trip before the caller hears anything."""
_UP: Final = "Up"
_EVERY_KEY: Final = "0123456789*#ABCD"
_KEYS: Final = frozenset(_EVERY_KEY)
_ENDING_KEY: Final = "#"
_PROMPT: Final = re.compile(r"[A-Za-z0-9_-]{1,80}(/[A-Za-z0-9_-]{1,80}){0,7}")
_RECORDING: Final = re.compile(r"/?[A-Za-z0-9_-][A-Za-z0-9_.-]{0,80}(/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,80}){0,15}")
_SAMPLES_A_SECOND: Final = 8000
_BEHIND_THE_END: Final = 2**31 - 1  # samples: three days into the file
_NO_BEEP: Final = "randomerror"  # what RECORD FILE calls any fault before the recording begins
_HUNG_UP: Final = "hangup"
_TIMED_OUT: Final = "timeout"  # also when silence ended it; the result is then what was left of the time, in ms
_TONE_SECONDS: Final = 2.0
_KEPT_SILENCE_SECONDS: Final = 1.0
_ANSWER_SECONDS: Final = 10.0  # Asterisk waits for the caller's first audio before it says that the call is up


class AgiPhone:
    """Implements `ivr.phone.Phone`. A prompt ``en/hello`` is Asterisk's sound file ``<prompt_prefix>/en/hello``.

    Once the caller hangs up, or a command is cancelled or late, the session is closed and the dialplan goes on.
    """

    __slots__ = ("_is_up", "_prefix", "_session")

    def __init__(self, session: AgiSession, prompt_prefix: str = "postcall") -> None:
        self._session = session
        self._prefix = prompt_prefix
        self._is_up = False

    async def answer(self) -> None:
        """Take the call if it is not yet up."""
        if self._is_up:
            return
        status = await self._session.command("CHANNEL STATUS")
        if status.result != "6":
            reply = await self._session.command("ANSWER", own_seconds=_ANSWER_SECONDS)
            if reply.result == "-1":
                raise await self._why(PhoneError("the PBX could not answer the call"))

    async def unplayable(self, prompts: Sequence[str]) -> list[str]:
        """Those of `prompts` that this Asterisk cannot play: no such file, an empty one, or of a format it cannot read.

        Each is opened to be played from behind its end, at one round trip a prompt. Measured on Asterisk 22.10: the
        answer comes in 0.3 ms, no sound leaves, and the end position is the file's length; what cannot be played is
        refused exactly as it would be in earnest, on whatever machine and under whatever path the files are. After a
        refusal the dialplan goes on with ``AGISTATUS=FAILURE``, whatever else the session does.
        """
        lacking: list[str] = []
        for prompt, sound in zip(prompts, self._sounds(prompts), strict=True):
            reply = await self._session.command("STREAM FILE", sound, "", _BEHIND_THE_END)
            if reply.result == "-1" or not reply.end_position:
                lacking.append(prompt)
        if lacking:
            why = await self._why(PromptMissing("not played"))
            if isinstance(why, CallerHungUp):
                raise why
        return lacking

    async def play(self, prompts: Sequence[str]) -> None:
        """Play prompts to their end. Raises `PromptMissing` at the first that the PBX cannot play."""
        for sound in self._sounds(prompts):
            await self._stream(sound, "")

    async def collect(
        self,
        prompts: Sequence[str],
        *,
        max_keys: int,
        timeout_seconds: float,
        key_timeout_seconds: float,
        barge_in: bool = True,
    ) -> Keys:
        """Play prompts and take up to `max_keys` keys (from 1); ``#`` ends the input and is not part of it.

        ``#`` alone gives no keys and `timed_out` False. ``GET DATA`` plays one file only, so each prompt but the last
        is streamed with every key as an escape key; and it has one time-out for all keys, so the first key is taken by
        a command of its own. A key that ends within the fraction of a millisecond between two commands is lost.
        Raises `PromptMissing` when the PBX cannot play a prompt.
        """
        if max_keys < 1 or timeout_seconds <= 0 or key_timeout_seconds <= 0:
            raise ValueError("max_keys must be at least 1, and the time-outs more than 0")
        first = await self._first_key(self._sounds(prompts), timeout_seconds, barge_in)
        if not first.pressed or max_keys == 1:
            return first
        rest = await self._get_data("", max_keys - 1, key_timeout_seconds)
        return Keys(pressed=first.pressed + rest.pressed, timed_out=rest.timed_out)

    async def variables(self, names: Sequence[str]) -> Mapping[str, str]:
        """Read channel variables and functions, up to 15 in one round trip.

        A name is letters, digits and ``_``, with one such word in parentheses for a function; another one raises
        `PhoneError`, and so does an Asterisk without ``func_uri``.
        """
        values: dict[str, str] = {}
        for group, expression in read_expressions(tuple(names)):
            encoded = await self._session.evaluate(expression)
            if not self._session.uri_encoding:
                raise PhoneError("channel variables cannot be read: Asterisk's module func_uri is not loaded")
            values |= decode_values(group, encoded)
        # A call that was up is up until it ends.
        self._is_up = self._is_up or values.get(STATE) == _UP
        return values

    async def set_variable(self, name: str, value: str) -> None:
        """Set a variable or function on the channel. A line break or NUL in `value` becomes a space, because a command
        is one line; name and value together may have about 2,000 bytes, else `PhoneError`."""
        check_variable_name(name)
        await self._session.command("SET VARIABLE", name, without_breaks(value))

    async def record(self, path: str, *, max_seconds: float, silence_seconds: float, stop_keys: str) -> float:
        """Record into `path` (letters, digits, ``_ - . /``; ``.wav`` is added) and return the length in seconds.

        The tone is Asterisk's own sound ``beep``; where that is missing there is none. `silence_seconds` are rounded to
        whole ones. Of the silence that ends a recording Asterisk keeps the first second; it is not counted.
        """
        if not _RECORDING.fullmatch(path):
            raise PhoneError(f"{path[:100]!r} cannot be recorded into: allowed are letters, digits, _ - . and /")
        if max_seconds <= 0 or silence_seconds < 0 or not set(stop_keys) <= _KEYS:
            raise ValueError("max_seconds must be more than 0, silence_seconds at least 0, stop_keys keys of a phone")
        silence = [f"s={max(1, round(silence_seconds))}"] if silence_seconds else []
        what = (path, "wav", stop_keys, _milliseconds(max_seconds))
        seconds = max_seconds + _TONE_SECONDS
        reply = await self._session.command("RECORD FILE", *what, 0, "BEEP", *silence, own_seconds=seconds)
        if reply.result == "-1" and reply.value == _NO_BEEP:
            reply = await self._session.command("RECORD FILE", *what, *silence, own_seconds=seconds)
        recorded = (reply.end_position or 0) / _SAMPLES_A_SECOND
        if reply.result == "-1" and reply.value != _HUNG_UP:
            raise await self._why(PhoneError(f"the PBX cannot record into {path}: {reply.value or 'no reason given'}"))
        if reply.value == _TIMED_OUT and silence and recorded < max_seconds:
            return max(0.0, recorded - _KEPT_SILENCE_SECONDS)
        return recorded

    async def hang_up(self) -> None:
        """End the call and the session; a caller who is already gone is no error."""
        try:
            await self._session.command("HANGUP")
        except CallerHungUp:
            return
        finally:
            self._session.close()

    def _sounds(self, prompts: Sequence[str]) -> list[str]:
        for prompt in prompts:
            if not _PROMPT.fullmatch(prompt):
                raise PromptMissing(f"{prompt[:100]!r} is no prompt: allowed are letters, digits, _ - and /")
        return [f"{self._prefix}/{prompt}" for prompt in prompts]

    async def _first_key(self, sounds: Sequence[str], timeout_seconds: float, barge_in: bool) -> Keys:
        *before, last = [*sounds, ""] if not sounds or not barge_in else sounds
        for sound in before:
            key = await self._stream(sound, _EVERY_KEY if barge_in else "")
            if key:
                return Keys(pressed="" if key == _ENDING_KEY else key, timed_out=False)
        return await self._get_data(last, 1, timeout_seconds)

    async def _stream(self, sound: str, escape_keys: str) -> str:
        """Play one sound; returns the escape key that cut it short, or an empty string."""
        reply = await self._session.command(
            "STREAM FILE", sound, escape_keys, own_seconds=self._session.limits.prompt_seconds
        )
        if reply.result == "-1":
            raise await self._why(PromptMissing(f"the PBX cannot play {sound}"))
        return _key(reply)

    async def _get_data(self, sound: str, max_keys: int, timeout_seconds: float) -> Keys:
        reply = await self._session.command(
            "GET DATA",
            sound,
            _milliseconds(timeout_seconds),
            max_keys,
            own_seconds=self._session.limits.prompt_seconds + max_keys * timeout_seconds,
        )
        if reply.result == "-1":
            raise await self._why(PromptMissing(f"the PBX cannot play {sound}"))
        pressed = reply.result or ""
        if not set(pressed) <= _KEYS:
            raise PhoneError("the PBX sent keys that no phone has")
        return Keys(pressed=pressed, timed_out=reply.value == "timeout")

    async def _why(self, otherwise: PhoneError) -> PhoneError:
        """After a result of -1, which stands for a fault and for a hang-up alike: `CallerHungUp`, or `otherwise`."""
        status = await self._session.command("CHANNEL STATUS")
        if status.result in ("-1", "0"):
            return self._session.end(CallerHungUp("the caller hung up"))
        return otherwise


def _key(reply: Reply) -> str:
    """The key in the result of a command that gives its ASCII code: 0 is none."""
    code = int(reply.result) if reply.result and re.fullmatch(r"[0-9]{1,3}", reply.result) else 0
    if code and chr(code) not in _KEYS:
        raise PhoneError("the PBX sent a key that no phone has")
    return chr(code) if code else ""


def _milliseconds(seconds: float) -> int:
    # 0 makes GET DATA and RECORD FILE wait for ever, or not at all.
    return max(1, round(seconds * 1000))
