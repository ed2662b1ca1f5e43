"""The settings of a database in tests: each service has a journal of its own, and none in the folder of the project."""

import tempfile
from functools import cache
from itertools import count
from pathlib import Path

_numbers = count()


def database_settings(url: str) -> dict[str, str]:
    """The section `[database]`."""
    return {"url": url, "journal": str(Path(_folder().name) / f"{next(_numbers)}.db")}


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Gone with the process."""
    return tempfile.TemporaryDirectory(prefix="journals-")
