"""Where an Asterisk comes from when the machine has none: by apt's own sources, fetched once, or refused clearly."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ivr.demo.pbx import debian, download
from ivr.demo.pbx.debian import Mirror, debian_mirror
from ivr.demo.pbx.download import asterisk_version, find_asterisk_root
from ivr.errors import PbxError

DEB822 = """
# Types: deb
Types: deb deb-src
URIs: http://mirror.invalid/debian-security
Suites: bookworm-security
Components: main

Types: deb
Enabled: no
URIs: http://disabled.invalid/debian

Types: deb
URIs:
# a comment within
  http://mirror.invalid/debian/
Suites: bookworm
 bookworm-updates
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without an Asterisk, and with nothing but stand-ins for apt-get and dpkg-deb; returns their folder."""
    tools = tmp_path / "bin"
    tools.mkdir()
    complete = download._is_complete
    monkeypatch.setattr(download, "_is_complete", lambda root: root != Path("/") and complete(root))
    monkeypatch.setattr(debian, "_apt_sources", lambda: {"debian.sources": DEB822})
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    write_tool(tools / "dpkg-deb", UNPACK)
    return tools


UNPACK = """
lib="$3/usr/lib/x86_64-linux-gnu"
mkdir -p "$lib/asterisk/modules" "$3/usr/sbin" "$3/usr/share/asterisk/sounds/en" "$3/usr/share/asterisk/documentation"
touch "$lib/asterisk/modules/app_queue.so" "$lib/asterisk/modules/chan_pjsip.so" "$lib/asterisk/modules/res_agi.so"
touch "$3/usr/sbin/asterisk" "$3/usr/share/asterisk/sounds/en/beep.gsm"
printf '#!/bin/sh\\necho Asterisk 22.0\\n' > "$lib/ld-linux-x86-64.so.2"
chmod +x "$lib/ld-linux-x86-64.so.2"
"""


def write_tool(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o755)


def fetching(log: Path) -> str:
    """apt-get that notes that it was called, takes its time, and downloads one package."""
    return f"""
echo "$*" >> {log}
sleep 0.1
case "$*" in *install*) touch "$(dirname "$2")/cache/archives/asterisk.deb";; esac
"""


def test_the_archive_is_found_in_the_newer_format_of_sources() -> None:
    expected = Mirror(uri="http://mirror.invalid/debian/", signed_by="/usr/share/keyrings/debian-archive-keyring.gpg")
    assert debian_mirror({"debian.sources": DEB822}) == expected


@pytest.mark.parametrize(
    ("line", "signed_by"),
    [
        ("deb http://mirror.invalid/debian bookworm main", ""),
        ("deb [arch=amd64 signed-by=/keys/debian.gpg] http://mirror.invalid/debian bookworm main", "/keys/debian.gpg"),
    ],
)
def test_the_archive_is_found_in_the_older_format_of_sources(line: str, signed_by: str) -> None:
    text = f"# deb http://commented.invalid/debian x main\ndeb-src http://source.invalid/debian x main\n{line}\n"

    assert debian_mirror({"sources.list": text}) == Mirror(uri="http://mirror.invalid/debian", signed_by=signed_by)


def test_a_machine_whose_apt_knows_no_debian_is_told_so_in_one_line(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ubuntu = {"ubuntu.sources": "Types: deb\nURIs: http://mirror.invalid/ubuntu\n"}
    monkeypatch.setattr(debian, "_apt_sources", lambda: ubuntu)
    write_tool(bare_machine / "apt-get", "exit 1")

    with pytest.raises(PbxError) as refusal:
        find_asterisk_root(tmp_path / "cache")

    assert str(refusal.value) == (
        "no Asterisk: none is installed, and apt's sources name no Debian archive to take one from"
    )


def test_two_that_start_at_once_fetch_once_and_both_get_a_whole_asterisk(bare_machine: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    write_tool(bare_machine / "apt-get", fetching(log))
    cache = tmp_path / "cache"
    (cache / "fetching-asterisk-abandoned").mkdir(parents=True)

    with ThreadPoolExecutor() as pool:
        roots = list(pool.map(find_asterisk_root, [cache] * 2))

    assert roots == [cache / "asterisk-forky"] * 2
    assert asterisk_version(roots[0]) == "Asterisk 22.0"
    assert len(log.read_text().splitlines()) == 2  # one update, one download
    assert sorted(os.listdir(cache)) == ["asterisk-forky", "asterisk.lock"]


def test_when_the_mirror_cannot_be_reached_apts_own_reason_is_said_and_nothing_is_left(
    bare_machine: Path, tmp_path: Path
) -> None:
    write_tool(bare_machine / "apt-get", "echo 'Err:1'; echo 'E: Failed to fetch: no route to host'; exit 100")
    cache = tmp_path / "cache"

    with pytest.raises(PbxError) as refusal:
        find_asterisk_root(cache)

    assert str(refusal.value) == ("no Asterisk: could not list Debian's packages: E: Failed to fetch: no route to host")
    assert os.listdir(cache) == ["asterisk.lock"]


def test_without_apt_the_missing_tools_are_named(
    bare_machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(PbxError, match=r"apt-get and dpkg-deb \(to unpack Debian's\) is missing"):
        find_asterisk_root(tmp_path / "cache")


def test_a_cache_folder_that_cannot_be_made_is_named(bare_machine: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(PbxError, match=r"the cache folder .*/file/cache cannot be used: Not a directory"):
        find_asterisk_root(tmp_path / "file/cache")
