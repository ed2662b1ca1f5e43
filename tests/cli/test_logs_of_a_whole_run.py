"""Everything that a service does in a run on a PBX is logged with whose it is, and without a number, name or secret."""

import asyncio
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.cli.logged import Format, entries, logged
from tests.cli.whole_run import AMI_SECRET, CALLER_KEY, PASSWORD, SITE, TOKEN, whole_run

OF_THE_SERVICE = {
    "Error handling request from 127.0.0.1",
    "a flow is published",
    "a request failed",
    "a sign-in is refused",
    "call facts wait for the database",
    "callers are let go: what they say cannot be kept",
}
"""What is about no site."""
OF_NO_SITE = {"a call of a site that is not in the settings", "fastagi route is unknown"}
"""What the PBX asks for in the name of none that there is."""
OF_A_SITE = {
    "AMI is connected",
    "AMI is lost",
    "Asterisk has booted",
    "the flow is not spoken in this language: the PBX cannot play its prompts",
}
"""What is about no call."""
OF_A_CHANNEL = {
    *OF_NO_SITE,
    "a call failed",
    "a wrap-up gives no reason code",
    "a wrap-up of an agent without a call",
    "the caller hung up",
}
OF_A_CALL = {
    "a call cannot be written",
    "a call event failed",
    "a call-back is not placed",
    "a call-back reached nobody",
    "a caller is called back",
}
OF_A_SURVEY = {
    "not stored",
    "survey ended",
    "survey not offered",
    "the dialplan asks for a flow that there is not",
    "the survey breaks off",
}


@dataclass(frozen=True, kw_only=True)
class Log:
    """What was logged in a run, and what the run was about."""

    text: str
    entries: list[Mapping[str, Any]]
    numbers: list[str]
    linkedids: set[str]

    def events(self) -> set[str]:
        return {entry["event"] for entry in self.entries}


@pytest.fixture(scope="module", params=["console", "json"])
def log(request: pytest.FixtureRequest, migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Log:
    form: Format = request.param
    database = tmp_path_factory.mktemp(form) / "postcall.db"
    shutil.copy(migrated_file, database)
    with logged(form) as text:
        numbers, linkedids = asyncio.run(_run(database, text))
    return Log(text=text(), entries=entries(text(), form), numbers=numbers, linkedids=linkedids)


async def _run(database: Path, text: Callable[[], str]) -> tuple[list[str], set[str]]:
    async with whole_run(database) as run:
        await run.callers()
        await run.callbacks()
        await run.database_errors(text)
        await run.strange_dialplans()
        await run.doors()
        await run.link()
        with pytest.MonkeyPatch.context() as patched:
            await run.stumbles(patched)
        await run.prompts()
    return run.numbers, run.linkedids


def test_everything_was_seen_and_nothing_else(log: Log) -> None:
    assert log.events() == OF_THE_SERVICE | OF_A_SITE | OF_A_CHANNEL | OF_A_CALL | OF_A_SURVEY


def test_each_line_says_which_site_it_is_about(log: Log) -> None:
    for entry in log.entries:
        if entry["event"] not in OF_THE_SERVICE | OF_NO_SITE:
            assert entry.get("site") == SITE, entry


def test_each_line_about_a_call_says_which(log: Log) -> None:
    for entry in log.entries:
        if entry["event"] in OF_A_CALL | OF_A_SURVEY:
            assert entry.get("linkedid") in log.linkedids, entry
        if entry["event"] in OF_A_SURVEY:
            assert entry.get("survey"), entry
        if entry["event"] in OF_A_CHANNEL:
            assert entry.get("uniqueid") in log.linkedids, entry


def test_a_survey_of_a_call_back_is_about_the_call_of_before(log: Log) -> None:
    (call,) = {entry["linkedid"] for entry in log.entries if entry["event"] == "a caller is called back"} & {
        entry["linkedid"] for entry in log.entries if entry["event"] == "survey ended"
    }
    (ended,) = [entry for entry in log.entries if entry["event"] == "survey ended" and entry["linkedid"] == call]
    assert (ended["survey"] != call, ended["outcome"]) == (True, "completed")


def test_no_number_of_a_caller_is_in_it(log: Log) -> None:
    assert len(log.numbers) == 16
    digits = [re.sub(r"[^0-9]", "", number.partition("\x1b")[0]) for number in log.numbers]
    bare = re.sub(r"[ ().-]", "", log.text)
    for number in digits:
        assert number not in log.text
        assert len(number) < 6 or number not in bare
    assert "000777" not in log.text


@pytest.mark.parametrize("secret", [TOKEN, AMI_SECRET, CALLER_KEY, PASSWORD, "Mallory", "Vance"])
def test_no_name_of_a_caller_and_no_secret_is_in_it(log: Log, secret: str) -> None:
    assert secret.lower() not in log.text.lower()


def test_nobody_forges_a_line_or_steers_the_terminal(log: Log) -> None:
    assert {char for char in log.text if not char.isprintable()} <= {"\n"}
    assert not [line for line in log.text.splitlines() if re.match(r"\S+ \[\w+ *\] forged", line)]
    assert "elsewhere" not in [entry.get("site") for entry in log.entries]
    (flow,) = [one for one in log.entries if one["event"] == "the dialplan asks for a flow that there is not"]
    assert flow["flow"] == "\x1b[31m\nforged"


def test_of_errors_it_is_told_where_and_of_which_kind(log: Log) -> None:
    told = {entry["event"]: entry["exception"] for entry in log.entries if "exception" in entry}
    assert set(told) == {
        "Error handling request from 127.0.0.1",
        "a call cannot be written",
        "a call event failed",
        "a call failed",
        "a request failed",
    }
    assert "BadHttpMessage" in told.pop("Error handling request from 127.0.0.1").splitlines()
    for text in told.values():
        assert "whole_run.py" in text
        assert text.rstrip("\n").rpartition("\n")[2] in ("ValueError", "KeyError")
