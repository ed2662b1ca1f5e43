"""The unit file, the Dockerfiles and the compose file fit the program: whatever they name is there."""

import json
import re
import subprocess
from collections import defaultdict
from pathlib import Path
from shutil import which
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from ivr.asterisk.dialplan import DialplanSite, extensions_conf, rights
from ivr.cli.main import main
from ivr.service_settings import FastAgiSettings
from ivr.settings import Settings, load_settings
from tests.surroundings import Surroundings

ROOT = Path(__file__).parent.parent
PACKAGING = ROOT / "packaging"
UNIT = PACKAGING / "postcall.service"
DOCKERFILES = sorted(PACKAGING.glob("Dockerfile*"))
WRITING_SECONDS = 15
"""What may pass between the end of the last survey and that of the process: writing, and closing."""
SETTINGS = """
[web]
token_file = "secrets/web-token"
[privacy]
caller_key_file = "secrets/caller-key"
[sites.main.ami]
secret_file = "secrets/ami-secret"
"""
ENVIRONMENT = {
    "DATABASE_PASSWORD": "the database's password",
    "WEB_TOKEN": "a token of these tests",
    "CALLER_KEY": "a caller key of these tests",
    "AMI_SECRET": "the secret of these tests",
}
"""What packaging/.env holds."""


