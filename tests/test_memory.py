"""Is the need of memory NIM's own arithmetic, and the context that fits honest?"""

import pytest
from helpers import make_profile

from nimprofile import ModelShape, Requires
from nimprofile.memory import CONTEXT_STEP, OVERHEAD_BYTES, MemoryNeed, memory_need
from nimprofile.profile import Stated
from nimprofile.values import GIB

LLAMA_8B = ModelShape(8_030_261_248, 32, 8, 128, 131072)
KV_8B = 131_072  # bytes of one token: 2 x 32 layers x 8 heads x 128 x 2


def need(shape=LLAMA_8B, **tags):
    return memory_need(make_profile(**{"precision": "bf16", "tp": "1", "pp": "1"} | tags), shape)


def gib_up(size):
    return -(-size // GIB)


@pytest.mark.parametrize(
    ("precision", "weights"),
    [("bf16", 16_060_522_496), ("fp8", 8_030_261_248), ("nvfp4", 4_015_130_624)],
)
def test_the_weights_are_parameters_times_bytes(precision, weights):
    assert weights == need(precision=precision).least_bytes


def test_llama_8b_in_bf16_needs_33_gib_as_nim_2_0_prints():
    full = need().full_bytes
    assert 16_060_522_496 + KV_8B * 131072 + OVERHEAD_BYTES == full
    assert 33 == gib_up(full)


@pytest.mark.parametrize(
    ("tokens", "printed"), [(131072, 27), (84992, 21)], ids=["full context", "shortened"]
)
def test_the_real_fp8_weights_reproduce_what_nim_2_0_prints(tokens, printed):
    # The FP8 checkpoint keeps some layers in BF16: 9,081,280,648 bytes (corpus, 012).
    assert printed == gib_up(9_081_280_648 + KV_8B * tokens + OVERHEAD_BYTES)


@pytest.mark.parametrize(("tokens", "printed"), [(84992, 28), (82944, 27)])
def test_the_shortened_contexts_of_bf16_are_those_nim_2_0_prints(tokens, printed):
    full = need()
    shortened = full.full_bytes - KV_8B * (131072 - tokens)
    assert printed == gib_up(shortened)


def test_the_overhead_lies_where_the_listings_put_it():
    assert 1.73 * GIB < OVERHEAD_BYTES < 1.79 * GIB


def test_the_kv_cache_has_two_bytes_a_value_even_for_fp8():
    assert (KV_8B, KV_8B) == (need().kv_bytes_per_token, need(precision="fp8").kv_bytes_per_token)


def test_tensor_parallelism_divides_weights_and_heads():
    half = need(tp="2")
    assert (8_030_261_248, KV_8B // 2) == (half.least_bytes, half.kv_bytes_per_token)
    assert half.least_bytes + half.kv_bytes_per_token * 131072 + OVERHEAD_BYTES == half.full_bytes


def test_pipeline_parallelism_divides_weights_and_layers():
    half = need(pp="2")
    assert (8_030_261_248, KV_8B // 2) == (half.least_bytes, half.kv_bytes_per_token)


def test_a_kv_head_is_not_divided():
    assert KV_8B // 8 == need(tp="8").kv_bytes_per_token == need(tp="16").kv_bytes_per_token


def test_what_does_not_divide_is_rounded_up():
    odd = ModelShape(1001, 3, 3, 64, 256)
    assert (501, 2 * 2 * 3 * 64 * 2) == (
        need(odd, precision="fp8", pp="2").least_bytes,
        need(odd, precision="fp8", pp="2").kv_bytes_per_token,
    )
    assert (501, 2 * 3 * 2 * 64 * 2) == (
        need(odd, precision="fp8", tp="2").least_bytes,
        need(odd, precision="fp8", tp="2").kv_bytes_per_token,
    )
    assert 501 == need(odd, precision="int4").least_bytes


def test_an_unknown_pp_counts_as_one():
    profile = make_profile(precision="bf16", tp="1")
    assert need() == memory_need(profile, LLAMA_8B)


@pytest.mark.parametrize(
    ("tags", "shape"),
    [
        pytest.param({"precision": "bf16", "tp": "1"}, None, id="no shape"),
        pytest.param({"tp": "1"}, LLAMA_8B, id="no precision"),
        pytest.param({"precision": "fp6", "tp": "1"}, LLAMA_8B, id="unknown precision"),
        pytest.param({"precision": "bf16"}, LLAMA_8B, id="no tp"),
    ],
)
def test_without_the_figures_the_need_is_unknown(tags, shape):
    assert None is memory_need(make_profile(**tags), shape)


def test_the_need_says_where_it_is_from():
    assert "estimated from the model's shape" == need().source


@pytest.mark.parametrize(
    ("profile", "expected"),
    [
        pytest.param(
            make_profile(precision="bf16", tp="1", min_vram_per_device_gb="27.0"),
            MemoryNeed(27 * GIB, 16_060_522_496, "tag min_vram_per_device_gb", KV_8B, 131072),
            id="tag",
        ),
        pytest.param(
            make_profile(precision="bf16", tp="1", min_vram_per_device_gb="10.0"),
            MemoryNeed(10 * GIB, 10 * GIB, "tag min_vram_per_device_gb", KV_8B, 131072),
            id="tag below the weights",
        ),
        pytest.param(
            make_profile(tp="1", min_vram_per_device_gb="27.0"),
            MemoryNeed(27 * GIB, 27 * GIB, "tag min_vram_per_device_gb"),
            id="tag without a precision",
        ),
        pytest.param(
            make_profile(tp="1", requires=Requires(memory_gib_per_gpu=3)),
            MemoryNeed(3 * GIB, 3 * GIB, "requires.memory_gib_per_gpu"),
            id="requires",
        ),
        pytest.param(
            make_profile(memory=Stated(9, 4, "listing")), MemoryNeed(9, 4, "listing"), id="listing"
        ),
        pytest.param(
            make_profile(precision="bf16", tp="1", memory=Stated(9, 4, "listing")),
            MemoryNeed(9, 4, "listing", KV_8B, 131072),
            id="listing of a known shape",
        ),
    ],
)
def test_what_the_manifest_states_wins_over_the_estimate(profile, expected):
    assert expected == memory_need(profile, LLAMA_8B)


# The longest context.

FIXED = need().full_bytes - KV_8B * 131072


@pytest.mark.parametrize(
    ("available", "tokens"),
    [
        pytest.param(need().full_bytes, 131072, id="exactly the full need"),
        pytest.param(need().full_bytes * 2, 131072, id="more than the full need"),
        pytest.param(need().full_bytes - 1, 131072 - 256, id="one byte short of it"),
        pytest.param(FIXED + KV_8B * 256, 256, id="exactly one step"),
        pytest.param(FIXED + KV_8B * 256 - 1, None, id="one byte short of a step"),
        pytest.param(FIXED + KV_8B * 511, 256, id="almost two steps"),
        pytest.param(FIXED, None, id="only the weights"),
        pytest.param(0, None, id="nothing"),
    ],
)
def test_the_longest_context_that_fits_is_a_multiple_of_256(available, tokens):
    assert tokens == need().longest_context(available)


def test_the_step_is_256():
    assert CONTEXT_STEP == 256


@pytest.mark.parametrize("available", range(20 * GIB, 34 * GIB, 777_777_777))
def test_the_longest_context_fits_and_one_step_more_does_not(available):
    tokens = need().longest_context(available)
    assert 0 == tokens % 256
    assert available >= FIXED + KV_8B * tokens
    assert tokens == 131072 or available < FIXED + KV_8B * (tokens + 256)


def test_without_a_shape_there_is_no_context_to_name():
    assert None is MemoryNeed(100, 50, "tag").longest_context(1000)


def test_a_context_that_is_no_multiple_is_rounded_down():
    assert 768 == need(ModelShape(8, 1, 1, 1, 1000), precision="fp8").longest_context(10**12)
