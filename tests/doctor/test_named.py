"""A queue that the settings name and that no call ever had."""

import pytest

from ivr.doctor.named import look_at_names
from ivr.settings import Settings, build_settings
from storage.engine import open_database
from storage.recorder import Recorder
from storage.records import SiteRecord

NAMED = {
    "flows": [{"flow": "csat", "queue": ["support", "supprot"]}],
    "queue_reasons": {"support": "tech", "sales": "order"},
    "credit": {"queues": {"suport": "split"}},
    "rules": {"maximum_a_day_by_queue": {"vip": 5}, "sampling_by_queue": {"support": "50 %"}},
}


def settings(url: str) -> Settings:
    return build_settings(
        {
            "database": {"url": url},
            "web": {"token": "a token of these tests"},
            "privacy": {"caller_key": "a caller key of these tests"},
            "sites": {"main": {"ami": {"secret": "a secret of these tests"}, **NAMED}},
        },
        source="test",
    )


async def test_each_setting_with_a_queue_that_no_call_had_is_warned_of(url: str) -> None:
    async with await open_database(url) as database:
        recorder = Recorder(database)
        await recorder.ensure_site(SiteRecord(site="main", name="", zone="UTC"))
        await recorder.record_queue("main", "support")
    found = await look_at_names(settings(url))
    assert {(one.level, one.about) for one in found} == {("warning", "site main")}
    assert [one.said for one in found] == [
        "flows.1.queue names the queue 'supprot', which no call has had; did you mean support?",
        "queue_reasons names the queue 'sales', which no call has had; there are support",
        "credit.queues names the queue 'suport', which no call has had; did you mean support?",
        "rules.maximum_a_day_by_queue names the queue 'vip', which no call has had; there are support",
    ]


async def test_before_the_first_call_nothing_can_be_said(url: str) -> None:
    assert await look_at_names(settings(url)) == []


@pytest.mark.parametrize("url", ["sqlite:////nowhere/postcall.db", "postgresql://postcall@127.0.0.1:1/postcall"])
async def test_what_is_wrong_with_the_database_is_said_by_others(url: str) -> None:
    assert await look_at_names(settings(url)) == []
