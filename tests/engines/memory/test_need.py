"""Is the need of memory what the manifest states, the engine's budget, or NIM's own arithmetic?"""

import pytest

from nimprofile import (
    Manifest,
    Request,
    Requires,
    Serving,
    mock_inventory,
    plain_shape,
    select,
    shape_from_config,
)
from nimprofile.base.units import CONTEXT_STEP, GIB, MIB
from nimprofile.engines.facts.nim import NIM_ALLOWANCE
from nimprofile.engines.memory.need import MemoryNeed, Needs
from nimprofile.engines.serving import DEFAULTS
from nimprofile.manifest.profile import Stated
from tests.support.builders import make_gpu, make_profile
from tests.support.model_configs import LLAMA_8B

FIGURES = plain_shape(8_030_261_248, 32, 8, 128, 131072)
LLAMA = shape_from_config(LLAMA_8B)
KV_8B = 131_072  # bytes of one token: 2 x 32 layers x 8 heads x 128 x 2
RTX_5090 = make_gpu(total=32_607, free=29_846, name="NVIDIA GeForce RTX 5090", capability="12.0")
H100 = make_gpu(total=81_559, name="NVIDIA H100 80GB HBM3", capability="9.0")


def need(shape=FIGURES, gpu=H100, *, nim=True, serving=DEFAULTS, **tags):
    profile = make_profile(**{"precision": "bf16", "tp": "1", "pp": "1"} | tags)
    return Needs(lambda _: shape, serving, nim=nim).of(profile, gpu)


def gib_up(size):
    return -(-size // GIB)


# NIM 2.x's arithmetic: five figures, or the policy nim-2.0.


@pytest.mark.parametrize(
    ("tags", "printed"),
    [
        pytest.param({"precision": "bf16"}, 33, id="bf16"),
        pytest.param({"precision": "fp8"}, 27, id="fp8"),
        pytest.param({"precision": "nvfp4"}, 24, id="nvfp4"),
        pytest.param({"precision": "bf16", "feat_lora": "true"}, 34, id="bf16 with LoRA"),
        pytest.param({"precision": "fp8", "feat_lora": "true"}, 28, id="fp8 with LoRA"),
    ],
)
def test_llama_3_1_8b_needs_what_nim_2_0_prints(tags, printed):
    assert printed == gib_up(need(LLAMA, **tags).full_bytes)


@pytest.mark.parametrize(
    ("tokens", "printed"), [(84992, 28), (82944, 27)], ids=["2.0.12", "2.0.10"]
)
def test_a_shortened_context_needs_what_nim_2_0_prints(tokens, printed):
    assert printed == gib_up(need(LLAMA).shortened_bytes(tokens))


@pytest.mark.parametrize(
    ("tags", "tokens"), [({}, 84992), ({"feat_lora": "true"}, 77824)], ids=["plain", "LoRA"]
)
def test_with_29846_mib_free_nim_2_0_suggests_these_contexts(tags, tokens):
    assert tokens == need(LLAMA, RTX_5090, **tags).hinted_context(32_607 * MIB, 29_846)


def test_the_real_weights_are_within_a_thousandth_of_the_computed_ones():
    # 16,060,556,376 and 9,081,280,648 bytes: the checkpoints, from the listings.
    assert need(LLAMA).budget.weights.bytes == pytest.approx(16_060_556_376, rel=1e-3)
    fp8 = need(LLAMA, precision="fp8").budget.weights.bytes
    assert fp8 == pytest.approx(9_081_280_648, rel=1e-3)


def test_five_figures_give_nims_arithmetic_whatever_the_policy():
    assert need(nim=True).full_bytes == need(nim=False).full_bytes
    assert 16_060_522_496 + KV_8B * 131072 + NIM_ALLOWANCE == need(nim=False).full_bytes


@pytest.mark.parametrize(
    ("precision", "weights"),
    [("bf16", 16_060_522_496), ("fp8", 8_030_261_248), ("nvfp4", 4_517_021_952)],
)
def test_the_weights_of_five_figures_are_parameters_times_bytes(precision, weights):
    assert weights == need(precision=precision).budget.gpu_bytes(None)
    assert weights + KV_8B * 256 + NIM_ALLOWANCE == need(precision=precision).least_bytes


def test_the_kv_cache_has_two_bytes_a_value_even_for_fp8():
    assert 2**34 == need().budget.request_bytes(131072)
    assert 2**34 == need(precision="fp8").budget.request_bytes(131072)


def test_tensor_parallelism_divides_weights_and_heads():
    half = need(tp="2")
    assert 8_030_261_248 + KV_8B // 2 * 256 + NIM_ALLOWANCE == half.least_bytes
    assert 8_030_261_248 + KV_8B // 2 * 131072 + NIM_ALLOWANCE == half.full_bytes


def test_pipeline_parallelism_divides_weights_and_layers():
    half = need(pp="2")
    assert (8_030_261_248, 2**33) == (
        half.budget.gpu_bytes(None),
        half.budget.request_bytes(131072),
    )


def test_a_kv_head_is_not_divided():
    eighth = need(tp="8").budget.request_bytes(131072)
    assert 2**31 == eighth == need(tp="16").budget.request_bytes(131072)


def test_an_unknown_pp_counts_as_one():
    profile = make_profile(precision="bf16", tp="1")
    assert need() == Needs(lambda _: FIGURES, DEFAULTS).of(profile, H100)


# What is stated wins.


def test_the_need_says_where_it_is_from():
    assert "estimated from the model's shape" == need().source


STATED = [
    pytest.param(
        make_profile(precision="bf16", tp="1", min_vram_per_device_gb="27.0"),
        (27 * GIB, 16_060_522_496 + KV_8B * 256 + NIM_ALLOWANCE, "tag min_vram_per_device_gb"),
        id="tag",
    ),
    pytest.param(
        make_profile(precision="bf16", tp="1", min_vram_per_device_gb="10.0"),
        (10 * GIB, 10 * GIB, "tag min_vram_per_device_gb"),
        id="tag below the weights",
    ),
    pytest.param(
        make_profile(precision="bf16", tp="1", memory=Stated(9, 4, "listing")),
        (9, 4, "listing"),
        id="listing of a known shape",
    ),
    pytest.param(
        make_profile(precision="bf16", tp="1", requires=Requires(memory_gib_per_gpu=3)),
        (3 * GIB, 3 * GIB, "requires.memory_gib_per_gpu"),
        id="requires",
    ),
]


@pytest.mark.parametrize(("profile", "expected"), STATED)
def test_what_the_manifest_states_wins_and_the_estimate_stands_beside(profile, expected):
    found = Needs(lambda _: FIGURES, DEFAULTS).of(profile, H100)
    assert expected == (found.full_bytes, found.least_bytes, found.source)
    assert need().full_bytes == found.estimated_bytes


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        pytest.param(
            make_profile(tp="1", min_vram_per_device_gb="27.0"),
            MemoryNeed(27 * GIB, 27 * GIB, "tag min_vram_per_device_gb"),
            id="tag without a precision",
        ),
        pytest.param(
            make_profile(memory=Stated(9, 4, "listing")), MemoryNeed(9, 4, "listing"), id="listing"
        ),
    ],
)
def test_without_an_estimate_what_is_stated_stands_alone(profile, expected):
    assert expected == Needs(lambda _: FIGURES, DEFAULTS).of(profile, H100)


