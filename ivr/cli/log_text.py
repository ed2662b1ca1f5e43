"""What of an error is logged: where it came from and what kind it is. Its text only where nobody but us writes it.

The text of any other error may quote what came in: ``int`` names the digits that it cannot read, an HTTP server the
header that it does not understand, and with it a caller's number or somebody's token.
"""

import os
import traceback
from collections.abc import Iterator
from types import TracebackType

from ivr.errors import PostcallError

_SAFE = (PostcallError, AttributeError, ImportError, MemoryError, NameError, RecursionError, TypeError)
"""Errors of ours, and those whose texts name parts of the program and no values."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def one_line(text: str) -> str:
    """`text` with whatever cannot be printed, or would begin another line, in Python's escapes: ``\\n``, ``\\x1b``."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def error_text(error: BaseException) -> str:
    """The kind of an error, with its text where that holds nothing that came from outside; one line."""
    kind = type(error).__name__
    if isinstance(error, OSError):
        text = os.strerror(error.errno) if error.errno and error.errno > 0 else ""
    elif isinstance(error, _SAFE):
        text = str(error)
    else:
        text = ""
    return one_line(f"{kind}: {text}" if text else kind)


def traceback_text(exc_info: ExcInfo) -> str:
    """The traceback of an error and of those that led to it, as Python prints them, with `error_text` for each text."""
    return "\n".join(_lines(exc_info[1], seen=set()))


def _lines(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    led_here, how = error.__cause__, "The above exception was the direct cause of the following exception:"
    if led_here is None and not error.__suppress_context__:
        led_here, how = error.__context__, "During handling of the above exception, another exception occurred:"
    if led_here is not None and id(led_here) not in seen:
        yield from _lines(led_here, seen)
        yield from ("", how, "")
    if error.__traceback__:
        yield "Traceback (most recent call last):"
        for frame in traceback.format_tb(error.__traceback__):
            yield from frame.rstrip("\n").split("\n")
    yield error_text(error)
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            if id(one) not in seen:
                yield from (f"  | {line}" for line in _lines(one, seen))
