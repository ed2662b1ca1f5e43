"""From a file to a flow version, or to a list of all that is wrong with the file, each mistake with its line."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from callflows import yamltree
from callflows.checks import misfits, unknown
from callflows.model import A_KEY, A_TEXT, A_VALUE, Flow, Prompt, Question
from callflows.sounds import Sound, all_sounds
from callflows.yamltree import Document, Mistake, short
from ivr.errors import FlowError

MAX_BYTES = 64 * 1024
"""The largest flow file that is read."""

LIBRARY = Path(__file__).parent / "library"
"""The flows that are shipped, ``code.yaml``, and their sounds, ``sounds/language/name.wav``."""
GREETING = LIBRARY.parent / "greetings/callback.yaml"
"""The shipped greeting of call-backs, which is put before a survey and is none itself."""

_MODELS: tuple[type[BaseModel], ...] = (Prompt, Question, Flow)
_ALLOWED = {name: field.description for model in _MODELS for name, field in model.model_fields.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowVersion:
    """An immutable copy of a flow, as it was when it was loaded."""

    flow: Flow
    digest: str
    """SHA-256 in hex of what the flow says: comments, the order of settings and defaults written out change nothing."""
    source: str
    """The text of the file; `parse_flow` makes the same version from it again."""


def load_flow(path: Path) -> FlowVersion:
    """Read and check a flow file. Raises `FlowError` with one line for each mistake, in the order of the file:
    ``file:line:column: what is wrong; what is allowed``.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FlowError(f"{path}:1:1: cannot be read: {error.strerror}; allowed: a readable file") from None
    if len(raw) > MAX_BYTES:
        raise FlowError(f"{path}:1:1: too large; allowed: up to {MAX_BYTES} bytes")
    try:
        # Editors on Windows put a byte order mark in front.
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode()
        mistake = Mistake(line=_line(before), column=_column(before), text="not UTF-8; allowed: UTF-8 text")
        raise _flow_error(str(path), [mistake]) from None
    return parse_flow(text, str(path))


def parse_flow(text: str, name: str) -> FlowVersion:
    """Check the text of a flow file; `name` is the file's name in messages. Raises `FlowError` as `load_flow` does."""
    try:
        document = yamltree.read(text)
    except yamltree.Unreadable as error:
        raise _flow_error(name, [error.mistake]) from None
    if not isinstance(document.data, dict):
        what = "the file is empty" if document.empty else "not a mapping"
        raise _flow_error(name, [document.mistake((), f'{what}; required: a flow, starting with "flow: code"')])
    flow, mistakes = None, [*document.mistakes, *misfits(document)]
    try:
        flow = Flow.model_validate(document.data)
    except ValidationError as error:
        # pydantic counts only the sound members of a list: one that is not empty is too short for their mistakes alone.
        details = [detail for detail in error.errors() if detail["type"] != "too_short" or not detail["input"]]
        mistakes += [_complaint(document, detail) for detail in details]
    else:
        mistakes = mistakes or _shared_sounds(document, flow)
    if flow is None or mistakes:
        raise _flow_error(name, mistakes)
    return FlowVersion(flow=flow, digest=_digest(flow), source=text)


def library_path(code: str) -> Path:
    """Where a shipped flow is; raises `FlowError` when there is none of that code."""
    shipped = {path.stem: path for path in sorted(LIBRARY.glob("*.yaml"))}
    if code not in shipped:
        raise FlowError(unknown("flow", code, shipped))
    return shipped[code]


def library_flow(code: str) -> FlowVersion:
    """A shipped flow; raises `FlowError` when there is none of that code."""
    return load_flow(library_path(code))


def _digest(flow: Flow) -> str:
    content = flow.model_dump(mode="json", exclude_defaults=True)
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _flow_error(name: str, mistakes: list[Mistake]) -> FlowError:
    return FlowError("\n".join(_printable(f"{name}:{m.line}:{m.column}: {m.text}") for m in sorted(set(mistakes))))


def _printable(line: str) -> str:
    """A name or text from the file must not break the line, nor steer the terminal that shows it."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)


def _shared_sounds(document: Document, flow: Flow) -> list[Mistake]:
    """Two prompts may share a sound only if they say the same, or building the one would overwrite the other."""
    found: list[Mistake] = []
    first: dict[str, Sound] = {}
    for sound in all_sounds(flow):
        if first.setdefault(sound.name, sound).texts != sound.texts:
            line = document.mistake(first[sound.name].prompt, "", at_key=True).line
            text = f'sound "{sound.name}" is that of another text on line {line}; allowed: one text for a sound'
            found.append(document.mistake(sound.prompt, text, at_key=True))
    return found


def _complaint(document: Document, error: ErrorDetails) -> Mistake:
    """pydantic's error in the admin's words."""
    path, kind = error["loc"], error["type"]
    if path[-3:-2] == ("keys",) and path[-1] == "[key]":
        return document.mistake(path[:-1], f'"{short(str(path[-2]))}" is not a key; allowed: {A_KEY}', at_key=True)
    place = path[:-1] if kind == "missing" else path
    return document.mistake(place, _message(error), at_key=kind in ("missing", "extra_forbidden"))


def _message(error: ErrorDetails) -> str:
    path, kind = error["loc"], error["type"]
    settings = Question.model_fields if path[0] == "questions" and len(path) > 1 else Flow.model_fields
    name = next(part for part in reversed(path) if isinstance(part, str))
    if kind == "extra_forbidden":
        return unknown("setting", name, settings)
    if kind == "missing":
        required = ", ".join(setting for setting, field in settings.items() if field.is_required())
        return f'"{name}" is missing; required: {required}'
    above = path[-2] if len(path) > 1 else ""
    given = _given(error["input"])
    if above == "keys":
        return f'key "{name}" gives {given}; allowed: {A_VALUE}'
    if name not in _ALLOWED:
        return f'"{above}" in "{short(name)}" is {given}; allowed: {A_TEXT}'
    return f'"{name}" is {given}; allowed: {_ALLOWED[name]}'


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


def _line(before: str) -> int:
    return before.count("\n") + 1


def _column(before: str) -> int:
    return len(before) - before.rfind("\n")
