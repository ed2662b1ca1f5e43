"""One browser and one served service, with a month of calls behind it, for all tests of pages."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.pages.seed import seed
from tests.pages.served import NOW, ZONE, Served, served
from tests.trial.browser_fixtures import DOWNLOAD_SECONDS, WHY_NOT, found_chromium
from tests.trial.chromium import Browser, Page, chromium

__all__ = ["found_chromium"]
PICTURES = pytest.StashKey[Path]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test needs the browser first waits for it to be fetched."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and "found_chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(DOWNLOAD_SECONDS))
            return


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say where the pictures of the pages lie, or why there are none."""
    if PICTURES in config.stash:
        terminalreporter.write_line(f"Pictures of the pages: {config.stash[PICTURES]}")
    if WHY_NOT in config.stash:
        terminalreporter.write_line(config.stash[WHY_NOT])


@pytest.fixture(scope="session")
def pictures(pytestconfig: pytest.Config) -> Path:
    """Where pictures of the pages are kept, for a person to look at."""
    folder = Path(pytestconfig.cache.mkdir("pages"))  # type: ignore[union-attr] # the plugin is always there
    pytestconfig.stash[PICTURES] = folder
    return folder


@pytest.fixture(scope="session")
def seeded_file(migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of an empty database, to be filled."""
    path = tmp_path_factory.mktemp("pages") / "pages.db"
    shutil.copy(migrated_file, path)
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared(seeded_file: Path) -> AsyncIterator[Served]:
    """The pages, with a month of calls."""
    async with served(f"sqlite:///{seeded_file}") as here:
        version = here.shelf.require("csat", setting="flow").digest
        await seed(here.database, NOW, zone=ZONE.key, flow_version=version)
        yield here


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def one_browser(found_chromium: tuple[str, dict[str, str]]) -> AsyncIterator[Browser]:
    """The browser of all tests here."""
    async with chromium(found_chromium) as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def tab(one_browser: Browser) -> AsyncIterator[Page]:
    """The one tab of all tests that only look."""
    async with one_browser.page() as page:
        yield page
