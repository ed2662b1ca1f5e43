"""A line of the log stays a line, whatever is in it; and what led to an error is told without what came in."""

import asyncio
import json
import logging
import traceback
from collections.abc import Callable

import pytest
import structlog

from ivr.cli.log_text import error_text, traceback_text
from ivr.errors import DatabaseError
from tests.cli.logged import Format, entries, logged

NUMBER = "0912345678"
HOSTILE = "\x1b[31mEve\x9b2J\u202e\u2028\r\n2026-11-27T01:00:00Z [info     ] somebody has signed in   login='admin'"
FORMATS = pytest.mark.parametrize("form", ["console", "json"])


def number_of(text: str) -> int:
    """What a careless line of code does with a number."""
    return int(text)


def controls(text: str) -> set[str]:
    """What is in a log besides printable characters and line ends."""
    return {char for char in text if not char.isprintable() and char != "\n"}


@FORMATS
def test_hostile_text_begins_no_line_and_steers_no_terminal(form: Format) -> None:
    with logged(form) as text:
        log = structlog.get_logger()
        log.warning("a call failed", path=HOSTILE, known=[HOSTILE], how={HOSTILE: HOSTILE}, survey="1.1")
        log.warning(HOSTILE)
        logging.getLogger("aiohttp.server").warning("from %s", HOSTILE)
    assert controls(text()) == set()
    assert len(text().splitlines()) == 3
    first, second, third = entries(text(), form)
    assert (first["event"], first["path"], first["survey"]) == ("a call failed", HOSTILE, "1.1")
    assert second["event"].startswith(r"\x1b[31mEve\x9b2J\u202e\u2028\r\n2026")
    assert third["event"].startswith(r"from \x1b[31mEve")
    assert [entry["level"] for entry in (first, second, third)] == ["warning"] * 3


@FORMATS
def test_a_traceback_says_where_and_what_kind_and_not_what_came_in(form: Format) -> None:
    with logged(form) as text:
        for log in (structlog.get_logger(), logging.getLogger("aiohttp.server")):
            try:
                try:
                    number_of(HOSTILE + NUMBER)
                except ValueError as error:
                    raise DatabaseError("database main.db: disk I/O error") from error
            except DatabaseError:
                log.exception("a call cannot be written")
    assert NUMBER not in text()
    assert "Eve" not in text()
    assert controls(text()) == set()
    for entry in entries(text(), form):
        assert entry["event"] == "a call cannot be written"
        lines = entry["exception"].splitlines()
        assert "ValueError" in lines
        assert "DatabaseError: database main.db: disk I/O error" in lines
        assert "The above exception was the direct cause of the following exception:" in lines
        assert [line for line in lines if "in number_of" in line]
        assert lines.index("ValueError") < len(lines) - 1


@FORMATS
async def test_a_task_that_nobody_waits_for_is_told_without_its_error(form: Format) -> None:
    with logged(form) as text:

        async def fails() -> None:
            number_of(NUMBER + "x")

        task = asyncio.create_task(fails())
        await asyncio.wait([task])
        del task
    (entry,) = entries(text(), form)
    assert entry["event"] == "Task exception was never retrieved"
    assert "in fails" in entry["exception"]
    assert NUMBER not in text()


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError(NUMBER), "ValueError"),
        (KeyError(NUMBER), "KeyError"),
        (RuntimeError(NUMBER), "RuntimeError"),
        (UnicodeDecodeError("utf-8", NUMBER.encode(), 0, 1, NUMBER), "UnicodeDecodeError"),
        (OSError(28, NUMBER, NUMBER), "OSError: No space left on device"),
        (ConnectionError(NUMBER), "ConnectionError"),
        (DatabaseError("no\nanswer\x1b"), r"DatabaseError: no\nanswer\x1b"),
        (
            AttributeError("'NoneType' object has no attribute 'legs'"),
            "AttributeError: 'NoneType' object has no attribute 'legs'",
        ),
    ],
)
def test_the_text_of_an_error(error: Exception, told: str) -> None:
    assert error_text(error) == told


def circle() -> None:
    first, second = ValueError("a"), KeyError("b")
    first.__cause__, second.__cause__ = second, first
    raise first


def suppressed() -> None:
    try:
        number_of("x")
    except ValueError:
        raise KeyError from None


def handled() -> None:
    try:
        number_of("x")
    except ValueError:
        {}["no"]  # type: ignore[index]


def grouped() -> None:
    raise ExceptionGroup(NUMBER, [ValueError(NUMBER), ExceptionGroup(NUMBER, [TypeError("kind")])])


@pytest.mark.parametrize(
    ("fails", "kinds"),
    [
        (circle, ["KeyError", "ValueError"]),
        (suppressed, ["KeyError"]),
        (handled, ["ValueError", "KeyError"]),
        (grouped, ["ExceptionGroup", "  | ValueError", "  | ExceptionGroup", "  |   | TypeError: kind"]),
    ],
)
def test_every_error_that_led_to_it_is_told_once(fails: Callable[[], None], kinds: list[str]) -> None:
    try:
        fails()
    except Exception as error:
        told = traceback_text((type(error), error, error.__traceback__)).splitlines()
        python = traceback.format_exception(error)
    found = [line for line in told if line.lstrip(" |").partition(":")[0].endswith(("Error", "ExceptionGroup"))]
    assert found == kinds
    if fails is handled:
        # But for the texts, it is what Python itself prints.
        assert "\n".join(told) + "\n" == "".join(python).replace(
            "ValueError: invalid literal for int() with base 10: 'x'", "ValueError"
        ).replace("KeyError: 'no'", "KeyError")


def test_json_is_one_object_a_line_with_a_time_and_a_level() -> None:
    with logged("json") as text, structlog.contextvars.bound_contextvars(site="main"):
        structlog.get_logger().info("AMI is connected", version="11.0.0")
    entry = json.loads(text())
    assert entry.pop("timestamp").endswith("Z")
    assert entry == {"event": "AMI is connected", "level": "info", "site": "main", "version": "11.0.0"}


def test_the_level_of_the_settings_holds_for_ours_and_never_lets_libraries_chatter() -> None:
    with logged("json") as text:
        structlog.get_logger().debug("ours")
        logging.getLogger("aiohttp.server").info("theirs")
        logging.getLogger("aiohttp.server").warning("their warning")
    assert [entry["event"] for entry in entries(text(), "json")] == ["ours", "their warning"]
