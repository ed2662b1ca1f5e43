"""Folders that are no place for a database, and what the doctor says of them."""

from pathlib import Path

import pytest

from ivr.doctor.disk import LITTLE_ROOM, Disk, kind_of, look_at_folder

# The optional fields before the dash are none, one and several; \040 is a space.
MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:25 / /srv rw,relatime shared:2 master:1 - nfs4 files:/srv rw,vers=4.2
31 30 0:26 / /srv/local rw - xfs /dev/sdb1 rw
32 22 0:27 / /mnt/shared\040disk rw - cifs //files/shared rw
33 22 0:28 / /mnt/twice rw - ext4 /dev/sdc1 rw
34 33 0:29 / /mnt/twice rw - fuse.sshfs me@files:/ rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/var/lib/postcall", "ext4"),
        ("/srv/postcall", "nfs4"),
        ("/srvice", "ext4"),
        ("/srv/local/postcall", "xfs"),
        ("/mnt/shared disk/postcall", "cifs"),
        ("/mnt/twice", "fuse.sshfs"),
    ],
)
def test_a_folder_is_on_the_file_system_that_is_mounted_nearest_above(folder: str, kind: str) -> None:
    assert kind_of(Path(folder), MOUNTS) == kind


def test_where_nothing_is_told_no_kind_is_made_up() -> None:
    assert kind_of(Path("/srv"), "") == kind_of(Path("/srv"), "no mountinfo at all") == ""


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"])
def test_a_file_system_of_another_machine(tmp_path: Path, kind: str) -> None:
    disk = Disk(free=lambda _: LITTLE_ROOM, file_system=lambda _: kind)
    fault, room = look_at_folder("database", tmp_path, disk)
    assert (fault.level, fault.fix) == ("fault", "move the file to a local disk, or use PostgreSQL")
    assert f"is on another machine ({kind})" in fault.said
    assert room.level == "ok"


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "fuse.mergerfs", ""])
def test_a_file_system_of_this_machine(tmp_path: Path, kind: str) -> None:
    disk = Disk(free=lambda _: LITTLE_ROOM, file_system=lambda _: kind)
    assert [one.level for one in look_at_folder("database", tmp_path, disk)] == ["ok"]


def test_a_folder_that_may_only_be_read(tmp_path: Path) -> None:
    disk = Disk(free=lambda _: LITTLE_ROOM, may_be_written=lambda _: False, file_system=lambda _: "ext4")
    fault, _ = look_at_folder("journal", tmp_path, disk)
    assert (fault.level, fault.about) == ("fault", "journal")
    assert fault.said == f"folder {tmp_path} may not be written by this user"
    assert "as the service's user" in fault.fix


def test_this_machine_tells_what_its_own_root_is() -> None:
    assert Disk().file_system(Path("/")) != ""
