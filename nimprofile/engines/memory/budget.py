"""What does each GPU hold when an engine serves this model, and what is left for the KV cache?

The sum is the engine's own: what it may take of the GPU, less weights, activations and what CUDA
holds, is the pool its KV cache gets.
"""

from __future__ import annotations

from math import ceil

from nimprofile.base.record import Record
from nimprofile.base.units import GIB, MIB, UNIFIED_SHARE
from nimprofile.engines.memory.components import (
    ESTIMATED,
    EXACT,
    Part,
    activation_of,
    is_large,
    overhead_of,
    stages,
    too_many_stages,
    weights_of,
    with_states,
)
from nimprofile.engines.memory.kv_cache import pool_of
from nimprofile.engines.spec import (
    NIM,
    NIM_ALLOWANCE,
    NIM_LORA,
    RESERVED_MOST,
    RESERVED_SHARE,
    WINDOW_SHARE,
    overheads_of,
    quantises_whole,
    sglang_fraction,
)
from nimprofile.manifest.profile import Engine
from nimprofile.model.quantization import Storage, is_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.engines.memory.kv_cache import Pool
    from nimprofile.engines.spec import Overheads
    from nimprofile.hardware.inventory import Gpu
    from nimprofile.model.shape import ModelShape
    from nimprofile.selection.request import Serving

CONTEXT_STEP = 256
"""Context lengths are suggested in multiples of this (NIM 2.0.6 to 2.0.12, the five listings)."""


