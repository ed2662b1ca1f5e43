"""What breaks under the service: a disk and a PostgreSQL of one's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres as servers
from tests.chaos.small_disk import SmallDisk, small_disk
from tests.postgres import Postgres
from tests.surroundings import Surroundings


@pytest.fixture
def disk(tmp_path: Path, surroundings: Surroundings) -> Iterator[SmallDisk]:
    (tmp_path / "disk").mkdir()
    try:
        with small_disk(tmp_path / "disk", 12) as mounted:
            yield mounted
    except OSError as error:
        surroundings.leave_out("a small disk in a namespace of one's own", error)


@pytest.fixture
def server() -> Iterator[Postgres]:
    own = servers.start_another()
    yield own
    own.stop()
