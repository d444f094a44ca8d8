"""Random command lines, with random variables, in a folder of good and hostile files."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random

from nimprofile.base.variables.table import VARIABLES
from nimprofile.cli.main import build_parser
from nimprofile.testing import FakeNvml
from tests.support.paths import ROOT
from tests.tools.attack.records import LOADS, lock, logs
from tests.tools.attack.shots import SECRET, Shot, bare_environment, with_driver
from tests.tools.attack.texts import argument, hostile

ENGINE = """#!/bin/sh
echo served
"""
MANIFEST = (ROOT / "manifests" / "mistral-7b-instruct-v0.3.yaml").read_text(encoding="utf-8")
CONFIG = """{"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 4096,
 "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
 "num_key_value_heads": 8, "vocab_size": 128256, "max_position_embeddings": 131072,
 "torch_dtype": "bfloat16"}"""
FILES = (
    "good.yaml",
    "good.lock",
    "good.log",
    "results.json",
    "bad.yaml",
    "pipe",
    "loop",
    "model",
    "adapters",
    "box.json",
    "missing",
    "-",
)
MACHINES = ("8xh100", "1xt4", "2xl40s", "1xh100,1xt4", "4xa100", "1xb200", "2xh100:8", "1xgb10")

PLAUSIBLE = {
    "manifest": ("llama-3.1-8b-instruct", "gpt-oss-120b", "llama-3.1-70b-instruct", *FILES),
    "manifests": ("llama-3.1-8b-instruct", *FILES),
    "old": ("llama-3.1-8b-instruct", *FILES),
    "new": ("llama-3.1-70b-instruct", *FILES),
    "model": ("llama-3.1-8b-instruct", "model", *FILES),
    "models": ("model", "it=model", *FILES),
    "inventory": FILES,
    "gpus": MACHINES,
    "profile": ("vllm-bf16-tp1-pp1", "default", "1" * 8, "vllm-bf16-tp9-pp1"),
    "subject": ("vllm-bf16-tp1-pp1", "vllm-fp8-tp2-pp1", "best"),
    "policy": ("auto", "nim", "nim-2.0", "nim-1.0", "throughput", "minimal-gpus"),
    "engine": ("vllm", "sglang", "tensorrt_llm", "vllm,sglang"),
    "kind": ("nim", "vllm", "sglang", "trtllm-serve", "triton"),
    "precision": ("bf16", "fp8", "int4_awq", "nvfp4"),
    "tags": ("tp=1", "precision=bf16|fp8", "llm_engine:vllm"),
    "require": ("tp=1", "engine=vllm", "precision=bf16"),
    "prefer": ("tp", "precision,tp", "-tp", "throughput"),
    "engine_version": ("0.11.0", "1.2.0rc1", "0.9.2.dev1+g123"),
    "adapters": ("adapters", *FILES),
    "nvml_timeout": ("0.5", "1"),
    "memory_fraction": ("0.9", "0.95", "0.5"),
    "max_model_len": ("4096", "8k", "auto", "131072"),
    "profiles": ("all", "default"),
    "served_model_name": ("acme/tiny",),
    "host": ("127.0.0.1", "::1", "0.0.0.0"),
    "port": ("8123", "8000", "1"),
    "name": ("acme/tiny", "it"),
    "deployment": ("tiny",),
    "secret": ("a-secret",),
    "pull_secret": ("a-secret",),
    "paths": ("hf://acme/tiny", "it=hf://acme/tiny"),
    "output": ("made.yaml", "model", "missing/made.yaml"),
    "record": ("made.json",),
    "dir": (".", "model", "missing"),
    "cache": ("home", "missing"),
    "lock": ("good.lock", "good.lock", *FILES),
    "logs": ("good.log", "good.log", *FILES),
    "results": ("results.json", *FILES),
    "urls": ("http://127.0.0.1:1", "http://[::1]:1/v1", f"http://me:{SECRET}@127.0.0.1:1"),
    "api_key_variable": ("HF_TOKEN", "NONE"),
    "wait": ("0.1", "0.5"),
    "seconds": ("0.5", "1"),
    "uid": ("0", "1000", "1000:100", "65534"),
    "timeout": ("0.5", "2"),
    "advisory": ("none", "vllm"),
    "image": ("nvcr.io/nim/meta/llama-3.1-8b-instruct:1.8.4", "vllm/vllm-openai:v0.11.0"),
}
NUMBERS = ("1", "1", "2", "4", "8", "4096")
EXTRA = (
    *("--max-num-seqs", "--tensor-parallel-size", "--data-parallel-size", "--seed", "--api-key"),
    *("--hf-token", "--trust-remote-code", "--max-model-len=4096", "--tp", "-tp", "--ssl-keyfile"),
    *("--model-loader-extra-config", "--otlp-traces-headers", "--unknown-flag", "--", "-e"),
)
SECRETS = (
    *("--api-key", SECRET),
    f'--model-loader-extra-config={{"secretKey": "{SECRET}"}}',
    f"--download-dir=https://user:{SECRET}@host/",
    f"--passphrase={SECRET}",
)
KEYS = ("HF_TOKEN", "NGC_API_KEY", "VLLM_API_KEY", "NIM_NGC_API_KEY", "AWS_SECRET_ACCESS_KEY")
LOOSE = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "COLUMNS", "TERM")
LOOKS = ("NO_COLOR", "FORCE_COLOR", "LC_ALL", "HF_HOME", "TMPDIR", "VLLM_PORT")


def command_lines(random: Random, folder: Path) -> Iterator[Shot]:
    """One random command line, in a folder of good and hostile files."""
    furnish(random, folder)
    environ = bare_environment(folder) | variables(random)
    if random.random() < 0.5:
        environ = with_driver(environ, FakeNvml(random.choice(MACHINES[:4])))
    stdin = random.choice((b"", MANIFEST.encode(), b"\0\xff", b"[" * 5_000, b'{"gpus": []}'))
    yield Shot(words(random), folder, environ, stdin)


def furnish(random: Random, folder: Path) -> None:
    """The files that the command lines name, and the engines that `exec` may find."""
    (folder / "bin").mkdir()
    for name in ("vllm", "trtllm-serve", "tritonserver"):
        program = folder / "bin" / name
        program.write_text(ENGINE)
        program.chmod(0o755)
    (folder / "good.yaml").write_text(MANIFEST, encoding="utf-8")
    (folder / "good.lock").write_text(lock())
    (folder / "good.log").write_text("\n".join(random.choice(logs())))
    (folder / "results.json").write_bytes(random.choice(LOADS).read_bytes())
    (folder / "bad.yaml").write_bytes(
        f"profiles:\n- id: {hostile(random)}\n  tags: {{tp: {hostile(random)}}}\n".encode(
            errors="surrogatepass"
        )
    )
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text(CONFIG)
    (folder / "adapters").mkdir()
    adapter = folder / "adapters" / random.choice(("one", "\x1b[31m", "a\nb", "é"))
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"r": 16}')
    (folder / "box.json").write_text('{"gpus": [{"index": 0, "name": "NVIDIA H100 80GB HBM3"}]}')


@cache
def _commands() -> list[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    return [*_leaves(build_parser())]


def _leaves(
    parser: argparse.ArgumentParser, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from _leaves(below, (*path, name))
            return
    yield path, parser


def words(random: Random) -> list[str]:
    """A command and some of its options, most of them with values that it can read."""
    path, parser = random.choice(_commands())
    options = [action for action in parser._actions if action.dest != "help"]
    given: list[str] = []
    for action in options:
        if not action.option_strings:
            if action.nargs != "?" or random.random() < 0.5:
                given += [_value(random, action) for _ in range(_count(random, action))]
        elif random.random() < _CHANCES.get(action.dest, 0.06):
            given += _option(random, action)
    if random.random() < 0.05:
        given.insert(random.randrange(len(given) + 1), argument(random))
    if path[0] in {"launch", "exec", "render", "lock", "check", "doctor"}:
        if random.random() < 0.3:
            given += ["--", *_extra(random)]
        elif random.random() < 0.05:  # the `--` forgotten
            given += random.choice((SECRETS[:2], SECRETS[2:3], SECRETS[3:4], SECRETS[4:]))
    return [*path, *given]


_CHANCES = {
    "manifest": 0.85,
    "gpus": 0.8,
    "format": 0.3,
    "kind": 0.4,
    "nvml_timeout": 0.1,
    "lock": 0.9,
    "logs": 0.6,
    "require": 0.3,
    "results": 0.3,
    "timeout": 0.9,
}


def _count(random: Random, action: argparse.Action) -> int:
    return random.choice((1, 1, 2)) if action.nargs == "+" else 1


def _option(random: Random, action: argparse.Action) -> list[str]:
    name = random.choice(action.option_strings)
    if action.nargs == 0:
        return [name]
    value = _value(random, action)
    return [f"{name}={value}"] if random.random() < 0.3 else [name, value]


def _value(random: Random, action: argparse.Action) -> str:
    if random.random() < 0.06:
        return argument(random)
    if action.choices:
        return str(random.choice([*action.choices]))
    return random.choice(PLAUSIBLE.get(action.dest, NUMBERS))


def _extra(random: Random) -> list[str]:
    extra = []
    for _ in range(random.randrange(4)):
        flag = random.choice(EXTRA)
        secret = "key" in flag or "token" in flag or "headers" in flag
        extra += [flag, SECRET if secret else random.choice((*NUMBERS, argument(random)))]
    return [*extra, *random.choice(((), (), SECRETS))]


def variables(random: Random) -> dict[str, str]:
    """Some of NIM's variables and those of the shell, most with values they may have."""
    environ = {}
    for variable in random.sample([*VARIABLES.values()], random.choice((0, 0, 1, 3))):
        plausible = variable.example or random.choice(NUMBERS)
        environ[variable.name] = plausible if random.random() < 0.5 else argument(random)
    for name in random.sample((*LOOSE, *LOOKS), random.choice((0, 0, 1, 2))):
        environ[name] = argument(random)
    environ |= {name: SECRET for name in KEYS if random.random() < 0.5}
    if random.random() < 0.05:  # one that is none ends Python before it runs a line of ours
        environ["PYTHONIOENCODING"] = random.choice(("ascii", "ascii:strict", "utf-8"))
    return environ
