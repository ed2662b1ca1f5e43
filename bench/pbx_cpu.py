"""What a call costs Asterisk, and what it costs us, at more and more calls a second until not all of them are rated.

A call: a SIP telephone dials, waits in a queue of many agents, one talks for a second and hangs up, and the caller is
sent into the survey over AMI and presses 5. Processor time is that of the whole processes, user and system.
"""

import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.agi_servers import Server
from bench.measure import Found, Row
from bench.pbx_callers import Callers, Line
from bench.pbx_service import Service, append, asterisk, beside
from ivr.demo.pbx.configuration import AmiUser
from tests.waiting import until

RATES = (5, 10, 15, 20, 25, 30, 35, 40, 50, 60, 70)
"""Calls a second, one after the other."""
SECONDS = 10.0
"""How long each rate lasts."""
AGENTS = 150
TALK_SECONDS = 1.0
KEY_AFTER_SECONDS = 5.0
"""In the midst of the question, also when that has begun two seconds late."""
ENOUGH = 0.99
"""Of the calls: a rate at which fewer are rated is not taken."""
LIMIT = 20.0
EXTENSION = "8002"
"""The last queue of the configuration, to which the agents of this measurement are added."""
_SURVEY = 'survey_goto = "survey,s,1"'
_DIALPLAN = """
[survey]
exten => s,1,AGI(${SURVEY_URL})
 same => n,Hangup()
"""
"""What `postcall asterisk dialplan` prints."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One rate."""

    a_second: float
    calls: int
    talked: int
    """Callers who reached an agent: what Asterisk took."""
    rated: int
    """Callers whose key is in the database: what Asterisk and Postcall took."""
    seconds: float
    """The length that 95 % of the calls do not exceed: with the talk, the key and the prompts it is some 10 s."""
    asterisk: float
    """Milliseconds of the processor a call."""
    ours: float
    """The same, for all of ours."""
    event_loop: float
    """The part of ours that is not in the threads of the database."""
    telephones: float
    """The same, for the telephones of the measurement."""

    @property
    def taken(self) -> bool:
        """Whether callers were answered, asked and rated."""
        return self.rated >= ENOUGH * self.calls


async def run(place: Path) -> tuple[Found, str]:
    """Go up until a rate is not taken; returns the row, and a Markdown table of all rates.

    The database is in `place`.
    """
    callers = Callers(talk_seconds=TALK_SECONDS, key="5", key_after_seconds=KEY_AFTER_SECONDS)
    async with callers:
        server = asterisk(watcher=AmiUser(name="watcher", read="", write=""), extra_dialplan=_DIALPLAN)
        agents = range(2001, 2001 + AGENTS)
        append(server, "pjsip.conf", "".join(_telephone(number, callers.port) for number in agents))
        append(server, "queues.conf", "".join(f"member => PJSIP/{number}\n" for number in agents))
        steps: list[Step] = []
        async with server, beside(server, place=place, site=_SURVEY) as service:
            assert server.pid is not None
            pbx = Server(port=server.sip_port, pid=server.pid)
            usual = await _call(callers, pbx, 20, 5.0)
            await _settled(service, len(usual))
            for rate in RATES:
                steps.append(await _step(callers, pbx, service, rate))
                if not steps[-1].taken:
                    break
    return Found(rows=[_row(steps)]), _table(steps)


async def _step(callers: Callers, pbx: Server, service: Service, rate: float) -> Step:
    calls = round(rate * SECONDS)
    before = _rated(service.database)
    asterisk, ours, telephones = pbx.cpu_seconds, service.cpu_seconds, time.process_time()
    event_loop = _cpu_of_event_loop(service.pid)
    lines = await _call(callers, pbx, calls, rate)
    rated = await _settled(service, before + calls) - before
    a_call = 1000 / calls
    return Step(
        a_second=rate,
        calls=calls,
        talked=sum(line.talked for line in lines),
        rated=rated,
        seconds=sorted(line.seconds for line in lines)[int(0.95 * calls)],
        asterisk=(pbx.cpu_seconds - asterisk) * a_call,
        ours=(service.cpu_seconds - ours) * a_call,
        event_loop=(_cpu_of_event_loop(service.pid) - event_loop) * a_call,
        telephones=(time.process_time() - telephones) * a_call,
    )


async def _call(callers: Callers, pbx: Server, calls: int, rate: float) -> Sequence[Line]:
    return await callers.call(pbx.port, EXTENSION, calls=calls, a_second=rate, limit=LIMIT)


async def _settled(service: Service, ratings: int) -> int:
    """Wait until all are written that should be; how many there are, after a while in vain."""

    async def look() -> bool:
        return _rated(service.database) >= ratings

    with suppress(TimeoutError):
        await until(look, 3.0)
    return _rated(service.database)


def _rated(database: Path) -> int:
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (found,) = connection.execute("SELECT count(*) FROM answer WHERE value = 5").fetchone()
    return int(found)


def _cpu_of_event_loop(pid: int) -> float:
    """Processor time so far of a process's first thread."""
    fields = Path(f"/proc/{pid}/task/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _telephone(number: int, port: int) -> str:
    return (
        f"[{number}](phone)\naors={number}\n"
        f"[{number}]\ntype=aor\ncontact=sip:{number}@127.0.0.1:{port}\nqualify_frequency=0\n"
    )


def _row(steps: Sequence[Step]) -> Row:
    taken = [step for step in steps if step.taken]
    at_limit = taken[-1] if taken else steps[0]
    share = at_limit.ours / at_limit.asterisk
    return Row(
        what=f"Postcall at {at_limit.a_second:g} calls/s: {at_limit.ours:.1f} ms of the processor a call",
        against=f"Asterisk: {at_limit.asterisk:.1f} ms",
        wanted="≤ 10 %",
        measured=f"{share:.0%}",
        reached=share <= 0.1,
    )


def _table(steps: Sequence[Step]) -> str:
    lines = [
        "| calls/s | calls | talked | rated | 95 %, s | Asterisk, ms | Postcall | event loop | threads | telephones |",
        "|" + "---|" * 10,
    ]
    for step in steps:
        cells = [f"{step.a_second:g}", str(step.calls), str(step.talked), str(step.rated), f"{step.seconds:.1f}"]
        times = (step.asterisk, step.ours, step.event_loop, step.ours - step.event_loop, step.telephones)
        lines.append("| " + " | ".join(cells + [f"{figure:.1f}" for figure in times]) + " |")
    return "\n".join(lines)
