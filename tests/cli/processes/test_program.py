"""The program starts and ends quickly, and loses nothing by it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import nimprofile
from nimprofile import __main__ as program
from tests.support.command_line import environment, process

ROOT = Path(nimprofile.__file__).parents[1]


def test_the_script_and_the_module_are_the_same_program():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {"nimprofile": "nimprofile.__main__:entry"} == project["scripts"]
    script = (
        "import sys; from nimprofile.__main__ import entry; sys.argv[1:] = ['policies']; entry()"
    )
    done = run("-c", script)
    assert (0, process("policies").stdout) == (done.returncode, done.stdout)


def run(*argv):
    return subprocess.run(
        [sys.executable, *argv], capture_output=True, env=environment(), check=False
    )


def test_a_long_output_arrives_whole_in_a_pipe():
    done = process("gpus", "--known", "--json")
    assert 0 == done.returncode
    assert len(done.stdout) > 1 << 15  # several times what Python's own buffer holds
    assert done.stdout.endswith(b"\n]\n")


def test_what_is_registered_for_the_end_is_run():
    script = (
        "import atexit, sys; atexit.register(print, 'the end'); sys.argv[1:] = ['policies']; "
        "from nimprofile.__main__ import entry; entry()"
    )
    done = run("-c", script)
    assert (0, b"the end") == (done.returncode, done.stdout.splitlines()[-1])


def test_a_profiler_gets_its_end_of_the_process():
    done = run("-m", "cProfile", "-m", "nimprofile", "policies")
    assert b"function calls" in done.stdout


@pytest.mark.parametrize("code", [0, 3])
def test_a_process_that_is_watched_ends_by_an_exception(monkeypatch, code):
    monkeypatch.setattr(sys, "getprofile", lambda: print)
    with pytest.raises(SystemExit) as stop:
        program.leave(code)
    assert code == stop.value.code


def compile_in(module, compile, *words):
    """Call it as a line of that module does."""
    names = {"__name__": module, "compile": compile, "words": words}
    exec("result = compile(*words)", names)
    return names["result"]


@pytest.mark.parametrize("module", ["yaml.reader", "gettext", "nimprofile.hardware.catalog"])
def test_a_pattern_that_is_seldom_used_is_compiled_when_it_is(module):
    compiled = []

    def compile_now(*words):
        compiled.append(words)
        return re.compile(*words)

    pattern = compile_in(module, program.compile_late(compile_now), "A+", re.IGNORECASE)
    assert [] == compiled
    assert "aa" == pattern.match("aab").group()
    assert pattern.match("b") is None
    assert [("A+", re.IGNORECASE)] == compiled


@pytest.mark.parametrize("module", ["packaging.version", "yamllint", "__main__"])
def test_any_other_pattern_is_compiled_at_once(module):
    pattern = compile_in(module, program.compile_late(re.compile), "a+")
    assert isinstance(pattern, re.Pattern)


def test_an_import_of_the_package_changes_nothing_of_the_process():
    script = (
        "import argparse, gc, re; before = re.compile, argparse._, gc.isenabled(); "
        "import nimprofile.__main__, nimprofile.cli.main; nimprofile.cli.main.main(['policies']); "
        "assert before == (re.compile, argparse._, gc.isenabled())"
    )
    assert 0 == run("-c", script).returncode
