"""The memory that a profile needs on each GPU.

What the manifest states wins. Without that it is the budget of its engine (`budget`), or, under the
policy `nim-2.0` and for a shape of five figures, NIM 2.x's own arithmetic.
"""

from __future__ import annotations

from nimprofile.base.enums import Engine
from nimprofile.base.record import Record
from nimprofile.base.units import CONTEXT_STEP, GIB, MIB
from nimprofile.manifest.profile import STATED_BY_TAG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import KW_ONLY

    from nimprofile.base.enums import Precision
    from nimprofile.engines.memory.budget import Budget
    from nimprofile.engines.parallelism import Misfit
    from nimprofile.engines.serving import Serving
    from nimprofile.hardware.inventory import Gpu
    from nimprofile.manifest.profile import Profile, Stated
    from nimprofile.model.shape import ModelShape

    _Layout = tuple[Engine, Precision, int, int, bool]

_TRIES = 4
"""A shorter context may leave more room for itself: the longest is looked for anew."""

ESTIMATED = "estimated from the model's shape"


class MemoryNeed(Record):
    """What each GPU must hold, in bytes of its total memory.

    Attributes:
        full_bytes: with the full context.
        least_bytes: with the shortest context: 256 tokens of it, or what the manifest says.
        source: the manifest's own words for it, or `estimated from the model's shape`.
        budget: what the estimate is made of; None when the shape is not known.
        estimated_bytes: like `full_bytes`, by the estimate, where the manifest states another.
    """

    full_bytes: int
    least_bytes: int
    source: str
    _: KW_ONLY
    budget: Budget | None = None
    estimated_bytes: int | None = None

    @property
    def disagrees(self) -> bool:
        """Whether the estimate is a tenth more, or a third less, than what the manifest states."""
        estimate = self.estimated_bytes
        return estimate is not None and not 2 / 3 <= estimate / self.full_bytes <= 1.1

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
        return budget.of_size(available).longest_context(most, budget.serving.concurrency)

    def shorter_context(self, available: int) -> int | None:
        """The longest context that fits and is shorter than the full one; None: none is."""
        longest, budget = self.longest_context(available), self.budget
        if longest is None or budget is None:
            return None
        most = min(filter(None, (self.max_model_len, budget.shape.max_position_embeddings)))
        if longest < most or (longest < (self.max_model_len or 0) and self.estimated_bytes is None):
            return longest
        # By the shape the full one fits, and by the manifest's figure of it, it does not.
        return (most - 1) // CONTEXT_STEP * CONTEXT_STEP or None

    def hinted_context(self, available: int, free_mib: int | None) -> int | None:
        """The context that NIM 2.x's own list suggests: one that leaves some of what is free."""
        share = None if self.budget is None else self.budget.habits.free_share
        if free_mib is not None and share is not None:
            available = min(available, int(free_mib * MIB * share))
        return self.longest_context(available)

    def shortened_bytes(self, tokens: int) -> int | None:
        """Bytes that are needed with a context of `tokens`."""
        budget = self.budget
        if budget is None:
            return None
        return budget.gpu_bytes(budget.request_bytes(tokens) * budget.serving.concurrency)


