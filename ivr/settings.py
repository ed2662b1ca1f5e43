"""Settings: one `postcall.toml`, overridden by environment variables, wrong or unknown ones refused by name.

A variable is named after the setting: `POSTCALL_WEB__PORT` is `port` under `[web]`, and
`POSTCALL_SITES__MAIN__AMI__SECRET` is `secret` under `[sites.main.ami]`. Secrets may stand in a file of their own
(`secret_file`, `token_file`, `caller_key_file`); relative paths count from the folder of `postcall.toml`.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from ivr.errors import SettingsError
from ivr.flow_rules import Code
from ivr.rule_settings import RuleSettings
from ivr.service_settings import (
    DatabaseSettings,
    FastAgiSettings,
    FlowsSettings,
    LogSettings,
    PrivacySettings,
    PromptsSettings,
    WebSettings,
)
from ivr.setting_mistakes import explain
from ivr.site_settings import SiteSettings

ENV_PREFIX = "POSTCALL_"


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
    """Relative paths (`*_file`, `folder`, `recordings_here`) count from the folder of the settings file."""
    below: dict[str, Any] = {}
    for name, value in given.items():
        if isinstance(value, dict):
            below[name] = _below(value, folder)
        elif isinstance(value, str) and (name.endswith("_file") or name in ("folder", "recordings_here")):
            below[name] = str(folder / value)
        else:
            below[name] = value
    return below
