"""What is wrong with a setting, in one line: its name, what was given, what is allowed."""

import difflib
import os
import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel
from pydantic_core import ErrorDetails

SECRETS = frozenset({"secret", "token", "caller_key", "url"})
"""Settings whose value is never shown, wherever they stand (a URL may hold a password); nor is what `do_not_ask` lists,
which may be a number."""

TYPES: Mapping[str, str] = {
    "int": "should be a whole number",
    "float": "should be a number",
    "bool": "should be true or false",
    "string": "should be text, in quotes",
    "tuple": 'should be a list such as ["a", "b"]',
    "dict": "should be a table of its own",
    "model": "should be a table of its own",
}
"""What is wanted where a value is of another type, by how the codes of pydantic's errors begin."""
_OTHER_TYPE = re.compile(r"([a-z]+)_(?:type|parsing|from_float|attributes_type)")


def explain(detail: ErrorDetails, given: Mapping[str, Any], settings: type[BaseModel], env_prefix: str) -> str:
    """The line for one of pydantic's errors about `given`, the values for `settings`, or about the environment."""
    place = [part for part in detail["loc"] if part != "[key]"]
    # A member of a list is counted from 1, as people do.
    name = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
    other_type = _OTHER_TYPE.fullmatch(detail["type"])
    message = TYPES.get(other_type[1], "") if other_type else ""
    message = message or detail["msg"][0].lower() + detail["msg"][1:]
    last = str(place[-1])
    if detail["type"] == "extra_forbidden":
        allowed = _allowed(place[:-1], settings)
        near = difflib.get_close_matches(last, allowed, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        return f"{name}: unknown setting; {hint}allowed here are {', '.join(allowed)}"
    if detail["type"] == "missing":
        return f"{name}: is needed, and was not given"
    wanted = (env_prefix + "__".join(str(part) for part in place)).upper()
    variable = next((v for v in os.environ if v.upper() == wanted), None)
    if variable:
        name = f"{name} (from the environment, {variable})"
    if last in SECRETS or "do_not_ask" in place:
        return f"{name}: {message}"
    if variable:
        return f"{name}: got {os.environ[variable]!r}; {message}"
    value: Any = given
    for part in place:
        value = _member(value, part)
    if isinstance(value, Mapping):
        return f"{name}: {message}"
    return f"{name}: got {value!r}; {message}"


def _member(value: Any, part: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    # A value that stands alone where a list may stand.
    return value if isinstance(value, str) else None


def _allowed(place: list[str | int], settings: type[BaseModel]) -> list[str]:
    """The names of the settings that may stand in the section at `place`."""
    model = settings
    parts = iter(place)
    for part in parts:
        annotation = model.model_fields[str(part)].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
        else:
            # A table or list of sections: the next part is a key or an index in it.
            model = next(one for one in get_args(annotation) if isinstance(one, type) and issubclass(one, BaseModel))
            next(parts, None)
    return list(model.model_fields)
