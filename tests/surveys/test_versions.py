"""Which version is in force, decided by the publications alone."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ivr.surveys.versions import (
    before,
    coming,
    in_force,
    in_force_since,
    is_published_by_file,
    is_superseded_or_shipped,
)
from storage.records import PublicationRecord, Way

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(hours: float) -> datetime:
    return NOON + timedelta(hours=hours)


def publication(number: int, digest: str, hours: float, way: Way = "file") -> PublicationRecord:
    return PublicationRecord(
        flow="mine", number=number, digest=digest, in_force_from=at(hours), published_at=NOON, way=way
    )


def digest_at(publications: list[PublicationRecord], hours: float) -> str | None:
    found = in_force(publications, at(hours))
    return found.digest if found else None


def test_each_publication_is_in_force_until_the_next_one_begins() -> None:
    rows = [publication(1, "a", 0), publication(2, "b", 5), publication(3, "c", 2)]
    assert [digest_at(rows, hours) for hours in (-1, 0, 1.9, 2, 4.9, 5, 9)] == [None, "a", "a", "c", "c", "b", "b"]


def test_of_two_for_the_same_moment_the_later_decision_wins() -> None:
    rows = [publication(2, "b", 5), publication(1, "a", 5)]
    assert digest_at(rows, 5) == "b"
    assert coming(rows, NOON) == rows[0]


def test_what_comes_next_is_the_nearest_and_none_when_nothing_is_planned() -> None:
    rows = [publication(1, "a", 0), publication(2, "b", 5), publication(3, "c", 2)]
    assert [getattr(coming(rows, at(hours)), "digest", None) for hours in (-1, 0, 3, 5)] == ["a", "c", "b", None]


def test_a_version_that_is_published_again_has_been_in_force_all_the_time() -> None:
    rows = [publication(1, "a", 0), publication(2, "b", 1), publication(3, "b", 3), publication(4, "a", 9)]
    assert in_force_since(rows, at(4)) == at(1)
    assert in_force_since(rows, at(-1)) is None
    assert in_force_since(rows, at(9)) == at(9)


def test_before_is_the_version_that_was_in_force_until_then_and_a_rollback_can_be_taken_back() -> None:
    rows = [publication(1, "a", 0), publication(2, "b", 1), publication(3, "b", 2)]
    assert before(rows, at(0)) is None
    assert before(rows, at(3)) == "a"
    rolled_back = [*rows, publication(4, "a", 3, "rollback")]
    assert before(rolled_back, at(4)) == "b"


def test_a_planned_version_is_not_the_one_before() -> None:
    assert before([publication(1, "a", 0), publication(2, "b", 9)], at(1)) is None


def test_a_file_is_published_when_it_says_something_else_than_files_said_last() -> None:
    rows = [publication(1, "a", 0), publication(2, "b", 1), publication(3, "a", 2, "rollback")]
    assert is_published_by_file(rows, "b")
    assert not is_published_by_file(rows, "a")
    assert not is_published_by_file(rows, "c")
    assert not is_published_by_file([], "a")


def test_a_release_brings_its_new_flow_unless_the_admin_has_taken_that_flow_over() -> None:
    assert not is_superseded_or_shipped([], "a")
    assert is_superseded_or_shipped([publication(1, "a", 0, "shipped")], "a")
    assert not is_superseded_or_shipped([publication(1, "a", 0, "shipped")], "b")
    for way in ("file", "command"):
        assert is_superseded_or_shipped([publication(1, "a", 0, "shipped"), publication(2, "x", 1, way)], "b")


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 20)), max_size=12),
    st.integers(0, 20),
)
def test_what_is_in_force_now_is_what_came_next_before(drawn: list[tuple[str, int]], hours: int) -> None:
    rows = [publication(number, digest, hour) for number, (digest, hour) in enumerate(drawn, 1)]
    current, following = in_force(rows, at(hours)), coming(rows, at(hours))
    if following:
        assert following.in_force_from > at(hours)
        assert in_force(rows, following.in_force_from) == following
        # Until then nothing changes.
        assert in_force(rows, following.in_force_from - timedelta(microseconds=1)) == current
    else:
        assert in_force(rows, at(1000)) == current
    if current:
        since = in_force_since(rows, at(hours))
        assert since is not None
        assert since <= current.in_force_from
        assert getattr(in_force(rows, since), "digest", None) == current.digest
