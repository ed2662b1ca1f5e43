"""The calls under way, as the events tell them."""

from datetime import UTC, datetime, timedelta

import pytest

from ivr.calls import Call, CallEnded, CallStarted, Gap
from ivr.surveys import tracker as tracker_module
from ivr.surveys.facts import exclusion
from ivr.surveys.tracker import KEEP_ENDED, CallTracker

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def started(linkedid: str, site: str = "main", at: datetime = NOON) -> CallStarted:
    return CallStarted(
        site=site,
        linkedid=linkedid,
        at=at,
        uniqueid=linkedid,
        channel=f"PJSIP/trunk-{linkedid}",
        queue="support",
        caller_number="",
        caller_name="",
    )


def ended(linkedid: str, at: datetime = NOON) -> CallEnded:
    return CallEnded(site="main", linkedid=linkedid, at=at)


def test_two_sites_may_use_the_same_linkedid() -> None:
    calls = CallTracker(lambda _: None)
    calls.handle(started("1.1", "madrid"))
    calls.handle(started("1.1", "taipei"))
    calls.handle(CallEnded(site="madrid", linkedid="1.1", at=NOON))
    found = calls.find("taipei", "1.1")
    assert found is not None
    assert found.ended_at is None


def test_every_change_is_told_once() -> None:
    told: list[Call] = []
    calls = CallTracker(told.append)
    for event in (started("1.1"), started("1.1"), ended("1.1"), ended("1.1")):
        calls.handle(event)
    assert [call.ended_at for call in told] == [None, NOON]


def test_an_ended_call_is_remembered_for_a_while_and_then_forgotten() -> None:
    calls = CallTracker(lambda _: None)
    calls.handle(started("long call"))
    calls.handle(started("1.1"))
    calls.handle(ended("1.1"))
    calls.handle(started("2.1", at=NOON + KEEP_ENDED))
    assert calls.find("main", "1.1") is not None
    calls.handle(started("3.1", at=NOON + KEEP_ENDED + timedelta(seconds=1)))
    assert calls.find("main", "1.1") is None
    assert calls.find("main", "long call") is not None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracker_module, "MAX_CALLS", 3)
    calls = CallTracker(lambda _: None)
    for number in range(10):
        calls.handle(started(f"{number}.1"))
    assert len(calls) == 3
    assert calls.find("main", "9.1") is not None


def test_a_gap_ends_the_calls_that_the_pbx_no_longer_has() -> None:
    told: list[Call] = []
    calls = CallTracker(told.append)
    for linkedid in ("gone", "still there"):
        calls.handle(started(linkedid))
    calls.handle(started("elsewhere", "other site"))
    until = NOON + timedelta(minutes=5)
    told.clear()
    calls.handle_gap(Gap(site="main", since=NOON, until=until, live=frozenset({"still there"})))
    assert [(call.linkedid, call.ended_at, exclusion(call)) for call in told] == [("gone", until, "no_agent")]


def test_a_call_of_a_site_that_is_followed_again_is_remembered_from_its_own_end() -> None:
    calls = CallTracker(lambda _: None)
    calls.handle(started("1.1"))
    calls.handle(ended("1.1"))
    calls.forget("main")
    later = NOON + KEEP_ENDED - timedelta(seconds=1)
    calls.adopt(Call(site="main", linkedid="1.1"))
    calls.handle(ended("1.1", at=later))
    calls.handle(started("2.1", at=later + timedelta(seconds=10)))
    assert calls.find("main", "1.1") is not None
    calls.handle(started("3.1", at=later + KEEP_ENDED + timedelta(seconds=1)))
    assert calls.find("main", "1.1") is None
