"""What an admin may write in a rule, what it means, and what is said of a mistake."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.grammar.hours import DAYS, parse_hours
from ivr.grammar.numbers import parse_number_pattern
from ivr.grammar.quarantine import KEYS, UNITS, Quarantine, parse_quarantine
from ivr.grammar.shares import parse_share

TAIPEI = ZoneInfo("Asia/Taipei")
MADRID = ZoneInfo("Europe/Madrid")
SENTENCE = "no more than N in X seconds|minutes|hours|days|weeks|months where caller|agent|queue|reason is the same"


@pytest.mark.parametrize(
    ("sentence", "limit", "length", "unit", "same"),
    [
        ("no more than 1 in 30 days where caller is the same", 1, 30, "days", "caller"),
        ("No more than 5 in 1 hour where AGENT is the same", 5, 1, "hours", "agent"),
        ("  no more   than 2 in 1 months where queue is the same ", 2, 1, "months", "queue"),
        ("no more than 10000 in 90 seconds where reason is the same", 10_000, 90, "seconds", "reason"),
        ("no more than 3 in 2 weeks where caller is the same", 3, 2, "weeks", "caller"),
        ("no more than 1 in 1 minute where caller is the same", 1, 1, "minutes", "caller"),
    ],
)
def test_a_quarantine_is_a_sentence(sentence: str, limit: int, length: int, unit: str, same: str) -> None:
    found = parse_quarantine(sentence)
    assert (found.limit, found.length, found.unit, found.same) == (limit, length, unit, same)


@given(st.integers(1, 10_000), st.integers(1, 100), st.sampled_from(UNITS), st.sampled_from(KEYS))
def test_a_quarantine_that_is_written_out_reads_the_same(limit: int, length: int, unit: str, same: str) -> None:
    quarantine = Quarantine(limit=limit, length=length, unit=unit, same=same)  # type: ignore[arg-type]
    assert parse_quarantine(str(quarantine)) == quarantine


@pytest.mark.parametrize(
    ("sentence", "message"),
    [
        ("", f"the sentence breaks off; it should read: {SENTENCE}"),
        ("no more than 1 in 30 days", f"the sentence breaks off; it should read: {SENTENCE}"),
        (
            "no more then 1 in 30 days where caller is the same",
            f"'then' stands where 'than' should; it should read: {SENTENCE}",
        ),
        (
            "no more than 1 in 30 days where caller is the same again",
            f"'again' is too much; it should read: {SENTENCE}",
        ),
        (
            "no more than 1 in 30 fortnights where caller is the same",
            "'fortnights' is no unit of time; allowed are seconds, minutes, hours, days, weeks, months",
        ),
        (
            "no more than 1 in 30 days where flow is the same",
            "'flow' cannot be the same; allowed are caller, agent, queue, reason",
        ),
        (
            "no more than 0 in 30 days where caller is the same",
            "'0' cannot be the number of surveys; allowed are whole numbers from 1 to 10000",
        ),
        (
            "no more than one in 30 days where caller is the same",
            "'one' cannot be the number of surveys; allowed are whole numbers from 1 to 10000",
        ),
        (
            "no more than 1 in -3 days where caller is the same",
            "'-3' cannot be the length of time; allowed are whole numbers from 1 to 316224000",
        ),
        (
            "no more than 1 in 4000 days where caller is the same",
            "4000 days is too long; allowed are up to 3660 days",
        ),
        (5, f"should be a sentence: {SENTENCE}"),
    ],
)
def test_a_mistake_in_the_sentence_is_told_with_what_is_allowed(sentence: object, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_quarantine(sentence)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("window", "at", "since"),
    [
        ("90 seconds", "2026-11-22T10:00+08:00", "2026-11-22T09:58:30+08:00"),
        ("30 days", "2026-11-22T10:00+08:00", "2026-10-23T10:00+08:00"),
        ("2 weeks", "2026-11-22T10:00+08:00", "2026-11-08T10:00+08:00"),
        ("1 month", "2026-11-22T10:00+08:00", "2026-10-22T10:00+08:00"),
        ("1 month", "2026-03-31T10:00+08:00", "2026-02-28T10:00+08:00"),
        ("1 month", "2028-03-30T10:00+08:00", "2028-02-29T10:00+08:00"),
        ("13 months", "2026-01-15T10:00+08:00", "2024-12-15T10:00+08:00"),
        # The day of the month is the site's own: in UTC it is still the 31st of October.
        ("1 month", "2026-11-01T00:30+08:00", "2026-10-01T00:30+08:00"),
    ],
)
def test_a_window_reaches_back_from_now(window: str, at: str, since: str) -> None:
    quarantine = parse_quarantine(f"no more than 1 in {window} where caller is the same")
    assert quarantine.since(datetime.fromisoformat(at), TAIPEI) == datetime.fromisoformat(since)


def test_a_day_has_24_hours_and_a_month_keeps_the_local_time_when_the_clocks_change() -> None:
    at = datetime(2026, 3, 29, 12, 0, tzinfo=MADRID)  # the night before, the clocks went from 02:00 to 03:00
    day = parse_quarantine("no more than 1 in 1 day where caller is the same")
    month = parse_quarantine("no more than 1 in 1 month where caller is the same")
    assert day.since(at, MADRID).astimezone(MADRID).isoformat() == "2026-03-28T11:00:00+01:00"
    assert month.since(at, MADRID).astimezone(MADRID).isoformat() == "2026-02-28T12:00:00+01:00"


# The 22nd of November 2026 is a Sunday.
@pytest.mark.parametrize(
    ("hours", "local", "open_"),
    [
        ("mon-fri 09:00-18:00", "2026-11-20T09:00", True),
        ("mon-fri 09:00-18:00", "2026-11-20T17:59", True),
        ("mon-fri 09:00-18:00", "2026-11-20T18:00", False),
        ("mon-fri 09:00-18:00", "2026-11-20T08:59", False),
        ("mon-fri 09:00-18:00", "2026-11-22T12:00", False),
        ("sat,sun 10:00-14:00", "2026-11-22T13:59", True),
        ("sat-mon 10:00-14:00", "2026-11-23T10:00", True),
        ("sat-mon 10:00-14:00", "2026-11-24T10:00", False),
        ("mon-sun 00:00-24:00", "2026-11-22T23:59", True),
        ("sat 22:00-02:00", "2026-11-21T23:00", True),
        ("sat 22:00-02:00", "2026-11-22T01:59", True),
        ("sat 22:00-02:00", "2026-11-22T02:00", False),
        ("sat 22:00-02:00", "2026-11-21T01:00", False),
    ],
)
def test_hours_hold_on_their_days(hours: str, local: str, open_: bool) -> None:
    assert parse_hours(hours).hold(datetime.fromisoformat(local).replace(tzinfo=UTC)) is open_


@pytest.mark.parametrize("hours", ["mon-fri", "9-18", "mon-fri 9:00-18:00", "mon 09:60-18:00", "mon 25:00-26:00", 9])
def test_hours_that_cannot_be_read_are_refused(hours: object) -> None:
    with pytest.raises(ValueError, match="should read like mon-fri 09:00-18:00"):
        parse_hours(hours)


def test_a_day_that_there_is_not_is_named() -> None:
    with pytest.raises(ValueError, match=r"^'mo' is no day; allowed are mon, tue, wed, thu, fri, sat, sun; "):
        parse_hours("mo-fri 09:00-18:00")
    with pytest.raises(ValueError, match="opens and closes at the same time"):
        parse_hours("mon 09:00-09:00")
    assert len(parse_hours("sun-sat 09:00-10:00").days) == len(DAYS)


@pytest.mark.parametrize(
    ("pattern", "fits", "others"),
    [
        ("100", ["100"], ["1000", "10", "_100"]),
        ("_1XXX", ["1000", "1999"], ["2000", "100", "10000"]),
        ("_[1-4]XX", ["100", "499"], ["500", "1000"]),
        ("_NZ", ["21", "99"], ["11", "20"]),
        ("_[15-7]0", ["10", "60"], ["20", "80"]),
        ("_00.", ["001", "0034912"], ["00", "01"]),
        ("_00!", ["00", "001"], ["0"]),
        ("_+886X.", ["+88621"], ["88621", "+8862"]),
        ("_*X", ["*1"], ["11"]),
    ],
)
def test_numbers_are_told_as_in_a_dialplan(pattern: str, fits: list[str], others: list[str]) -> None:
    found = parse_number_pattern(pattern)
    assert [number for number in fits + others if found.fits(number)] == fits


@pytest.mark.parametrize("pattern", ["", "_", "1XXX", "_1.X", "_(1", "_[", "_[]X", "_[9-1]", "anna", "_" + "X" * 60, 7])
def test_what_is_no_pattern_is_refused(pattern: object) -> None:
    with pytest.raises(ValueError, match="should be a number such as 100, or a pattern such as _1XXX"):
        parse_number_pattern(pattern)


@pytest.mark.parametrize(
    ("text", "share"),
    [("25 %", 0.25), ("25%", 0.25), ("0 %", 0), ("100 %", 1), ("12.5 %", 0.125), ("1 in 4", 0.25), ("1 in 1", 1)],
)
def test_a_share_is_a_percentage_or_one_in_so_many(text: str, share: float) -> None:
    assert parse_share(text) == share


@pytest.mark.parametrize("text", ["25", "101 %", "-1 %", "2 in 4", "1 in 0", "half", 0.25, None])
def test_what_is_no_share_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match='should be a percentage such as "25 %", or "1 in 4"'):
        parse_share(text)
