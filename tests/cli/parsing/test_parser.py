"""A command line that is wrong is refused in two lines, whatever is wrong and whichever Python."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from nimprofile.cli.main import build_parser, main
from nimprofile.cli.parsing.parser import Parser, UsageError, divided, is_flag
from tests.support.command_line import environment


def leaves(parser=None, path=()):
    """Every command as its words, and its parser."""
    parser = parser or build_parser()
    if not parser.commands:
        return [(path, parser)]
    kinds = parser._subparsers._group_actions[0].choices
    return [leaf for name, inner in kinds.items() for leaf in leaves(inner, (*path, name))]


LEAVES = leaves()
OPTIONS = sorted({(path, flag) for path, parser in LEAVES for flag in parser.flags})


def test_every_parser_is_ours():
    assert {Parser} == {type(parser) for _, parser in LEAVES}


@pytest.mark.parametrize("path", [path for path, _ in LEAVES], ids=" ".join)
def test_two_lines_for_an_unknown_option_of_any_command(run, path):
    code, out, err = run(*path, "--qqqq")
    assert (2, "") == (code, out)
    first, second = err.splitlines()
    assert first.startswith(f"nimprofile: {' '.join(path)} has no option --qqqq")
    assert f"help: nimprofile {' '.join(path)} --help" == second


@pytest.mark.parametrize(("path", "flag"), OPTIONS, ids=str)
def test_two_dashes_are_the_value_of_no_option(capsys, path, flag):
    word = f"{flag}=--" if flag[:2] == "--" else f"{flag}--"
    assert 2 == main([*path, word])
    out, err = capsys.readouterr()
    assert ("", f"nimprofile: {flag}: '--' is no value") == (out, err.splitlines()[0])


WORDS = st.sampled_from(
    [
        *("--", "-", "", "=", "-o", "-o--", "--json=--", "--gpus", "--gpus=", "1xt4", "-1", "-1.5"),
        *("--tags", "a=b", "--=", "---", "-h=", "--engine", "vllm", "a b", "--a b", "--to", "v1"),
        *("--port", "\udc80", "--format", "json", "--no-lora", "--lora=1", "²", "-²", "--nim"),
    ]
)


@given(st.sampled_from([path for path, _ in LEAVES]), st.lists(WORDS, max_size=6))
def test_any_words_are_read_or_refused_with_a_sentence(path, words):
    told, code = refusal([*path, *words])
    assert code in {0, 2}
    assert (0 if told is None else 2) == code
    assert "\n" not in (told or "")


def refusal(words):
    """Why these words are refused, and the exit code; None and 0 when they are read."""
    try:
        build_parser(words[0]).parse_args(words)
    except UsageError as error:
        return str(error), 2
    except SystemExit as stop:  # help was asked for
        return None, stop.code
    return None, 0


@pytest.mark.parametrize(
    ("word", "flag"),
    [
        *(("--gpus", True), ("-o", True), ("-", False), ("", False), ("gpus", False)),
        *(
            ("-1", False),
            ("-1.5", False),
            ("--a=b c", True),
            ("--a b", False),
            ("-v /:/host", False),
        ),
    ],
)
def test_a_word_is_an_option_where_argparse_takes_it_for_one(word, flag):
    assert flag is is_flag(word)


def test_an_option_may_have_its_value_in_the_same_word():
    flags = dict(LEAVES)[("manifest", "build")].flags
    assert ("--name", "a=b") == divided("--name=a=b", flags)
    assert ("-o", "file") == divided("-ofile", flags)
    assert ("-x", None) == divided("-x", flags)


def python(version):
    """A Python of this version, on the path or where pyenv keeps its own; None without one."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [shutil.which(f"python{version}"), *pyenv.glob(f"{version}.*/bin/python")]
    for program in filter(None, found):
        if not subprocess.run([program, "-c", ""], capture_output=True, check=False).returncode:
            return program
    return None


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_the_words_are_the_same_in_every_python(version):
    """With the standard library alone, for the package's other needs may not be installed there."""
    program = python(version)
    if program is None:
        pytest.skip(f"no Python {version} here")
    lines = (
        ("select", "--manifest=--"),
        ("select", "--format", "xml"),
        ("select", "--gpus"),
        ("select", "--gpus", "1xt4", "--inventory", "x"),
        ("select", "--json=1"),
        ("policies", "extra"),
        ("selct",),
        (),
        ("memory",),
    )
    script = (
        "import sys; from nimprofile.cli.main import main\n"
        f"for line in {lines!r}: print(main(line), file=sys.stderr)"
    )
    done = subprocess.run(
        [program, "-S", "-c", script],
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    assert [
        "nimprofile: --manifest: '--' is no value",
        "help: nimprofile select --help",
        "2",
        "nimprofile: --format: 'xml' is not known; known: text, json, id, name, env, cuda",
        "help: nimprofile select --help",
        "2",
        "nimprofile: --gpus needs a value: --gpus SPEC",
        "help: nimprofile select --help",
        "2",
        "nimprofile: --inventory and --gpus exclude each other: give one of them",
        "help: nimprofile select --help",
        "2",
        "nimprofile: --json takes no value",
        "help: nimprofile select --help",
        "2",
        "nimprofile: policies has a word too many: 'extra'",
        "help: nimprofile policies --help",
        "2",
    ] == done.stderr.splitlines()[:18]
    assert ["2"] * 9 == [line for line in done.stderr.splitlines() if line.isdecimal()]