class Budget(Record):
    """The memory of the fullest of the GPUs that serve a model.

    Attributes:
        asked: how the engine is started, as it was asked for.
        serving: the same, defaults filled in.
        gpu: the GPU.
        stage: the pipeline stage this is, counted from 0.
        total: bytes of the GPU that CUDA can use.
        weights, activation, overhead: what is taken before the KV cache.
        pool: how requests are paid for; None when the model keeps nothing, or nobody knows what.
        shape: the model's.
        habits: the engine's.
        peak: bytes that must fit while it loads, beyond what it holds then; 0: no more.
    """

    asked: Serving
    serving: Serving
    gpu: Gpu
    stage: int
    total: int
    weights: Part
    activation: Part
    overhead: Part
    pool: Pool | None
    shape: ModelShape
    habits: Overheads
    peak: int = 0

    @property
    def held(self) -> int:
        """Bytes taken before the KV cache."""
        return self.weights.bytes + self.activation.bytes + self.overhead.bytes

    @property
    def limit(self) -> int:
        """What the engine will take of the GPU, the pool included."""
        fraction = self._fraction
        if self.habits.of_free:
            return self.held + int(max(0, self.total - self.held) * fraction)
        if self.habits.of_start:
            aside = self.activation.bytes + self.overhead.bytes
            return int((self.total - self.overhead.bytes) * fraction) + aside
        return int(self.total * fraction)

    @property
    def spare(self) -> int:
        """Bytes left for the KV cache; below 0: what is missing before it."""
        if self.peak > self.total > 0:
            return self.total - self.peak
        return self.limit - self.held

    @property
    def starved(self) -> bool:
        """Whether the weights leave no room for even the shortest context, on a known GPU."""
        return self.total > 0 and self.spare < self.request_bytes(CONTEXT_STEP)

    @property
    def kv_cache(self) -> Part:
        """The pool the engine gives the KV cache."""
        parts = (self.weights, self.activation, self.overhead)
        exact = all(part.source == EXACT for part in parts)
        return Part(max(0, self.spare), EXACT if exact else ESTIMATED, "what the engine has left")

    @property
    def parts(self) -> dict[str, Part]:
        """What the GPU holds, by name, the pool included."""
        return {
            "weights": self.weights,
            "kv_cache": self.kv_cache,
            "activation": self.activation,
            "overhead": self.overhead,
        }

    @property
    def wanted_cache(self) -> int:
        """KV cache of the requests that must fit at once."""
        return self.request_bytes(self.serving.max_model_len or 0) * self.serving.concurrency

    def request_bytes(self, tokens: int) -> int:
        """KV cache of one request of so many tokens."""
        return 0 if self.pool is None else self.pool.request_bytes(tokens)

    def gpu_bytes(self, cache: int | None) -> int:
        """The total memory, as NVML counts it, of a GPU that holds so much KV cache.

        None is the weights alone, without which no context is too short.
        """
        if cache is None:
            return nvml_total(self.gpu, max(self.weights.bytes, self.peak))
        if self.habits.of_free:
            needed = self.held + _per(cache, self._fraction)
        elif self.habits.of_start:
            needed = _per(self.weights.bytes + cache, self._fraction) + self.overhead.bytes
        else:
            needed = _per(self.held + cache, self._fraction)
        return nvml_total(self.gpu, max(needed, self.peak))

    @property
    def asked_at_start(self) -> int | None:
        """Bytes, as NVML counts them, that must be free or the engine does not start; None: any."""
        if not self.habits.asks_at_start or self.gpu.unified_memory or not self.total:
            return None
        return nvml_total(self.gpu, self.limit)

    def of_size(self, size: int) -> Budget:
        """The same on a GPU of so many bytes, as NVML counts them."""
        return self.replace(total=cuda_total(self.gpu, size))

    def concurrency(self, tokens: int) -> float:
        """How many requests of so many tokens the pool holds at once."""
        if self.pool is None:
            return float("inf")
        blocks = int(max(0, self.spare) // self.pool.block_bytes)
        return blocks / self.pool.blocks(tokens)

    def cache_tokens(self, tokens: int) -> int | None:
        """Tokens the pool holds, in requests of so many; None when nothing is kept of a token."""
        return None if self.pool is None else int(self.concurrency(tokens) * tokens)

    @property
    def printed_tokens(self) -> int | None:
        """The KV-cache size that this version of vLLM prints when it starts."""
        if self.pool is None:
            return None
        if self.habits.prints_requests:
            return self.cache_tokens(self.serving.max_model_len or CONTEXT_STEP)
        blocks = int(max(0, self.spare) // self.pool.block_bytes)
        return blocks // self.pool.number_of_groups * self.pool.block_tokens

    def longest_context(self, most: int, requests: int = 1) -> int | None:
        """The longest context of which `requests` fit: a multiple of 256, or `most`.

        None when not even 256 tokens do.
        """
        if self.pool is None and not self.shape.known:
            return None
        # Up to this length contexts are prefilled whole, and need more than a little beyond it.
        whole = self.habits.unchunked_below
        for low, high in (
            ((whole, most), (0, min(whole, most))) if 0 < whole < most else ((0, most),)
        ):
            longest = self._longest(low, high, requests)
            if longest is not None:
                return longest
        return None

    def _longest(self, low: int, high: int, requests: int) -> int | None:
        """The longest context above `low` and up to `high` that fits."""
        if self._holds(high, requests):
            return high
        below, above = low // CONTEXT_STEP, -(-high // CONTEXT_STEP)
        while above - below > 1:
            middle = (below + above) // 2
            fits = self._holds(middle * CONTEXT_STEP, requests)
            below, above = (middle, above) if fits else (below, middle)
        return below * CONTEXT_STEP if below * CONTEXT_STEP > low else None

    def _holds(self, tokens: int, requests: int) -> bool:
        """Whether so many requests of so many tokens fit when the engine is started for them."""
        found = self
        if self.habits.unchunked_below:
            asked = self.asked.replace(max_model_len=tokens)
            again = memory_budget(self.shape, asked, self.gpu)
            found = self if again is None else again.replace(total=self.total)
        return found.concurrency(tokens) >= requests

    @property
    def _fraction(self) -> float:
        return 1.0 if self.serving.memory_fraction is None else self.serving.memory_fraction


def _per(size: int, fraction: float) -> int:
    """The whole of which this is the fraction, rounded up."""
    return ceil(size / fraction)


def cuda_total(gpu: Gpu, size: int) -> int:
    """Bytes that CUDA can use of what NVML counts as so many: all but the driver's reserve."""
    if gpu.unified_memory:  # the inventory has already taken off what is the host's
        part, whole = UNIFIED_SHARE
        return size * whole // part
    if gpu.memory_reserved_mib is not None:
        return max(0, size - gpu.memory_reserved_mib * MIB)
    return size - min(ceil(size * RESERVED_SHARE), RESERVED_MOST)


def nvml_total(gpu: Gpu, size: int) -> int:
    """The bytes as NVML counts them of a GPU of which CUDA can use so many."""
    if gpu.unified_memory:
        part, whole = UNIFIED_SHARE
        return -(-size * part // whole)
    if gpu.memory_reserved_mib is not None:
        return size + gpu.memory_reserved_mib * MIB
    return min(ceil(size / (1 - RESERVED_SHARE)), size + RESERVED_MOST)


def memory_budget(shape: ModelShape, serving: Serving, gpu: Gpu) -> Budget | None:
    """The budget of the fullest GPU; None when the bytes of the weights are not known.

    A GPU whose memory is unknown has none to spare.
    """
    weights = None if too_many_stages(shape, serving) else weights_of(shape, serving)
    if weights is None:
        return None
    total = 0 if gpu.memory_total_mib is None else cuda_total(gpu, gpu.memory_total_mib * MIB)
    habits = overheads_of(serving.engine, serving.engine_version)
    asked = serving
    serving = _resolved(shape, serving, habits, gpu, total)
    overhead = overhead_of(serving, habits, gpu, total)
    stored = _loaded_whole(shape, asked)
    found = []
    for stage, part in enumerate(weights):
        activation = activation_of(shape, serving, habits, stage)
        if not habits.hybrid and shape.known:
            activation = with_states(activation, shape, serving, stage)
        pool = _pool(shape, serving, habits, stage) if shape.known else None
        found.append(
            Budget(
                *(asked, serving, gpu, stage, total, part, activation, overhead, pool, shape),
                *(habits, 0 if stored is None else stored[stage].bytes),
            )
        )
    context = serving.max_model_len or CONTEXT_STEP
    return min(found, key=lambda one: (one.concurrency(context), one.spare))


def _loaded_whole(shape: ModelShape, serving: Serving) -> list[Part] | None:
    """The weights as they are stored, where the engine holds them all before it quantises them."""
    precision = serving.precision
    if precision is None or precision.bits >= shape.dtype_bits or is_own(shape, precision):
        return None
    if not quantises_whole(serving.engine, serving.engine_version):
        return None
    return weights_of(shape, serving.replace(precision=None))


def nim_budget(
    shape: ModelShape, serving: Serving, gpu: Gpu, *, lora: bool = False
) -> Budget | None:
    """NIM 2.x's own arithmetic: weights, a 2-byte KV cache of the full context, and an allowance.

    Source: the figures that the listings of NIM 2.0.6 to 2.0.12 print (corpus, 012 and 015).
    """
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
    found = [
        Budget(
            *(asked, serving, gpu, stage, total, part, nothing, overhead),
            *(_pool(shape, serving, NIM, stage), shape, NIM),
        )
        for stage, part in enumerate(weights)
    ]
    return min(found, key=lambda one: (one.concurrency(context or CONTEXT_STEP), one.spare))


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
        fraction = habits.fraction
        if serving.engine is Engine.SGLANG:
            fraction = sglang_fraction(total, serving.tp, serving.pp)
    return serving.replace(
        engine_version=serving.engine_version or habits.newest or None,
        max_num_batched_tokens=tokens,
        max_num_seqs=serving.max_num_seqs or (habits.seqs_large if large else habits.seqs),
        max_model_len=context,
        memory_fraction=fraction,
    )


def _pool(shape: ModelShape, serving: Serving, habits: Overheads, stage: int) -> Pool | None:
    start, end = stages(shape, serving.pp)[stage]
    layers = shape.layers[start:end]
    if serving.speculative_tokens and stage == serving.pp - 1:
        layers += shape.drafter
    return pool_of(
        layers,
        tp=serving.tp,
        value_bytes=kv_value_bytes(shape, serving, own=habits.own_kv_format),
        dtype_bytes=Storage(shape, serving.precision).wide / 8,
        batched_tokens=(serving.max_num_batched_tokens or 0) * habits.steps_in_flight,
        hybrid=habits.hybrid,
        chunks=serving.engine is not Engine.VLLM,  # off by default, 0.9 to 0.33
        compressors=serving.engine is Engine.VLLM,
        window_share=WINDOW_SHARE.get(shape.architecture, 1.0)
        if serving.engine is Engine.SGLANG
        else None,
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
        return Storage(shape, serving.precision).wide / 8
    if dtype.startswith("fp8") or dtype == "int8":
        return 1
    if dtype == "nvfp4":
        return 0.5 + 1 / 16
    return 4 if dtype in ("float32", "fp32") else 2
