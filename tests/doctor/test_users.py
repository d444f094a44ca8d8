"""Work is done as the user of the server, where this one may become him."""

import ctypes
import os
import signal

import pytest

from nimprofile.doctor.users import can_be, first_told
from tests.support.doctor.subjects import host

PR_GET_PDEATHSIG = 2


def who(opened):
    yield f"{os.geteuid()}:{os.getegid()} {len(os.listdir(opened))} {os.getgroups()}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_becomes_the_user_with_his_group_alone(tmp_path):
    (tmp_path / "a").touch()
    tmp_path.chmod(0o755)
    assert ("1000:77 1 []", True) == first_told(str(tmp_path), host(uid=1000, gid=77), who)
    assert 0 == os.geteuid()


def test_who_is_that_user_does_it_himself(tmp_path):
    told, tried = first_told(str(tmp_path), host(), lambda opened: iter([str(os.getpid())]))
    assert (str(os.getpid()), True) == (told, tried)


def test_nothing_is_told_of_what_goes_well(tmp_path):
    assert ("", True) == first_told(str(tmp_path), host(), lambda opened: iter(()))


def test_only_root_and_he_himself_can_be_a_user(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 501)
    assert [True, False] == [can_be(host(uid=uid)) for uid in (501, 1000)]
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert can_be(host(uid=1000))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_process_of_another_user_ends_with_ours_too(tmp_path):
    def ends_by(opened):
        number = ctypes.c_int()
        ctypes.CDLL(None).prctl(PR_GET_PDEATHSIG, ctypes.byref(number), 0, 0, 0)
        yield str(number.value)

    assert (str(int(signal.SIGKILL)), True) == first_told(
        str(tmp_path), host(uid=1000, gid=77), ends_by
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_work_that_fails_is_told_and_not_taken_for_an_answer(tmp_path):
    def fails(opened):
        raise ValueError(opened)
        yield

    told, tried = first_told(str(tmp_path), host(uid=1000, gid=77), fails)
    assert (True, False) == (told.startswith("it failed: ValueError"), tried)
