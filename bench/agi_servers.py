"""The FastAGI servers that are measured, each in a process of its own.

python -m bench.agi_servers panoramisk|unstored PORT     # serves until it is ended
"""

import asyncio
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import structlog
from panoramisk.fast_agi import Application, Request

from bench.agi_caller import call
from callflows.interview import Interview
from callflows.loader import library_flow
from callflows.steps import Context, Outcome
from ivr.asterisk.agi_phone import AgiPhone
from ivr.asterisk.agi_protocol import AgiRequest
from ivr.asterisk.agi_server import AgiServer
from ivr.asterisk.agi_session import AgiLimits
from ivr.asterisk.survey_route import read_request
from ivr.demo.choices import free_port
from ivr.surveys.asking import Asking, store_outage
from storage.records import AnswerRecord

Side = Literal["service", "unstored", "panoramisk"]

SESSIONS = 12_000
START_SECONDS = 90.0
_SETTINGS = """
[database]
url = "sqlite:///{folder}/postcall.db"
[web]
port = 0
token = "a token of this measurement"
[fastagi]
port = {port}
max_sessions = {sessions}
[privacy]
caller_key = "a caller key of this measurement"
[log]
level = "error"
[sites.main]
trigger = "dialplan"
[sites.main.ami]
port = {ami_port}
secret = "a secret of this measurement"
"""
_VARIABLES = (
    "CHANNEL(linkedid) MEMBERINTERFACE MEMBERNAME QUEUENAME DIALEDPEERNAME ATTENDEDTRANSFER ANSWEREDTIME "
    "POSTCALL_AGENT POSTCALL_SENT POSTCALL_CALLBACK POSTCALL_REASON"
)
COMMANDS = (
    'GET FULL VARIABLE "' + "|".join(f"${{URIENCODE(${{{name}}})}}" for name in _VARIABLES.split()) + '"',
    "CHANNEL STATUS",
    'STREAM FILE "postcall/en/csat-welcome" "0123456789*#ABCD"',
    'GET DATA "postcall/en/csat-satisfaction-ask" 5000 1',
    'STREAM FILE "postcall/en/csat-satisfaction-confirm-5" ""',
    'STREAM FILE "postcall/en/csat-thanks" ""',
)
"""What the service asks of the PBX in a survey, apart from the question by which a session synchronises."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that runs."""

    port: int
    pid: int
    database: Path | None = None
    """The file of the service."""

    @property
    def cpu_seconds(self) -> float:
        """Processor time so far, of all its threads."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def resident_bytes(self) -> int:
        """Memory in use."""
        return int(Path(f"/proc/{self.pid}/statm").read_text("utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def serving(side: Side, *, ami_port: int = 1, demo_data: Sequence[str] = ()) -> Iterator[Server]:
    """Run a server until the block ends.

    The service has a fresh SQLite file, filled by `postcall demo-data` if its options are given. Its PBX is at
    `ami_port`; at port 1 nobody listens.
    """
    with tempfile.TemporaryDirectory() as folder:
        port, database = free_port(), None
        if side == "service":
            database = Path(folder, "postcall.db")
            settings = Path(folder, "postcall.toml")
            text = _SETTINGS.format(folder=folder, port=port, sessions=SESSIONS, ami_port=ami_port)
            settings.write_text(text, "utf-8")
            # In a process of its own: Alembic upgrades one database at a time, and several services may be started.
            _postcall(["db", "upgrade", "-c", str(settings)])
            if demo_data:
                _postcall(["demo-data", *demo_data, "-c", str(settings)])
            command = ["-m", "ivr.cli.main", "serve", "-c", str(settings)]
        else:
            command = ["-m", "bench.agi_servers", side, str(port)]
        process = subprocess.Popen([sys.executable, *command], stderr=subprocess.DEVNULL)
        try:
            _wait_for(port, process)
            yield Server(port=port, pid=process.pid, database=database)
        finally:
            process.terminate()
            process.wait()


def _postcall(arguments: Sequence[str]) -> None:
    command = [sys.executable, "-m", "ivr.cli.main", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until a whole survey has been held. To connect and go would do, but panoramisk then spins for ever."""
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            asyncio.run(call(port, surveys=1, lines=1, first=0))
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError("a server that is to be measured did not start") from None
            time.sleep(0.05)
        else:
            return


class _Unwritten:
    """A `SurveyBook` that keeps nothing: what is measured with it is everything but the storage."""

    async def start(self, site: str, survey: str, at: datetime) -> bool:
        return True

    async def record_answer(self, site: str, survey: str, answer: AnswerRecord) -> bool:
        return True

    async def choose_reason(self, site: str, survey: str, reason: str) -> None:
        return

    async def note(self, site: str, survey: str, *, language: str | None = None, incentive: str | None = None) -> None:
        return

    async def finish(self, site: str, survey: str, outcome: Outcome, at: datetime) -> bool:
        return True


async def _unstored(port: int) -> None:
    version = library_flow("csat")

    async def survey(request: AgiRequest, phone: AgiPhone) -> None:
        known = await read_request(request, phone, "main", "POSTCALL_REASON")
        asking = Asking(
            site=known.site,
            survey=known.survey,
            headline=version.flow.headline_question.code,
            interview=Interview(version.flow, "en", Context(at=_now(), queue=known.queue)),
            phone=phone,
            book=_Unwritten(),
            recordings="",
            now=_now,
            outage=store_outage(),
        )
        await asking.ask()

    server = AgiServer("127.0.0.1", port, {"survey": survey}, AgiLimits(sessions=SESSIONS))
    await server.start()
    await asyncio.Event().wait()


async def _panoramisk(port: int) -> None:
    async def survey(request: Request) -> None:
        for command in COMMANDS:
            await request.send_command(command)

    application = Application()
    application.add_route("survey", survey)
    await asyncio.start_server(application.handler, "127.0.0.1", port, backlog=1024)
    await asyncio.Event().wait()


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    asyncio.run({"unstored": _unstored, "panoramisk": _panoramisk}[sys.argv[1]](int(sys.argv[2])))
