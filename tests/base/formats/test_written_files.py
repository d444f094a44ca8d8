"""A file is written whole or not at all, never through a link, and its mode is as it was wanted."""

import errno
import json
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import threading

import pytest

from nimprofile.base.formats import written_files
from nimprofile.base.formats.written_files import write_file
from tests.support.command_line import shell
from tests.support.hostile.files import bound_socket, directory, named_pipe, without_waiting


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def usual_mask():
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_new_file_has_the_text_and_the_usual_mode(tmp_path, usual_mask):
    path = tmp_path / "new"
    write_file(str(path), "a\nß\n")
    assert ("a\nß\n", 0o644) == (path.read_text(encoding="utf-8"), mode_of(path))
    assert [path] == [*tmp_path.iterdir()]


def test_a_private_file_is_the_users_alone(tmp_path, usual_mask):
    path = tmp_path / "new"
    write_file(str(path), "secret", private=True)
    assert 0o600 == mode_of(path)
    path.chmod(0o666)
    write_file(str(path), "secret", private=True, overwrite=True)
    assert 0o600 == mode_of(path)


def test_a_file_that_is_there_stays_unless_it_is_to_be_overwritten(tmp_path):
    path = tmp_path / "there"
    path.write_text("mine")
    path.chmod(0o640)
    with pytest.raises(FileExistsError):
        write_file(str(path), "new")
    assert "mine" == path.read_text()
    write_file(str(path), "new", overwrite=True)
    assert ("new", 0o640, [path]) == (path.read_text(), mode_of(path), [*tmp_path.iterdir()])


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("target", ["mine", "absent"])
def test_a_link_is_not_followed(tmp_path, overwrite, target):
    (tmp_path / "mine").write_text("mine")
    path = tmp_path / "link"
    path.symlink_to(target)
    with pytest.raises(OSError, match="this is a symbolic link, and only regular"):
        write_file(str(path), "new", overwrite=overwrite)
    assert ("mine", False) == ((tmp_path / "mine").read_text(), (tmp_path / "absent").exists())


@pytest.mark.parametrize("put", [named_pipe, bound_socket, directory])
def test_what_is_no_regular_file_is_not_written_to(tmp_path, put):
    path = str(tmp_path / "there")
    put(path)
    with without_waiting():
        for overwrite in (False, True):
            with pytest.raises(OSError, match="and only regular files are written"):
                write_file(path, "new", overwrite=overwrite, named=True)


@pytest.mark.parametrize(
    ("path", "code"), [("no/file", errno.ENOENT), ("a\0b", errno.EINVAL), ("file/x", errno.ENOTDIR)]
)
def test_what_cannot_be_written_is_said_with_its_path(tmp_path, path, code):
    (tmp_path / "file").touch()
    path = str(tmp_path / path)
    with pytest.raises(OSError, match=r"\S") as caught:
        write_file(path, "new")
    assert (code, path) == (caught.value.errno, caught.value.filename)


