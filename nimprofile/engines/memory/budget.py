"""The memory budget of a GPU: what an engine holds when it serves a model, and the KV cache.

The sum is the engine's own: what it may take of the GPU, less weights, activations and what CUDA
holds, is the pool its KV cache gets.
"""

from __future__ import annotations

from math import ceil

from nimprofile.base.record import Record
from nimprofile.base.units import CONTEXT_STEP, MIB, UNIFIED_SHARE
from nimprofile.engines.memory.components import ESTIMATED, EXACT, Part
from nimprofile.engines.overheads import RESERVED_MOST, RESERVED_SHARE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY

    from nimprofile.engines.memory.kv_cache import Pool
    from nimprofile.engines.overheads import Overheads
    from nimprofile.engines.serving import Serving
    from nimprofile.hardware.inventory import Gpu
    from nimprofile.model.shape import ModelShape


class Budget(Record):
    """The memory of the fullest of the GPUs that serve a model.

    Attributes:
        asked: how the engine is started, as it was asked for.
        serving: the same, defaults filled in.
        gpu: the GPU.
        stage: the pipeline stage this is, counted from 0.
        total: bytes of the GPU that CUDA can use.
        weights, activation, overhead: what is taken before the KV cache.
        pool: how requests are paid for; None when the model keeps nothing, or that is unknown.
        shape: the model's.
        habits: the engine's.
        peak: bytes that must fit while it loads, beyond what it holds then; 0: no more.
    """

    asked: Serving
    serving: Serving
    gpu: Gpu
    _: KW_ONLY
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
            if 0 < self.total < self.held:
                return self.total
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
        """KV cache, in bytes, of one request of `tokens`."""
        return 0 if self.pool is None else self.pool.request_bytes(tokens)

    @property
    def least_bytes(self) -> int:
        """The total memory of a GPU that holds the requests asked for with the shortest context.

        An engine without room for it does not start: vLLM 0.26 ends with "No available memory for
        the cache blocks" (`v1/core/kv_cache_utils.py`).
        """
        tokens = min(CONTEXT_STEP, self.serving.max_model_len or CONTEXT_STEP)
        budget = self._started_with(tokens)
        return budget.gpu_bytes(budget.request_bytes(tokens) * self.serving.concurrency)

    def gpu_bytes(self, cache: int | None) -> int:
        """The total memory, as NVML counts it, of a GPU that holds `cache` bytes.

        None is the weights alone.
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
        """The same budget on a GPU of `size` bytes, as NVML counts them."""
        return self.replace(total=cuda_total(self.gpu, size))

    def concurrency(self, tokens: int) -> float:
        """How many requests of `tokens` the pool holds at once."""
        if self.pool is None:
            return float("inf")
        blocks = int(max(0, self.spare) // self.pool.block_bytes)
        return blocks / self.pool.blocks(tokens)

    def cache_tokens(self, tokens: int) -> int | None:
        """Tokens the pool holds in requests of `tokens`; None when the model keeps no KV cache."""
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

        Never more than the model's own. None when not even 256 tokens fit.
        """
        most = min(most, self.shape.most_context or most)
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
        """Whether `requests` of `tokens` fit in an engine started with that context."""
        return self._started_with(tokens).concurrency(tokens) >= requests

    def _started_with(self, tokens: int) -> Budget:
        """The budget of an engine that is started with this context, where that matters."""
        if not self.habits.unchunked_below:
            return self
        from nimprofile.engines.memory.estimate import memory_budget

        asked = self.asked.replace(max_model_len=tokens)
        again = memory_budget(self.shape, asked, self.gpu)
        return self if again is None else again.replace(total=self.total)

    @property
    def _fraction(self) -> float:
        return 1.0 if self.serving.memory_fraction is None else self.serving.memory_fraction


def _per(size: int, fraction: float) -> int:
    """The whole of which this is the fraction, rounded up."""
    return ceil(size / fraction)


def cuda_total(gpu: Gpu, size: int) -> int:
    """Bytes that CUDA can use of the `size` that NVML counts: all but the driver's reserve."""
    if gpu.unified_memory:  # the inventory has already taken off what is the host's
        part, whole = UNIFIED_SHARE
        return size * whole // part
    if gpu.memory_reserved_mib is not None:
        return max(0, size - gpu.memory_reserved_mib * MIB)
    return size - min(ceil(size * RESERVED_SHARE), RESERVED_MOST)


def nvml_total(gpu: Gpu, size: int) -> int:
    """Bytes that NVML counts on a GPU of which CUDA can use `size`."""
    if gpu.unified_memory:
        part, whole = UNIFIED_SHARE
        return -(-size * part // whole)
    if gpu.memory_reserved_mib is not None:
        return size + gpu.memory_reserved_mib * MIB
    return min(ceil(size / (1 - RESERVED_SHARE)), size + RESERVED_MOST)
