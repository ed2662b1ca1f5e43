"""When callers may be called back: hours, days, zones, clocks that change, tries, and an end."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ivr.grammar.hours import parse_hours
from ivr.surveys.callback_plan import CallbackPlan

MADRID = ZoneInfo("Europe/Madrid")


def plan(**given: Any) -> CallbackPlan:
    return CallbackPlan(
        **{
            "exclusions": frozenset({"caller_hung_up"}),
            "numbers": re.compile(r"\+?[0-9]{5,15}"),
            "zone": MADRID,
            "hours": (parse_hours("mon-fri 09:00-20:00"),),
            "delay": timedelta(minutes=10),
            "expires": timedelta(hours=24),
            "tries": 2,
            "retry": timedelta(minutes=60),
            "at_once": 2,
            "per_minute": 10,
            "longest": timedelta(minutes=3),
            **given,
        }
    )


def local(text: str) -> datetime:
    """A moment on the clocks of Madrid."""
    return datetime.fromisoformat(text).replace(tzinfo=MADRID)


@pytest.mark.parametrize(
    ("ended", "due"),
    [
        ("2026-11-23 12:00", "2026-11-23 12:10"),  # a Monday
        ("2026-11-23 08:30", "2026-11-23 09:00"),
        ("2026-11-23 08:55", "2026-11-23 09:05"),
        ("2026-11-23 19:50", "2026-11-24 09:00"),
        ("2026-11-23 23:59", "2026-11-24 09:00"),
        ("2026-11-23 00:05", "2026-11-23 09:00"),
    ],
)
def test_a_caller_is_due_after_the_delay_when_people_may_be_called(ended: str, due: str) -> None:
    assert plan().first(local(ended)) == local(due)


def test_over_the_weekend_nobody_is_called_and_then_it_is_too_late() -> None:
    assert plan().first(local("2026-11-27 19:55")) is None  # a Friday
    assert plan(expires=timedelta(hours=72)).first(local("2026-11-27 19:55")) == local("2026-11-30 09:00")


@pytest.mark.parametrize(
    ("moment", "open_"),
    [
        ("2026-11-23 08:59:59", False),
        ("2026-11-23 09:00:00", True),
        ("2026-11-23 19:59:59", True),
        ("2026-11-23 20:00:00", False),
        ("2026-11-22 12:00:00", False),
    ],
)
def test_the_hours_are_those_of_the_sites_clocks(moment: str, open_: bool) -> None:
    assert plan().is_open(local(moment)) is open_
    assert plan().is_open(local(moment).astimezone(UTC)) is open_


@pytest.mark.parametrize(
    ("ended", "due"),
    [
        ("2027-03-27 22:00", "2027-03-28 07:00+00:00"),  # summer time begins at night: 9:00 is 7:00 in UTC
        ("2027-10-30 22:00", "2027-10-31 08:00+00:00"),  # and ends
    ],
)
def test_the_clocks_change_at_night_and_nobody_is_called_an_hour_early(ended: str, due: str) -> None:
    every_day = plan(hours=(parse_hours("mon-sun 09:00-20:00"),))
    assert every_day.first(local(ended)) == datetime.fromisoformat(due)


def test_an_opening_time_that_the_clocks_skip_is_the_next_one_there_is() -> None:
    early = plan(hours=(parse_hours("mon-sun 02:30-20:00"),))
    due = early.first(local("2027-03-27 22:00"))
    assert due == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert due is not None
    assert early.is_open(due)


@pytest.mark.parametrize(
    ("ended", "due"),
    [
        ("2026-11-23 11:55", "2026-11-23 15:00"),  # a Monday, at noon
        ("2026-11-23 18:00", "2026-11-24 09:00"),
        ("2026-11-27 18:00", "2026-11-28 10:00"),  # a Friday
        ("2026-11-28 11:00", "2026-11-30 09:00"),
    ],
)
def test_of_several_hours_the_next_one_counts(ended: str, due: str) -> None:
    hours = tuple(map(parse_hours, ("mon-fri 09:00-12:00", "mon-fri 15:00-18:00", "sat 10:00-11:00")))
    assert plan(hours=hours, expires=timedelta(days=3)).first(local(ended)) == local(due)


def test_a_day_whose_hour_is_over_opens_in_a_week() -> None:
    mondays = plan(hours=(parse_hours("mon 09:00-10:00"),), expires=timedelta(days=8))
    assert mondays.first(local("2026-11-23 10:00")) == local("2026-11-30 09:00")


def test_enough_tries_are_enough() -> None:
    now, later = local("2026-11-23 12:00"), local("2026-11-24 12:00")
    assert plan().next(now, 1, later) == local("2026-11-23 13:00")
    assert plan().next(now, 2, later) is None


def test_the_next_try_keeps_to_the_hours_and_is_not_made_when_it_would_be_too_late() -> None:
    assert plan().next(local("2026-11-23 19:30"), 1, local("2026-11-24 12:00")) == local("2026-11-24 09:00")
    assert plan().next(local("2026-11-23 19:30"), 1, local("2026-11-24 09:00")) is None


@pytest.mark.parametrize(
    ("shown", "dialled"),
    [
        ("0912000111", "0912000111"),
        ("+34 912 000-111", "+34912000111"),
        ("(0912) 000.111", "0912000111"),
        ("1001", None),
        ("", None),
        ("*72#0900123", None),
        ("0912000111@evil", None),
        ("0912000111\r\nAction: Originate", None),
        ("0912000111&PJSIP/1001", None),
        ("٠٩١٢٠٠٠١١١", None),
        ("1" * 16, None),
    ],
)
def test_only_a_number_is_dialled(shown: str, dialled: str | None) -> None:
    assert plan().number(shown) == dialled
