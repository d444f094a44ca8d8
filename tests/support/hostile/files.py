"""Files that others may have put where a text is expected, and a limit of time for who reads them."""

import os
import signal
import socket
from contextlib import contextmanager

DEADLINE = 20
"""Seconds after which a reader is taken to wait for ever."""


@contextmanager
def without_waiting():
    """Fail, rather than wait for ever, where something in here does."""

    def give_up(*_):
        raise AssertionError("it waits for a file that has nothing to read")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(DEADLINE)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def named_pipe(path):
    os.mkfifo(path)


def bound_socket(path):
    # The path of a socket has 107 characters at most, those of a test's folder may have more.
    here = os.getcwd()
    os.chdir(os.path.dirname(path))
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(os.path.basename(path))
    finally:
        os.chdir(here)


def endless_device(path):
    os.symlink("/dev/zero", path)


def directory(path):
    os.mkdir(path)


def loop(path):
    os.symlink(os.path.basename(path), path)


def dangling_link(path):
    os.symlink("nothing", path)


def sparse(path):
    """Three gigabytes of nothing, which take no space."""
    with open(path, "wb") as file:
        file.truncate(3 << 30)


def memory_of_the_reader(path):
    os.symlink("/proc/self/mem", path)


HOSTILE = (
    named_pipe,
    bound_socket,
    endless_device,
    directory,
    loop,
    dangling_link,
    sparse,
    memory_of_the_reader,
)
"""Each puts one file at a path, that no reader can make sense of."""