def directives() -> dict[str, list[str]]:
    """The lines of the unit file by name, each with all its values."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in UNIT.read_text("utf-8").splitlines():
        if line and not line.startswith(("#", "[")):
            name, _, value = line.partition("=")
            found[name].append(value)
    return found


def compose() -> Any:
    return YAML(typ="safe").load(PACKAGING / "compose.yaml")


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    """The instructions of a Dockerfile, each on one line, without comments."""
    text = re.sub(r"^#.*\n", "", dockerfile.read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in text.splitlines() if line.strip()]


def config_of(words: list[str]) -> str:
    """The settings file that `postcall` with these words would read; there must be such a command and option."""
    command: click.Command = main
    rest = list(words)
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), rest[0])
        assert found is not None, f"there is no postcall {' '.join(words)}"
        command, rest = found, rest[1:]
    return str(command.make_context(command.name, rest).params["path"])


def substituted(value: str) -> str:
    """A value of the compose file with what packaging/.env says."""
    return re.sub(r"\$\{([A-Z_]+)[^}]*\}", lambda found: ENVIRONMENT[found[1]], value)


# --- systemd ---


def test_systemd_starts_a_command_that_there_is_and_waits_until_it_is_ready() -> None:
    (start,) = directives()["ExecStart"]
    program, *words = start.split()
    assert Path(program).name == "postcall"
    assert config_of(words) == "/etc/postcall/postcall.toml"
    assert directives()["Type"] == ["notify"]


def test_systemd_waits_longer_than_surveys_may_go_on() -> None:
    (seconds,) = directives()["TimeoutStopSec"]
    assert int(seconds) >= FastAgiSettings().drain_seconds + WRITING_SECONDS
    assert directives()["KillMode"] == ["mixed"]


def test_the_secrets_of_the_unit_file_are_the_settings_that_need_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_over = [value.split(":")[0] for value in directives()["LoadCredential"]]
    for name in handed_over:
        (tmp_path / name).write_text(f"the {name} of these tests\n")
    for value in directives()["Environment"]:
        name, _, path = value.partition("=")
        monkeypatch.setenv(name, path.replace("%d", str(tmp_path)))
    (tmp_path / "postcall.toml").write_text(SETTINGS)
    settings = load_settings(tmp_path / "postcall.toml")
    assert settings.web.token.get_secret_value() == "the web-token of these tests"
    assert settings.privacy.caller_key.get_secret_value() == "the caller-key of these tests"
    assert settings.sites["main"].ami.secret.get_secret_value() == "the ami-secret of these tests"
    assert len(handed_over) == 3


def test_systemd_itself_finds_nothing_wrong_with_the_unit_file(tmp_path: Path, surroundings: Surroundings) -> None:
    program = which("systemd-analyze")
    if program is None:
        # No reason to fail where nothing else needs systemd; the other tests say what can be said without it.
        surroundings.left_out.append("systemd did not look at the unit file: no systemd-analyze here")
        return
    (tmp_path / "postcall.service").write_text(
        UNIT.read_text("utf-8").replace("/opt/postcall/bin/postcall", "/bin/true")
    )
    done = subprocess.run([program, "verify", tmp_path / "postcall.service"], capture_output=True, text=True)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "postcall.service" in line]) == (0, [])


# --- Docker ---


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.name)
def test_a_dockerfile_copies_what_there_is(dockerfile: Path) -> None:
    copied = [
        source
        for name, rest in instructions(dockerfile)
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert copied
    assert [source for source in copied if not (ROOT / source).exists()] == []


def test_the_image_has_every_package_of_the_program_and_checks_what_it_installs() -> None:
    steps = instructions(PACKAGING / "Dockerfile")
    packages = re.search(r"^packages = \[(.*)\]$", (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    assert packages is not None
    for package in re.findall(r'"(\w+)"', packages[1]):
        assert ("COPY", f"{package} {package}") in steps
    installs = [rest for name, rest in steps if name == "RUN" and "pip install" in rest]
    assert all("--require-hashes" in rest or "--no-deps" in rest for rest in installs)
    assert len(installs) == 2


def test_the_image_runs_as_an_ordinary_user_and_starts_the_service() -> None:
    steps = dict(instructions(PACKAGING / "Dockerfile"))
    assert steps["USER"] == "postcall"
    assert json.loads(steps["ENTRYPOINT"]) == ["postcall"]
    assert config_of(json.loads(steps["CMD"])) == "/etc/postcall/postcall.toml"
    assert "/healthz" in steps["HEALTHCHECK"]


# --- compose ---


def test_the_compose_file_names_what_there_is() -> None:
    services = compose()["services"]
    assert set(services) == {"database", "upgrade", "postcall", "asterisk"}
    for name, service in services.items():
        if build := service.get("build"):
            assert (PACKAGING / build["context"]).resolve() == ROOT, name
            assert (ROOT / build["dockerfile"]).is_file()
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert (PACKAGING / source).is_file() if source.startswith(".") else source in compose()["volumes"]
    assert config_of(services["upgrade"]["command"]) == "/etc/postcall/postcall.toml"


def test_the_compose_files_settings_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in compose()["services"]["postcall"]["environment"].items():
        monkeypatch.setenv(name, substituted(value))
    settings = load_settings(PACKAGING / "compose.toml")
    assert settings.sites["main"].ami.host == "asterisk"
    assert settings.fastagi.host == settings.web.host == "0.0.0.0"  # only the port is published
    grace = compose()["services"]["postcall"]["stop_grace_period"]
    assert int(grace.removesuffix("s")) >= settings.fastagi.drain_seconds + WRITING_SECONDS


def test_the_example_asterisk_has_the_lines_that_the_program_prints(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in compose()["services"]["postcall"]["environment"].items():
        monkeypatch.setenv(name, substituted(value))
    site = _printed_for(load_settings(PACKAGING / "compose.toml"))
    dialplan = (PACKAGING / "asterisk/extensions.conf").read_text("utf-8").splitlines()
    assert [
        line for line in extensions_conf(site).splitlines() if line[:1] not in ("", ";") and line not in dialplan
    ] == []
    read, write, _ = rights(site, "queue")
    manager = substituted(compose()["configs"]["manager"]["content"]).splitlines()
    assert {"[postcall]", f"secret = {ENVIRONMENT['AMI_SECRET']}", f"read = {read}", f"write = {write}"} <= set(manager)


def _printed_for(settings: Settings) -> DialplanSite:
    site = settings.sites["main"]
    return DialplanSite(
        site="main",
        username=site.ami.username,
        trigger=site.trigger,
        survey_goto=site.survey_goto,
        create_extension=site.create_extension,
        agi_host="postcall",
        agi_port=settings.fastagi.port,
    )
