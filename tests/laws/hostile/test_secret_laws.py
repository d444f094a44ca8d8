"""No output of any command has a secret, wherever it was given; the server gets it unchanged."""

import argparse
import json
import os
import shlex
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from nimprofile.base.secrets.arguments import redacted, secret_flags
from nimprofile.base.variables.table import VARIABLES
from nimprofile.cli.main import build_parser
from tests.support.hostile.written import written

_LETTERS = "abcdefghkmnpqrstuvwxyzABCDEFGHKMNPQRSTUVWXYZ23456789"
CORES = st.builds("{}k7{}".format, *[st.text(_LETTERS, min_size=8, max_size=20)] * 2)
"""What is looked for, and stands in no text of ours by chance."""

AROUND = st.text("abc123-_.~+/=%$!*'\"\\ ,;:@#?&{}[]é\n\x1b\u202e\udcff", max_size=6)
IN_ADDRESS = st.text("abc123-_.~+=%$!*,:@", max_size=6)
_SPELLINGS = """
    api-key apiKey API_KEY admin-api-key hf-token HF_TOKEN accessToken access_token auth.token
    secret secret-key secretKey client_secret passphrase password db_password Passwd credentials
    authorization Proxy-Authorization x-api-key private-key account_key encryptionKey session-token
    refresh_token bearer cookie connection-string user-pass basic-auth
"""
NAMES = st.sampled_from(_SPELLINGS.split())
OTHERS = st.sampled_from(["a", "model", "kv_connector", "extra_config", "rows"])


@st.composite
def json_values(draw, secret):
    """JSON with a secret somewhere in it, under a name of one."""
    name = draw(NAMES)
    value = draw(
        st.sampled_from(
            [
                {name: secret},
                {name: {"user": "me", "it": [secret]}},
                {"name": name, "value": secret},
                [name, secret],
                {"headers": {"x-team": secret}},
            ]
        )
    )
    for _ in range(draw(st.integers(0, 3))):
        value = draw(st.sampled_from([{draw(OTHERS): value, "b": 1}, [0, value], {"c": [value]}]))
    separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    text = json.dumps(value, separators=separators, ensure_ascii=draw(st.booleans()))
    return text if draw(st.booleans()) else json.dumps({"inner": text})


@st.composite
def addresses(draw, core):
    """An address that a secret opens."""
    secret = draw(IN_ADDRESS) + core + draw(IN_ADDRESS)
    parameter = draw(NAMES | st.sampled_from(["sig", "X-Amz-Signature", "X-Goog-Signature", "key"]))
    return draw(
        st.sampled_from(
            [
                f"https://me:{secret}@example.com/x",
                f"s3://:{secret}@bucket/x",
                f"redis://me:{secret}@10.0.0.1:6379/0",
                f"https://{core}@example.com/x.git",
                f"https://example.com/x?v=1&{parameter}={core}",
                f"https://example.com/x?{parameter}={core}&page=2#y",
                f"https://example.com/x#access_token={core}",
            ]
        )
    )


@st.composite
def values(draw, core):
    """A value that has a secret in it, whatever its flag is called."""
    secret = draw(AROUND) + core + draw(AROUND)
    return draw(
        st.one_of(
            json_values(secret),
            addresses(core),
            st.builds("{}={}".format, NAMES, st.just(secret)),
            st.builds("a=1,{}={},b=2".format, NAMES, st.just(core)),
            st.builds("--{} {}".format, NAMES, st.just(shlex.quote(secret))),
            st.sampled_from([f"Authorization: Bearer {core}", f"hf_{core}", f"nvapi-{core}{core}"]),
        )
    )


@st.composite
def arguments(draw, core):
    """Arguments for a server that have a secret in them."""
    secret = draw(AROUND) + core + draw(AROUND)
    flag = f"--{draw(NAMES)}"
    hidden = draw(st.sampled_from([[flag, secret.lstrip("-")], [f"{flag}={secret}"]]))
    inside = ["--a-flag-of-nobody", draw(values(core))]
    headers = ["--otlp-traces-headers", f"x-team={core}"]
    before = draw(st.sampled_from([[], ["--seed", "7"], ["--enforce-eager"]]))
    return [*before, *draw(st.sampled_from([hidden, inside, headers]))]


def _options():
    """Every option that takes a value, with the command it is of."""
    found = []

    def visit(parser, command):
        for group in parser._subparsers._group_actions if parser._subparsers else ():
            for name, inner in group.choices.items():
                visit(inner, [*command, name])
        if not parser._subparsers:
            for flag, action in parser._option_string_actions.items():
                if action.nargs != 0 and not isinstance(action, argparse._HelpAction):
                    found.append((tuple(command), flag))

    visit(build_parser(), [])
    return found


OPTIONS = _options()
MODEL = ["--manifest", "llama-3.1-8b-instruct", "--gpus", "1xh100"]
LINES = {
    "select": MODEL,
    "list": MODEL,
    "explain": MODEL,
    "memory": ["llama-3.1-8b-instruct", "--gpus", "1xh100"],
    "launch": [*MODEL, "--engine", "vllm"],
    "render": ["k8s", *MODEL, "--engine", "vllm"],
    "manifest show": ["llama-3.1-8b-instruct"],
    "manifest check": ["llama-3.1-8b-instruct"],
    "manifest convert": ["llama-3.1-8b-instruct"],
    "manifest diff": ["llama-3.1-8b-instruct", "gpt-oss-120b"],
    "schema": ["decision"],
    "completion": ["bash"],
}
KEPT = {"-o", "--output", "--record"}
"""Options that name a file, which is made and called so."""


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """A directory for what is written, with a server on the PATH."""
    folder = tmp_path_factory.mktemp("secrets")
    for program in ("vllm", "tritonserver"):
        (folder / program).write_text("#!/bin/sh\n", encoding="utf-8")
        (folder / program).chmod(0o755)
    before = os.getcwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


