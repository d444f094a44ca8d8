"""Completion answers with the values that there are, in the shells that are on this machine."""

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time

import pytest

from nimprofile import POLICIES, bundled_manifests, load_manifest
from nimprofile.base.enums import Engine, Server
from nimprofile.cli.reference.completion import REQUIRED_KEYS, SHELLS, VALUES
from tests.support.command_line import environment


def answers(line, **variables):
    """What the program answers a shell whose line so far is this."""
    words = f"nimprofile {line}"
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_COMP_WORDBREAKS": " ",
        "COMP_LINE": words,
        "COMP_POINT": str(len(words.encode())),
        "COMP_TYPE": "9",
    }
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m nimprofile 8>&1 9>/dev/null 1>/dev/null"],
        env=environment(**asked) | variables,
        capture_output=True,
        text=True,
        cwd="/",
        check=True,
    )
    return [word.strip() for word in done.stdout.split("\n") if word.strip()]


NANO = [profile.name for profile in load_manifest("nemotron-3-nano").profiles]
NAMED = [f"name={name}" for name in NANO if name.startswith("vllm-nvfp4-tp1")]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sel", ["select"]),
        ("manifest bu", ["build"]),
        ("select --max-m", ["--max-model-len"]),
        ("select --format ", ["text", "json", "id", "name", "env", "cuda"]),
        ("select --policy ", ["auto", *POLICIES]),
        ("select --policy a", ["auto"]),
        ("select --engine ", [*map(str, Engine)]),
        ("launch --server ", [*map(str, Server)]),
        ("select --manifest llama-3.1-", [n for n in bundled_manifests() if "3.1-" in n]),
        ("memory nemotron", ["nemotron-3-nano"]),
        ("manifest show gpt", ["gpt-oss-120b"]),
        ("manifest diff gpt-oss-120b mixtral", ["mixtral-8x7b-instruct-v0.1"]),
        ("select --manifest nemotron-3-nano --profile ", NANO),
        ("select --manifest=nemotron-3-nano --profile ", NANO),
        ("explain --manifest nemotron-3-nano vllm-bf16-tp2", [n for n in NANO if "bf16-tp2" in n]),
        ("memory nemotron-3-nano --profile vllm-nvfp4", [n for n in NANO if "nvfp4" in n]),
        ("select --gpus 4xb20", ["4xb200"]),
        ("select --gpus 8xh200", ["8xh200", "8xh200_nvl"]),
        ("select --gpus 2xl40s,1xdgx", ["2xl40s,1xdgx_spark"]),
        ("select --prefer objective,prec", ["objective,precision"]),
        ("select --manifest nemotron-3-nano --tags precision=f", ["precision=fp8"]),
        ("select --manifest nemotron-3-nano --require precision=fp8,tp=4", ["precision=fp8,tp=4"]),
        ("select --manifest nemotron-3-nano --require engine=v", ["engine=vllm"]),
        ("select --manifest nemotron-3-nano --require tp=4,max", ["tp=4,max_model_len="]),
        ("select --manifest nemotron-3-nano --require name=vllm-nvfp4-tp1", NAMED),
        ("select --manifest nope --require ", [f"{key}=" for key in REQUIRED_KEYS]),
        ("select --max-model-len ", ["auto"]),
        ("memory --max-model-len a", ["auto"]),
        ("render d", ["docker"]),
        ("schema la", ["launch"]),
        ("completion ", [*SHELLS]),
        ("select --gpus 1xt4 --inven", []),
        ("select --manifest nope --profile ", []),
    ],
)
def test_a_value_is_completed_by_what_there_is(line, expected):
    assert sorted(expected) == sorted(answers(line))


def test_the_manifest_of_the_environment_is_the_one_whose_profiles_are_completed():
    assert NANO == answers("select --profile ", NIM_MANIFEST_PATH="nemotron-3-nano")


def test_an_id_is_completed_once_it_has_begun():
    first = load_manifest("nemotron-3-nano").profiles[0].id
    assert [first] == answers(f"select --manifest nemotron-3-nano --profile {first[:6]}")


