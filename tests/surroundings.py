"""What the tests talk to on this machine: which versions, and what could not be had."""

import os
import sqlite3
from dataclasses import dataclass, field
from typing import NoReturn

import pytest


@dataclass
class Surroundings:
    """Filled by the fixtures that start things; told in the last lines of the report."""

    versions: dict[str, str] = field(default_factory=lambda: {"SQLite": sqlite3.sqlite_version})
    """By name, of everything that a test ran with."""
    left_out: list[str] = field(default_factory=list)
    """One line for each thing that could not be had."""

    def leave_out(self, what: str, why: object) -> NoReturn:
        """Skip the tests that need `what`, and say so once; with CI set they fail."""
        line = f"left out what needs {what}: {why}"
        if os.environ.get("CI"):
            pytest.fail(f"{what} cannot be had: {why}", pytrace=False)
        if line not in self.left_out:
            self.left_out.append(line)
        pytest.skip(line)

    def take_in(self, other: "Surroundings") -> None:
        """Add what tests in another process found."""
        self.versions |= other.versions
        self.left_out += [line for line in other.left_out if line not in self.left_out]

    @property
    def report(self) -> list[str]:
        """The lines for the end of the report."""
        versions = ", ".join(f"{name} {version}" for name, version in sorted(self.versions.items()))
        return [f"ran with {versions}", *self.left_out]
