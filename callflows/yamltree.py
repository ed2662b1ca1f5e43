"""YAML text as plain data in which every setting still knows its line and column.

Only what a call flow needs is read: one document of mappings, lists and scalars. Aliases and tags are refused, so no
text can grow while it is read, and the depth is limited, because the scanner's time grows with the square of it.
Keys stay the text that was written (``1``, not a number), so ``1`` and ``"1"`` are the same key.
"""

import re
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

MAX_DEPTH = 10
"""How deep mappings and lists may stand in one another."""

SettingPath = tuple[str | int, ...]
"""The keys and list positions (from 0) that lead from the top of the document to a setting."""

_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[-+]?[0-9]{1,18}\.[0-9]{0,18}")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Mistake:
    """One thing that is wrong in a file."""

    line: int
    """From 1."""
    column: int
    """From 1, in characters."""
    text: str
    """What is wrong; what is allowed."""


def short(text: str) -> str:
    """Enough of a text from the file to know it again."""
    return text if len(text) <= 40 else f"{text[:40]}…"


class Unreadable(Exception):
    """The text cannot be read any further than `mistake`."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.text)
        self.mistake = mistake


@dataclass(slots=True, kw_only=True)
class Document:
    """What was read: dicts, lists, str, int, float, bool and None, and where each stood."""

    data: Any = None
    empty: bool = True
    keys: dict[SettingPath, tuple[int, int]] = field(default_factory=dict)
    """Line and column of the key of each setting in a mapping."""
    values: dict[SettingPath, tuple[int, int]] = field(default_factory=dict)
    """Line and column of each value."""
    mistakes: list[Mistake] = field(default_factory=list)
    """Those that did not stop the reading: keys written twice."""

    def mistake(self, path: SettingPath, text: str, *, at_key: bool = False) -> Mistake:
        """A mistake at the value of `path`, or at its key; where the file has neither, at what it would stand in."""
        while True:
            places = (self.keys, self.values) if at_key else (self.values, self.keys)
            for known in places:
                if path in known:
                    line, column = known[path]
                    return Mistake(line=line, column=column, text=text)
            if not path:
                return Mistake(line=1, column=1, text=text)
            path, at_key = path[:-1], True


def read(text: str) -> Document:
    """Read YAML 1.2; raises `Unreadable` at the first thing that is not."""
    document = Document()
    open_nodes: list[_Open] = []
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            place = (event.start_mark.line + 1, event.start_mark.column + 1)
            if isinstance(event, DocumentStartEvent) and not document.empty:
                raise _unreadable(place, "a second document; allowed: one flow a file")
            if isinstance(event, NodeEvent):
                _refuse(event, place, len(open_nodes))
                _take(document, open_nodes, event, place)
            elif isinstance(event, CollectionEndEvent):
                open_nodes.pop()
    except ReaderError as error:
        before = text[: error.position]
        place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise _unreadable(place, "a control character; allowed: printable text") from None
    except MarkedYAMLError as error:
        raise _syntax(error) from None
    except YAMLError as error:
        raise _unreadable((1, 1), f"not YAML: {' '.join(str(error).split())}; allowed: YAML 1.2") from None
    return document


@dataclass(slots=True, kw_only=True)
class _Open:
    """A mapping or list whose end has not come yet."""

    path: SettingPath
    node: dict[str, Any] | list[Any]
    key: str | None = None
    """The key that waits for its value."""


def _take(document: Document, open_nodes: list[_Open], event: NodeEvent, place: tuple[int, int]) -> None:
    value: Any
    if isinstance(event, MappingStartEvent):
        value = {}
    elif isinstance(event, SequenceStartEvent):
        value = []
    else:
        value = _scalar(event) if isinstance(event, ScalarEvent) else None
    path: SettingPath = ()
    if not open_nodes:
        document.data, document.empty = value, False
    elif isinstance((parent := open_nodes[-1]).node, list):
        path = (*parent.path, len(parent.node))
        parent.node.append(value)
    elif parent.key is None:
        if not isinstance(event, ScalarEvent):
            raise _unreadable(place, "a list or mapping as a key; allowed: text")
        parent.key = event.value
        path = (*parent.path, parent.key)
        if path in document.keys:
            line = document.keys[path][0]
            text = f'"{short(parent.key)}" is written twice; allowed: once, and line {line} has it already'
            document.mistakes.append(Mistake(line=place[0], column=place[1], text=text))
        document.keys.setdefault(path, place)
        return
    else:
        path = (*parent.path, parent.key)
        parent.node.setdefault(parent.key, value)
        parent.key = None
    document.values.setdefault(path, place)
    if isinstance(value, dict | list):
        open_nodes.append(_Open(path=path, node=value))


def _scalar(event: ScalarEvent) -> Any:
    """The value by the JSON schema of YAML 1.2: ``yes`` and ``no`` are text."""
    text: str = event.value
    if event.style is not None:
        return text
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def _refuse(event: NodeEvent, place: tuple[int, int], depth: int) -> None:
    if isinstance(event, AliasEvent):
        raise _unreadable(place, 'an alias (*); allowed: the text itself, and the star key in quotes: "*"')
    if event.anchor is not None:
        raise _unreadable(place, "an anchor (&); allowed: the text itself, in quotes if it starts with &")
    if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag is not None:
        raise _unreadable(place, "a tag (!); allowed: the text itself, in quotes if it starts with !")
    if depth >= MAX_DEPTH:
        raise _unreadable(place, f"nested too deeply; allowed: {MAX_DEPTH} levels")


def _syntax(error: MarkedYAMLError) -> Unreadable:
    """ruamel's words for the mistakes that are made most, in ours; each at the place where it is to be mended."""
    mark, problem, context = error.problem_mark, error.problem or "", error.context or ""
    if problem == "mapping values are not allowed here":
        text = 'an unexpected ":"; allowed: text that has ": " in quotes, and settings in one column'
    elif "\\t" in problem:
        text = "a tab; allowed: spaces"
    elif problem.startswith("expected <block end>"):
        text = "not in the column of what it belongs to; allowed: settings that belong together in one column"
    elif context == "while scanning a simple key":
        mark, text = error.context_mark, 'a line without ":"; allowed: "name: value"'
    elif context == "while scanning a quoted scalar" and "end of stream" in problem:
        mark, text = error.context_mark, "a quote that is not closed; allowed: text between two quotes"
    else:
        text = f"not YAML: {' '.join(problem.split())}; allowed: YAML 1.2"
    return _unreadable((mark.line + 1, mark.column + 1) if mark else (1, 1), text)


def _unreadable(place: tuple[int, int], text: str) -> Unreadable:
    return Unreadable(Mistake(line=place[0], column=place[1], text=text))
