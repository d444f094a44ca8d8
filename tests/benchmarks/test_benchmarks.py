"""What a start, a parse and a selection cost, as ratios within one run.

    python -m pytest tests/benchmarks --benchmark-enable --benchmark-columns=median,rounds

Each group's first row is what the others are measured against; `docs/performance.md` reports them.
Without `--benchmark-enable` each is run once, as a check that it still works.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pynvml
import pytest
import yaml

from nimprofile import (
    Connection,
    Link,
    Serving,
    build_manifest,
    check_manifest,
    discover,
    load_inventory,
    memory_budget,
    mock_inventory,
    parse_manifest,
    read_model,
    select,
    shape_from_config,
    to_yaml,
)
from nimprofile.testing import FakeNvml
from nimprofile.testing.strategies.models import SAMPLE_CONFIGS
from tests.benchmarks import generate
from tests.support.paths import CORPUS

CONFIGS = {config["model_type"]: config for config in SAMPLE_CONFIGS}
MODEL = Path(__file__).parents[2] / "manifests" / "sources" / "llama-3.1-8b-instruct"
SELECT = ["-m", "nimprofile", "select", "--manifest", "llama-3.1-8b-instruct", "--gpus", "1xh100"]
SERVED = ["-m", "nimprofile", "launch", "--manifest", "llama-3.1-8b-instruct", "--gpus", "1xh100"]
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import nimprofile": ["-c", "import nimprofile"],
    "select": SELECT,
    "select --json": [*SELECT, "--json"],
    "memory": ["-m", "nimprofile", "memory", "llama-3.1-8b-instruct", "--gpus", "1xh100"],
    "select --model": ["-m", "nimprofile", "select", "--model", str(MODEL), "--gpus", "1xh100"],
    "launch": [*SERVED, "--engine", "vllm"],
    "render k8s": [*SERVED[:2], "render", "k8s", *SERVED[3:], "--engine", "vllm"],
}


def _directory(path, config):
    """A model's directory of this config.json."""
    path.mkdir()
    (path / "config.json").write_text(json.dumps(config))
    return str(path)


def _nvfp4_moe(names):
    """A mixture of experts in NVFP4, with a list of modules that were left as they are."""
    block = {"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": names}
    return CONFIGS["qwen3_5_moe_text"] | {"num_hidden_layers": 40, "quantization_config": block}


KEPT = [
    *(f"model.layers.{n}.mlp.experts.{m}.down_proj" for n in range(16) for m in range(256)),
    *(f"model.layers.{n}.self_attn" for n in range(40)),
    *(f"model.layers.{n}.linear_attn*" for n in range(40)),
    *("lm_head", "re:.*visual.*", "re:.*mlp.gate$"),
]
"""4,179 modules, as checkpoints of NVFP4 list them."""


@pytest.mark.benchmark(group="select --model, whole process")
@pytest.mark.parametrize("kind", ["a dense model", "experts in NVFP4, 4,179 modules ignored"])
def test_select_for_a_model(benchmark, tmp_path, kind):
    config = CONFIGS["llama"] if kind == "a dense model" else _nvfp4_moe(KEPT)
    model = _directory(tmp_path / "model", config)
    argv = [sys.executable, "-m", "nimprofile", "select", "--model", model, "--gpus", "8xh200"]
    done = benchmark.pedantic(
        subprocess.run, (argv,), {"capture_output": True, "check": True}, rounds=5, warmup_rounds=1
    )
    assert done.stdout.startswith(b"profile ")


@pytest.mark.benchmark(group="a manifest of a model")
def test_build(benchmark):
    built = benchmark.pedantic(build_manifest, ([read_model(MODEL)],), rounds=20, warmup_rounds=2)
    assert len(built.document["profiles"]) == 24


@pytest.mark.benchmark(group="a manifest of a model")
def test_check(benchmark):
    written = to_yaml(build_manifest([read_model(MODEL)]).document)
    assert () == benchmark.pedantic(check_manifest, (written,), rounds=20, warmup_rounds=2)


@pytest.fixture(scope="module")
def text():
    return generate.big_manifest()


@pytest.fixture(scope="module")
def manifest(text):
    return parse_manifest(text)


@pytest.mark.benchmark(group="start-up, whole process")
@pytest.mark.parametrize("command", COMMANDS)
def test_start_up(benchmark, command):
    argv = [sys.executable, *COMMANDS[command]]
    done = benchmark.pedantic(
        subprocess.run, (argv,), {"capture_output": True, "check": True}, rounds=25, warmup_rounds=2
    )
    assert done.returncode == 0


@pytest.mark.benchmark(group="a manifest of 1,000 profiles and 72,000 lines")
def test_libyaml_emits_the_events(benchmark, text):
    count = benchmark.pedantic(
        lambda: sum(1 for _ in yaml.parse(text, Loader=yaml.CLoader)), rounds=10, warmup_rounds=1
    )
    assert count > 100_000


