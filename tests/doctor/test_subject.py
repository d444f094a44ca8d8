"""The user that a server runs as, and his group."""

import os
import pwd

from nimprofile.doctor.subject import group_of
from tests.support.doctor.subjects import host


def test_the_group_is_that_of_the_user_where_this_host_knows_him():
    me = pwd.getpwuid(os.geteuid())
    assert me.pw_gid == group_of(me.pw_uid) == host().group


def test_a_user_whom_nobody_knows_has_a_group_of_his_number():
    assert 3_999_999_999 == group_of(3_999_999_999)


def test_a_group_that_is_named_counts():
    assert 7 == host(gid=7).group
