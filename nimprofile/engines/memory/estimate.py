"""The budget of a model on a GPU, worked out from its shape and the engine's habits."""

from __future__ import annotations

from nimprofile.base.expect import expect
from nimprofile.base.units import CONTEXT_STEP, GIB, MIB
from nimprofile.engines.memory.budget import Budget, cuda_total
from nimprofile.engines.memory.components import (
    ESTIMATED,
    Part,
    activation_of,
    is_large,
    overhead_of,
    too_many_stages,
    weights_of,
    with_states,
)
from nimprofile.engines.memory.kv_cache import pool_of
from nimprofile.engines.serving import Serving
from nimprofile.engines.spec import spec_of
from nimprofile.hardware.inventory import Gpu
from nimprofile.model.quantization import is_own
from nimprofile.model.shape import ModelShape
from nimprofile.model.storage import storage_of
from nimprofile.model.weights import stages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.engines.memory.kv_cache import Pool
    from nimprofile.engines.overheads import Overheads


def memory_budget(shape: ModelShape, serving: Serving, gpu: Gpu) -> Budget | None:
    """The budget of the fullest GPU; None when the bytes of the weights are not known.

    A GPU whose memory is unknown has none to spare. A context that is left to what fits is the
    longest that does; the full one where none does.
    """
    expect("memory_budget: shape", shape, ModelShape, hint="load_model(path) reads one")
    expect("memory_budget: serving", serving, Serving, hint="Serving(tp=2, …) makes one")
    expect("memory_budget: gpu", gpu, Gpu, hint="an inventory has them in `gpus`")
    if serving.fit_context:
        return _of_longest_context(shape, serving.replace(fit_context=False), gpu)
    weights = None if too_many_stages(shape, serving) else weights_of(shape, serving)
    if weights is None:
        return None
    total = 0 if gpu.memory_total_mib is None else cuda_total(gpu, gpu.memory_total_mib * MIB)
    habits = spec_of(serving.engine).overheads_of(serving.engine_version)
    asked = serving
    serving = _resolved(shape, serving, habits, gpu, total)
    overhead = overhead_of(serving, habits, gpu, total)
    stored = _loaded_whole(shape, asked)
    budgets = []
    for stage, part in enumerate(weights):
        activation = activation_of(shape, serving, habits, stage)
        if not habits.hybrid and shape.known:
            activation = with_states(activation, shape, serving, stage)
        pool = _pool(shape, serving, habits, stage) if shape.known else None
        budgets.append(
            Budget(
                asked=asked,
                serving=serving,
                gpu=gpu,
                stage=stage,
                total=total,
                weights=part,
                activation=activation,
                overhead=overhead,
                pool=pool,
                shape=shape,
                habits=habits,
                peak=0 if stored is None else stored[stage].bytes,
            )
        )
    context = serving.max_model_len or CONTEXT_STEP
    return min(budgets, key=lambda budget: (budget.concurrency(context), budget.spare))


def _of_longest_context(shape: ModelShape, serving: Serving, gpu: Gpu) -> Budget | None:
    """The budget with the longest context that fits, or else with the full one."""
    whole = memory_budget(shape, serving, gpu)
    most = None if whole is None else whole.serving.max_model_len
    if whole is None or most is None or not whole.total:
        return whole
    longest = whole.longest_context(most, serving.concurrency)
    if longest is None or longest == most:
        return whole
    return memory_budget(shape, serving.replace(max_model_len=longest), gpu)


def _loaded_whole(shape: ModelShape, serving: Serving) -> list[Part] | None:
    """The weights as they are stored, where the engine holds them all before it quantises them."""
    precision = serving.precision
    if precision is None or precision.bits >= shape.dtype_bits or is_own(shape, precision):
        return None
    if not spec_of(serving.engine).holds_whole(serving.engine_version):
        return None
    return weights_of(shape, serving.replace(precision=None))


