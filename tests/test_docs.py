"""The documents say what there is: no setting without its line, no command in the README that does not exist."""

import re
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from ivr.callback_settings import CallbackSettings
from ivr.cli.main import main
from ivr.flow_rules import FlowRule
from ivr.settings import Settings
from ivr.site_settings import AmiSettings, CreditSettings, SiteSettings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
SECTIONS: dict[str, type[BaseModel]] = {
    **{
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    },
    "sites.CODE": SiteSettings,
    "sites.CODE.flows": FlowRule,
    "sites.CODE.ami": AmiSettings,
    "sites.CODE.callback": CallbackSettings,
    "sites.CODE.credit": CreditSettings,
}


def documented() -> dict[str, set[str]]:
    """The settings that docs/settings.md has a line for, by section."""
    parts = re.split(r"^## `\[(.+)\]`$", (ROOT / "docs/settings.md").read_text("utf-8"), flags=re.MULTILINE)[1:]
    return {
        section: {
            name
            for row in re.findall(r"^\| (`.+?) \|", text, flags=re.MULTILINE)
            for name in re.findall(r"`(.+?)`", row)
        }
        for section, text in zip(parts[::2], parts[1::2], strict=True)
    }


@pytest.mark.parametrize("section", SECTIONS)
def test_every_setting_is_documented_and_nothing_else_is(section: str) -> None:
    assert documented().get(section) == set(SECTIONS[section].model_fields) - {"ami", "rules", "callback", "credit"}


def test_every_section_is_documented_and_nothing_else_is() -> None:
    assert set(documented()) == set(SECTIONS)


@pytest.mark.parametrize("line", re.findall(r"^    postcall (.+?)(?:  +#.*)?$", README, re.MULTILINE))
def test_every_command_of_the_readme_exists(line: str) -> None:
    command: click.Command = main
    for word in line.split():
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None, f"there is no `postcall {line}`"
        command = found


@pytest.mark.parametrize("target", re.findall(r"^    make ([a-z]+)", README, re.MULTILINE))
def test_every_make_target_of_the_readme_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


@pytest.mark.parametrize("link", re.findall(r"\]\(([a-z/.-]+\.md)\)", README))
def test_every_link_of_the_readme_leads_somewhere(link: str) -> None:
    assert (ROOT / link).is_file()