@pytest.mark.benchmark(group="a manifest of 1,000 profiles and 72,000 lines")
def test_text_to_manifest(benchmark, text):
    manifest = benchmark.pedantic(parse_manifest, (text,), rounds=10, warmup_rounds=1)
    assert len(manifest.profiles) == 1000


LOCKED = {
    "select": SELECT[2:],
    "check --lock": ["check", "--lock", "selected.lock", "--gpus", "1xh100"],
    "exec": ["exec", *SELECT[3:], "--engine", "vllm"],
    "exec --lock": ["exec", "--lock", "started.lock", "--gpus", "1xh100"],
}


@pytest.mark.benchmark(group="a lock, whole process")
@pytest.mark.parametrize("command", LOCKED)
def test_lock(benchmark, tmp_path, monkeypatch, command):
    program = tmp_path / "vllm"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.chdir(tmp_path)
    ours, server = [sys.executable, "-m", "nimprofile"], ["--engine", "vllm", "--launchable"]
    for words in (["-o", "selected.lock"], [*server, "-o", "started.lock"]):
        subprocess.run([*ours, "lock", *SELECT[3:], *words], capture_output=True, check=True)
    argv, run = [*ours, *LOCKED[command]], {"capture_output": True, "check": True}
    done = benchmark.pedantic(subprocess.run, (argv,), run, rounds=25, warmup_rounds=2)
    assert done.returncode == 0


def _nearly_full(inventory):
    gpus = (gpu.replace(memory_free_mib=9_000 - 17 * gpu.index) for gpu in inventory.gpus)
    return inventory.replace(gpus=tuple(gpus))


MACHINES = {
    "8 idle H100": mock_inventory("8xh100"),
    "8 H100, each nearly full and with another figure free": _nearly_full(mock_inventory("8xh100")),
    "8 products": mock_inventory("1xh100,1xl40s,1xt4,1xa100,1xl4,1xa10g,1xb200,1xh200"),
}


@pytest.mark.benchmark(group="select among 1,000 profiles on 8 GPUs")
@pytest.mark.parametrize("machine", MACHINES)
def test_select(benchmark, manifest, machine):
    decision = benchmark(select, manifest, MACHINES[machine])
    assert len(manifest.profiles) == len(decision.ranked) + len(decision.rejected)


@pytest.mark.benchmark(group="config.json to budget")
@pytest.mark.parametrize("kind", CONFIGS)
def test_budget(benchmark, kind):
    (gpu,) = mock_inventory("1xh100").gpus
    found = benchmark(lambda: memory_budget(shape_from_config(CONFIGS[kind]), Serving(tp=2), gpu))
    assert found.spare > 0


def _bare_calls():
    """What `nvml` asks of eight GPUs, in this process and one after the other."""
    nvml = pynvml
    nvml.nvmlInit()
    nvml.nvmlSystemGetDriverVersion()
    nvml.nvmlSystemGetCudaDriverVersion()
    handles = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
    for handle in handles:
        for call in (
            nvml.nvmlDeviceGetUUID,
            nvml.nvmlDeviceGetName,
            nvml.nvmlDeviceGetCudaComputeCapability,
            nvml.nvmlDeviceGetPciInfo,
            nvml.nvmlDeviceGetMigMode,
            nvml.nvmlDeviceGetUtilizationRates,
        ):
            call(handle)
        nvml.nvmlDeviceGetMemoryInfo(handle, nvml.nvmlMemory_v2)
    for at, one in enumerate(handles):
        for other in handles[at + 1 :]:
            nvml.nvmlDeviceGetP2PStatus(one, other, nvml.NVML_P2P_CAPS_INDEX_NVLINK)
    nvml.nvmlShutdown()
    return len(handles)


_BARE_PROCESS = [sys.executable, "-c", "import pynvml; pynvml.nvmlInit(); pynvml.nvmlShutdown()"]


@pytest.mark.benchmark(group="reading 8 healthy fake GPUs")
@pytest.mark.parametrize(
    "reader",
    [
        "pynvml's calls alone, in this process",
        "a process that imports pynvml and starts NVML",
        "discover",
    ],
)
def test_discovery(benchmark, reader):
    box = CORPUS / "machines" / "8xh100.json"
    links = tuple(Connection((a, b), Link.NVLINK) for a in range(8) for b in range(a + 1, 8))
    with FakeNvml(load_inventory(box).replace(connections=links)) as fake:
        if reader == "discover":
            found = benchmark.pedantic(discover, rounds=25, warmup_rounds=2)
            assert len(found.offered) == 8
        elif reader.startswith("pynvml"):
            assert benchmark.pedantic(_bare_calls, rounds=25, warmup_rounds=2) == 8
        else:
            run = {"env": fake.environ, "check": True}
            benchmark.pedantic(subprocess.run, (_BARE_PROCESS,), run, rounds=25, warmup_rounds=2)