def _is_kept(text, core):
    return core.lower() not in text.lower()


@given(st.data())
def test_the_value_of_no_option_is_printed_when_it_has_a_secret(data):
    (command, flag), core = data.draw(st.sampled_from(OPTIONS)), data.draw(CORES)
    if flag in KEPT:
        return
    form = data.draw(st.sampled_from([[], ["--json"]]))
    given = data.draw(values(core))
    option = data.draw(st.sampled_from([[flag, given], [f"{flag}={given}"]]))
    _, text, _ = written([*command, *LINES.get(" ".join(command), []), *option, *form])
    assert _is_kept(text, core), text


@given(st.data())
def test_a_secret_for_the_server_is_refused_where_a_command_is_printed(data):
    core = data.draw(CORES)
    command = data.draw(
        st.sampled_from(["launch", "render docker", "render k8s", "render compose"])
    )
    server = data.draw(st.sampled_from(["vllm", "triton", "nim"]))
    extra = data.draw(arguments(core))
    own = [*MODEL, "--server", server, *(["--image", "a/b:2.0.12"] if server == "nim" else [])]
    if data.draw(st.booleans()):
        code, text, _ = written([*command.split(), *own, "--", *extra])
    else:
        code, text, _ = written([*command.split(), *own], NIM_PASSTHROUGH_ARGS=shlex.join(extra))
    assert _is_kept(text, core), text
    assert code in {2, 3}
    assert "has a secret" in text or "argument" in text


@given(st.data())
def test_forgetting_the_two_dashes_prints_no_secret(data):
    core = data.draw(CORES)
    command = data.draw(
        st.sampled_from(["exec", "launch", "render k8s", "select", "memory", "gpus"])
    )
    words = [*command.split(), *data.draw(arguments(core))]
    code, text, _ = written([*words, *data.draw(st.sampled_from([[], ["--json"]]))])
    assert 2 == code
    assert _is_kept(text, core), text


@given(st.data())
def test_exec_hands_a_secret_on_and_logs_none(data):
    core, server = data.draw(CORES), data.draw(st.sampled_from(["vllm", "triton"]))
    extra = data.draw(arguments(core))
    variables = {"PATH": os.getcwd(), "HF_HOME": os.getcwd()}
    variables |= data.draw(st.sampled_from([{}, {"NIM_JSONL_LOGGING": "1"}]))
    argv = ["exec", *MODEL, "--server", server, "--dir", os.getcwd()]
    code, text, became = written([*argv, "--", *extra], **variables)
    assert _is_kept(text, core), text
    if any("\udcff" in word for word in extra):  # no server is given what is no text
        assert 3 == code
        return
    assert 0 == code, text
    assert tuple(extra) == became.call_args.args[1][-len(extra) :]


@given(CORES)
@settings(max_examples=10)
def test_a_file_of_a_plan_that_has_a_secret_is_for_its_user_alone(core):
    variables = {"PATH": os.getcwd(), "HF_HOME": os.getcwd()}
    argv = ["exec", *MODEL, "--server", "triton", "--dir", os.getcwd()]
    code, text, _ = written(argv, NIM_PASSTHROUGH_ARGS=f"--hf-token {core}", **variables)
    assert _is_kept(text, core), text
    assert 0 == code, text
    (file,) = Path("model_repository").glob("*/1/model.json")
    assert core == json.loads(file.read_text(encoding="utf-8"))["hf_token"]
    assert 0o600 == file.stat().st_mode & 0o777


NIM = ["render", "docker", *MODEL, "--server", "nim", "--image", "a/b:2.0.12"]
READERS = [["variables"], ["variables", "--json"], ["select", *MODEL], ["launch", *MODEL], NIM]


@given(st.data())
def test_no_variable_is_printed_when_it_has_a_secret(data):
    core = data.draw(CORES)
    name = data.draw(st.sampled_from(sorted(VARIABLES)) | st.just("NIM_OF_NOBODY"))
    _, text, _ = written(data.draw(st.sampled_from(READERS)), **{name: data.draw(values(core))})
    assert _is_kept(text, core), text


@given(st.data())
def test_a_key_of_the_environment_is_repeated_as_stars(data):
    (command, flag), core = data.draw(st.sampled_from(OPTIONS)), data.draw(CORES)
    name = data.draw(st.sampled_from(["NGC_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY"]))
    if flag in KEPT:
        return
    line = [*command, *LINES.get(" ".join(command), []), flag, core]
    _, text, _ = written(line, **{name: core})
    assert _is_kept(text, core), text


@given(st.data())
def test_what_is_starred_is_found_and_everything_else_is_as_it_was(data):
    core = data.draw(CORES)
    plain = ["--max-num-batched-tokens", "8192", "--tokenizer", "acme/x", "-tp", "2"]
    words = [*plain, *data.draw(arguments(core)), "--seed", "7", *plain]
    shown = redacted(words)
    assert _is_kept("\n".join(shown), core)
    assert (plain, plain) == (shown[:6], shown[-6:])
    assert secret_flags(words)
    assert [] == secret_flags(shown)