class Needs:
    """What the profiles of one model need, started in one way; worked out once for like profiles.

    `serving` is what the operator says of how engines are started; the engine, the precision and
    the parallel sizes are each profile's own. With `nim` the arithmetic is NIM 2.x's, and so is the
    meaning of a figure in a tag or a printout: what the full context needs, so that nobody knows
    without a shape what a shorter one does.
    """

    def __init__(
        self,
        shape_of: Callable[[Profile], ModelShape | None],
        serving: Serving,
        *,
        nim: bool = False,
    ):
        self._shape_of, self._nim = shape_of, nim
        self._serving = serving
        self._budgets: dict[object, Budget | None] = {}
        self._shorter: dict[int, Needs] = {}

    def of(self, profile: Profile, gpu: Gpu | None) -> MemoryNeed | None:
        """The need of one GPU; None when nothing states it and the shape does not give it.

        Where the context is to be cut to what fits, it is the need of the longest that fits this
        GPU, as if it had been asked for; of the full one when none does, or nobody knows.
        """
        need = self._of(profile, gpu)
        if not self._serving.fit_context or need is None or gpu is None:
            return need
        return self._cut_to(gpu, profile, need) or need

    def _cut_to(self, gpu: Gpu, profile: Profile, need: MemoryNeed) -> MemoryNeed | None:
        """The need of the longest context that fits a GPU; None when none does."""
        if gpu.memory_total_mib is None:
            return None
        free = gpu.memory_total_mib if gpu.memory_free_mib is None else gpu.memory_free_mib
        room = min(gpu.memory_total_mib, free) * MIB
        cut: MemoryNeed | None = need
        for _ in range(_TRIES):
            if cut is None or cut.full_bytes <= room:
                return cut
            tokens = cut.shorter_context(room)
            if tokens is None:
                return None
            cut = self._with_context(tokens)._of(profile, gpu)  # noqa: SLF001 - its own class
        return None

    def _with_context(self, tokens: int) -> Needs:
        if tokens not in self._shorter:
            serving = self._serving.replace(max_model_len=tokens, fit_context=False)
            self._shorter[tokens] = Needs(self._shape_of, serving, nim=self._nim)
        return self._shorter[tokens]

    def _of(self, profile: Profile, gpu: Gpu | None) -> MemoryNeed | None:
        stated = profile.memory
        budget = None if gpu is None else self._budget(profile, gpu)
        if budget is None and stated is not None:
            # NIM 2.0.12 lists 33 GB as low memory on 32 GB: the context is what does not fit.
            least = 0 if self._nim and _is_printed(stated) else stated.least_bytes
            return MemoryNeed(stated.full_bytes, least, stated.source)
        if budget is None:
            before = profile.requires.estimated_memory_gib_per_gpu
            if before is None:
                return None
            size = round(before * GIB)
            return MemoryNeed(size, size, "requires.estimated_memory_gib_per_gpu")
        least = budget.least_bytes
        full = budget.gpu_bytes(budget.wanted_cache)
        if stated is None:
            requests = budget.serving.concurrency
            source = ESTIMATED if requests == 1 else f"{ESTIMATED}, {requests} requests at once"
            return MemoryNeed(full, least, source, budget=budget)
        shorter = self._shortened(budget)
        # NIM 2.x's figure is that of the full context; with less of it the weights must still fit.
        of_full = stated.source == STATED_BY_TAG or (self._nim and _is_printed(stated))
        if not of_full and not (shorter and stated.least_bytes < stated.full_bytes):
            return MemoryNeed(
                stated.full_bytes,
                stated.least_bytes,
                stated.source,
                budget=budget,
                estimated_bytes=full,
            )
        least = min(least, stated.full_bytes)
        needed, source = stated.full_bytes, stated.source
        if shorter and max(least, full) < needed:
            needed, source = max(least, full), ESTIMATED
        return MemoryNeed(needed, least, source, budget=budget, estimated_bytes=full)

    def _shortened(self, budget: Budget) -> bool:
        """Whether a shorter context than the model's own is asked for."""
        wanted, most = self._serving.max_model_len, budget.shape.max_position_embeddings
        return wanted is not None and most is not None and wanted < most

    def misfits(self, profile: Profile) -> tuple[Misfit, ...]:
        """What of the model the engine cannot divide as the profile says."""
        shape = self._shape_of(profile)
        if shape is None or (profile.tp or 1) * (profile.pp or 1) == 1:
            return ()
        from nimprofile.engines.parallelism import indivisible

        return tuple(
            indivisible(
                shape,
                profile.engine,
                profile.tp or 1,
                profile.pp or 1,
                precision=profile.precision,
                version=self._serving.engine_version,
            )
        )

    def _budget(self, profile: Profile, gpu: Gpu) -> Budget | None:
        shape = self._shape_of(profile)
        if shape is None or profile.precision is None or profile.tp is None:
            return None
        # What the budget may depend on of the profile is handed on, and is part of the key.
        layout = (
            *(profile.engine or Engine.VLLM, profile.precision, profile.tp, profile.pp or 1),
            bool(profile.lora),
        )
        key = (
            *(id(shape), layout, gpu.name, gpu.compute_capability),
            *(gpu.memory_total_mib, gpu.memory_reserved_mib, gpu.unified_memory),
        )
        if key not in self._budgets:
            self._budgets[key] = self._worked_out(shape, layout, gpu)
        return self._budgets[key]

    def _worked_out(self, shape: ModelShape, layout: _Layout, gpu: Gpu) -> Budget | None:
        from nimprofile.engines.memory.estimate import memory_budget, nim_budget

        engine, precision, tp, pp, lora = layout
        serving = self._serving.replace(
            engine=engine, precision=precision, tp=tp, pp=pp, fit_context=False
        )
        if self._nim or not shape.architecture:
            return nim_budget(shape, serving, gpu, lora=lora)
        return memory_budget(shape, serving, gpu)


def _is_printed(stated: Stated) -> bool:
    """Whether it is NIM's figure, of a tag or a printout, and not our own `requires`."""
    return stated.printed_gb is not None
