"""Which version of a flow is in force: pure functions over the publications of one flow.

Each publication is in force from its moment until the next one's begins; of two that begin at the same moment the one
published later wins. What is in force is decided by these rows alone, so every replica decides the same.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from storage.records import PublicationRecord


def moment(publications: Iterable[PublicationRecord], now: datetime) -> datetime:
    """When it is for one flow: `now`, but not before anything was decided, by a clock that was put back since."""
    return max((now, *(one.published_at for one in publications)))


def in_order(publications: Iterable[PublicationRecord]) -> list[PublicationRecord]:
    """The publications in the order in which they come into force."""
    return sorted(publications, key=lambda one: (one.in_force_from, one.number))


def in_force(publications: Iterable[PublicationRecord], at: datetime) -> PublicationRecord | None:
    """The publication in force at `at`; None before the first."""
    return next((one for one in reversed(in_order(publications)) if one.in_force_from <= at), None)


def coming(publications: Iterable[PublicationRecord], at: datetime) -> PublicationRecord | None:
    """The publication that comes into force next after `at`; None when none is planned.

    Of several for the same moment it is the one published last, which alone will be in force.
    """
    later = [one for one in publications if one.in_force_from > at]
    if not later:
        return None
    begins = min(one.in_force_from for one in later)
    return in_force(later, begins)


def in_force_since(publications: Iterable[PublicationRecord], at: datetime) -> datetime | None:
    """Since when the version in force at `at` has been so without a break; None before the first.

    A version that is published again while it is in force goes on.
    """
    begun = [one for one in in_order(publications) if one.in_force_from <= at]
    since = None
    for one in reversed(begun):
        if one.digest != begun[-1].digest:
            break
        since = one.in_force_from
    return since


def before(publications: Iterable[PublicationRecord], at: datetime) -> str | None:
    """The digest of the version that was in force before the one that is in force at `at`; None when there is none."""
    begun = [one for one in in_order(publications) if one.in_force_from <= at]
    return next((one.digest for one in reversed(begun) if one.digest != begun[-1].digest), None)


def is_published_by_file(publications: Sequence[PublicationRecord], digest: str) -> bool:
    """Whether what a file says is what a file said last: then it is not published again.

    So a rollback holds until what the file says changes, over restarts too, and of several replicas that see the
    same file one publishes it.
    """
    return _last(publications, "file") == digest


def is_superseded_or_shipped(publications: Sequence[PublicationRecord], digest: str) -> bool:
    """Whether a shipped version is not to be published: it was before, or a file or command has taken the flow over."""
    taken_over = any(one.way in ("file", "command") for one in publications)
    return taken_over or _last(publications, "shipped") == digest


def _last(publications: Sequence[PublicationRecord], way: str) -> str | None:
    numbered = sorted((one for one in publications if one.way == way), key=lambda one: one.number)
    return numbered[-1].digest if numbered else None
