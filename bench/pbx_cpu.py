"""What a call costs Asterisk, and what it costs us, by the length of the talk.

A call: a SIP telephone dials, waits in a queue of many agents, one talks for a while and hangs up, and the caller is
sent into the survey over AMI and presses 5. Processor time is that of the whole processes, user and system, from the
first call dialled until the last one's rating is written, so what they spend on nothing in particular is in it.
"""

import math
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from bench.agi_servers import Server
from bench.measure import Found, Row
from bench.pbx_callers import Callers, Line
from bench.pbx_service import Service, append, asterisk, beside
from ivr.demo.pbx.asterisk import AsteriskServer
from ivr.demo.pbx.configuration import AmiUser
from tests.waiting import until


@dataclass(frozen=True, kw_only=True)
class Talks:
    """Calls whose talks are of one length."""

    seconds: float
    rates: Sequence[float]
    """Calls a second, one after the other, until one is not taken."""

    @property
    def dialling(self) -> float:
        """How long each rate lasts, in seconds: at least so long that at the end the agents are as busy as it makes
        them."""
        return max(LEAST_DIALLING, self.seconds)

    @property
    def agents(self) -> int:
        """As many as the highest rate keeps busy, with what lies between two talks."""
        return math.ceil(self.rates[-1] * (self.seconds + BETWEEN_TALKS))


LEAST_DIALLING = 10.0
BETWEEN_TALKS = 1.5
"""Seconds of an agent, when Asterisk has a lot to do."""
TALKS = (
    Talks(seconds=1, rates=(5, 10, 20, 30, 40, 50, 60, 70, 80)),
    Talks(seconds=30, rates=(13,)),
    Talks(seconds=180, rates=(2.5,)),
)
"""The longer ones at what two processors carry with the telephones, whose sound is most of it: see the last column."""
ALONE = 20.0
"""Calls a second without a survey."""
KEY_AFTER_SECONDS = 5.0
"""In the midst of the question, also when that has begun two seconds late."""
ENOUGH = 0.99
"""Of the calls: a rate at which fewer are rated is not taken."""
LIMIT = 20.0
"""Seconds for all of a call but its talk."""
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

    talk: float
    """Seconds."""
    a_second: float
    calls: int
    talked: int
    """Callers who reached an agent: what Asterisk took."""
    rated: int
    """Callers whose key is in the database: what Asterisk and Postcall took."""
    seconds: float
    """The length that 95 % of the calls do not exceed: with the key and the prompts it is the talk and some 9 s."""
    asterisk: float
    """Milliseconds of the processor a call."""
    ours: float
    """The same, for all of ours."""
    event_loop: float
    """The part of ours that is not in the threads of the database."""
    telephones: float
    """The same, for the telephones of the measurement."""
    heard: float
    """Packets of sound a second of talk that came to an agent's telephone; the caller's sends 50."""

    @property
    def taken(self) -> bool:
        """Whether callers were answered, asked and rated."""
        return self.rated >= ENOUGH * self.calls


async def run(place: Path) -> tuple[Found, str]:
    """For each length of talk, go up until a rate is not taken; returns its row, and a Markdown table of all rates.

    Below the table is what the call costs Asterisk without a survey and without us. The database is in `place`.
    """
    steps = [await _steps(place, talks) for talks in TALKS]
    table = _table(list(chain.from_iterable(steps)))
    return Found(rows=[_row(of_talk) for of_talk in steps]), f"{table}\n\n{await _without_survey(TALKS[0], ALONE)}"


async def _steps(place: Path, talks: Talks) -> Sequence[Step]:
    steps: list[Step] = []
    async with _centre(talks.agents) as (callers, server, pbx), beside(server, place=place, site=_SURVEY) as service:
        usual = await _call(callers, pbx, 20, 5.0, 1.0)
        await _settled(service, len(usual))
        for rate in talks.rates:
            steps.append(await _step(callers, pbx, service, talks, rate))
            if not steps[-1].taken:
                break
    return steps


