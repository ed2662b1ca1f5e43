"""Every message in both languages, and numbers and days as each writes them."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import ivr.web.pages
from ivr.web.pages.language import language, wanted_language

FOLDER = Path(ivr.web.pages.__file__).parent
KINDS = [("templates/**.html", "jinja2"), ("**.py", "python")]
NAMED = re.compile(r"%\((\w+)\)s")


def said() -> Iterator[tuple[str, ...]]:
    """Every message of the pages: its text, or of one that counts its two texts."""
    for _, _, message, _, _ in extract_from_dir(FOLDER, KINDS):
        yield message if isinstance(message, tuple) else (message,)


def translated() -> dict[tuple[str, ...], tuple[str, ...]]:
    with (FOLDER / "translations/zh.po").open("rb") as file:
        return {
            message.id if isinstance(message.id, tuple) else (message.id,): message.string
            if isinstance(message.string, tuple)
            else (message.string,)
            for message in read_po(file)
            if message.id
        }


def test_every_message_is_there_in_chinese() -> None:
    lacking = {message for message in said() if not all(translated().get(message, ("",)))}
    assert not lacking


def test_nothing_is_translated_that_no_page_says() -> None:
    assert set(translated()) <= set(said())


def test_a_translation_names_the_same_values() -> None:
    for message, chinese in translated().items():
        for form in chinese:
            assert set(NAMED.findall(form)) == set(NAMED.findall(message[-1])), message


@pytest.mark.parametrize(
    ("cookie", "accepted", "code"),
    [
        ("", "", "en"),
        ("zh", "en", "zh"),
        ("xx", "zh-TW,zh;q=0.9,en;q=0.8", "zh"),
        ("", "fr,en;q=0.5,zh;q=0.7", "zh"),
        ("", "fr, de", "en"),
        ("", "zh;q=0, en;q=0.1", "en"),
        ("", "zh;q=much, ;;,,", "en"),
    ],
)
def test_the_chosen_language_goes_before_the_browsers(cookie: str, accepted: str, code: str) -> None:
    assert wanted_language(cookie, accepted).code == code


def test_numbers_are_written_with_their_separators_and_no_more_decimals_than_they_have() -> None:
    english = language("en")
    assert english.number(1234567) == "1,234,567"
    assert english.number(Fraction(5, 2)) == "2.5"
    assert english.number(Fraction(3)) == "3"
    assert english.number(4.3333, 2) == "4.33"
    assert english.number(4, 2) == "4.00"
    assert english.percent(0.8249) == "82%"
    assert english.percent(0.8249, 1) == "82.5%"


def test_a_moment_is_shown_in_the_zone_that_it_is_in() -> None:
    moment = datetime(2026, 11, 22, 23, 30, 5, tzinfo=UTC).astimezone(ZoneInfo("Asia/Taipei"))
    assert language("en").moment(moment).startswith("23 Nov 2026")
    assert "07:30:05" in language("en").moment(moment)
    assert language("zh").moment(moment).startswith("2026年11月23日")
    assert language("zh").clock(moment) == "07:30:05"
    assert language("zh").day(date(2026, 11, 23)) == "2026年11月23日"


def test_lengths_are_minutes_and_seconds() -> None:
    assert [language("en").lasting(seconds) for seconds in (0, 59.6, 3599, 3661)] == [
        "0:00",
        "1:00",
        "59:59",
        "1:01:01",
    ]
