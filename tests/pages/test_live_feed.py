"""Who follows is told what happens, in order, from where they left off; who is too slow is let go."""

from datetime import UTC, datetime

import pytest

from ivr.live import Follower, LiveFeed, SurveyNews


def news(value: int) -> SurveyNews:
    return SurveyNews(
        happened="answered",
        at=datetime(2026, 11, 26, 20, 0, tzinfo=UTC),
        site="main",
        survey=f"{value}.1",
        linkedid=f"{value}.1",
        agents=("PJSIP/1001",),
        queue="support",
        reason="",
        flow="csat",
        value=value,
    )


async def told(follower: Follower) -> list[int | None]:
    """The values of all events that wait."""
    found = []
    while event := await follower.next(0.01):
        found.append(event.news.value)
    return found


async def test_a_follower_is_told_what_happens_from_then_on() -> None:
    feed = LiveFeed()
    feed.tell(news(1))
    with feed.follow() as follower:
        feed.tell(news(2))
        feed.tell(news(3))
        assert follower.is_whole
        assert await told(follower) == [2, 3]


async def test_who_comes_back_is_told_what_was_missed_and_nothing_twice() -> None:
    feed = LiveFeed()
    for value in (1, 2, 3, 4):
        feed.tell(news(value))
    with feed.follow() as follower:
        known = follower.after
    feed.tell(news(5))
    with feed.follow(known) as follower:
        feed.tell(news(6))
        assert (follower.is_whole, follower.after) == (True, known)
        assert await told(follower) == [5, 6]


async def test_who_missed_more_than_is_kept_must_read_again() -> None:
    feed = LiveFeed(kept=2)
    known = feed.last_id
    for value in (1, 2):
        feed.tell(news(value))
    with feed.follow(known) as follower:
        assert follower.is_whole
        assert await told(follower) == [1, 2]
    feed.tell(news(3))
    with feed.follow(known) as follower:
        assert (follower.is_whole, follower.after) == (False, feed.last_id)
        assert await told(follower) == []


@pytest.mark.parametrize("known", ["another-1", "1", "{run}-99", "{run}-x", "{run}--1", "{run}-²", "{run}-"])
async def test_an_id_that_the_feed_never_gave_means_to_read_again(known: str) -> None:
    feed = LiveFeed()
    feed.tell(news(1))
    with feed.follow(known.replace("{run}", feed.last_id.partition("-")[0])) as follower:
        assert not follower.is_whole
        assert await told(follower) == []


async def test_a_slow_follower_is_let_go_and_does_not_hold_up_others() -> None:
    feed = LiveFeed(waiting=3)
    with feed.follow() as slow, feed.follow() as quick:
        for value in range(5):
            feed.tell(news(value))
            assert await told(quick) == [value]
        assert (slow.is_let_go, slow.is_over) == (True, True)
        assert await told(slow) == []
        assert feed.followers == 1


async def test_closing_ends_every_follower_without_blaming_them() -> None:
    feed = LiveFeed()
    with feed.follow() as follower:
        feed.close()
        assert (follower.is_over, follower.is_let_go) == (True, False)
        assert await told(follower) == []


async def test_whoever_leaves_is_forgotten() -> None:
    feed = LiveFeed()
    with feed.follow():
        assert feed.followers == 1
    assert feed.followers == 0
