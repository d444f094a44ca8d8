"""Laws of memory: what must not need less, what must not need more, and what fits."""

from __future__ import annotations

import contextlib

from hypothesis import assume, given, strategies as st

from nimprofile import (
    Engine,
    Gpu,
    Inventory,
    Manifest,
    ModelError,
    Precision,
    Request,
    Serving,
    memory_budget,
    mock_inventory,
    select,
    shape_from_config,
)
from nimprofile.base.units import CONTEXT_STEP, GIB
from nimprofile.engines.facts.nim import NIM
from nimprofile.engines.memory.estimate import nim_budget
from nimprofile.manifest.profile_tags import profile_from_tags
from nimprofile.model.weights import weight_bytes
from nimprofile.testing import model_configs
from nimprofile.testing.strategies.models import SAMPLE_CONFIGS

SIZES = st.sampled_from([1, 2, 4, 8, 16])
VERSIONS = st.sampled_from(
    [None, "0.6.6", "0.8.3", "0.10.1", "0.11.0", "0.19.0", "0.20.0", "0.33.0"]
)
BY_BITS = (Precision.FP32, Precision.BF16, Precision.FP8, Precision.NVFP4)
BOARDS = st.builds(
    Gpu,
    st.just(0),
    name=st.sampled_from(["NVIDIA H100 80GB HBM3", "NVIDIA L4", "NVIDIA A100-SXM4-80GB", None]),
    memory_total_mib=st.integers(8_000, 200_000),
    memory_reserved_mib=st.sampled_from([None, 0, 500]),
    unified_memory=st.booleans(),
)


@st.composite
def budgets(draw):
    """A budget of some model on some board, by an engine's rules or NIM's."""
    shape = shape_from_config(draw(model_configs()))
    engine = draw(st.sampled_from(tuple(Engine)))
    serving = Serving(
        engine=engine,
        engine_version=draw(VERSIONS) if engine is Engine.VLLM else None,
        tp=draw(SIZES),
        pp=draw(st.sampled_from([1, 1, 2])),
        kv_cache_dtype=draw(st.sampled_from(["auto", "fp8", "bf16"])),
        max_num_seqs=draw(st.sampled_from([None, 1, 64])),
        memory_fraction=draw(st.sampled_from([None, 0.5, 0.95])),
        speculative_tokens=draw(st.sampled_from([0, 0, 2])),
    )
    assume(serving.pp <= len(shape.layers))
    worked_out = nim_budget if draw(st.booleans()) else memory_budget
    return worked_out(shape, serving, draw(BOARDS))


@given(budgets(), st.integers(1, 500_000), st.integers(0, 500_000))
def test_more_context_never_needs_less(found, tokens, more):
    assert found.request_bytes(tokens) <= found.request_bytes(tokens + more)
    assert found.concurrency(tokens) >= found.concurrency(tokens + more)


@given(budgets(), st.integers(1, 3))
def test_the_longest_context_fits_when_it_is_asked_for_and_256_tokens_more_do_not(found, requests):
    most = found.serving.max_model_len
    weigh = nim_budget if found.habits is NIM else memory_budget

    def holds(tokens):
        asked = found.asked.replace(max_model_len=tokens)
        return weigh(found.shape, asked, found.gpu).concurrency(tokens) >= requests

    longest = found.longest_context(most, requests)
    if longest is None:
        assert not holds(min(most, CONTEXT_STEP))
        return
    assert holds(longest)
    assert longest == most or 0 == longest % CONTEXT_STEP
    assert longest == most or not holds(min(longest + CONTEXT_STEP, most))


@given(budgets(), st.integers(1, 200_000))
def test_a_gpu_as_large_as_is_asked_for_holds_what_it_was_asked_for(found, tokens):
    size = found.gpu_bytes(found.request_bytes(tokens))
    # Blocks are whole: at most one is lost.
    spare = found.of_size(size).spare
    assert spare >= found.request_bytes(tokens) - 8
    assert found.of_size(size + GIB).concurrency(tokens) >= 1 or found.pool.block_bytes > GIB / 2


@given(model_configs(), SIZES, st.sampled_from([1, 2, 4]), st.sampled_from([None, *Precision]))
def test_more_gpus_never_need_more_for_weights(config, tp, pp, precision):
    shape = shape_from_config(config)
    assume(pp * 2 <= len(shape.layers))
    assume(padded(shape, precision) is False)
    now = max(weight_bytes(shape, precision, tp, pp))
    assert max(weight_bytes(shape, precision, tp * 2, pp)) <= now
    assert max(weight_bytes(shape, precision, tp, pp * 2)) <= now + tied_head(shape, tp)


