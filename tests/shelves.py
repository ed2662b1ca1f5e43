"""Shelves of flows for tests that need no database for them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from callflows.loader import LIBRARY, FlowVersion, load_flow
from ivr.surveys.flows import FlowShelf
from storage.records import PublicationRecord

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def shipped() -> list[FlowVersion]:
    """The flows that are shipped."""
    return [load_flow(path) for path in sorted(LIBRARY.glob("*.yaml"))]


def publications_of(versions: Sequence[FlowVersion]) -> tuple[list[PublicationRecord], dict[str, FlowVersion]]:
    """What a shelf is updated with so that these versions are in force, and have been for long."""
    publications = [
        PublicationRecord(
            flow=version.flow.flow,
            number=1,
            digest=version.digest,
            in_force_from=LONG_AGO,
            published_at=LONG_AGO,
            way="shipped",
        )
        for version in versions
    ]
    return publications, {version.digest: version for version in versions}


def shelf_of(versions: Sequence[FlowVersion]) -> FlowShelf:
    """A shelf on which these versions are in force."""
    shelf = FlowShelf(lambda: datetime.now(UTC))
    shelf.update(*publications_of(versions))
    return shelf