PRINTED = Stated(33 * GIB, 27 * GIB, "the listing", printed_gb=33, printed_least_gb=27)


@pytest.mark.parametrize(
    ("profile", "nim", "least"),
    [
        pytest.param(make_profile(min_vram_per_device_gb="33.0"), False, 33 * GIB, id="tag"),
        pytest.param(make_profile(min_vram_per_device_gb="33.0"), True, 0, id="tag of 2.x"),
        pytest.param(make_profile(memory=PRINTED), False, 27 * GIB, id="printout"),
        pytest.param(make_profile(memory=PRINTED), True, 0, id="printout of 2.x"),
        pytest.param(
            make_profile(requires=Requires(memory_gib_per_gpu=33)), True, 33 * GIB, id="requires"
        ),
    ],
)
def test_nims_2_x_figure_is_of_the_full_context_and_says_nothing_of_less(profile, nim, least):
    found = Needs(lambda _: None, DEFAULTS, nim=nim).of(profile, H100)
    assert (33 * GIB, least) == (found.full_bytes, found.least_bytes)


@pytest.mark.parametrize(
    "profile",
    [
        make_profile(precision="bf16", tp="1", min_vram_per_device_gb="33.0"),
        make_profile(precision="bf16", tp="1", memory=PRINTED),
    ],
    ids=["tag", "printout"],
)
def test_with_a_shape_a_shorter_context_needs_less_than_nims_2_x_figure(profile):
    weights = 16_060_522_496
    short = Needs(lambda _: FIGURES, Serving(max_model_len=8192), nim=True).of(profile, H100)
    assert weights + KV_8B * 256 + NIM_ALLOWANCE == short.least_bytes
    assert weights + KV_8B * 8192 + NIM_ALLOWANCE == short.full_bytes
    assert "estimated from the model's shape" == short.source


