"""Every command does its work once, in one process: the test of a few seconds.

Each line is a command and a part of what it prints; all that they print is held by `tests/cli`,
`tests/report` and `tests/test_docs.py`.
"""

import json
import re
import shlex

import pytest

from nimprofile import load_inventory
from nimprofile.cli.main import main
from nimprofile.testing import FakeNvml
from tests.support.model_configs import LLAMA_8B
from tests.support.paths import CORPUS

HERE = "--manifest llama-3.1-8b-instruct"
H100 = f"{HERE} --gpus 1xh100"
COMMANDS = {
    f"select {HERE}": "tensorrt_llm-h100-fp8-tp2-pp1-latency",
    f"select {H100} --json": '"name": "tensorrt_llm-h100-fp8-tp1-pp1-throughput"',
    f"select {HERE} --gpus 2xl40s --format env": "export NIM_MODEL_PROFILE=4e32c614",
    f"select {H100} --engine vllm --prefer precision=fp8": "vllm-bf16-tp1-pp1",
    "select --model model --gpus 1xh100": "-tp1-pp1",
    f"list {HERE}": "tensorrt_llm-h100-fp8-tp2-pp1-latency",
    f"list {H100} --nim": "MODEL PROFILES",
    f"explain {H100}": "tensorrt_llm-h100-fp8-tp1-pp1-throughput",
    f"explain {HERE} --gpus 1xl4 vllm-bf16-tp1-pp1": "not a candidate",
    "memory llama-3.1-8b-instruct --gpus 1xl40s --profile vllm-bf16-tp1-pp1": "15.0 GiB",
    "memory model --gpus 1xh100 --json": '"fits": true',
    f"launch {H100} --engine vllm -- --seed 7": "vllm serve meta-llama/Llama-3.1-8B-Instruct",
    "launch --model model --gpus 1xh100 --server sglang": "sglang serve",
    "launch --model model --gpus 1xh100 --server tensorrt_llm": "trtllm-serve",
    "launch --model model --gpus 1xh100 --server triton": "tritonserver",
    f"launch {H100} --server nim": "docker run",
    f"render docker {H100} --engine vllm": "docker run",
    f"render compose {H100} --engine vllm": "services:",
    f"render k8s {H100} --engine vllm": "kind: Deployment",
    f"render k8s {H100.replace('1xh100', '16xh100')} --server nim": "kind: Deployment",
    f"render kserve {H100} --engine vllm": "kind: InferenceService",
    f"render nim-operator {H100}": "kind: NIMService",
    f"lock {H100} --engine vllm": "name: vllm-bf16-tp1-pp1",
    "check --lock smoke.lock --gpus 1xh100": "as smoke.lock has it: vllm-bf16-tp1-pp1",
    "manifest build model": "checkpoints:",
    "manifest check llama-3.1-8b-instruct --json": '"errors": 0',
    "manifest show llama-3.1-8b-instruct": "vllm-bf16-tp1-pp1",
    "manifest convert llama-3.1-8b-instruct --to v1": "llm_engine: vllm",
    "manifest diff llama-3.1-8b-instruct llama-3.1-70b-instruct": "70,553,706,496 parameters",
    "manifest schema": '"$defs"',
    "manifest list": "gpt-oss-120b",
    "schema decision": '"ranked"',
    "doctor --gpus 1xh100": "only the host is examined",
    "verify --require tp=8 --logs server.log": "1 proven, 0 contradicted, 0 not observable",
    "gpus": "NVIDIA H100 80GB HBM3",
    "gpus --gpus 2xl40s --json": '"NVIDIA L40S"',
    "gpus --known": "a100_sxm4_40gb",
    "policies": "nim-2.0",
    "advisories": "nim-1.13-vllm-before-tensorrt-llm",
    "variables --all": "NIM_MAX_MODEL_LEN",
    "engines": "sglang",
    "completion bash": "complete",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a model, a log and a lock."""
    folder = tmp_path_factory.mktemp("smoke")
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text(json.dumps(LLAMA_8B), encoding="utf-8")
    line = "INFO 2024-09-27 12:59:39.860 ngc_injector.py:214] Profile metadata: tp: 8\n"
    (folder / "server.log").write_text(line, encoding="utf-8")
    assert 0 == main(shlex.split(f"lock {H100} --engine vllm -o {folder / 'smoke.lock'}"))
    return folder


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_does_its_work(command, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    with FakeNvml(load_inventory(CORPUS / "machines" / "8xh100.json")):
        code = main(shlex.split(command))
    out, err = capsys.readouterr()
    assert 0 == code, err
    assert COMMANDS[command] in out


def test_no_command_is_left_out(capsys):
    assert 0 == main(["--help"])
    commands = re.findall(r"^    ([a-z]+)\b", capsys.readouterr().out, re.MULTILINE)
    assert {"exec"} == set(commands) - {command.split()[0] for command in COMMANDS}
