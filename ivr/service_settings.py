"""Settings of the service itself, whatever its sites: addresses, database, privacy, flows, prompts, log."""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, IPvAnyNetwork, SecretStr, field_validator

from callflows.fields import Language
from callflows.speech import DEFAULT_COMMAND, Speech, parse_command
from ivr.errors import DatabaseError
from ivr.setting_section import LongSecret, Port, Section, SectionWithSecret, shaped, wrong
from storage.address import parse_url

_ADDRESS = re.compile(r"([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}")


def _address(address: str) -> str:
    if not _ADDRESS.fullmatch(address):
        raise wrong("should be host:port, such as 10.0.0.7:4573")
    return address


class FastAgiSettings(Section):
    """Where the dialplan's `AGI(agi://…)` finds this service."""

    host: str = "127.0.0.1"
    port: Port = 4573
    max_sessions: Annotated[int, Field(ge=1, le=100_000)] = 2000
    drain_seconds: Annotated[float, Field(ge=0, le=900)] = 30.0
    """How long surveys under way may go on after the service was told to stop."""
    replicas: tuple[Annotated[str, AfterValidator(_address)], ...] = ()
    """Where the dialplan finds each replica of this service, ``host:port``, in the order in which they are tried."""

    @field_validator("replicas")
    @classmethod
    def _once(cls, replicas: tuple[str, ...]) -> tuple[str, ...]:
        if twice := {address for address in replicas if replicas.count(address) > 1}:
            raise wrong(f"should name each replica once: {', '.join(sorted(twice))}")
        return replicas


class WebSettings(SectionWithSecret):
    """Where the HTTP API listens, and the bearer token that it asks for."""

    host: str = "127.0.0.1"
    port: Port = 8080
    hidden = "token"
    token: LongSecret
    token_file: Path | None = None
    proxies: tuple[IPvAnyNetwork, ...] = ()
    """Addresses or networks of proxies that are believed who asks, and whether by https."""


def _database(url: SecretStr) -> SecretStr:
    try:
        parse_url(url.get_secret_value())
    except DatabaseError as error:
        raise wrong(str(error)) from None
    return url


class DatabaseSettings(Section):
    """Where ratings are kept: `sqlite:///postcall.db` or `postgresql://user@host/name`."""

    url: Annotated[SecretStr, AfterValidator(_database)] = SecretStr("sqlite:///postcall.db")
    journal: Path = Path("postcall-journal.db")
    """With PostgreSQL: the file that takes what callers say while the database is away."""


class PrivacySettings(SectionWithSecret):
    """The key under which callers' numbers are hashed: change it, and a caller is no longer recognised."""

    hidden = "caller_key"
    caller_key: LongSecret
    caller_key_file: Path | None = None
    keep_months: Annotated[int, Field(ge=1, le=1200)] | None = None
    """For how many whole months before the current one calls and ratings are kept; for ever where it is not given."""


class FlowsSettings(Section):
    """Where the flow files are."""

    folder: Path | None = None
    """A folder of `*.yaml` flows beside the shipped ones; a flow in it goes before a shipped one of the same code."""
    prompt_prefix: Annotated[str, shaped(r"[A-Za-z0-9_/-]+", "a folder: letters, digits, _, - and /")] = "postcall"
    """The folder of our sounds as the PBX sees it, below its own `sounds`."""
    recordings: Annotated[
        str,
        shaped(r"(/[A-Za-z0-9_.-]+)+", "a whole path such as /var/spool/asterisk/postcall, of letters, digits, _ . -"),
    ] = "/var/spool/asterisk/postcall"
    """The folder of recorded comments as the PBX sees it."""
    recordings_here: Path | None = None
    """The same folder as this service reaches it, where that is another path; for those who listen to comments."""


class PromptsSettings(Section):
    """How `postcall prompts build` makes sounds from texts."""

    command: str = DEFAULT_COMMAND
    """Any text-to-speech program, run without a shell; see `callflows.speech.Speech`."""
    voices: dict[Language, Annotated[str, Field(min_length=1)]] = Field(default_factory=dict)
    """The program's voice for a language."""
    speeds: dict[Language, Annotated[int, Field(ge=1, le=1000)]] = Field(default_factory=dict)
    """Words a minute for a language."""

    @field_validator("command")
    @classmethod
    def _check(cls, command: str) -> str:
        try:
            parse_command(command)
        except ValueError as error:
            raise wrong(str(error)) from None
        return command

    @property
    def speech(self) -> Speech:
        """The program with its voices."""
        return Speech(command=parse_command(self.command), voices=self.voices, speeds=self.speeds)


class LogSettings(Section):
    """How the service writes its log, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"