def padded(shape, precision):
    """Whether narrow shares of experts are padded, which divides them unevenly."""
    four_bits = precision in (Precision.NVFP4, Precision.MXFP4)
    own = precision is None and shape.quantization is not None
    return bool(shape.experts) and (four_bits or own)


def tied_head(shape, tp):
    """A tied output head is held a second time, on the last of several stages."""
    return shape.first[0].on_rank(tp) * 4 if shape.tied else 0


WITHOUT_EXPERTS = [config for config in SAMPLE_CONFIGS if not shape_from_config(config).experts]
"""Narrow shares of NVFP4 experts are padded."""


@given(model_configs(WITHOUT_EXPERTS), SIZES)
def test_fewer_bits_never_need_more_for_weights(config, tp):
    config = {key: value for key, value in config.items() if key != "quantization_config"}
    shape = shape_from_config(config)
    sizes = [weight_bytes(shape, precision, tp)[0] for precision in BY_BITS]
    assert sorted(sizes, reverse=True) == sizes


@given(model_configs())
def test_one_gpu_holds_every_parameter(config):
    config = {key: value for key, value in config.items() if key != "quantization_config"}
    shape = shape_from_config(config)
    assert [4 * shape.parameters] == weight_bytes(shape, Precision.FP32)


@given(model_configs(), SIZES, st.sampled_from([1, 2, 3, 100]), st.sampled_from(tuple(Engine)))
def test_a_model_that_does_not_divide_is_rejected_for_that(config, tp, pp, engine):
    shape = shape_from_config(config)
    tags = {"llm_engine": str(engine), "precision": "bf16", "tp": str(tp), "pp": str(pp)}
    profile = profile_from_tags("a", tags, name="a")
    manifest = Manifest((profile,), model_shape=shape)
    verdict = select(manifest, mock_inventory("1xh100")).verdict(profile)
    heads_divide = shape.heads % tp == 0
    kv_divide = shape.kv_heads % tp == 0 or tp % shape.kv_heads == 0
    width = shape.expert_size if shape.experts else shape.intermediate_size
    width_divides = engine is Engine.TENSORRT_LLM or width % tp == 0
    divides = heads_divide and kv_divide and width_divides and pp <= len(shape.layers)
    assert divides is ("divisibility" not in [reason.kind for reason in verdict.reasons])


