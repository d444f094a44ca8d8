"""What others wrote into a lock, a log or results steers no terminal; no secret of a log is told."""

import json
import os
import re

import pytest
import yaml
from hypothesis import given, strategies as st

from nimprofile.cli.exit_codes import BAD_INPUT, DONE, NOT_AS_REQUIRED
from tests.support.hostile.written import written
from tests.support.paths import CORPUS
from tests.tools.attack.records import MACHINE, lock

FORGED = "FORGED"
STEERING = ("\x1b]0;title\x07", "\x1b[31m", "\x9b31m", "\r", "\u202e", "\u2028", f"\n{FORGED}")
TEXTS = st.lists(st.sampled_from((*STEERING, "a", "0", "vllm", "=", " ")), min_size=1).map("".join)
_LETTERS = "abcdefghkmnpqrstuvwxyz23456789"
CORES = st.builds("{}k7{}".format, *[st.text(_LETTERS, min_size=8, max_size=20)] * 2)
"""What is looked for, and stands in no text of ours by chance."""

NAMES = st.sampled_from(["api-key", "api_key", "hf_token", "hf-token", "admin_api_key", "password"])


def places(value, path=()):
    """Every place of a tree."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def with_text(value, path, text):
    """A tree with a text for what stands at a place."""
    if not path:
        return text
    changed = value.copy()
    changed[path[0]] = with_text(value[path[0]], path[1:], text)
    return changed


LOCK = yaml.safe_load(lock())
LOG = [
    "INFO 04-22 00:46:45 [api_server.py:1] vLLM API server version 0.9.0 {}",
    "vllm-1  | INFO 04-22 00:46:45 [a.py:1] non-default args: {{'model': '{}', 'dtype': '{}'}}",
    "[pod/{}/b] Selected profile: {} ({})",
    "Profile metadata: llm_engine: {}",
    "Profile metadata: {}: 1",
    "INFO 04-22 00:46:45 [a.py:1] Using {} Kernel for NVFP4 GEMM",
    "[2025-07-08 06:56:33] server_args=ServerArgs(model_path='{}', tp_size=8, kv_cache_dtype='{}')",
    "RuntimeError: Engine core initialization failed. {}",
    '{{"log": "Model download failed: {}", "stream": "{}"}}',
]
RESULTS = json.loads((CORPUS / "loads" / "vllm.json").read_text(encoding="utf-8"))
COMMANDS = (
    ["check", "--lock", "a.lock", *MACHINE],
    ["check", "--lock", "a.lock", *MACHINE, "--json"],
    ["lock", *MACHINE, "-o", "a.lock", "--update"],
    ["verify", "--lock", "a.lock", "--logs", "a.log"],
    ["verify", "--lock", "a.lock", "--logs", "a.log", "--json"],
    ["verify", "--require", "tp=1,engine=vllm,precision=fp8,kernel=a", "--logs", "a.log"],
    ["verify", "--require", "tp=1", "--logs", "a.log", "--results", "load.json"],
)
PLACES = [
    *(("a.lock", path) for path in places(LOCK)),
    *[("a.log", (at,)) for at in range(len(LOG))] * 8,
    *(("load.json", path) for path in places(RESULTS)),
]


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """The directory in which the commands run."""
    before = os.getcwd()
    os.chdir(tmp_path_factory.mktemp("records"))
    yield
    os.chdir(before)


def said_of(place, text, command):
    """What a command says of a text in one place of what it reads."""
    name, path = place
    trees = {"a.lock": LOCK, "load.json": RESULTS}
    if name in trees:
        trees[name] = with_text(trees[name], path, text)
    for file, tree in trees.items():
        with open(file, "w", encoding="utf-8") as stream:
            json.dump(tree, stream)
    lines = [
        line.format(*[text if name == "a.log" and at == path[0] else "it"] * 3)
        for at, line in enumerate(LOG)
    ]
    with open("a.log", "w", encoding="utf-8", errors="replace") as stream:
        stream.write("\n".join(lines))
    return written(command)


@given(place=st.sampled_from(PLACES), command=st.sampled_from(COMMANDS), text=TEXTS)
def test_no_text_of_a_record_steers_a_terminal_or_forges_a_line(place, command, text):
    code, said, _ = said_of(place, text, command)
    assert code in {DONE, NOT_AS_REQUIRED, BAD_INPUT}
    assert re.sub("[\n\t]", "", said).isprintable()
    assert not [line for line in said.split("\n") if line.strip().startswith(FORGED)]


@given(data=st.data(), at=st.integers(0, len(LOG) - 1), command=st.sampled_from(COMMANDS[3:]))
def test_no_argument_of_a_server_that_is_a_secret_is_told(data, at, command):
    core, name = data.draw(CORES), data.draw(NAMES)
    forms = (" --{} {}", " --{}={}", ", {}='{}'", ", '{}': ['{}']", " {}: {}")
    text = data.draw(st.sampled_from(forms)).format(name, core)
    said = said_of(("a.log", (at,)), text, command)[1]
    assert core not in said, said
