"""A compiled plan is rejected where the CPU is known to be another, and doubted where it is not."""

import pytest

from nimprofile import Request
from nimprofile.hardware.catalog import mock_inventory
from nimprofile.selection.reasons import Doubt, WrongCpu
from tests.support.builders import judge, kinds, make_gpu, make_inventory, make_profile

HOPPER = {"model_type": "tensorrt", "compute_capability": "9.0", "precision": "fp16"}


@pytest.mark.parametrize(
    "tags", [HOPPER, {"backend": "trt", "compute_capability": "9.0"}, HOPPER | {"backend": "trt"}]
)
def test_a_plan_by_compute_capability_is_for_x86_64_and_does_not_load_on_a_gh200(tags):
    verdict = judge(make_profile(**tags), "1xgh200_480gb")
    assert ((WrongCpu("x86_64", "aarch64"),), ()) == (verdict.reasons, verdict.doubts)
    assert "incompatible" == verdict.grade


@pytest.mark.parametrize(
    "tags",
    [
        {"model_type": "onnx", "backend": "onnx"},
        {"llm_engine": "tensorrt_llm", "backend": "tensorrt", "min_vram_per_device_gb": "8"},
        {"model_type": "tensorrt", "gpu": "gh200_480gb"},
        {"model_type": "tensorrt", "gpu_device": "2342"},
        {"model_type": "tensorrt", "gpu": "gh200_480gb,gh200_144g"},
    ],
    ids=["onnx", "an LLM's", "by name", "by id", "two boards"],
)
def test_what_is_no_plan_or_is_one_for_the_board_runs_beside_an_arm_cpu(tags):
    verdict = judge(make_profile(**tags), "1xgh200_480gb")
    assert ((), ()) == (verdict.reasons, verdict.doubts)


def test_a_plan_for_a_capability_that_only_arm_machines_have_is_for_those():
    spark = make_profile(**HOPPER | {"compute_capability": "12.1"})
    assert ((), ()) == (judge(spark, "1xgb10").reasons, judge(spark, "1xgb10").doubts)


def test_a_plan_for_another_capability_is_rejected_for_that_too():
    ada = make_profile(**HOPPER | {"compute_capability": "8.9"})
    assert ["cpu_architecture", "requires_compute_capability"] == kinds(judge(ada, "1xgb10"))


@pytest.mark.parametrize(
    ("cpu", "reasons", "doubts"),
    [
        ("x86_64", (), ()),
        ("aarch64", (WrongCpu("x86_64", "aarch64"),), ()),
        (
            None,
            (),
            (Doubt("cpu_architecture", "the CPU architecture", "a compiled plan for x86_64"),),
        ),
    ],
)
def test_the_machines_own_cpu_decides(cpu, reasons, doubts):
    machine = mock_inventory("1xh100").replace(cpu_architecture=cpu)
    verdict = judge(make_profile(**HOPPER), machine)
    assert (reasons, doubts) == (verdict.reasons, verdict.doubts)


@pytest.mark.parametrize(
    ("tags", "cpu", "doubted"),
    [
        ({"gpu": "h100"}, "aarch64", True),
        ({"gpu": "h100"}, "x86_64", False),
        ({"gpu": "h100"}, None, False),
        ({}, "aarch64", True),
        ({"product_name_regex": "H100"}, "aarch64", True),
        ({}, None, False),
    ],
)
def test_a_plan_that_does_not_tell_its_cpu_is_doubted_beside_any_but_x86_64(tags, cpu, doubted):
    machine = mock_inventory("1xh100").replace(cpu_architecture=cpu)
    verdict = judge(make_profile(model_type="tensorrt", **tags), machine)
    assert () == verdict.reasons
    assert doubted is (["cpu_architecture"] == [doubt.kind for doubt in verdict.doubts])


def test_a_pinned_plan_for_another_cpu_starts_only_when_all_is_allowed():
    machine = mock_inventory("1xgh200_480gb")
    allowed = judge(make_profile(**HOPPER), machine, Request(allow_unsafe=True), pinned=True)
    assert (WrongCpu("x86_64", "aarch64"),) == allowed.waived
    assert ["cpu_architecture"] == kinds(judge(make_profile(**HOPPER), machine, pinned=True))


def test_a_capability_that_no_board_has_tells_nothing():
    profile = make_profile(model_type="tensorrt", compute_capability="99.0")
    gpu = make_gpu(capability="99.0", name=None, device_id="ffff")
    machine = make_inventory(gpu).replace(cpu_architecture="x86_64")
    assert () == judge(profile, machine).reasons
