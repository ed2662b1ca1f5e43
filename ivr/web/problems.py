"""Errors as `application/problem+json` (RFC 9457), which name what was wrong and what is allowed."""

from typing import Literal

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel, Field

from ivr.errors import DatabaseError

log = structlog.get_logger()


class ProblemBody(BaseModel):
    """Why a request was not answered (RFC 9457)."""

    type: Literal["about:blank"] = "about:blank"
    title: str = Field(description="The kind of problem, by the status", examples=["Wrong parameter"])
    status: int = Field(description="The same as the answer's status", examples=[400])
    detail: str = Field(
        description="What was wrong, and what is allowed",
        examples=["site: got 'mars'; allowed: one of main, north"],
    )
    parameter: str | None = Field(
        default=None, description="The part of the query, path or body that is wrong; left out for none"
    )


class Problem(Exception):
    """A request that cannot be answered. `parameter` names the part of the query or path that is wrong."""

    def __init__(self, status: int, title: str, detail: str, parameter: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.parameter = parameter

    def response(self) -> web.Response:
        """The problem as the client reads it."""
        body = ProblemBody(title=self.title, status=self.status, detail=self.detail, parameter=self.parameter)
        return web.Response(
            text=body.model_dump_json(exclude_none=True), status=self.status, content_type="application/problem+json"
        )


def wrong_parameter(name: str, given: str, allowed: str) -> Problem:
    """400: the query parameter `name` was `given`, which is not `allowed`."""
    return Problem(400, "Wrong parameter", f"{name}: got {given[:100]!r}; allowed: {allowed}", name)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error of every handler leaves as a problem; what is our fault is logged and not told."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = Problem(error.status, error.reason, f"{request.method} {request.path}: {error.reason}").response()
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except DatabaseError as error:
        log_outage(request, error)
        return Problem(503, "Database not available", "the database does not answer; try again later").response()
    except Exception:
        log.exception("a request failed", path=request.path)
        return Problem(500, "Internal error", "a fault of ours; the log has more").response()


def log_outage(request: web.Request, error: DatabaseError) -> None:
    """Tell the operator what whoever asked is not told."""
    log.error("the database does not answer a request", path=request.path, why=str(error))