async def _without_survey(talks: Talks, rate: float) -> str:
    calls = round(rate * talks.dialling)
    async with _centre(talks.agents) as (callers, _, pbx):
        await _call(callers, pbx, 20, 5.0, 1.0)
        before = pbx.cpu_seconds
        lines = await _call(callers, pbx, calls, rate, talks.seconds)
        spent = (pbx.cpu_seconds - before) * 1000 / calls
    return (
        f"Asterisk by itself, {sum(line.talked for line in lines)} calls at {rate:g} a second, talks of "
        f"{talks.seconds:g} s, no survey: {spent:.1f} ms of the processor a call."
    )


@asynccontextmanager
async def _centre(agents: int) -> AsyncIterator[tuple[Callers, AsteriskServer, Server]]:
    """Telephones and an Asterisk that runs, with so many agents in its queue; without a survey as yet."""
    async with Callers(key="5", key_after_seconds=KEY_AFTER_SECONDS) as callers:
        server = asterisk(watcher=AmiUser(name="watcher", read="", write=""), extra_dialplan=_DIALPLAN)
        numbers = range(2001, 2001 + agents)
        append(server, "pjsip.conf", "".join(_telephone(number, callers.port) for number in numbers))
        append(server, "queues.conf", "".join(f"member => PJSIP/{number}\n" for number in numbers))
        async with server:
            assert server.pid is not None
            yield callers, server, Server(port=server.sip_port, pid=server.pid)


async def _step(callers: Callers, pbx: Server, service: Service, talks: Talks, rate: float) -> Step:
    calls = round(rate * talks.dialling)
    before, heard = _rated(service.database), callers.agents_heard
    asterisk, ours, telephones = pbx.cpu_seconds, service.cpu_seconds, time.process_time()
    event_loop = _cpu_of_event_loop(service.pid)
    lines = await _call(callers, pbx, calls, rate, talks.seconds)
    rated = await _settled(service, before + calls) - before
    a_call = 1000 / calls
    talked = sum(line.talked for line in lines)
    return Step(
        talk=talks.seconds,
        a_second=rate,
        calls=calls,
        talked=talked,
        rated=rated,
        seconds=sorted(line.seconds for line in lines)[int(0.95 * calls)],
        asterisk=(pbx.cpu_seconds - asterisk) * a_call,
        ours=(service.cpu_seconds - ours) * a_call,
        event_loop=(_cpu_of_event_loop(service.pid) - event_loop) * a_call,
        telephones=(time.process_time() - telephones) * a_call,
        heard=(callers.agents_heard - heard) / (max(1, talked) * talks.seconds),
    )


async def _call(callers: Callers, pbx: Server, calls: int, rate: float, talk: float) -> Sequence[Line]:
    return await callers.call(pbx.port, EXTENSION, calls=calls, a_second=rate, talk_seconds=talk, limit=LIMIT)


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
        what=f"Postcall at {at_limit.a_second:g} calls/s, talks of {at_limit.talk:g} s: "
        f"{at_limit.ours:.1f} ms of the processor a call",
        against=f"Asterisk: {at_limit.asterisk:.1f} ms",
        wanted="≤ 10 %",
        measured=f"{share:.0%}",
        reached=at_limit.taken and share <= 0.1,
    )


def _table(steps: Sequence[Step]) -> str:
    heads = "talk, s|calls/s|calls|talked|rated|95 % end within, s|Asterisk, ms|Postcall|event loop|threads|telephones"
    lines = [f"| {' | '.join([*heads.split('|'), 'packets/s heard'])} |", "|" + "---|" * 12]
    for step in steps:
        counts = (step.talk, step.a_second, step.calls, step.talked, step.rated)
        times = (step.seconds, step.asterisk, step.ours, step.event_loop, step.ours - step.event_loop, step.telephones)
        cells = [f"{figure:g}" for figure in counts] + [f"{figure:.1f}" for figure in (*times, step.heard)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
