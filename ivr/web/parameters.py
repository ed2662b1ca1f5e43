"""Reads the parameters of a query by a model, each wrong one refused by name with what is allowed."""

import difflib
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from ivr.web.problems import wrong_parameter

A_DAY = "a day such as 2026-11-22, in the site's zone"


class Parameters(BaseModel):
    """Base of the models. A field's `description` is the documentation; a message says what is allowed by the error of
    its validator, or by ``allowed`` in its `json_schema_extra`."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Parameters)


def _day(given: object) -> object:
    if not isinstance(given, str):
        return given
    try:
        day = datetime.strptime(given, "%Y-%m-%d").date()  # noqa: DTZ007 - a day has no zone of its own
    except ValueError:
        day = None
    if day is None or not 1970 <= day.year <= 2999:
        raise ValueError(A_DAY)
    return day


Day = Annotated[date, BeforeValidator(_day)]


def read_parameters(request: web.Request, model: type[Model]) -> Model:
    """The query of a request. Raises `Problem` (400) that names the first wrong parameter."""
    query = request.query
    names = [field.alias or name for name, field in model.model_fields.items()]
    for name in query:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            there = f"there {'is' if len(names) == 1 else 'are'} {', '.join(names) or 'none'}"
            raise wrong_parameter(name, query[name], f"no such parameter; {there}{hint}")
        if len(query.getall(name)) > 1:
            raise wrong_parameter(name, ", ".join(query.getall(name)), "one value")
    try:
        return model.model_validate(dict(query))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        raise wrong_parameter(name, query.get(name, ""), _allowed(model, name, first)) from None


def _allowed(model: type[Parameters], name: str, error: Any) -> str:
    field = next(field for key, field in model.model_fields.items() if (field.alias or key) == name)
    extra = field.json_schema_extra
    if isinstance(extra, dict) and "allowed" in extra:
        return str(extra["allowed"])
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    message = str(error["msg"])
    return message[0].lower() + message[1:]
