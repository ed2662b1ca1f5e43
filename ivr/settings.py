"""Settings: one `postcall.toml`, overridden by environment variables, wrong or unknown ones refused by name.

A variable is named after the setting: `POSTCALL_WEB__PORT` is `port` under `[web]`, and
`POSTCALL_SITES__MAIN__AMI__SECRET` is `secret` under `[sites.main.ami]`. Secrets may stand in a file of their own
(`secret_file`, `token_file`, `caller_key_file`); relative paths count from the folder of `postcall.toml`.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from callflows.fields import Language
from callflows.speech import DEFAULT_COMMAND, Speech, parse_command
from ivr.callback_settings import CallbackSettings
from ivr.errors import SettingsError
from ivr.flow_rules import Code, FlowRule, never_matching
from ivr.rule_settings import RuleSettings
from ivr.setting_mistakes import explain
from storage.records import REASON_CODE

ENV_PREFIX = "POSTCALL_"

Port = Annotated[int, Field(ge=0, le=65535)]


def _wrong(text: str) -> PydanticCustomError:
    return PydanticCustomError("wrong", "{text}", {"text": text})


def _zone(value: object) -> object:
    if value not in available_timezones():
        near = difflib.get_close_matches(str(value), available_timezones(), n=1)
        hint = f", did you mean {near[0]}?" if near else ""
        raise _wrong(f"should be an IANA time zone such as Europe/Madrid{hint}")
    return value


def _long(secret: SecretStr) -> SecretStr:
    if len(secret) < 16:
        raise _wrong(f"should have at least 16 characters, not {len(secret)}")
    return secret


LongSecret = Annotated[SecretStr, AfterValidator(_long)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _WithSecret(_Section):
    """A section in which one value may be given straight, or as the first line of the file named `…_file`."""

    hidden: ClassVar[str]

    @model_validator(mode="before")
    @classmethod
    def _read_file(cls, given: object) -> object:
        name, file_name = cls.hidden, f"{cls.hidden}_file"
        if not isinstance(given, dict):
            return given
        if name in given and file_name in given:
            raise _wrong(f"{name} and {file_name} are both given; give one")
        if name not in given and file_name not in given:
            raise _wrong(f"{name} or {file_name} is needed")
        if file_name not in given:
            return given
        file = Path(str(given[file_name]))
        try:
            first = next(iter(file.read_text("utf-8").splitlines()), "").strip()
        except OSError as error:
            raise _wrong(f"{file_name} {file} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise _wrong(f"{file_name} {file} is not UTF-8 text") from None
        if not first:
            raise _wrong(f"{file_name} {file} is empty")
        return {**given, name: first}


class AmiSettings(_WithSecret):
    """How to reach a site's Asterisk Manager Interface."""

    host: str = "127.0.0.1"
    port: Port = 5038
    username: Annotated[str, Field(min_length=1)] = "postcall"
    hidden = "secret"
    secret: SecretStr
    secret_file: Path | None = None
    tls: bool = False
    """Encrypt, and verify the certificate against `ca_file`, or against the system's authorities."""
    ca_file: Path | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.ca_file and not self.tls:
            raise _wrong("ca_file is given, but tls is false")
        return self


CreditPolicy = Literal["last", "first", "longest", "split"]
"""To which of the agents who talked with a caller the rating goes: the last, the first, the one who talked longest, or
all of them by talk time."""


class CreditSettings(_Section):
    """Whom ratings are credited to."""

    default: CreditPolicy = "last"
    queues: dict[str, CreditPolicy] = {}
    """For single queues, by name: that of the queue which the caller entered last counts."""


class SiteSettings(_Section):
    """One PBX, and what its callers are asked."""

    name: str = ""
    zone: Annotated[str, BeforeValidator(_zone)] = "UTC"
    """The IANA time zone in which this site's days begin."""
    flow: Code = "csat"
    """The flow of the calls that no rule in `flows` matches."""
    flows: tuple[FlowRule, ...] = ()
    """Which other calls are put which flow; the first rule that matches wins."""
    teams: dict[Code, tuple[Annotated[str, Field(min_length=1)], ...]] = {}
    """The interfaces of each team's agents."""
    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "en"
    """The language when the call's own is not one of the flow's."""
    trigger: Literal["ami", "dialplan"] = "ami"
    """`ami`: the caller is sent into the survey over AMI, and the queue's dialplan stays as it is. `dialplan`: the
    dialplan itself runs the survey after `Queue(…,c)`."""
    survey_goto: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+,[A-Za-z0-9_-]+,[0-9]+$")] = "postcall-survey,s,1"
    """Context, extension and priority of the survey in the dialplan."""
    create_extension: bool = False
    """Create the survey's extension over AMI when it is not there; the AMI user then needs the class `system`."""
    reason_variable: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] = "POSTCALL_REASON"
    """The channel variable that holds the call reason."""
    rules: RuleSettings = RuleSettings()
    """Who is asked, where that is not as in `Settings.rules`."""
    callback: CallbackSettings = CallbackSettings()
    queue_reasons: dict[str, Annotated[str, Field(pattern=f"^{REASON_CODE}$")]] = {}
    """The reason of a queue's calls of which nobody gives another one, by the queue's name."""
    credit: CreditSettings = CreditSettings()
    agents_file: Path | None = None
    """A CSV file that says who sits at which device, and when."""
    ami: AmiSettings

    @model_validator(mode="after")
    def _check(self) -> Self:
        teams: dict[str, str] = {}
        for team, agents in self.teams.items():
            for agent in agents:
                if teams.setdefault(agent, team) != team:
                    raise _wrong(f"teams: {agent} is in {teams[agent]} and in {team}; an agent has one team")
        for number, rule in enumerate(self.flows, 1):
            for team in rule.team or ():
                if team not in self.teams:
                    there = f"there are {', '.join(self.teams)}" if self.teams else "there is none in teams"
                    raise _wrong(f"flows: rule {number}: there is no team {team}; {there}")
        lost = never_matching(self.flows)
        if lost:
            raise _wrong(
                f"flows: rule {lost[0]} can never match, for rule {lost[1]} matches all its calls; put it first"
            )
        return self

    @property
    def zone_info(self) -> ZoneInfo:
        """The zone in which this site's days begin."""
        return ZoneInfo(self.zone)


