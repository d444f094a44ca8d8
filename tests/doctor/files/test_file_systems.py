"""On which file system a directory is, by what Linux tells of its mounts."""

import pytest

from nimprofile.doctor.files.file_systems import FileSystem, file_system_of

MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:26 / /dev/shm rw,nosuid - tmpfs tmpfs rw,size=64k
40 22 0:40 / /mnt/a\040b rw,relatime - nfs4 filer:/exports/a\040b rw,vers=4.2
41 22 0:41 / /mnt/a\040b/inner ro,relatime shared:3 master:2 - ext4 /dev/vdb rw
42 22 0:42 / /mnt/s3 rw - fuse.s3fs s3fs rw
43 22 0:43 / /mnt/twice rw - ext4 /dev/vdc rw
44 22 0:44 / /mnt/twice rw - cifs //filer/share ro
a line that is none
50 22
""".lstrip()


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "proc" / "self"
    folder.mkdir(parents=True)
    (folder / "mountinfo").write_text(MOUNTS, encoding="utf-8")
    return str(tmp_path)


@pytest.mark.parametrize(
    ("folder", "kind", "device", "place"),
    [
        ("/nowhere/else", "ext4", "/dev/vda", "/"),
        ("/", "ext4", "/dev/vda", "/"),
        ("/dev/shm", "tmpfs", "tmpfs", "/dev/shm"),
        ("/mnt/a b", "nfs4", "filer:/exports/a b", "/mnt/a b"),
        ("/mnt/a b/x/y", "nfs4", "filer:/exports/a b", "/mnt/a b"),
        ("/mnt/a bc", "ext4", "/dev/vda", "/"),
        ("/mnt/a b/inner/x", "ext4", "/dev/vdb", "/mnt/a b/inner"),
        ("/mnt/s3", "fuse.s3fs", "s3fs", "/mnt/s3"),
        ("/mnt/twice", "cifs", "//filer/share", "/mnt/twice"),
    ],
)
def test_the_mount_that_is_nearest_and_last_holds(root, folder, kind, device, place):
    found = file_system_of(folder, root)
    assert (kind, device, place) == (found.kind, found.device, found.place)


@pytest.mark.parametrize(
    ("folder", "expected"), [("/mnt/a b/inner", True), ("/mnt/twice", True), ("/", False)]
)
def test_a_mount_or_its_file_system_can_be_read_only(root, folder, expected):
    assert expected == file_system_of(folder, root).read_only


@pytest.mark.parametrize(
    ("kind", "network", "by_a_program", "in_memory"),
    [
        ("ext4", False, False, False),
        ("nfs4", True, False, False),
        ("lustre", True, False, False),
        ("fuse.sshfs", False, True, False),
        ("fuse", False, True, False),
        ("fuseblk", False, False, False),
        ("tmpfs", False, False, True),
    ],
)
def test_kinds_say_where_the_data_are(kind, network, by_a_program, in_memory):
    found = FileSystem(kind, "d", "/", read_only=False)
    assert (network, by_a_program, in_memory) == (
        found.network,
        found.by_a_program,
        found.in_memory,
    )


def test_a_link_is_followed(root, tmp_path):
    link = tmp_path / "link"
    link.symlink_to("/dev/shm")
    assert "tmpfs" == file_system_of(str(link), root).kind


def test_a_system_that_tells_of_no_mounts_leaves_it_unknown(tmp_path):
    assert None is file_system_of("/", str(tmp_path))


def test_this_systems_own_root_has_a_kind():
    assert file_system_of("/").kind