def test_a_full_disk_leaves_what_was_there_and_nothing_else(tmp_path):
    """A limit of the size of files stands for the disk."""
    path = tmp_path / "there"
    path.write_text("mine")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        for name in ("there", "new"):
            with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
                write_file(str(tmp_path / name), "x" * 100, overwrite=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert ("mine", [path]) == (path.read_text(), [*tmp_path.iterdir()])


def test_where_there_are_no_hard_links_a_new_file_is_new_too(tmp_path, monkeypatch):
    def no_links(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "new"
    write_file(str(path), "text")
    assert ("text", [path]) == (path.read_text(), [*tmp_path.iterdir()])
    monkeypatch.setattr(written_files, "_looked_at", lambda *_, **__: None)  # it comes meanwhile
    with pytest.raises(FileExistsError):
        write_file(str(path), "other")
    assert ("text", [path]) == (path.read_text(), [*tmp_path.iterdir()])


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT"])
def test_a_signal_waits_until_the_file_is_where_it_belongs(tmp_path, monkeypatch, name):
    path, number = tmp_path / "new", getattr(signal, name)
    came = []
    before = signal.signal(number, lambda *_: came.append(path.exists()))
    link = os.link

    def interrupted(*names):
        signal.pthread_kill(threading.get_ident(), number)
        link(*names)

    monkeypatch.setattr(os, "link", interrupted)
    try:
        write_file(str(path), "text")
    finally:
        signal.signal(number, before)
    assert ([True], "text", [path]) == (came, path.read_text(), [*tmp_path.iterdir()])


@pytest.mark.parametrize("where", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", ">(cat)", "-"])
def test_a_descriptor_that_the_operator_names_is_written_to(where):
    words = f"manifest convert gpt-oss-120b --to json -o {where} | cat"
    done = shell(f'"$0" -m nimprofile {words}')
    assert (0, b"", b"{") == (done.returncode, done.stderr, done.stdout[:1])


def test_the_null_device_takes_what_the_operator_sends_there(tmp_path):
    write_file(os.devnull, "text", named=True)
    with pytest.raises(OSError, match="this is a device, and only regular files are written"):
        write_file("/dev/full", "text", named=True, overwrite=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_is_overwritten_keeps_its_owner_and_group_unless_it_is_private(tmp_path):
    path = tmp_path / "there"
    path.write_text("theirs")
    os.chown(path, 1000, 1001)
    path.chmod(0o640)
    write_file(str(path), "new", overwrite=True)
    there = path.stat()
    assert (1000, 1001, 0o640) == (there.st_uid, there.st_gid, mode_of(path))
    write_file(str(path), "secret", overwrite=True, private=True)
    assert (0, 0o600) == (path.stat().st_uid, mode_of(path))


def test_a_group_that_cannot_be_kept_gives_its_rights_to_no_other(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    path = tmp_path / "there"
    path.touch()
    path.chmod(0o664)
    monkeypatch.setattr(os, "chown", refused)
    write_file(str(path), "new", overwrite=True)
    assert ("new", 0o604) == (path.read_text(), mode_of(path))


UNSHARED = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-ec"]
MOUNTS = shutil.which("unshare") and not subprocess.run([*UNSHARED, ":"], check=False).returncode


@pytest.mark.skipif(not MOUNTS, reason="this user may mount nothing")
@pytest.mark.parametrize("beside", [":", 'mount -o remount,bind,ro "$1"'])
def test_a_file_that_is_mounted_by_itself_is_written_where_it_lies(tmp_path, beside):
    """As `docker -v f:/f` does, also where the root of the container is read-only."""
    (tmp_path / "host").write_text("before, and longer than what follows" * 999)
    folder = tmp_path / "container"
    folder.mkdir()
    (folder / "f").touch()
    mounts = f'mount --bind "$1" "$1"; mount --bind "$2" "$1/f"; {beside}'
    convert = f'"{sys.executable}" -m nimprofile manifest convert gpt-oss-120b --to json --force'
    words = [*UNSHARED, f'{mounts}; {convert} -o "$1/f"', "sh", str(folder), str(tmp_path / "host")]
    done = subprocess.run(words, check=False, capture_output=True)
    assert (0, b"") == (done.returncode, done.stderr)
    assert json.loads((tmp_path / "host").read_text())
    assert ["f"] == [path.name for path in folder.iterdir()]


REFUSALS = [errno.EBUSY, errno.EXDEV, errno.EPERM, errno.EACCES, errno.EROFS]


@pytest.fixture
def unreplaced(monkeypatch, request):
    """A file that cannot be replaced, whatever the system says of it."""

    def refused(*_):
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(os, "replace", refused)


@pytest.mark.parametrize("unreplaced", REFUSALS, indirect=True)
def test_a_file_that_cannot_be_replaced_is_written_where_it_lies(tmp_path, unreplaced):
    path = tmp_path / "there"
    path.write_text("before, and longer")
    path.chmod(0o640)
    before = path.stat().st_ino
    write_file(str(path), "new", overwrite=True)
    assert ("new", before, 0o640) == (path.read_text(), path.stat().st_ino, mode_of(path))
    write_file(str(path), "secret", overwrite=True, private=True)
    assert ("secret", before, 0o600) == (path.read_text(), path.stat().st_ino, mode_of(path))
    assert [path] == [*tmp_path.iterdir()]


@pytest.mark.parametrize("unreplaced", [errno.EBUSY], indirect=True)
def test_a_secret_is_not_written_where_another_user_owns_the_file(
    tmp_path, unreplaced, monkeypatch
):
    path = tmp_path / "there"
    path.write_text("theirs")
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(OSError, match=os.strerror(errno.EBUSY)):
        write_file(str(path), "secret", overwrite=True, private=True)
    assert "theirs" == path.read_text()


@pytest.mark.parametrize("unreplaced", [errno.EIO], indirect=True)
def test_a_file_that_the_system_fails_to_replace_stays_as_it_was(tmp_path, unreplaced):
    path = tmp_path / "there"
    path.write_text("mine")
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        write_file(str(path), "new", overwrite=True)
    assert "mine" == path.read_text()


def test_another_file_that_took_its_place_meanwhile_is_not_written_to(tmp_path, monkeypatch):
    path = tmp_path / "there"
    path.write_text("mine")

    def exchanged(*_):
        path.unlink()
        (tmp_path / "keeps the number of the first").touch()
        path.write_text("another's")
        raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    monkeypatch.setattr(os, "replace", exchanged)
    with pytest.raises(OSError, match="another file took its place meanwhile"):
        write_file(str(path), "new", overwrite=True)
    assert "another's" == path.read_text()
