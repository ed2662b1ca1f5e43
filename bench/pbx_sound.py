"""How long a caller hears nothing between the agent's hang-up and the survey, on a real Asterisk.

From the moment at which the agent's telephone sends BYE to the first RTP packet at the caller's telephone that is not
silence. All sides begin with the same prompt, so what is silent at its beginning is the same for all. Between the two
ends Asterisk's own events tell where the time goes; their timestamps and the telephones' are of the same clock.
"""

import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.measure import Found, Row
from bench.pbx_service import asterisk, beside
from ivr.demo.pbx.configuration import AmiUser
from ivr.demo.pbx.sip import SipPhone
from tests.asterisk.raw_ami import RawAmi
from tests.waiting import until

OVER_AMI, AFTER_QUEUE, READ = "Postcall, sent over AMI", "Postcall, after Queue(…,c)", "Read after Queue(…,c)"
EXTENSIONS = {OVER_AMI: "8000", AFTER_QUEUE: "8001", READ: "8010"}
"""What is dialled for each side; all wait in the same queue."""
CALLS = 30
WARM_UP = 2
PAUSE_SECONDS = 0.2
"""After a call: what the service and Asterisk have left to do of it must not meet the next one."""

_READ_DIALPLAN = """
[from-caller]
exten => 8010,1,GoSub(arrive,s,1)
 same => n,Queue(support,c)
 same => n,Read(KEY,postcall/en/csat-welcome&postcall/en/csat-satisfaction-ask,1,,1,5)
 same => n,Hangup()
"""
_EVENTS = ("HangupRequest", "Newexten", "AGIExecStart")
_WATCHER = AmiUser(
    name="watcher", read="agi,call,dialplan", write="call", event_filters=[f"Event: {name}" for name in _EVENTS]
)

BYE, HANGUP_SEEN, IN_DIALPLAN, FIRST_COMMAND, LAST_COMMAND, PROMPT, SOUND = STEPS = (
    "the agent's BYE",
    "Asterisk tells the hang-up",
    "the caller's dialplan goes on",
    "the first AGI command",
    "the last one before the prompt",
    "the prompt begins",
    "the first sound",
)


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One call."""

    at: Mapping[str, float]
    """Step → seconds since the agent's BYE. Without AGI the prompt begins with `Read`."""

    @property
    def wait(self) -> float:
        """Seconds of nothing."""
        return self.at[SOUND]


async def run(place: Path) -> tuple[Found, str]:
    """Take turns; returns the rows, and a Markdown table of where the time goes. The database is in `place`."""
    async with (
        asterisk(watcher=_WATCHER, extra_dialplan=_READ_DIALPLAN) as server,
        beside(server, place=place),
        RawAmi(server.ami_port, server.users["watcher"]) as watcher,
        SipPhone("caller", sip_port=server.sip_port) as caller,
        SipPhone("1001", sip_port=server.sip_port) as agent,
    ):
        await agent.register()
        heard: dict[str, list[Heard]] = {side: [] for side in EXTENSIONS}
        for turn in range(WARM_UP + CALLS):
            for side in EXTENSIONS:
                one = await _call(side, watcher, caller, agent)
                if turn >= WARM_UP:
                    heard[side].append(one)
                await asyncio.sleep(PAUSE_SECONDS)
    return Found(rows=[_row(heard, OVER_AMI), _row(heard, AFTER_QUEUE)]), _where_it_goes(heard)


async def _call(side: str, watcher: RawAmi, caller: SipPhone, agent: SipPhone) -> Heard:
    watcher.events.clear()
    here = await caller.dial(EXTENSIONS[side])
    there = await agent.incoming()
    await there.answer()
    await here.wait_answered()
    await _armed(watcher, side)
    watcher.events.clear()
    bye = time.time()
    leaving = asyncio.create_task(there.hang_up())
    await here.heard.sound()
    sound = time.time()
    await leaving
    await here.hang_up()
    at = {BYE: bye, SOUND: sound, **_steps(watcher.events)}
    assert (FIRST_COMMAND in at) == (side != READ), watcher.events
    return Heard(at={step: at[step] - bye for step in STEPS if step in at})


async def _armed(watcher: RawAmi, side: str) -> None:
    """Wait until the service has sent the caller's channel to the survey, and take that back on the other sides."""
    channel = (await watcher.event("Newexten", Application="Queue"))["Channel"]
    goto = {"Channel": channel, "Variable": "CHANNEL(after_bridge_goto)"}

    async def look() -> bool:
        return bool((await watcher.act("Getvar", **goto)).get("Value"))

    await until(look)
    if side != OVER_AMI:
        await watcher.act("Setvar", **goto, Value="")


def _steps(events: Sequence[Mapping[str, str]]) -> dict[str, float]:
    """When each step was, as Asterisk tells, in seconds of the epoch."""

    def first(name: str, **fields: str) -> float:
        wanted = {"Event": name, **fields}.items()
        return next(float(event["Timestamp"]) for event in events if wanted <= event.items())

    steps = {HANGUP_SEEN: first("HangupRequest")}
    commands = [(event["Command"], float(event["Timestamp"])) for event in events if event["Event"] == "AGIExecStart"]
    if not commands:
        read = first("Newexten", Application="Read")
        return {**steps, IN_DIALPLAN: read, PROMPT: read}
    prompt = next(number for number, (command, _) in enumerate(commands) if command.startswith("STREAM FILE"))
    return {
        **steps,
        IN_DIALPLAN: first("Newexten", Context="postcall-survey"),
        FIRST_COMMAND: commands[0][1],
        LAST_COMMAND: commands[prompt - 1][1],
        PROMPT: commands[prompt][1],
    }


def _row(heard: Mapping[str, Sequence[Heard]], side: str) -> Row:
    ratio = statistics.median(ours.wait / theirs.wait for ours, theirs in zip(heard[side], heard[READ], strict=True))
    return Row(
        what=f"{side}: {_spread(heard[side])}",
        against=f"{READ}: {_spread(heard[READ])}",
        wanted="≤ 1.2 ×",
        measured=f"{ratio:.2f} ×",
        reached=ratio <= 1.2,
    )


def _spread(calls: Sequence[Heard]) -> str:
    waits = sorted(call.wait for call in calls)
    return f"{1000 * statistics.median(waits):.0f} ms, 95 % {1000 * waits[int(0.95 * len(waits))]:.0f}"


def _where_it_goes(heard: Mapping[str, Sequence[Heard]]) -> str:
    lines = [f"| milliseconds since the step before, median | {' | '.join(heard)} |", "|---|" + "---|" * len(heard)]
    for number, step in enumerate(STEPS[1:], 1):
        cells = []
        for calls in heard.values():
            taken = [
                call.at[step] - max(call.at[before] for before in STEPS[:number] if before in call.at)
                for call in calls
                if step in call.at
            ]
            cells.append(f"{1000 * statistics.median(taken):.1f}" if taken else "")
        lines.append(f"| {step} | {' | '.join(cells)} |")
    return "\n".join(lines)
