"""What the API can do: each operation with who may ask for it and what goes in and out.

The routes, the access check and the OpenAPI document are made from the same list.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel

from storage.accounts import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    """As aiohttp writes it, such as ``/api/v1/calls/{call}``."""
    handler: Handler
    roles: frozenset[Role]
    """Who may ask; nobody who is not listed."""
    summary: str
    """One line."""
    query: type[BaseModel] | None = None
    """The parameters of the query."""
    body: type[BaseModel] | None = None
    answers: Mapping[int, type[BaseModel] | str] = field(default_factory=dict)
    """By status, those that are no problem: a model that is sent as JSON, or the media type of what is sent, or ``""``
    for nothing."""
    problems: frozenset[int] = frozenset()
    """Statuses of the problems that not every operation has."""


OPERATIONS = web.AppKey("operations", dict[tuple[str, str], Operation])
"""By method and the canonical path of the route."""


def add_operations(app: web.Application, operations: Iterable[Operation]) -> None:
    """Add a route for each operation."""
    known = app.setdefault(OPERATIONS, {})
    for operation in operations:
        # A HEAD carries no body in which it could say what it asks; and of a stream there is no end to wait for.
        is_stream = operation.answers.get(200) == "text/event-stream"
        with_head = operation.method == "GET" and operation.body is None and not is_stream
        for method in (operation.method, *(["HEAD"] if with_head else [])):
            route = app.router.add_route(method, operation.path, operation.handler)
            assert route.resource is not None  # the router makes one for each path
            known[method, route.resource.canonical] = operation


def operation_of(request: web.Request) -> Operation | None:
    """The operation that a request asks for; None for a page, a static file or a path that there is not."""
    resource = request.match_info.route.resource
    return None if resource is None else request.app[OPERATIONS].get((request.method, resource.canonical))
