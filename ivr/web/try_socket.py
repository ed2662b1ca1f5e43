"""The WebSocket between the keypad page and a trial.

The page sends ``call`` once, then ``key``, ``played`` and ``hang_up``; it is sent ``say``, ``ask`` and ``record`` (the
steps of `BrowserPhone`), and at the end ``result`` or ``error``. Closing the socket hangs up, too.
"""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

import structlog
from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from callflows.loader import FlowVersion
from callflows.sounds import spoken
from ivr.errors import PostcallError
from ivr.trial.browser import BrowserPhone, prompts_of
from ivr.trial.trial import PretendedCall, TrialDesk, TrialResult
from ivr.web.try_page import ROOM, TrialRoom, asset, page, permitted, sound

log = structlog.get_logger()

MOST_BYTES = 1024
"""The longest message that a page sends."""
CALL_SECONDS = 30.0
"""How long a page may be connected before it calls."""
_ALIVE_SECONDS = 20.0


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Call(_Message):
    """The survey is to begin."""

    do: Literal["call"]
    language: Annotated[str, Field(max_length=16)]
    queue: Annotated[str, Field(max_length=80)] = ""
    team: Annotated[str, Field(max_length=80)] = ""
    reason: Annotated[str, Field(max_length=80)] = ""


class Key(_Message):
    """A key was pressed during a step."""

    do: Literal["key"]
    step: int
    key: Annotated[str, Field(pattern=r"^[0-9*#A-D]\z")]


class Played(_Message):
    """All prompts of a step were played."""

    do: Literal["played"]
    step: int


class HangUp(_Message):
    """The caller hangs up, and wants to see the result."""

    do: Literal["hang_up"]


_CALL = TypeAdapter(Call)
_LATER: TypeAdapter[Key | Played | HangUp] = TypeAdapter(Annotated[Key | Played | HangUp, Field(discriminator="do")])


def add_trials(app: web.Application, room: TrialRoom) -> None:
    """The page, its assets, the sounds and the socket, all below `/try/`."""
    app[ROOM] = room
    app.router.add_get(r"/try/{name:keypad\.(?:css|js)}", asset)
    app.router.add_get(r"/try/{flow:[a-z0-9-]{1,32}}", page)
    app.router.add_get(r"/try/{flow:[a-z0-9-]{1,32}}/socket", socket)
    app.router.add_get(r"/try/{flow:[a-z0-9-]{1,32}}/sounds/{language}/{name:.+}.wav", sound)
    app.on_shutdown.append(_hang_up_all)


async def socket(request: web.Request) -> web.StreamResponse:
    """One trial, from the page's call to its result."""
    version = permitted(request)
    room = request.app[ROOM]
    caller = web.WebSocketResponse(max_msg_size=MOST_BYTES, heartbeat=_ALIVE_SECONDS, timeout=2.0)
    await caller.prepare(request)
    if len(room.trying) >= room.at_once:
        await _refuse(
            caller, WSCloseCode.TRY_AGAIN_LATER, f"trials going on: {room.at_once}, as many as may; try later"
        )
        return caller
    room.trying.add(caller)
    try:
        right = urlencode({name: request.query[name] for name in ("until", "key")})
        await _serve(caller, room, version, right)
    finally:
        room.trying.discard(caller)
    return caller


async def _hang_up_all(app: web.Application) -> None:
    """The service stops."""
    await asyncio.gather(*(caller.close(code=WSCloseCode.GOING_AWAY) for caller in list(app[ROOM].trying)))


async def _serve(caller: web.WebSocketResponse, room: TrialRoom, version: FlowVersion, right: str) -> None:
    try:
        async with asyncio.timeout(CALL_SECONDS):
            call = _CALL.validate_json(await caller.receive_str())
    except (TypeError, TimeoutError):
        await caller.close()
        return
    except ValidationError:
        await _refuse(caller, WSCloseCode.POLICY_VIOLATION, "a message that no page of ours sends")
        return
    flow = version.flow
    prompts = prompts_of(spoken(flow), lambda name: f"/try/{flow.flow}/sounds/{quote(name)}.wav?{right}")
    phone = BrowserPhone(caller.send_json, prompts)
    desk = TrialDesk(store=room.store, now=room.now)
    pretended = PretendedCall(queue=call.queue, team=call.team, reason=call.reason)
    listening = asyncio.create_task(_listen(caller, phone))
    try:
        async with asyncio.timeout(room.longest_seconds):
            result = await desk.conduct(version, phone, language=call.language, call=pretended)
        if not caller.closed:
            await caller.send_json(_told(result))
            await caller.close()
    except TimeoutError:
        await _refuse(caller, WSCloseCode.POLICY_VIOLATION, f"a trial lasts up to {room.longest_seconds:g} s")
    except PostcallError as error:
        log.warning("a trial cannot be held", flow=flow.flow, why=str(error))
        await _refuse(caller, WSCloseCode.INTERNAL_ERROR, "the trial cannot be held; the service's log says why")
    except ConnectionError:
        pass  # the page was closed while it was told the result
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _listen(caller: web.WebSocketResponse, phone: BrowserPhone) -> None:
    """Tell the phone what the page says, until it is closed."""
    try:
        async for message in caller:
            if message.type is not WSMsgType.TEXT:
                break
            match _LATER.validate_json(message.data):
                case Key() as key:
                    phone.press(key.step, key.key)
                case Played() as played:
                    phone.played(played.step)
                case HangUp():
                    phone.hung_up()
    except ValidationError:
        await _refuse(caller, WSCloseCode.POLICY_VIOLATION, "a message that no page of ours sends")
    finally:
        phone.hung_up()


async def _refuse(caller: web.WebSocketResponse, code: WSCloseCode, why: str) -> None:
    if not caller.closed:
        try:
            await caller.send_json({"do": "error", "text": why})
        except ConnectionError:
            return
        await caller.close(code=code)


def _told(result: TrialResult) -> Mapping[str, Any]:
    return {
        "do": "result",
        "trial": result.trial,
        "flow": result.flow,
        "flow_version": result.flow_version,
        "language": result.language,
        "reason": result.reason,
        "incentive": result.incentive,
        "outcome": result.outcome,
        "answers": [
            {
                "question": answer.question,
                "keys": answer.keys,
                "value": answer.value,
                "tries": answer.tries,
                "ended": answer.ended,
            }
            for answer in result.answers
        ],
    }
