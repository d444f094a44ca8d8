"""A profile is typed from its tags, and the tags are kept."""

import pytest

from nimprofile import Engine, ManifestError, Objective, Precision, Requires
from nimprofile.base.units import GB, GIB, ComputeCapability
from nimprofile.manifest.profile import Stated
from tests.support.builders import make_profile


def error_of(**tags):
    with pytest.raises(ManifestError) as caught:
        make_profile(name="n", **tags)
    return caught.value


def test_without_tags_everything_is_unknown():
    profile = make_profile("x")
    assert (None, None, None, None, None, None, False, (), (), None, None, 1) == (
        profile.engine,
        profile.precision,
        profile.tp,
        profile.pp,
        profile.objective,
        profile.lora,
        profile.buildable,
        profile.gpu_names,
        profile.gpu_devices,
        profile.exact_capability,
        profile.memory,
        profile.gpus_needed,
    )


@pytest.mark.parametrize(
    ("tag", "engine", "unknown"),
    [
        ("tensorrt_llm", Engine.TENSORRT_LLM, None),
        ("TensorRT-LLM", Engine.TENSORRT_LLM, None),
        ("trtllm", Engine.TENSORRT_LLM, None),
        ("vllm", Engine.VLLM, None),
        ("SGLang", Engine.SGLANG, None),
        ("lmdeploy", None, "lmdeploy"),
    ],
)
def test_the_engine_is_typed_or_kept_as_unknown(tag, engine, unknown):
    profile = make_profile(llm_engine=tag)
    assert (engine, unknown, tag) == (
        profile.engine,
        profile.unknown_engine,
        profile.tags["llm_engine"],
    )


@pytest.mark.parametrize("precision", list(Precision), ids=str)
def test_every_precision_is_typed_in_any_case(precision):
    profile = make_profile(precision=precision.upper())
    assert (precision, None) == (profile.precision, profile.unknown_precision)


def test_an_unknown_precision_is_kept():
    profile = make_profile(precision="fp6")
    assert (None, "fp6") == (profile.precision, profile.unknown_precision)


@pytest.mark.parametrize(
    ("tag", "objective"),
    [
        ("latency", Objective.LATENCY),
        ("Throughput", Objective.THROUGHPUT),
        ("balanced", Objective.BALANCED),
        ("throughput-lora", Objective.THROUGHPUT),
        ("cheap", None),
        ("", None),
    ],
)
def test_the_objective_is_the_tag_profile(tag, objective):
    assert objective is make_profile(profile=tag).objective


@pytest.mark.parametrize(
    ("tag", "lora"), [("true", True), ("False", False), ("1", True), ("0", False)]
)
def test_lora_is_a_flag(tag, lora):
    assert lora is make_profile(feat_lora=tag).lora


@pytest.mark.parametrize(("tag", "buildable"), [("true", True), ("false", False)])
def test_buildable_is_a_flag(tag, buildable):
    assert buildable is make_profile(trtllm_buildable=tag).buildable


@pytest.mark.parametrize("tag", ["feat_lora", "trtllm_buildable"])
@pytest.mark.parametrize("value", ["yes", "", "2", "truee"])
def test_a_flag_is_true_or_false(tag, value):
    error = error_of(**{tag: value})
    assert (f"tags.{tag}", f"{value!r} is neither true nor false") == (error.place, error.problem)


@pytest.mark.parametrize(("text", "count"), [("1", 1), ("9999", 9999), ("08", 8)])
def test_tp_and_pp_are_counts(text, count):
    profile = make_profile(tp=text, pp=text)
    assert (count, count, count**2) == (profile.tp, profile.pp, profile.gpus_needed)


@pytest.mark.parametrize("tag", ["tp", "pp"])
@pytest.mark.parametrize("value", ["0", "00", "-1", "1.0", "", " 1", "10000", "x", "²", "1_0"])
def test_anything_else_is_no_count(tag, value):
    error = error_of(**{tag: value})
    assert (f"tags.{tag}", f"{value!r} is not a number of GPUs; write 1 to 9999") == (
        error.place,
        error.problem,
    )


@pytest.mark.parametrize(
    ("tags", "names"),
    [
        ({"gpu": "H100_NVL"}, ("h100nvl",)),
        ({"gpu": "h200, H100"}, ("h100", "h200")),
        ({"gpu": "h100,H100"}, ("h100",)),
        ({"gpu": ""}, ()),
        ({"key": "NVIDIA-A10G_10.0.1_12"}, ("a10g",)),
        ({"key": "NVIDIA-A10G"}, ("a10g",)),
        ({"key": "NVIDIA-RTX_A6000_10.0.1_12"}, ("rtxa6000",)),
        ({"key": "Tesla-T4_8.6.3"}, ("teslat4",)),
        ({"key": "onnx"}, ()),
        ({"key": "onnx_cpu"}, ()),
        ({"key": ""}, ()),
        ({"gpu": "t4", "key": "NVIDIA-A10G_10.0.1_12"}, ("t4",)),
        ({"product_name_regex": "^NVIDIA-A10(?!0).*"}, ()),
    ],
)
def test_gpu_names_are_normalised(tags, names):
    assert names == make_profile(**tags).gpu_names


def test_gpu_devices_are_normalised():
    profile = make_profile(gpu_device="2330:10DE, 26b9")
    assert ("2330:10de", "26b9:10de") == profile.gpu_devices


@pytest.mark.parametrize("value", ["", "h100", "2330:1002", "2330:10de,"])
def test_anything_else_is_no_device(value):
    assert "tags.gpu_device" == error_of(gpu_device=value).place


def test_the_capability_of_a_compiled_engine_is_read():
    assert ComputeCapability((12, 0)) == make_profile(compute_capability="12.0").exact_capability


def test_a_bad_capability_is_refused():
    assert "tags.compute_capability" == error_of(compute_capability="new").place


@pytest.mark.parametrize(("value", "marked"), [("enabled", True), ("disabled", False)])
def test_ampereplus_is_enabled_or_not(value, marked):
    assert marked is make_profile(ampereplus=value).any_ampere_or_newer


# Memory.

TAG = "tag min_vram_per_device_gb"


@pytest.mark.parametrize(
    ("text", "size"), [("33.0", 33 * GIB), ("27", 27 * GIB), ("80.0", 80 * GB), ("0.5", GIB // 2)]
)
def test_the_tag_states_memory(text, size):
    assert (
        Stated(size, size, TAG, printed_gb=float(text))
        == make_profile(min_vram_per_device_gb=text).memory
    )


@pytest.mark.parametrize("text", ["", "0", "-1", "nan", "inf", "1e6", "40GB"])
def test_anything_else_is_no_size(text):
    error = error_of(min_vram_per_device_gb=text)
    assert ("tags.min_vram_per_device_gb", f"{text!r} is not a size in GB") == (
        error.place,
        error.problem,
    )


def test_what_the_listing_states_wins_over_the_tag():
    memory = Stated(5, 4, "the listing")
    assert memory == make_profile(min_vram_per_device_gb="33", memory=memory).memory


def test_what_the_manifest_requires_wins_over_both():
    requires = Requires(memory_gib_per_gpu=2.5)
    profile = make_profile(min_vram_per_device_gb="33", memory=Stated(5, 4, "x"), requires=requires)
    size = 5 * GIB // 2
    assert Stated(size, size, "requires.memory_gib_per_gpu") == profile.memory
