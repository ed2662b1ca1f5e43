"""Where the log goes and how it looks."""

import contextlib
import logging
import sys
from typing import TextIO, cast

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from ivr.cli.log_text import one_line, traceback_text
from ivr.service_settings import LogSettings


class _Unfailing:
    """A file for the log: a line that cannot be written, since the disk is full, stops nobody's work."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._file.flush()


def configure_logs(settings: LogSettings) -> None:
    """Send our log, and what libraries log, to standard error; never secrets nor callers' numbers.

    Whatever a line tells, it stays one line, but for the traceback below it in the format for people.
    """
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: Processor
    if settings.format == "json":
        last = structlog.processors.JSONRenderer()
    else:
        # Texts in quotes, so that what comes from a phone can neither pass for another field nor steer a terminal.
        last = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), repr_native_str=True, exception_formatter=structlog.dev.plain_traceback
        )
    render: list[Processor] = [structlog.processors.ExceptionRenderer(traceback_text), _event_on_one_line, last]
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Unfailing(sys.stderr))),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _first_line],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


def _event_on_one_line(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    entry["event"] = one_line(str(entry["event"]))
    return entry


def _first_line(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    """asyncio, for one, goes on with the ``repr`` of a task, and with it the text of the error that ended it."""
    entry["event"] = str(entry["event"]).partition("\n")[0]
    return entry
