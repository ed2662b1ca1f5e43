"""`/openapi.json`: the API's document (OpenAPI 3.1), made from the same list as its routes."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from ivr.web.answers import tagged
from ivr.web.auth import COOKIE, CSRF_HEADER
from ivr.web.operations import Operation
from ivr.web.problems import ProblemBody

DOCUMENT = web.AppKey("openapi document", str)
_REFERENCE = "#/components/schemas/{model}"
_PLACE = re.compile(r"\{([a-z_]+)(?::[^}]*)?\}")
_PLACES: Mapping[str, tuple[str, str]] = {
    "agent": ("Code of the agent; a slash in it is written %2F", "PJSIP/1001"),
    "call": ("The linkedid of the call", "1732248000.17"),
    "linkedid": ("The linkedid of the call", "1732248000.17"),
    "flow": ("Code of the flow", "csat"),
    "question": ("Code of the question", "comment"),
}
"""What stands in the places of a path, with an example."""
_REFUSALS: Mapping[str, str] = {
    "400": "A parameter or the body is wrong; the problem names it",
    "401": "Nobody has shown who asks",
    "403": "The one who asks may not",
    "404": "There is no such thing, or the one who asks may not see it",
    "409": "The call is not in a state in which that can be done",
    "413": "The body is too long",
    "503": "The database or the PBX does not answer",
}


def document(operations: Iterable[Operation], *, version: str) -> dict[str, Any]:
    """The document of the operations below `/api/`."""
    listed = [operation for operation in operations if operation.path.startswith("/api/")]
    schemas = _schemas(listed)
    paths: dict[str, dict[str, Any]] = {}
    for operation in listed:
        path = _PLACE.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _described(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Postcall",
            "version": version,
            "description": "Ratings of callers, and fair scores of agents. Days are those of the site.",
        },
        "security": [{"token": []}, {"session": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token of the settings, or one that `postcall accounts token` made",
                },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": f"A signed-in browser. What changes something needs the header {CSRF_HEADER}, too",
                },
            },
            "schemas": schemas["$defs"],
        },
    }


def add_document(app: web.Application, operations: Iterable[Operation], *, version: str) -> None:
    """Serve the document. It tells nothing about anybody, and is open."""
    app[DOCUMENT] = json.dumps(document(operations, version=version), ensure_ascii=False)
    app.router.add_get("/openapi.json", _serve)


async def _serve(request: web.Request) -> web.Response:
    return tagged(request, request.app[DOCUMENT])


def _schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    models: dict[type[BaseModel], Literal["validation", "serialization"]] = {ProblemBody: "serialization"}
    for operation in operations:
        if operation.body:
            models[operation.body] = "validation"
        models |= {answer: "serialization" for answer in operation.answers.values() if isinstance(answer, type)}
    return models_json_schema(list(models.items()), ref_template=_REFERENCE)[1]


def _described(operation: Operation, schemas: Mapping[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": _id(operation),
        "description": f"{(operation.handler.__doc__ or '').strip()}\n\nRoles: {', '.join(sorted(operation.roles))}.",
        "parameters": [*_places(operation), *_parameters(operation)],
        "responses": {
            **{str(status): _answer(answer, operation) for status, answer in operation.answers.items()},
            **({"304": {"description": "What If-None-Match names is still so"}} if _is_tagged(operation) else {}),
            **{status: _refusal(told) for status, told in _REFUSALS.items() if int(status) in _problems(operation)},
        },
    }
    if operation.body:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": _of(operation.body)}}}
    return described


def _id(operation: Operation) -> str:
    words = re.findall(r"[a-z0-9]+", _PLACE.sub(r"by \1", operation.path.removeprefix("/api/v1/")))
    return "_".join([operation.method.lower(), *words])


def _problems(operation: Operation) -> frozenset[int]:
    body = {413} if operation.method != "GET" or operation.body else set()
    return frozenset({400, 401, 403, 404, 503, *operation.problems, *body})


def _is_tagged(operation: Operation) -> bool:
    return operation.method == "GET" and isinstance(operation.answers.get(200), type)


def _places(operation: Operation) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": _PLACES[name][0],
            "schema": {"type": "string", "minLength": 1, "examples": [_PLACES[name][1]]},
        }
        for name in _PLACE.findall(operation.path)
    ]


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema(by_alias=True, ref_template=_REFERENCE)
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "description": given.get("description", ""),
            "schema": _plain(given),
            # A list is one value with commas.
            **({"style": "form", "explode": False} if given.get("type") == "array" else {}),
        }
        for name, given in schema.get("properties", {}).items()
    ]


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter's schema. One that is not given is left out, and never null."""
    choices = [choice for choice in given.get("anyOf", ()) if choice.get("type") != "null"]
    kept = {name: value for name, value in given.items() if name not in ("anyOf", "title", "description", "allowed")}
    if kept.get("default", 0) is None:
        del kept["default"]
    return {**(choices[0] if choices else {}), **kept}


def _answer(answer: type[BaseModel] | str, operation: Operation) -> dict[str, Any]:
    if isinstance(answer, str):
        return {"description": operation.summary, **({"content": {answer: {}}} if answer else {})}
    content: dict[str, Any] = {"application/json": {"schema": _of(answer)}}
    if operation.query and "format" in operation.query.model_fields:
        content |= {
            kind: {} for kind in ("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
        }
    return {"description": operation.summary, "content": content}


def _refusal(told: str) -> dict[str, Any]:
    return {"description": told, "content": {"application/problem+json": {"schema": _of(ProblemBody)}}}


def _of(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}
