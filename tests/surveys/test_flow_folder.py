"""What the looks at a folder of flow files make of what people and editors do to it."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from ivr.errors import FlowError
from ivr.surveys.flow_folder import FlowFile, FlowFolder
from tests.surveys.flow_files import source, write


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "mine.yaml", "One")
    return tmp_path


def titles(files: Mapping[Path, FlowFile]) -> dict[str, str | None]:
    return {path.name: file.version.flow.title if file.version else None for path, file in files.items()}


def test_a_saved_file_counts_from_the_second_look_that_sees_it(folder: Path) -> None:
    flows = FlowFolder(folder)
    assert titles(flows.look(at_once=True)) == {"mine.yaml": "One"}
    write(folder / "mine.yaml", "Two")
    assert titles(flows.look()) == {"mine.yaml": "One"}
    assert titles(flows.look()) == {"mine.yaml": "Two"}


def test_a_file_still_being_written_is_neither_taken_nor_complained_of(folder: Path) -> None:
    flows = FlowFolder(folder)
    flows.look(at_once=True)
    whole = source("Two")
    for end in range(0, len(whole), len(whole) // 7):
        (folder / "mine.yaml").write_text(whole[:end], "utf-8")
        assert titles(flows.look()) == {"mine.yaml": "One"}
    (folder / "mine.yaml").write_text(whole, "utf-8")
    flows.look()
    assert titles(flows.look()) == {"mine.yaml": "Two"}


def test_a_change_within_the_same_second_and_of_the_same_length_is_seen(folder: Path) -> None:
    flows = FlowFolder(folder)
    flows.look(at_once=True)
    stood = (folder / "mine.yaml").stat()
    write(folder / "mine.yaml", "Eno")
    os.utime(folder / "mine.yaml", ns=(stood.st_atime_ns, stood.st_mtime_ns))
    flows.look()
    assert titles(flows.look()) == {"mine.yaml": "Eno"}


def test_a_broken_file_is_refused_with_the_checkers_own_lines_and_keeps_its_flows_name(folder: Path) -> None:
    flows = FlowFolder(folder)
    flows.look(at_once=True)
    path = folder / "mine.yaml"
    path.write_text(source("Two").replace("tries: 2", "tires: 2"), "utf-8")
    flows.look()
    (file,) = flows.look().values()
    assert (file.version, file.flow) == (None, "mine")
    assert file.mistakes[0].startswith(f'{path}:5:1: unknown setting "tires"; did you mean "tries"?')


@pytest.mark.parametrize("name", ["other.yml", "other.YAML"])
def test_a_file_whose_name_nearly_fits_is_refused_and_not_passed_over(folder: Path, name: str) -> None:
    path = write(folder / name, "Other", flow="other")
    files = FlowFolder(folder).look(at_once=True)
    assert titles(files) == {"mine.yaml": "One", name: None}
    assert files[path].mistakes == (f"{path}: the name ends in {path.suffix}; allowed: a name that ends in .yaml",)


def test_an_editor_that_takes_the_file_away_for_a_moment_changes_nothing(folder: Path) -> None:
    flows = FlowFolder(folder)
    before = flows.look(at_once=True)
    (folder / "mine.yaml").rename(folder / "mine.yaml~")
    assert flows.look() == before
    (folder / "mine.yaml~").rename(folder / "mine.yaml")
    assert flows.look() == before


def test_a_file_that_stays_away_is_gone(folder: Path) -> None:
    flows = FlowFolder(folder)
    flows.look(at_once=True)
    (folder / "mine.yaml").unlink()
    flows.look()
    assert flows.look() == {}


def test_files_of_editors_and_other_files_are_nobodys_flows(folder: Path) -> None:
    (folder / ".#mine.yaml").symlink_to("nobody@nowhere.1234")
    (folder / ".mine.yaml.swp").write_text("x")
    (folder / "notes.txt").write_text("x")
    assert titles(FlowFolder(folder).look(at_once=True)) == {"mine.yaml": "One"}


def test_of_two_files_with_one_code_the_one_that_had_it_keeps_it(folder: Path) -> None:
    flows = FlowFolder(folder)
    flows.look(at_once=True)
    write(folder / "a-copy.yaml", "Two")
    flows.look()
    files = flows.look()
    assert titles(files) == {"mine.yaml": "One", "a-copy.yaml": None}
    assert files[folder / "a-copy.yaml"].mistakes == (
        f"{folder / 'a-copy.yaml'}: flow mine stands in {folder / 'mine.yaml'} too; a code may be given once",
    )
    (folder / "mine.yaml").unlink()
    flows.look()
    assert titles(flows.look()) == {"a-copy.yaml": "Two"}


def test_a_file_that_cannot_be_read_and_a_folder_in_its_place_are_refused(folder: Path) -> None:
    (folder / "deep.yaml").mkdir()
    files = FlowFolder(folder).look(at_once=True)
    assert files[folder / "deep.yaml"].mistakes == (
        f"{folder / 'deep.yaml'}:1:1: cannot be read: Is a directory; allowed: a readable file",
    )
    assert titles(files)["mine.yaml"] == "One"


def test_a_folder_that_is_away_is_no_empty_folder(folder: Path) -> None:
    flows = FlowFolder(folder)
    flows.look(at_once=True)
    folder.rename(folder.with_name("elsewhere"))
    with pytest.raises(FileNotFoundError):
        flows.look()
    folder.with_name("elsewhere").rename(folder)
    assert titles(flows.look()) == {"mine.yaml": "One"}


def test_the_mistakes_are_those_of_the_checker(folder: Path) -> None:
    from callflows.loader import load_flow

    path = folder / "mine.yaml"
    path.write_text("flow: [\n")
    (file,) = FlowFolder(folder).look(at_once=True).values()
    with pytest.raises(FlowError) as caught:
        load_flow(path)
    assert "\n".join(file.mistakes) == str(caught.value)