def nim_budget(
    shape: ModelShape, serving: Serving, gpu: Gpu, *, lora: bool = False
) -> Budget | None:
    """NIM 2.x's own arithmetic: weights, a 2-byte KV cache of the full context, and an allowance.

    Source: the figures that the listings of NIM 2.0.6 to 2.0.12 print (corpus, 012 and 015).
    """
    from nimprofile.engines.facts.nim import NIM, NIM_ALLOWANCE, NIM_LORA

    weights = None if too_many_stages(shape, serving) else weights_of(shape, serving)
    if weights is None or not shape.known:
        return None
    total = (gpu.memory_total_mib or 0) * MIB
    context = serving.max_model_len or shape.max_position_embeddings
    asked = serving
    serving = serving.replace(
        max_model_len=context, kv_cache_dtype="bf16", memory_fraction=1.0, max_num_batched_tokens=0
    )
    allowance = NIM_ALLOWANCE + (NIM_LORA if lora else 0)
    overhead = Part(allowance, ESTIMATED, "NIM 2.x's allowance")
    gpu = gpu.replace(memory_reserved_mib=0, unified_memory=False)
    nothing = Part(0, ESTIMATED, "part of NIM 2.x's allowance")
    budgets = [
        Budget(
            asked=asked,
            serving=serving,
            gpu=gpu,
            stage=stage,
            total=total,
            weights=part,
            activation=nothing,
            overhead=overhead,
            pool=_pool(shape, serving, NIM, stage),
            shape=shape,
            habits=NIM,
        )
        for stage, part in enumerate(weights)
    ]
    tokens = context or CONTEXT_STEP
    return min(budgets, key=lambda budget: (budget.concurrency(tokens), budget.spare))


def _resolved(
    shape: ModelShape, serving: Serving, habits: Overheads, gpu: Gpu, total: int
) -> Serving:
    """With the engine's defaults for this GPU."""
    large = is_large(habits, gpu, total)
    context = serving.max_model_len or shape.max_position_embeddings
    tokens = serving.max_num_batched_tokens
    if tokens is None:
        tokens = habits.batched_tokens_large if large else habits.batched_tokens
        if habits.batched_tokens_huge is not None and total >= 160 * GIB:
            tokens = habits.batched_tokens_huge
        if habits.unchunked_below and context is not None and context <= habits.unchunked_below:
            tokens = max(tokens, context)
    fraction = serving.memory_fraction
    if fraction is None:
        own = spec_of(serving.engine).default_fraction
        fraction = habits.fraction if own is None else own(total, serving.tp, serving.pp)
    return serving.replace(
        engine_version=serving.engine_version or habits.newest or None,
        max_num_batched_tokens=tokens,
        max_num_seqs=serving.max_num_seqs or (habits.seqs_large if large else habits.seqs),
        max_model_len=context,
        memory_fraction=fraction,
    )


def _pool(shape: ModelShape, serving: Serving, habits: Overheads, stage: int) -> Pool | None:
    spec = spec_of(serving.engine)
    shares = spec.window_share
    start, end = stages(shape, serving.pp)[stage]
    layers = shape.layers[start:end]
    if serving.speculative_tokens and stage == serving.pp - 1:
        layers += shape.drafter
    return pool_of(
        layers,
        tp=serving.tp,
        value_bytes=kv_value_bytes(shape, serving, own=habits.own_kv_format),
        dtype_bytes=storage_of(shape, serving.precision).wide / 8,
        batched_tokens=(serving.max_num_batched_tokens or 0) * habits.steps_in_flight,
        hybrid=habits.hybrid,
        chunks=spec.caches_chunks,
        compressors=spec.caches_compressors,
        window_share=None if shares is None else shares.get(shape.architecture, 1.0),
        merge=habits.merge,
        state_pages=habits.state_pages,
        speculative_tokens=serving.speculative_tokens,
    )


def kv_value_bytes(shape: ModelShape, serving: Serving, *, own: bool = True) -> float:
    """Bytes of one number of the KV cache; `auto` may be the checkpoint's `own` format."""
    dtype = serving.kv_cache_dtype
    if dtype == "auto":
        scheme = shape.quantization
        if own and scheme is not None and scheme.kv_bits is not None:
            return scheme.kv_bits / 8
        return storage_of(shape, serving.precision).wide / 8
    if dtype.startswith("fp8") or dtype == "int8":
        return 1
    if dtype == "nvfp4":
        return 0.5 + 1 / 16
    return 4 if dtype in ("float32", "fp32") else 2
