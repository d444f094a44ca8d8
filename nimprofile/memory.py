"""How much memory does a profile need on each GPU?

What the manifest states wins. Without that it is the budget of its engine (`budget`), or, under the
policy `nim-2.0` and for a shape of five figures, NIM 2.x's own arithmetic.
"""

from __future__ import annotations

from nimprofile.profile import STATED_BY_TAG, Engine
from nimprofile.record import Record
from nimprofile.values import MIB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.budget import Budget
    from nimprofile.inventory import Gpu
    from nimprofile.model import ModelShape
    from nimprofile.profile import Profile
    from nimprofile.request import Request

ESTIMATED = "estimated from the model's shape"


class MemoryNeed(Record):
    """What each GPU must hold, in bytes of its total memory.

    Attributes:
        full_bytes: with the full context.
        least_bytes: with the shortest context: the weights alone, or what the manifest says.
        source: the manifest's own words for it, or `estimated from the model's shape`.
        budget: what the estimate is made of; None when the shape is not known.
        estimated_bytes: like `full_bytes`, by the estimate, where the manifest states another.
    """

    full_bytes: int
    least_bytes: int
    source: str
    budget: Budget | None = None
    estimated_bytes: int | None = None

    @property
    def max_model_len(self) -> int | None:
        """The full context in tokens; None when the shape is not known."""
        return None if self.budget is None else self.budget.serving.max_model_len

    def longest_context(self, available: int) -> int | None:
        """The longest context, in tokens, that fits in `available` bytes of one GPU's total.

        A multiple of 256, or the full context; None when the shape is unknown or not even 256
        tokens fit.
        """
        budget, most = self.budget, self.max_model_len
        if budget is None or most is None:
            return None
        return budget.of_size(available).longest_context(most)

    def shortened_bytes(self, tokens: int) -> int | None:
        """What is needed with a context of so many tokens."""
        budget = self.budget
        return None if budget is None else budget.gpu_bytes(budget.request_bytes(tokens))


class Needs:
    """What the profiles of one model need, for one request; worked out once for like profiles."""

    def __init__(self, shape: ModelShape | None, request: Request, *, nim: bool = False):
        self._shape, self._request, self._nim = shape, request, nim
        self._found: dict[object, Budget | None] = {}

    def of(self, profile: Profile, gpu: Gpu | None) -> MemoryNeed | None:
        """The need of one GPU; None when nothing states it and the shape does not give it."""
        stated = profile.memory
        budget = None if gpu is None else self._budget(profile, gpu)
        if budget is None:
            if stated is None:
                return None
            return MemoryNeed(stated.full_bytes, stated.least_bytes, stated.source)
        least = budget.gpu_bytes(None)
        full = budget.gpu_bytes(budget.wanted_cache)
        if stated is None:
            return MemoryNeed(full, least, ESTIMATED, budget)
        # NIM 2.x's tag is the need of the full context; with less of it the weights must still fit.
        by_tag = stated.source == STATED_BY_TAG
        least = min(least, stated.full_bytes) if by_tag else stated.least_bytes
        return MemoryNeed(stated.full_bytes, least, stated.source, budget, full)

    def _budget(self, profile: Profile, gpu: Gpu) -> Budget | None:
        shape = self._shape
        if shape is None or profile.precision is None or profile.tp is None:
            return None
        key = (
            *(profile.engine, profile.precision, profile.tp, profile.pp, profile.lora),
            *(gpu.name, gpu.memory_total_mib, gpu.memory_reserved_mib, gpu.unified_memory),
        )
        if key not in self._found:
            self._found[key] = self._worked_out(profile, gpu, shape)
        return self._found[key]

    def _worked_out(self, profile: Profile, gpu: Gpu, shape: ModelShape) -> Budget | None:
        from nimprofile.budget import Serving, budget, nim_budget

        request = self._request
        serving = Serving(
            engine=profile.engine or Engine.VLLM,
            engine_version=request.engine_version,
            precision=profile.precision,
            tp=profile.tp or 1,
            pp=profile.pp or 1,
            max_model_len=request.max_model_len,
            kv_cache_dtype=request.kv_cache_dtype,
        )
        if self._nim or not shape.architecture:
            return nim_budget(shape, serving, gpu, lora=bool(profile.lora))
        return budget(shape, serving, gpu)


def available_bytes(gpu: Gpu) -> int | None:
    """NVML's total of a GPU, in bytes."""
    return None if gpu.memory_total_mib is None else gpu.memory_total_mib * MIB
