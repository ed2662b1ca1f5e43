"""From a file to a flow version, or to a list of all that is wrong with the file, each mistake with its line."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from callflows import yamltree
from callflows.checks import misfits, unknown
from callflows.complaints import complaint
from callflows.model import Flow
from callflows.whole import misfits_of
from callflows.yamltree import Mistake
from ivr.errors import FlowError

MAX_BYTES = 64 * 1024
"""The largest flow file that is read."""

LIBRARY = Path(__file__).parent / "library"
"""The flows that are shipped, ``code.yaml``, and their sounds, ``sounds/language/name.wav``."""
GREETING = LIBRARY.parent / "greetings/callback.yaml"
"""The shipped greeting of call-backs, which is put before a survey and is none itself."""


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
        details = [detail for detail in error.errors() if not _counts_wrongly(detail)]
        mistakes += [complaint(document, detail) for detail in details]
    else:
        mistakes = mistakes or list(misfits_of(document, flow))
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


def _counts_wrongly(error: ErrorDetails) -> bool:
    """pydantic counts only the sound members of a list or mapping: it may be too short for their mistakes alone."""
    return error["type"] == "too_short" and len(error["input"]) >= error["ctx"]["min_length"]


def _digest(flow: Flow) -> str:
    content = flow.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _flow_error(name: str, mistakes: list[Mistake]) -> FlowError:
    return FlowError("\n".join(_printable(f"{name}:{m.line}:{m.column}: {m.text}") for m in sorted(set(mistakes))))


def _printable(line: str) -> str:
    """A name or text from the file must not break the line, nor steer the terminal that shows it."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in line)


def _line(before: str) -> int:
    return before.count("\n") + 1


def _column(before: str) -> int:
    return len(before) - before.rfind("\n")
