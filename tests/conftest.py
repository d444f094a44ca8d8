"""What all tests share: how many examples a law has, bytecode, processes and variables."""

import os
import shutil
import sys
import tempfile

import pytest
from hypothesis import HealthCheck, settings

MOST_PROCESSES = 8
"""Of `-n auto`: each process collects every test, so that more of them cost more than they save."""

# dev is for every run, ci for the machine that has the time, fuzz for once in a while; mutation
# tries hundreds of versions of the code.
for name, examples in (("dev", 50), ("ci", 400), ("fuzz", 10_000), ("mutation", 25)):
    settings.register_profile(
        name,
        max_examples=examples,
        deadline=None,
        derandomize=name == "mutation",
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "dev")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """The processes of `-n auto`: one more than there are cores, for tests that wait for a deadline."""
    usable = getattr(os, "sched_getaffinity", None)  # Linux has it
    cores = len(usable(0)) if usable else os.cpu_count() or 1
    return min(MOST_PROCESSES, cores + 1)


def pytest_configure(config):
    """Let the processes that tests start be those of any machine: buffered, and with bytecode.

    Hundreds of tests start Python, and without bytecode each compiles the package again. Where the
    shell wants none written it goes to a folder that is removed at the end.
    """
    variables = pytest.MonkeyPatch()
    config.add_cleanup(variables.undo)
    variables.delenv("PYTHONUNBUFFERED", raising=False)
    if sys.dont_write_bytecode and "PYTHONPYCACHEPREFIX" not in os.environ:
        folder = tempfile.mkdtemp(prefix="nimprofile-bytecode-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        variables.setenv("PYTHONPYCACHEPREFIX", folder)
        variables.delenv("PYTHONDONTWRITEBYTECODE", raising=False)


@pytest.fixture(autouse=True)
def no_nim_variables(monkeypatch):
    """The shell that runs the tests must not steer what they select."""
    for name in list(os.environ):
        if name.startswith("NIM_") or name in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}:
            monkeypatch.delenv(name)