class FastAgiSettings(_Section):
    """Where the dialplan's `AGI(agi://…)` finds this service."""

    host: str = "127.0.0.1"
    port: Port = 4573
    max_sessions: Annotated[int, Field(ge=1, le=100_000)] = 2000


class WebSettings(_WithSecret):
    """Where the HTTP API listens, and the bearer token that it asks for."""

    host: str = "127.0.0.1"
    port: Port = 8080
    hidden = "token"
    token: LongSecret
    token_file: Path | None = None


class DatabaseSettings(_Section):
    """Where ratings are kept: `sqlite:///postcall.db` or `postgresql://user@host/name`."""

    url: SecretStr = SecretStr("sqlite:///postcall.db")


class PrivacySettings(_WithSecret):
    """The key under which callers' numbers are hashed: change it, and a caller is no longer recognised."""

    hidden = "caller_key"
    caller_key: LongSecret
    caller_key_file: Path | None = None


class FlowsSettings(_Section):
    """Where the flow files are."""

    folder: Path | None = None
    """A folder of `*.yaml` flows beside the shipped ones; a flow in it goes before a shipped one of the same code."""
    prompt_prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9_/-]+$")] = "postcall"
    """The folder of our sounds as the PBX sees it, below its own `sounds`."""
    recordings: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_.-]+)+$")] = "/var/spool/asterisk/postcall"
    """The folder of recorded comments as the PBX sees it."""


class PromptsSettings(_Section):
    """How `postcall prompts build` makes sounds from texts."""

    command: str = DEFAULT_COMMAND
    """Any text-to-speech program, run without a shell; see `callflows.speech.Speech`."""
    voices: dict[Language, Annotated[str, Field(min_length=1)]] = {}
    """The program's voice for a language."""
    speeds: dict[Language, Annotated[int, Field(ge=1, le=1000)]] = {}
    """Words a minute for a language."""

    @field_validator("command")
    @classmethod
    def _check(cls, command: str) -> str:
        try:
            parse_command(command)
        except ValueError as error:
            raise _wrong(str(error)) from None
        return command

    @property
    def speech(self) -> Speech:
        """The program with its voices."""
        return Speech(command=parse_command(self.command), voices=self.voices, speeds=self.speeds)


class LogSettings(_Section):
    """How the service writes its log, to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True, hide_input_in_errors=True
    )

    database: DatabaseSettings = DatabaseSettings()
    web: WebSettings
    fastagi: FastAgiSettings = FastAgiSettings()
    privacy: PrivacySettings
    flows: FlowsSettings = FlowsSettings()
    prompts: PromptsSettings = PromptsSettings()
    log: LogSettings = LogSettings()
    rules: RuleSettings = RuleSettings()
    """Who is asked at every site."""
    sites: Annotated[dict[Code, SiteSettings], Field(min_length=1)]

    def rules_of(self, site: str) -> RuleSettings:
        """Who is asked at one site."""
        return self.rules.changed_by(self.sites[site].rules)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment goes before the file."""
        return env_settings, init_settings


def load_settings(path: Path) -> Settings:
    """Read `path` and the environment.

    Raises `SettingsError` with one line per mistake: the setting's name, what was given, what is allowed.
    """
    try:
        given = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such file; `postcall init` writes one to start from") from None
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{path}: not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not TOML: {error}") from None
    return build_settings(_below(given, path.resolve().parent), source=str(path))


def build_settings(given: Mapping[str, Any], *, source: str) -> Settings:
    """Settings from already parsed values and the environment; `source` names the values in messages.

    Raises `SettingsError` as `load_settings` does.
    """
    unknown = [
        name
        for name in os.environ
        if name.upper().startswith(ENV_PREFIX)
        and name[len(ENV_PREFIX) :].split("__")[0].lower() not in Settings.model_fields
    ]
    if unknown:
        sections = ", ".join(f"{ENV_PREFIX}{name.upper()}__…" for name in Settings.model_fields)
        raise SettingsError(f"environment: {unknown[0]}: unknown setting; allowed are {sections}")
    try:
        return Settings(**given)
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=True)
        raise SettingsError(
            "\n".join(f"{source}: {explain(detail, given, Settings, ENV_PREFIX)}" for detail in details)
        ) from None


def _below(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Relative paths (`*_file`, `folder`) count from the folder of the settings file, not from where one stands."""
    below: dict[str, Any] = {}
    for name, value in given.items():
        if isinstance(value, dict):
            below[name] = _below(value, folder)
        elif isinstance(value, str) and (name.endswith("_file") or name == "folder"):
            below[name] = str(folder / value)
        else:
            below[name] = value
    return below
