"""`PUT`, `DELETE` and `GET /api/v1/callers/opt-out`: callers who are never to be asked again.

The number stands in the JSON body, never in the address, which proxies and logs keep. It is hashed at once; neither an
answer nor the log repeats it.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from json import JSONDecodeError

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ivr.surveys.privacy import Caller, CallerKey
from ivr.web.access import ADMIN
from ivr.web.operations import Operation
from ivr.web.problems import Problem
from storage.recorder import Recorder

ALLOWED = 'a JSON object such as {"number": "+886 2 2345 6789"}, and "site" for one site only'


@dataclass(frozen=True, slots=True, kw_only=True)
class OptOutBook:
    """Where callers who opted out are kept."""

    recorder: Recorder
    callers: CallerKey
    sites: Collection[str]
    now: Callable[[], datetime]


class OptOutRequest(BaseModel):
    """Which caller, at which site."""

    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)

    number: str = Field(description="The telephone number", examples=["+886 2 2345 6789"])
    site: str | None = Field(default=None, description="One site only; null for all", examples=["main"])


class OptOutBody(BaseModel):
    """What one caller said."""

    site: str | None = Field(description="Null for all sites")
    at: datetime = Field(description="When it was said first")
    way: str = Field(description="api, or key: pressed by the caller")


class CallerBody(BaseModel):
    """Whether a caller opted out."""

    caller: str = Field(description="The number with most digits hidden")
    opted_out: bool = Field(description="Whether for any site")
    opt_outs: list[OptOutBody] = Field(description="That for all sites first")


BOOK = web.AppKey("opt_outs", OptOutBook)


async def opt_out(request: web.Request) -> web.Response:
    """Never ask a caller again. Safe to repeat: the first time stays."""
    book = request.app[BOOK]
    site, caller = await _asked(request)
    await book.recorder.opt_out(site, caller.digest, book.now(), "api")
    return await _told(book, caller)


async def opt_in(request: web.Request) -> web.Response:
    """Take back what was said for one site, or for any (no site given)."""
    book = request.app[BOOK]
    site, caller = await _asked(request)
    await book.recorder.opt_in(site, caller.digest)
    return await _told(book, caller)


async def find(request: web.Request) -> web.Response:
    """Whether a caller opted out, and where."""
    _, caller = await _asked(request)
    return await _told(request.app[BOOK], caller)


async def _asked(request: web.Request) -> tuple[str | None, Caller]:
    book = request.app[BOOK]
    try:
        asked = OptOutRequest.model_validate(await request.json())
    except (JSONDecodeError, UnicodeDecodeError, LookupError, RecursionError):
        raise Problem(400, "Wrong body", f"the body is not JSON; allowed: {ALLOWED}") from None
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors()[0]["loc"])[:100]
        what = f"{place}: {error.errors()[0]['msg']}" if place else "not an object"
        raise Problem(400, "Wrong body", f"{what}; allowed: {ALLOWED}", place or None) from None
    if asked.site is not None and asked.site not in book.sites:
        allowed = ", ".join(sorted(book.sites))
        raise Problem(400, "Wrong body", f"site: got {asked.site[:100]!r}; allowed: one of {allowed}", "site")
    caller = book.callers.caller(asked.number)
    if not caller.digest:
        raise Problem(400, "Wrong body", "number: not a telephone number; allowed: +, digits, * and #", "number")
    return asked.site, caller


async def _told(book: OptOutBook, caller: Caller) -> web.Response:
    said = [
        OptOutBody(site=record.site, at=record.at, way=record.way)
        for record in await book.recorder.opt_outs(caller.digest)
    ]
    body = CallerBody(caller=caller.mask, opted_out=bool(said), opt_outs=said)
    return web.Response(text=body.model_dump_json(), content_type="application/json")


OPERATIONS = [
    Operation(
        method=method,
        path="/api/v1/callers/opt-out",
        handler=handler,
        roles=ADMIN,
        summary=summary,
        body=OptOutRequest,
        answers={200: CallerBody},
    )
    for method, handler, summary in (
        ("PUT", opt_out, "Never ask a caller again"),
        ("DELETE", opt_in, "Take an opt-out back"),
        ("GET", find, "Whether a caller opted out"),
    )
]
