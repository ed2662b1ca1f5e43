"""The tests in a browser: they wait while it is fetched, and say when it cannot be had."""

from pathlib import Path

import pytest

from tests.trial.browser_fixtures import DOWNLOAD_SECONDS, WHY_NOT, browser, found_chromium

__all__ = ["browser", "found_chromium"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test needs the browser first waits for it to be fetched."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents and "found_chromium" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(DOWNLOAD_SECONDS))
            return


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say in one line why the tests with a browser were left out, if they were."""
    if WHY_NOT in config.stash:
        terminalreporter.write_line(config.stash[WHY_NOT])
