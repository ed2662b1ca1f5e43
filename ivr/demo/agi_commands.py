"""The AGI commands of the simulated PBX, with the replies that Asterisk 22.10.1 was measured to give."""

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ivr.demo.channels import Channel
from ivr.demo.clock import Clock
from ivr.demo.expressions import expand, read
from ivr.demo.listener import Listener

UNKNOWN = "510 Invalid or unknown command"
DEAD = "511 Command Not Permitted on a dead channel or intercept routine"
_SAMPLES_A_SECOND = 8000

Handler = Callable[[Sequence[str]], Awaitable[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Command:
    run: Handler
    least: int
    """Fewest arguments."""
    most: int
    on_dead: bool = False
    """Whether it still works after the caller has hung up."""
    usage: str


class AgiCommands:
    """Carries out the commands of one AGI session on one channel."""

    def __init__(
        self,
        channel: Channel,
        listener: Listener,
        *,
        clock: Clock,
        prompt_seconds: Callable[[str], float | None],
    ) -> None:
        self._channel = channel
        self._listener = listener
        self._clock = clock
        self._prompt_seconds = prompt_seconds
        self._table = self._commands()

    async def reply(self, line: str) -> str:
        """What Asterisk answers to a command line, without the last line feed; may be several lines."""
        words = split_arguments(line)
        found = next((n for n in (3, 2, 1) if " ".join(words[:n]).upper() in self._table and len(words) >= n), 0)
        if not found:
            return UNKNOWN
        name = " ".join(words[:found]).upper()
        command, arguments = self._table[name], words[found:]
        if self._listener.gone.is_set() and not command.on_dead:
            return DEAD
        if not command.least <= len(arguments) <= command.most:
            usage = f"Usage: {name} {command.usage}".rstrip()
            return f"520-Invalid command syntax.  Proper usage follows:\n{usage}\n520 End of proper usage."
        return await command.run(arguments)

    def _commands(self) -> dict[str, _Command]:
        return {
            "ANSWER": _Command(run=self._answer, least=0, most=0, usage=""),
            "CHANNEL STATUS": _Command(run=self._channel_status, least=0, most=1, usage="CHANNELNAME"),
            "EXEC": _Command(run=self._exec, least=1, most=99, on_dead=True, usage="COMMAND OPTIONS"),
            "GET DATA": _Command(run=self._get_data, least=1, most=3, usage="FILE TIMEOUT MAXDIGITS"),
            "GET FULL VARIABLE": _Command(
                run=self._get_full_variable, least=1, most=2, on_dead=True, usage="EXPRESSION CHANNEL_NAME"
            ),
            "GET VARIABLE": _Command(run=self._get_variable, least=1, most=1, on_dead=True, usage="VARIABLENAME"),
            "HANGUP": _Command(run=self._hangup, least=0, most=1, usage="CHANNELNAME"),
            "NOOP": _Command(run=self._noop, least=0, most=99, on_dead=True, usage=""),
            "RECORD FILE": _Command(
                run=self._record_file,
                least=4,
                most=7,
                usage="FILENAME FORMAT ESCAPE_DIGITS TIMEOUT OFFSET_SAMPLES BEEP S=SILENCE",
            ),
            "SET VARIABLE": _Command(run=self._set_variable, least=2, most=2, on_dead=True, usage="VARIABLENAME VALUE"),
            "STREAM FILE": _Command(
                run=self._stream_file, least=2, most=3, usage="FILENAME ESCAPE_DIGITS SAMPLE_OFFSET"
            ),
            "VERBOSE": _Command(run=self._verbose, least=1, most=2, on_dead=True, usage="MESSAGE LEVEL"),
        }

    async def _answer(self, _: Sequence[str]) -> str:
        return "200 result=0"

    async def _channel_status(self, arguments: Sequence[str]) -> str:
        if arguments and arguments[0] != self._channel.name:
            return "200 result=-1"
        return f"200 result={self._channel.state}"

    async def _noop(self, _: Sequence[str]) -> str:
        return "200 result=0"

    async def _verbose(self, _: Sequence[str]) -> str:
        return "200 result=1"

    async def _hangup(self, arguments: Sequence[str]) -> str:
        if arguments and arguments[0] != self._channel.name:
            return "200 result=-1"
        self._listener.gone.set()
        return "200 result=1"

    async def _get_variable(self, arguments: Sequence[str]) -> str:
        name = arguments[0]
        value = read(name, self._channel)
        # A variable that is set to nothing is told apart from one that is not set.
        return f"200 result=1 ({value})" if value or name in self._channel.variables else "200 result=0"

    async def _get_full_variable(self, arguments: Sequence[str]) -> str:
        return f"200 result=1 ({expand(arguments[0], self._channel)})"

    async def _set_variable(self, arguments: Sequence[str]) -> str:
        self._channel.variables[arguments[0]] = arguments[1]
        return "200 result=1"

    async def _stream_file(self, arguments: Sequence[str]) -> str:
        seconds = self._prompt_seconds(arguments[0])
        offset = _integer(arguments[2]) if len(arguments) > 2 else 0
        if seconds is None:
            return f"200 result=-1 endpos={offset}"
        if offset >= seconds * _SAMPLES_A_SECOND:
            return f"200 result=0 endpos={round(seconds * _SAMPLES_A_SECOND)}"
        started = self._clock.now()
        heard = await self._listener.hear_or_cut_short(seconds, arguments[1]) if arguments[1] else None
        gone = heard.gone if heard else not await self._listener.hear(seconds)
        result = -1 if gone else ord(heard.keys) if heard and heard.keys else 0
        played = min(seconds, self._clock.now() - started) if result else seconds
        return f"200 result={result} endpos={round(played * _SAMPLES_A_SECOND)}"

    async def _get_data(self, arguments: Sequence[str]) -> str:
        prompt = self._prompt_seconds(arguments[0]) if arguments[0] else 0.0
        if prompt is None:
            return "200 result=-1"
        # Asterisk waits for ever at a time-out of 0, and takes any number of keys at a maximum of 0.
        milliseconds = _integer(arguments[1]) if len(arguments) > 1 else 0
        most = _integer(arguments[2]) if len(arguments) > 2 else 0
        heard = await self._listener.press(
            prompt,
            timeout=milliseconds / 1000 if milliseconds > 0 else math.inf,
            most=most if most > 0 else math.inf,
        )
        if heard.gone:
            return "200 result=-1"
        return f"200 result={heard.keys}{' (timeout)' if heard.timed_out else ''}"

    async def _record_file(self, arguments: Sequence[str]) -> str:
        longest = _integer(arguments[3]) / 1000
        silence = next((_integer(word[2:]) for word in arguments[4:] if word.lower().startswith("s=")), 0)
        length = self._listener.speech_seconds + silence if silence else longest
        by_silence = bool(silence) and not 0 < longest < length
        if not by_silence:
            length = longest
        started = self._clock.now()
        if not await self._listener.hear(length):
            said = min(length, self._clock.now() - started)
            return f"200 result=-1 (hangup) endpos={round(said * _SAMPLES_A_SECOND)}"
        # What silence ended says how many milliseconds were left, and keeps one second of the silence.
        left = max(0, round((longest - length) * 1000)) if by_silence else 0
        kept = length - max(0, silence - 1) if by_silence else length
        return f"200 result={left} (timeout) endpos={round(kept * _SAMPLES_A_SECOND)}"

    async def _exec(self, arguments: Sequence[str]) -> str:
        application, options = arguments[0].lower(), arguments[1] if len(arguments) > 1 else ""
        if application == "playback":
            return await self._playback(options)
        if application in ("noop", "verbose", "wait"):
            heard = application != "wait" or await self._listener.hear(float(options or 0))
            return "200 result=0" if heard else "200 result=-1"
        return "200 result=-2"

    async def _playback(self, options: str) -> str:
        lengths = [self._prompt_seconds(name) for name in options.partition(",")[0].split("&")]
        heard = await self._listener.hear(sum(filter(None, lengths)))
        self._channel.variables["PLAYBACKSTATUS"] = "FAILED" if None in lengths else "SUCCESS"
        return "200 result=0" if heard else "200 result=-1"


def split_arguments(line: str) -> list[str]:
    """Words of a command line as `parse_args` in `res_agi.c` finds them: quotes hold blanks together, a backslash
    takes the next character as it is."""
    words: list[str] = []
    word: str | None = None
    quoted = escaped = False
    for char in line:
        if escaped:
            word, escaped = (word or "") + char, False
        elif char == "\\":
            escaped = True
        elif char == '"':
            # An empty pair of quotes is an argument too.
            word, quoted = word or "", not quoted
        elif char in " \t" and not quoted:
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + char
    return words if word is None else [*words, word]


def _integer(text: str) -> int:
    """As C's `atoi` in the commands' parsing: what is no number counts as 0."""
    try:
        return int(text)
    except ValueError:
        return 0
