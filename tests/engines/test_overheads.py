"""Each release has the habits of its generation."""

import pytest

from nimprofile import Engine
from nimprofile.base.units import GIB
from nimprofile.engines.facts.sglang import default_fraction
from nimprofile.engines.facts.tensorrt_llm import TENSORRT_LLM
from nimprofile.engines.facts.vllm import VLLM
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
