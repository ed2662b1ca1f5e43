"""What pydantic finds wrong with a flow file, in the admin's words and at its place in the file."""

from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from callflows import fields
from callflows.checks import unknown
from callflows.model import KINDS, Case, Flow, Incentive, LanguageChoice, kind_of
from callflows.questions import Prompt, Question
from callflows.yamltree import Document, Mistake, SettingPath, short

# Of the settings that are mappings: the word for a name in it, what a name may be, and what its value.
_ENTRIES = {
    "keys": ("key", fields.A_KEY, fields.A_VALUE),
    "choices": ("key", fields.A_NUMBER_KEY, fields.A_LABEL),
    "reasons": ("key", fields.A_NUMBER_KEY, fields.A_REASON),
    "queues": ("queue", fields.A_TEXT, fields.A_LANGUAGE),
    "answer": ("question", fields.A_CODE, fields.AN_ANSWER),
    "variable": ("channel variable", fields.A_VARIABLE, fields.WORDS),
}


def complaint(document: Document, error: ErrorDetails) -> Mistake:
    """One of pydantic's errors as a mistake of the file."""
    path, kind = error["loc"], error["type"]
    if path[0] == "steps" and len(path) > 2:
        path = (*path[:2], *path[3:])  # pydantic names the kind of step as if it were a setting
    if kind == "union_tag_not_found":
        return _no_step(document, path, error["input"])
    model, setting = _setting(document, path)
    if kind == "extra_forbidden":
        return document.mistake(path, unknown("setting", str(path[-1]), _names(model)), at_key=True)
    if kind == "missing":
        required = ", ".join(name for name, field in _names(model).items() if field.is_required())
        return document.mistake(path[:-1], f'"{path[-1]}" is missing; required: {required}', at_key=True)
    name, inside = str(path[setting]), path[setting + 1 :]
    if inside and inside[-1] == "[key]":
        what, allowed, _ = _ENTRIES[name]
        return document.mistake(path[:-1], f'"{short(str(path[-2]))}" is not a {what}; allowed: {allowed}', at_key=True)
    given = _given(error["input"])
    if inside and name in _ENTRIES:
        what, _, allowed = _ENTRIES[name]
        if model is LanguageChoice:
            allowed = fields.A_LANGUAGE
        return document.mistake(path, f'{what} "{short(str(inside[0]))}" gives {given}; allowed: {allowed}')
    if inside and isinstance(inside[0], str):
        return document.mistake(path, f'"{name}" in "{short(inside[0])}" is {given}; allowed: {fields.A_TEXT}')
    return document.mistake(path, f'"{name}" is {given}; allowed: {_names(model)[name].description}')


def _no_step(document: Document, path: SettingPath, given: Any) -> Mistake:
    if isinstance(given, dict) and given:
        return document.mistake((*path, next(iter(given))), unknown("step", str(next(iter(given))), KINDS), at_key=True)
    return document.mistake(path, f"a step is {_given(given)}; allowed: one of {', '.join(KINDS)}, with its settings")


def _names(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields by the names that they have in a file, with that of the step's kind first."""
    named = {field.alias or name: field for name, field in model.model_fields.items()}
    return dict(sorted(named.items(), key=lambda item: item[0] not in KINDS))


def _setting(document: Document, path: SettingPath) -> tuple[type[BaseModel], int]:
    """The model whose setting a path leads into, and where in the path that setting's name is."""
    model: type[BaseModel] = Flow
    setting = 0
    said: Any = document.data
    for i, part in enumerate(path):
        said = _inside(said, part)
        inner: type[BaseModel] | None = None
        match part:
            case "language" if model is Flow:
                inner = LanguageChoice
            case "incentive":
                inner = Incentive
            case int() if path[i - 1] == "steps":
                inner = KINDS[kind_of(said) or "say"]
            case int() if path[i - 1] == "cases":
                inner = Case
            case int() if path[i - 1] == "questions":
                inner = Question
        if inner and i + 1 < len(path):
            model, setting = inner, i + 1
    if setting + 1 < len(path) and isinstance(path[setting], str) and path[-1] == "sound":
        return Prompt, len(path) - 1
    return model, setting


def _inside(said: Any, part: str | int) -> Any:
    if isinstance(said, dict):
        return said.get(part)
    return said[part] if isinstance(said, list) and isinstance(part, int) and part < len(said) else None


def _given(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case str():
            return f'"{short(value)}"'
        case dict():
            return "a mapping" if value else "an empty mapping"
        case _:
            return "a list" if value else "an empty list"
