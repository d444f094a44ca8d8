"""Each release has the habits of its generation."""

import pytest

from nimprofile import Engine, Serving, mock_inventory
from nimprofile.base.units import GIB
from nimprofile.engines.facts.sglang import default_fraction
from nimprofile.engines.facts.tensorrt_llm import TENSORRT_LLM
from nimprofile.engines.facts.vllm import VLLM
from nimprofile.engines.memory.components import overhead_of
from nimprofile.engines.spec import spec_of


@pytest.mark.parametrize(
    ("version", "since"),
    [
        (None, "0.29"),
        ("0.4.0.post1", "0"),
        ("0.8.3", "0.8"),
        ("0.10.2+nvmain", "0.9.2"),
        ("0.19.2rc1.dev134+gfe9c3d6c5", "0.18"),
        ("0.21.0", "0.21"),
        ("1.0", "0.29"),
    ],
)
def test_a_version_has_the_habits_of_its_generation(version, since):
    assert since == spec_of(Engine.VLLM).overheads_of(version).since


def test_every_generation_is_newer_than_the_one_before_and_has_a_source():
    since = [tuple(map(int, row.since.split("."))) for row in VLLM]
    assert sorted(since) == since
    assert all(row.source for row in (*VLLM, *TENSORRT_LLM))


@pytest.mark.parametrize(
    ("gib", "fraction"), [(80, 0.836), (24, 0.847), (0, 0.88)], ids=["80 GiB", "24 GiB", "unknown"]
)
def test_sglang_sets_aside_what_its_own_rule_says(gib, fraction):
    assert fraction == pytest.approx(default_fraction(gib * GIB, 1, 1), abs=0.002)


@pytest.mark.parametrize(
    "name", ["NVIDIA L4", "NVIDIA GeForce RTX 4090", "NVIDIA GeForce RTX 5090"]
)
def test_tensorrt_llm_holds_as_much_on_every_board(name):
    (gpu,) = mock_inventory("1xl4").gpus
    serving = Serving(engine=Engine.TENSORRT_LLM)
    part = overhead_of(serving, TENSORRT_LLM[0], gpu.replace(name=name), 24 * GIB)
    assert 3.5 * GIB == part.bytes