@pytest.mark.parametrize(
    ("tags", "shape"),
    [
        pytest.param({"precision": "bf16", "tp": "1"}, None, id="no shape"),
        pytest.param({"tp": "1"}, FIGURES, id="no precision"),
        pytest.param({"precision": "fp6", "tp": "1"}, FIGURES, id="unknown precision"),
        pytest.param({"precision": "bf16"}, FIGURES, id="no tp"),
    ],
)
def test_without_the_figures_the_need_is_unknown(tags, shape):
    assert None is Needs(lambda _: shape, DEFAULTS).of(make_profile(**tags), H100)


# The context that fits.


@pytest.mark.parametrize("gib", [20, 25, 30, 32])
@pytest.mark.parametrize("nim", [True, False], ids=["nim", "engine"])
def test_the_longest_context_fits_and_256_tokens_more_do_not(gib, nim):
    found = need(LLAMA, nim=nim)
    size = gib * GIB
    longest = found.longest_context(size)
    assert 0 == longest % CONTEXT_STEP
    assert found.shortened_bytes(longest) <= size < found.shortened_bytes(longest + CONTEXT_STEP)


def test_no_more_than_the_full_context_is_named():
    assert 131072 == need().longest_context(80 * GIB)


def test_where_not_even_256_tokens_fit_none_is_named():
    assert None is need().longest_context(15 * GIB)


def test_without_a_shape_there_is_no_context_to_name():
    stated = MemoryNeed(100, 50, "tag")
    assert (None, None) == (stated.longest_context(1000), stated.shortened_bytes(256))


def test_a_full_context_that_is_no_multiple_of_256_is_named_as_it_is():
    assert 1000 == need(plain_shape(8, 1, 1, 1, 1000), precision="fp8").longest_context(10**12)


# The engine's budget.


def test_the_engines_need_is_what_its_fraction_of_the_gpu_must_hold():
    found = need(LLAMA, nim=False)
    parts = found.budget.held + found.budget.request_bytes(131072)
    assert parts / 0.92 < found.full_bytes < parts / 0.92 + 0.46 * GIB


def test_a_shorter_context_asked_for_needs_less():
    short = need(LLAMA, nim=False, serving=Serving(max_model_len=8192))
    assert 8192 == short.max_model_len
    assert 15 * GIB < need(LLAMA, nim=False).full_bytes - short.full_bytes


def test_an_fp8_kv_cache_needs_half():
    short = need(LLAMA, nim=False, serving=Serving(kv_cache_dtype="fp8"))
    assert 2**33 == short.budget.request_bytes(131072)


def test_the_manifests_engine_version_gives_way_to_the_requests():
    profile = make_profile(precision="bf16", tp="1", llm_engine="vllm")
    manifest = Manifest((profile,), model_shape=LLAMA, engine_version="0.7.3")
    asked = Request(serving=Serving(engine_version="0.19.0"))

    def version(request):
        decision = select(manifest, mock_inventory("1xh100"), request)
        return decision.verdict(profile).need.budget.serving.engine_version

    assert ("0.19.0", "0.7.3") == (version(asked), version(Request()))


@pytest.mark.parametrize("nim", [True, False], ids=["nim", "engine"])
@pytest.mark.parametrize("requests", [1, 3])
def test_the_least_is_what_the_requests_take_with_256_tokens(nim, requests):
    found = need(LLAMA, nim=nim, serving=Serving(concurrency=requests))
    mib = -(-found.least_bytes // MIB)
    assert 256 == found.longest_context(mib * MIB)
    assert None is found.longest_context((mib - 1) * MIB - MIB)


def test_a_context_below_256_tokens_is_the_shortest_itself():
    found = need(LLAMA, nim=False, serving=Serving(max_model_len=64))
    assert found.full_bytes == found.least_bytes


def test_a_printed_figure_gives_way_to_a_shorter_context_under_every_policy():
    profile = make_profile(precision="bf16", tp="1", memory=PRINTED)
    short = Needs(lambda _: FIGURES, Serving(max_model_len=8192)).of(profile, H100)
    assert (need(FIGURES).shortened_bytes(8192), "estimated from the model's shape") == (
        short.full_bytes,
        short.source,
    )
