"""What the service logs, read back line by line, in either format."""

import ast
import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal
from unittest.mock import patch

import structlog

from ivr.cli.logs import configure_logs
from ivr.service_settings import LogSettings

Format = Literal["console", "json"]
_LINE = re.compile(
    r"(?P<timestamp>\d{4}-\d\d-\d\dT[\d:.]+Z) \[(?P<level>\w+) *\] (?P<event>.*?) *(?P<fields>(?: \w+=.*)?)"
)
_FIELD = re.compile(r"""(\w+)=('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\S+)""")


@contextmanager
def logged(form: Format) -> Iterator[Callable[[], str]]:
    """Log as `postcall serve` does until the block ends; what is yielded tells the text so far."""
    stream, root = io.StringIO(), logging.getLogger()
    before, level = list(root.handlers), root.level
    with patch.object(sys, "stderr", stream):
        configure_logs(LogSettings(level="debug", format=form))
    try:
        yield stream.getvalue
    finally:
        structlog.reset_defaults()
        root.handlers[:] = before
        root.setLevel(level)


def entries(text: str, form: Format) -> list[dict[str, Any]]:
    """The entries of a log. The lines of a traceback in the format for people are its entry's `exception`."""
    if form == "json":
        return [json.loads(line) for line in text.splitlines()]
    found: list[dict[str, Any]] = []
    for line in text.split("\n")[:-1]:
        if (told := _LINE.fullmatch(line)) is None:
            assert found, line
            found[-1]["exception"] = found[-1].get("exception", "") + line + "\n"
            continue
        fields = {name: _value(value) for name, value in _FIELD.findall(told["fields"])}
        found.append({**fields, **{name: told[name] for name in ("timestamp", "level", "event")}})
    return found


def _value(written: str) -> Any:
    try:
        return ast.literal_eval(written)
    except (ValueError, SyntaxError):
        return written