@st.composite
def contexts(draw):
    """A profile of a model, engine and machine of GPUs alike, of which some are busy."""
    shape = shape_from_config(draw(model_configs()))
    tp = draw(st.sampled_from([1, 1, 2]))
    engine = draw(st.sampled_from(tuple(Engine)))
    tags = {"llm_engine": str(engine), "precision": "bf16", "tp": str(tp), "pp": "1"}
    if draw(st.booleans()):
        tags["min_vram_per_device_gb"] = str(draw(st.integers(1, 200)))
    profile = profile_from_tags("a", tags, name="a")
    (gpu,) = mock_inventory(draw(st.sampled_from(["1xl4", "1xl40s", "1xh100"]))).gpus
    total = gpu.memory_total_mib
    frees = draw(st.lists(st.integers(total // 2, total), min_size=1, max_size=3))
    gpus = (gpu.replace(index=at, memory_free_mib=free) for at, free in enumerate(frees))
    serving = Serving(max_num_seqs=draw(st.sampled_from([None, 8])))
    return Manifest((profile,), model_shape=shape), Inventory(tuple(gpus)), serving


POLICY = st.sampled_from(["nim-1.13", "nim-2.0"])


def verdict_with(case, context, policy="nim-1.13"):
    manifest, inventory, serving = case
    request = Request(serving=serving.replace(max_model_len=context), empty_gpu_gate=False)
    return select(manifest, inventory, request, policy).verdict(manifest.profiles[0])


@given(contexts(), POLICY)
def test_the_context_that_is_left_to_what_fits_fits_when_it_is_asked_for(case, policy):
    left = verdict_with(case, "auto", policy)
    assume(left.need is not None and left.need.max_model_len is not None)
    asked = verdict_with(case, left.need.max_model_len, policy)
    assert asked.fits is left.fits
    if left.fits:
        assert asked.need.full_bytes == left.need.full_bytes


@given(contexts(), POLICY)
def test_what_runs_with_a_context_runs_with_the_one_that_fits_which_is_no_shorter(case, policy):
    whole = verdict_with(case, None, policy)
    left = verdict_with(case, "auto", policy)
    if whole.fits:
        assert (True, whole.gpus) == (left.fits, left.gpus)
        assert (whole.need and whole.need.full_bytes) == (left.need and left.need.full_bytes)
    assume(whole.need is not None and whole.need.max_model_len is not None)
    some = max(1, min(4096, whole.need.max_model_len))
    if verdict_with(case, some, policy).fits:
        assert left.fits
        assert left.need.max_model_len >= some


@given(contexts(), POLICY)
def test_the_context_that_is_left_to_what_fits_is_the_longest_that_is_judged_to_fit(case, policy):
    left = verdict_with(case, "auto", policy)
    assume(left.fits and left.need is not None and left.need.max_model_len is not None)
    chosen = left.need.max_model_len
    whole = verdict_with(case, None, policy).need.max_model_len
    assert chosen == whole or 0 == chosen % CONTEXT_STEP
    assert chosen == whole or not verdict_with(case, chosen + CONTEXT_STEP, policy).fits


@given(contexts(), POLICY, st.sampled_from([None, 256, 1024, 4096]))
def test_what_is_said_of_the_context_makes_the_profile_fit(case, policy, tokens):
    """The context that is named does; where none is, a pin, or no context at all."""
    manifest, inventory, serving = case
    idle = tuple(gpu.replace(memory_free_mib=gpu.memory_total_mib) for gpu in inventory.gpus)
    case = manifest, Inventory(idle), serving
    verdict = verdict_with(case, tokens, policy)
    kinds = {reason.kind for reason in verdict.reasons}
    if kinds == {"memory_total"} and verdict.need.estimated_bytes is None:
        assert not verdict_with(case, CONTEXT_STEP, policy).fits
    if kinds != {"memory_context"}:
        return
    (reason,) = verdict.reasons
    if reason.max_model_len is not None:
        assert verdict_with(case, reason.max_model_len, policy).fits
    else:  # the manifest's figure of a model that has no more than 256 tokens
        assert verdict.need.estimated_bytes is not None
        request = Request(serving=serving, empty_gpu_gate=False).pinned("a")
        assert select(manifest, case[1], request, policy).selected is not None


@given(contexts(), POLICY)
def test_no_switch_starts_without_a_pin_what_has_no_room_for_the_shortest_context(case, policy):
    manifest, inventory, serving = case
    request = Request(serving=serving, empty_gpu_gate=False, relax_memory=True)
    verdict = select(manifest, inventory, request, policy).verdict(manifest.profiles[0])
    assume(verdict.need is not None and verdict.need.estimated_bytes is None)
    assert not (verdict.fits and verdict.need.budget.starved)


@given(budgets())
def test_the_parts_are_within_their_ranges_and_make_the_limit(found):
    for part in (found.weights, found.activation, found.overhead):
        assert part.bytes >= 0
        if part.low is not None:
            assert part.low <= part.bytes <= part.high
    assert found.held + found.spare == found.limit


ANYTHING = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(["fp8", "awq", "modelopt", "re:(", "re:.*", "*", "full_attention"]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
BLOCKS = (
    *("text_config", "vision_config", "quantization_config", "layer_types", "mlp_only_layers"),
    *("config_groups", "extra_config", "quantized_layers", "no_rope_layers"),
)


@given(model_configs(), st.data())
def test_a_broken_config_is_read_or_named_and_never_more(config, data):
    keys = data.draw(st.lists(st.sampled_from([*config, *BLOCKS]), min_size=1, max_size=3))
    broken = config | {key: data.draw(ANYTHING) for key in keys}
    try:
        shape = shape_from_config(broken)
        sizes = weight_bytes(shape, None, 2) if shape.known else []
    except ModelError:
        return
    assert all(size > 0 for size in sizes)
    found = memory_budget(shape, Serving(tp=2), mock_inventory("1xh100").gpus[0])
    if found is not None:
        found.longest_context(found.serving.max_model_len or CONTEXT_STEP)


@given(model_configs(), st.sampled_from(["quantization_config", "text_config"]), ANYTHING)
def test_a_broken_block_is_read_or_named_and_never_more(config, key, value):
    inner = dict(value) if isinstance(value, dict) else {"quant_method": "compressed-tensors"}
    inner |= {"config_groups": value, "ignore": ["re:.*(a|b)", "*"], "bits": 4}
    with contextlib.suppress(ModelError):
        shape = shape_from_config(config | {key: inner})
        if shape.known:
            weight_bytes(shape, None)
