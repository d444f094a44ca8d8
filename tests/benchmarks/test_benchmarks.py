"""What a start, a parse and a selection cost, as ratios within one run.

    python -m pytest tests/benchmarks --benchmark-enable --benchmark-columns=median,rounds

Each group's first row is what the others are measured against; `docs/performance.md` reports them.
Without `--benchmark-enable` each is run once, as a check that it still works.
"""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from nimprofile import mock_inventory, parse_manifest, select

_SPEC = importlib.util.spec_from_file_location("generate", Path(__file__).parent / "generate.py")
generate = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(generate)

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import nimprofile": ["-c", "import nimprofile"],
    "select": [
        "-m",
        "nimprofile",
        "select",
        "--manifest",
        "llama-3.1-8b-instruct",
        "--gpus",
        "1xh100",
    ],
    "select --json": [
        "-m",
        "nimprofile",
        "select",
        "--manifest",
        "llama-3.1-8b-instruct",
        "--gpus",
        "1xh100",
        "--json",
    ],
}


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


@pytest.mark.benchmark(group="select among 1,000 profiles on 8 GPUs")
def test_select_on_idle_gpus(benchmark, manifest):
    decision = benchmark(select, manifest, mock_inventory("8xh100"))
    assert decision.selected is not None


@pytest.mark.benchmark(group="select among 1,000 profiles on 8 GPUs")
def test_select_on_gpus_each_of_other_free_memory(benchmark, manifest):
    idle = mock_inventory("8xh100")
    gpus = (gpu.replace(memory_free_mib=81_000 - 17 * gpu.index) for gpu in idle.gpus)
    decision = benchmark(select, manifest, idle.replace(gpus=tuple(gpus)))
    assert decision.selected is not None
