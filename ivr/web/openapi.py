"""`/openapi.json`: the API's document (OpenAPI 3.1), made from the same list as its routes."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from aiohttp import web
from pydantic import BaseModel, Field
from pydantic.json_schema import models_json_schema

from ivr.web.operations import Operation

DOCUMENT = web.AppKey("openapi document", dict)
_REFERENCE = "#/components/schemas/{model}"
_PLACE = re.compile(r"\{([a-z_]+)(?::[^}]*)?\}")
_REFUSALS: Mapping[str, str] = {
    "400": "A parameter or the body is wrong; the problem names it",
    "401": "Nobody has shown who asks",
    "403": "The one who asks may not",
    "404": "There is no such thing, or the one who asks may not see it",
    "503": "The database or the PBX does not answer",
}


class ProblemBody(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="Always about:blank", examples=["about:blank"])
    title: str = Field(description="The kind of problem", examples=["Wrong parameter"])
    status: int = Field(description="The status again", examples=[400])
    detail: str = Field(
        description="What was wrong, where, and what is allowed",
        examples=["from: got 'yesterday'; allowed: a day such as 2026-11-22, in the site's zone"],
    )
    parameter: str | None = Field(default=None, description="Which parameter was wrong", examples=["from"])


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
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas["$defs"],
        },
    }


def add_document(app: web.Application, operations: Iterable[Operation], *, version: str) -> None:
    """Serve the document. It tells nothing about anybody, and is open."""
    app[DOCUMENT] = document(operations, version=version)
    app.router.add_get("/openapi.json", _serve)


async def _serve(request: web.Request) -> web.Response:
    return web.json_response(request.app[DOCUMENT])


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
            **{status: _refusal(told) for status, told in _REFUSALS.items()},
        },
    }
    if operation.body:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": _of(operation.body)}}}
    return described


def _id(operation: Operation) -> str:
    words = re.findall(r"[a-z0-9]+", _PLACE.sub(r"by \1", operation.path.removeprefix("/api/v1/")))
    return "_".join([operation.method.lower(), *words])


def _places(operation: Operation) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
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
        return {"description": operation.summary, "content": {answer: {}}}
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
