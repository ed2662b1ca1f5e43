"""`GET /api/v1/calls/{call}/recordings/{question}`: what a caller said. Every look is kept: who, when, at what."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

import structlog
from aiohttp import web
from pydantic import BaseModel, Field

from ivr.web.access import ADMIN, SUPERVISORS, VIEWER
from ivr.web.answers import json_answer
from ivr.web.calls import CallParameters, seen_call
from ivr.web.operations import Operation
from ivr.web.problems import Problem
from storage.accounts import Accounts

log = structlog.get_logger()
SOUND = ".wav"
"""The ending with which the PBX stores what is recorded."""
_HEADERS = {
    "Content-Type": "audio/wav",
    # A voice stays in no cache: the next who listens is to be kept, too.
    "Cache-Control": "private, no-store",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recordings:
    """Where recordings are."""

    on_pbx: PurePosixPath
    """The folder as the PBX names it, and so as the database has it."""
    here: Path
    """The same folder as this service reaches it."""
    accounts: Accounts
    now: Callable[[], datetime]


RECORDINGS = web.AppKey("recordings", Recordings)


class LookBody(BaseModel):
    """Somebody asked for a recording."""

    login: str = Field(description="Who; token for whoever has the token of the settings", examples=["ada"])
    question: str = Field(description="Code of the question", examples=["comment"])
    at: datetime = Field(description="When")


class LooksBody(BaseModel):
    """Who has listened to the recordings of a call."""

    site: str = Field(description="Code of the site")
    call: str = Field(description="The linkedid")
    looks: list[LookBody] = Field(description="The latest first; a player may ask several times for one recording")


async def recording(request: web.Request) -> web.StreamResponse:
    """What the caller of a call said to a question, as it was recorded. The look is kept before anything is heard."""
    source, viewer = request.app[RECORDINGS], request[VIEWER]
    story = await seen_call(request)
    question = request.match_info["question"]
    answers = story.survey.answers if story.survey else []
    stored = next((answer.recording for answer in answers if answer.question == question), None)
    if stored is None:
        raise Problem(404, "No such recording", f"question: nothing was recorded to {question[:64]!r}", "question")
    file = await asyncio.to_thread(_file, source, stored)
    if file is None:
        log.error(
            "a recording cannot be reached", site=story.call.site, linkedid=story.call.linkedid, folder=str(source.here)
        )
        raise Problem(404, "Recording not reachable", "the file is not in the folder `recordings_here` of [flows]")
    await source.accounts.note_look(
        login=viewer.name, site=story.call.site, linkedid=story.call.linkedid, question=question, at=source.now()
    )
    log.info(
        "a recording is heard",
        site=story.call.site,
        linkedid=story.call.linkedid,
        question=question,
        by=viewer.name,
    )
    return web.FileResponse(file, headers=_HEADERS)


async def looks(request: web.Request) -> web.Response:
    """Who has listened to the recordings of a call."""
    story = await seen_call(request)
    site, call = story.call.site, story.call.linkedid
    body = LooksBody(
        site=site,
        call=call,
        looks=[
            LookBody(login=look.login, question=look.question, at=look.looked_at)
            for look in await request.app[RECORDINGS].accounts.looks(site, call)
        ],
    )
    return json_answer(request, body)


def _file(source: Recordings, stored: str) -> Path | None:
    """The file of a stored path; None when there is none that may be read, or it would lie elsewhere than in the
    folder."""
    path = PurePosixPath(stored)
    if not path.is_relative_to(source.on_pbx):
        return None
    try:
        file = (source.here / path.relative_to(source.on_pbx)).with_name(path.name + SOUND).resolve()
        is_there = file.is_relative_to(source.here.resolve()) and file.is_file() and os.access(file, os.R_OK)
    except OSError:
        return None
    return file if is_there else None


OPERATIONS = [
    Operation(
        method="GET",
        path="/api/v1/calls/{call}/recordings/{question}",
        handler=recording,
        roles=SUPERVISORS,
        summary="What a caller said",
        query=CallParameters,
        # A player may ask for a part (RFC 9110, section 14); 416 answers one that there is not.
        answers={200: "audio/wav", 206: "audio/wav", 416: ""},
    ),
    Operation(
        method="GET",
        path="/api/v1/calls/{call}/looks",
        handler=looks,
        roles=ADMIN,
        summary="Who has listened to a call's recordings",
        query=CallParameters,
        answers={200: LooksBody},
    ),
]
