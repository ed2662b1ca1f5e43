"""`postcall flows check`, `draw`, `diff`, `test` and `schema`, as an admin uses them."""

import asyncio
import json
import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from callflows.loader import LIBRARY, library_flow
from tests.callflows.rich_flow import RICH
from tests.cli.inside import refused, run, said
from tests.cli.test_mistakes import LIMIT, folder, postcall

__all__ = ["folder"]

CSAT = library_flow("csat")


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with a flow of the admin's own, and no settings."""
    (tmp_path / "rich.yaml").write_text(RICH)
    return tmp_path


# --- check ---


def test_a_good_flow_is_told_with_its_version_and_the_longest_call(desk: Path) -> None:
    shutil.copytree(LIBRARY / "sounds", desk / "sounds")
    shutil.copy(LIBRARY / "csat.yaml", desk / "csat.yaml")
    out = said(desk, "flows", "check", "csat.yaml", "rich.yaml")
    (csat, rich) = out.splitlines()
    assert csat.startswith(f"csat.yaml: flow csat is good, version {CSAT.digest[:12]}; at most ")
    assert "about" not in csat
    assert rich.startswith("rich.yaml: flow after-support is good, version ")
    assert "; at most about " in rich
    assert rich.endswith(" s in zh (not all its sounds are there)")


def test_every_file_of_a_folder_is_checked_and_a_mistake_ends_with_status_2(desk: Path) -> None:
    (desk / "broken.yaml").write_text(RICH.replace("tries: 2", "tires: 2").replace("go: bank", "go: bonk"))
    result = run(desk, "flows", "check", str(desk))
    status, out, err = result.exit_code, result.stdout, result.stderr
    assert status == 2
    assert out.startswith(f"{desk}/rich.yaml: flow after-support is good")
    lines = err.splitlines()
    assert lines[0] == f'postcall: {desk}/broken.yaml:4:1: unknown setting "tires"; did you mean "tries"?'
    assert 'unknown step "bonk"; did you mean "bank"?' in lines[1]


async def test_a_flow_on_standard_input(desk: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ivr.cli.main", "flows", "check", "-"),
        cwd=desk,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(RICH.encode()), LIMIT)
    assert process.returncode == 0
    assert out.decode().startswith("-: flow after-support is good, version ")


def test_a_folder_without_a_flow(desk: Path) -> None:
    (desk / "empty").mkdir()
    assert refused(desk, "flows", "check", "empty") == [
        "postcall: empty: no flow in this folder; allowed: a folder with *.yaml files"
    ]


# --- draw ---


def test_a_flow_is_drawn_as_text_and_as_a_picture(desk: Path) -> None:
    text = said(desk, "flows", "draw", "rich.yaml")
    assert "flowchart TD\n" in text
    assert "Before you go, two short questions." in text
    picture = ElementTree.fromstring(said(desk, "flows", "draw", "--svg", "--language", "zh", "rich.yaml"))
    assert picture.tag == "{http://www.w3.org/2000/svg}svg"
    assert "还有两个简短的问题。" in "".join(picture.itertext())


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--language", "fr", "rich.yaml"], 'flow "after-support" has no language "fr"; allowed: en, zh'),
        (["nowhere.yaml"], "nowhere.yaml:1:1: cannot be read: No such file or directory; allowed: a readable file"),
        (["ritch"], 'unknown flow "ritch"; '),
    ],
)
def test_what_cannot_be_drawn_is_told_in_one_line(desk: Path, arguments: list[str], line: str) -> None:
    (told,) = refused(desk, "flows", "draw", *arguments)
    assert told.startswith(f"postcall: {line}")


# --- diff ---


def test_two_files_are_told_apart_in_words(desk: Path) -> None:
    (desk / "new.yaml").write_text(RICH.replace("tries: 2", "tries: 3").replace("Good night.", "Sleep well."))
    assert (said(desk, "flows", "diff", "rich.yaml", "new.yaml")).splitlines() == [
        "tries 2 → 3",
        'end night (en): text changed from "Good night." to "Sleep well."',
    ]
    (desk / "same.yaml").write_text(f"# the same\n{RICH}")
    out = said(desk, "flows", "diff", "rich.yaml", "same.yaml")
    assert out.startswith("no difference: both are version ")
    (desk / "explicit.yaml").write_text(
        RICH.replace("    keys: 1-5\n    satisfied", "    keys: 1-5\n    tries: 2\n    satisfied")
    )
    out = said(desk, "flows", "diff", "rich.yaml", "explicit.yaml")
    assert out == "no difference that a caller would notice\n"


async def test_a_file_and_a_published_version_are_told_apart(folder: Path) -> None:
    (folder / "old.yaml").write_text(RICH)
    (folder / "new.yaml").write_text(RICH.replace("tries: 2", "tries: 3"))
    _, out, _ = await postcall(folder, "flows", "publish", "old.yaml")
    digest = out.split("version ")[1].split(" ")[0]
    assert await postcall(folder, "flows", "diff", digest, "new.yaml") == (0, "tries 2 → 3\n", "")
    assert await postcall(folder, "flows", "diff", "abcd0123", "new.yaml") == (
        2,
        "",
        "postcall: there is no version 'abcd0123'; `postcall flows history` lists those that there are\n",
    )


def test_a_digest_needs_the_settings(desk: Path) -> None:
    assert refused(desk, "flows", "diff", "abcd0123", "rich.yaml") == [
        "postcall: postcall.toml: no such file; `postcall init` writes one to start from"
    ]


# --- test ---


def test_calls_that_go_as_they_should_are_told_as_good(desk: Path) -> None:
    (desk / "it.txt").write_text(
        "call Nobody\ncaller is silent\ncaller is silent\ncaller is silent\ncaller is silent\n"
    )
    assert said(desk, "flows", "test", "rich.yaml", "it.txt") == "it.txt:1: call Nobody: good\n"
    shutil.copytree(LIBRARY / "scripts", desk / "scripts")
    (desk / "scripts/csat.txt").rename(desk / "scripts/after-support.txt")
    result = run(desk, "flows", "test", "rich.yaml")
    status, err = result.exit_code, result.stderr
    assert status == 1
    assert err.startswith("postcall: scripts/after-support.txt:")


def test_a_call_that_goes_another_way_ends_with_status_1(desk: Path) -> None:
    (desk / "it.txt").write_text("# of mine\ncall First\n  caller hangs up\n\ncall Second\n  hears goodbye\n")
    result = run(desk, "flows", "test", "rich.yaml", "it.txt")
    status, out, err = result.exit_code, result.stdout, result.stderr
    assert (status, out) == (1, "it.txt:2: call First: good\n")
    assert err == (
        'postcall: it.txt:6: call Second: expected: hears goodbye; got: hears language-ask "For English, press 1.", '
        'language-ask "中文请按2。"\n'
    )


def test_a_script_that_cannot_be_read_ends_with_status_2(desk: Path) -> None:
    (desk / "it.txt").write_text("call First\ncaller sleeps\n")
    (told,) = refused(desk, "flows", "test", "rich.yaml", "it.txt")
    assert told.startswith('postcall: it.txt:2: "caller sleeps" is nothing that a caller does; allowed: ')
    (told,) = refused(desk, "flows", "test", "rich.yaml")
    assert told == (
        "postcall: scripts/after-support.txt: cannot be read: No such file or directory; allowed: a readable file"
    )


# --- schema ---


def test_the_schema_is_printed(desk: Path) -> None:
    schema = json.loads(said(desk, "flows", "schema"))
    assert schema["title"] == "Call flow"
    assert "steps" in schema["properties"]