def test_what_is_completed_is_an_argument_that_there_is():
    from nimprofile.cli.main import build_parser

    def destinations(parser):
        for action in parser._actions:
            yield action.dest
            if action.dest in {"command", "action"}:
                for inner in action.choices.values():
                    yield from destinations(inner)

    assert set() == VALUES.keys() - set(destinations(build_parser()))


# The scripts, in real shells.


@pytest.fixture
def home(tmp_path):
    """A folder with the program on its path, and its script for each shell."""
    program = tmp_path / "bin" / "nimprofile"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m nimprofile "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    for shell in SHELLS:
        done = subprocess.run(
            [program, "completion", shell], env=environment(), capture_output=True, check=True
        )
        (tmp_path / f"nimprofile.{shell}").write_bytes(done.stdout)
    return tmp_path


def in_shell(home, shell, *argv):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here; the answers that its script prints are tested above")
    path = os.pathsep.join([str(home / "bin"), os.path.dirname(sys.executable), os.environ["PATH"]])
    return subprocess.run(
        [shell, *argv],
        env=environment(PATH=path, HOME=str(home)),
        capture_output=True,
        text=True,
        cwd=home,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("shell", "flags"), [("bash", ["-n"]), ("zsh", ["-n"]), ("fish", ["--no-execute"])]
)
def test_a_script_is_one_of_its_shell(home, shell, flags):
    done = in_shell(home, shell, *flags, str(home / f"nimprofile.{shell}"))
    assert (0, "") == (done.returncode, done.stderr)


BASH = """
source nimprofile.bash
name=$(complete -p nimprofile | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
COMP_LINE="$1" COMP_POINT=${#1} COMP_TYPE=9 COMP_WORDS=($1) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
$name nimprofile
printf '%s\\n' "${COMPREPLY[@]}"
"""


def test_bash_completes(home):
    done = in_shell(home, "bash", "-c", BASH, "bash", "nimprofile select --manifest llama-3.1-8")
    assert ["llama-3.1-8b-instruct"] == done.stdout.split()


def test_fish_completes(home):
    script = "source nimprofile.fish; complete -C 'nimprofile select --manifest llama-3.1-8'"
    done = in_shell(home, "fish", "-c", script)
    assert ["llama-3.1-8b-instruct"] == [line.split("\t")[0] for line in done.stdout.split("\n")][
        :1
    ]


READY = {
    "zsh": ("-f -i", "autoload -U compinit; compinit -u -D; source ./nimprofile.zsh; PS1=''"),
    "tcsh": ("-f -i", "source nimprofile.tcsh; set prompt=''"),
    "fish": ("-i --no-config", "source nimprofile.fish; function fish_prompt; end"),
    "bash": ("--norc --noprofile -i", "source ./nimprofile.bash; PS1=''"),
}


@pytest.mark.parametrize("shell", READY)
def test_a_tab_completes_in_a_terminal(home, shell):
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} here; the answers that its script prints are tested above")
    flags, setup = READY[shell]
    path = os.pathsep.join([str(home / "bin"), os.environ["PATH"]])
    variables = environment(PATH=path, HOME=str(home), TERM="vt100")
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(home)
        os.execvpe(shell, [shell, *flags.split()], variables)
    try:
        os.write(terminal, f"{setup}; echo re''ady\n".encode())
        assert "ready" in read_until(terminal, "ready")
        os.write(terminal, b"nimprofile select --manifest llama-3.1-8\t")
        assert "8b-instruct" in read_until(terminal, "8b-instruct")
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(terminal)


def read_until(terminal, text, seconds=30):
    """What a terminal prints until it has printed this, or time is up."""
    read, until = "", time.monotonic() + seconds
    while text not in read and time.monotonic() < until:
        if select.select([terminal], [], [], 0.5)[0]:
            read += os.read(terminal, 4096).decode(errors="replace")
    return read
