"""Agents and callers with SIP telephones, for the demonstration beside a real Asterisk. They talk in real time."""

import asyncio
import random
from contextlib import AsyncExitStack
from urllib.parse import quote

from ivr.demo.callers import REASONS, rating
from ivr.demo.pbx.configuration import AGENTS
from ivr.demo.pbx.sip import SipPhone
from ivr.errors import PbxError

QUEUE_NUMBERS = {"support": "8000", "billing": "8002"}
CALLS_AT_ONCE = 3
LONGEST_WAIT_SECONDS = 60.0
LONGEST_SURVEY_SECONDS = 60.0


async def people(sip_port: int, rng: random.Random) -> None:
    """Let callers call the queues, and agents answer them, until cancelled."""
    talking: dict[str, str] = {}
    """The interface of the agent who talks with each caller's number."""
    async with AsyncExitStack() as stack:
        agents = [await stack.enter_async_context(SipPhone(extension, sip_port=sip_port)) for extension in AGENTS]
        callers = await stack.enter_async_context(SipPhone("caller", sip_port=sip_port))
        async with asyncio.TaskGroup() as tasks:
            for agent in agents:
                await agent.register()
                tasks.create_task(_agent(agent, talking, rng))
            for line in range(CALLS_AT_ONCE):
                tasks.create_task(_line(callers, line, talking, rng))


async def _agent(phone: SipPhone, talking: dict[str, str], rng: random.Random) -> None:
    while True:
        try:
            call = await phone.incoming(limit=3600)
            await asyncio.sleep(rng.uniform(0.3, 1.0))
            await call.answer()
            for number in [number for number in talking if number in call.caller]:
                talking[number] = f"PJSIP/{phone.user}"
            await asyncio.sleep(rng.uniform(1.5, 4.0))
            await call.hang_up()
        except PbxError:
            continue  # the caller gave up first


async def _line(phone: SipPhone, line: int, talking: dict[str, str], rng: random.Random) -> None:
    """One caller after another."""
    while True:
        await asyncio.sleep(rng.uniform(0.2, 2.0))
        number = f"+1202555{line}{rng.randrange(1000):03d}"
        talking[number] = ""
        try:
            await _caller(phone, number, talking, rng)
        except PbxError:
            continue  # nobody answered, or the survey was over first
        finally:
            del talking[number]


async def _caller(phone: SipPhone, number: str, talking: dict[str, str], rng: random.Random) -> None:
    reason = rng.choice([reason for reason in REASONS if reason.queue in QUEUE_NUMBERS])
    call = await phone.dial(
        QUEUE_NUMBERS[reason.queue], name="A caller", number=number, headers={"X-Call-Reason": quote(reason.code)}
    )
    try:
        await call.wait_answered()
        # Agents are silent, so the first sound is the survey's.
        await call.heard.sound(LONGEST_WAIT_SECONDS)
        luck = rng.random()
        if luck > 0.1:
            await asyncio.sleep(rng.uniform(2.0, 5.0))
            await call.press(str(rating(talking[number], reason, (luck - 0.1) / 0.9)))
        await call.wait_ended(LONGEST_SURVEY_SECONDS)
    finally:
        await call.hang_up()
