"""The browser with which the keypad page is tried, found or fetched once for all tests."""

import os
from collections.abc import AsyncIterator

import pytest

from ivr.errors import PbxError
from tests.trial.chromium import Browser, chromium, find_chromium

WHY_NOT = pytest.StashKey[str]()
DOWNLOAD_SECONDS = 600


@pytest.fixture(scope="session")
def found_chromium(pytestconfig: pytest.Config) -> tuple[str, dict[str, str]]:
    """A Chromium that can be run."""
    try:
        return find_chromium()
    except PbxError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error), pytrace=False)
        pytestconfig.stash[WHY_NOT] = f"Left out the tests with a browser: {error}"
        pytest.skip(str(error))


@pytest.fixture
async def browser(found_chromium: tuple[str, dict[str, str]]) -> AsyncIterator[Browser]:
    """A browser of one's own."""
    async with chromium(found_chromium) as started:
        yield started
