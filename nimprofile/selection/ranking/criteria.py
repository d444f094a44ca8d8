"""The criteria that the policies chain, each with its source."""

from __future__ import annotations

from nimprofile.base.enums import Engine, Objective, Precision
from nimprofile.base.record import Record
from nimprofile.engines.compute_floors import unpacks
from nimprofile.selection.non_llm.variants import VARIANT
from nimprofile.selection.rank import Count, Criterion, OneOf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from nimprofile.selection.verdict import Verdict


# What a criterion looks at, and how a verdict shows there. Functions, not lambdas: they pickle.


def _engine(verdict: Verdict) -> Engine | None:
    return verdict.profile.engine


def _describe_engine(verdict: Verdict) -> str:
    return str(verdict.profile.engine or "no engine")


def _precision(verdict: Verdict) -> Precision | None:
    return verdict.profile.precision


_WIDTH_FIRST = (
    *(Precision.NVFP4, Precision.MXFP4),
    *(Precision.FP8, Precision.INT8),
    *(Precision.BF16, Precision.FP16),
    Precision.FP32,
    *(Precision.INT8WO, Precision.INT4_AWQ, Precision.INT4, Precision.W4A16),
)
"""What comes first of precisions of one width, and among those that are unpacked."""


def _native_first(verdict: Verdict) -> tuple[int, int, int, int]:
    """How it is computed, bits, whether it is not the model's own, place: no two are equal."""
    precision = verdict.profile.precision
    if precision is None:
        return (3, 0, 0, 0)
    place = _WIDTH_FIRST.index(precision)
    if verdict.emulated:
        return (4, 0, 0, place)
    if verdict.in_half:
        return (1, 0, 0, place)
    if _unpacked(verdict):
        return (2, 0, 0, place)
    return (0, precision.bits, int(precision != verdict.stored_as), place)


def _unpacked(verdict: Verdict) -> int:
    precision = verdict.profile.precision
    return int(precision != verdict.stored_as and unpacks(precision, verdict.capability))


def _unpacked_or_emulated(verdict: Verdict) -> int:
    return 2 if verdict.emulated else _unpacked(verdict)


def _describe_precision(verdict: Verdict) -> str:
    precision = verdict.profile.precision
    if verdict.emulated:
        return f"{precision}, emulated"
    if verdict.in_half:
        return f"{precision}, in fp16"
    if unpacks(precision, verdict.capability):
        return f"{precision}, unpacked" if _unpacked(verdict) else f"{precision}, the model's own"
    return str(precision or "no precision")


def _objective(verdict: Verdict) -> Objective | None:
    return verdict.profile.objective


def _describe_objective(verdict: Verdict) -> str:
    return str(verdict.profile.objective or "no objective")


def _tp(verdict: Verdict) -> int | None:
    return verdict.profile.tp


def _highest_tp(verdict: Verdict) -> int:
    return -(verdict.profile.tp or 0)


def _describe_tp(verdict: Verdict) -> str:
    return f"tp {verdict.profile.tp or '?'}"


def _pp(verdict: Verdict) -> int | None:
    return verdict.profile.pp


def _lowest_pp(verdict: Verdict) -> int:
    return verdict.profile.pp or 1


def _describe_pp(verdict: Verdict) -> str:
    return f"pp {verdict.profile.pp or '?'}"


def _generic(verdict: Verdict) -> int:
    profile = verdict.profile
    return int(profile.buildable or not profile.gpu_specific)


def _describe_gpu_specific(verdict: Verdict) -> str:
    return "generic" if _generic(verdict) else "made for this GPU"


def _buildable(verdict: Verdict) -> int:
    return int(verdict.profile.buildable)


def _describe_prebuilt(verdict: Verdict) -> str:
    return "built at the first start" if verdict.profile.buildable else "prebuilt"


def _not_custom(verdict: Verdict) -> int:
    profile = verdict.profile
    return int(bool(profile.tags) or profile.name in {"", profile.id})


def _describe_custom(verdict: Verdict) -> str:
    return "of the manifest" if _not_custom(verdict) else "an engine of your own"


def _name(verdict: Verdict) -> str:
    return verdict.profile.name


def _id(verdict: Verdict) -> str:
    return verdict.profile.id


class _Place(Record):
    """The place of a verdict's value in an order; what is not in it comes last."""

    order: tuple[object, ...]
    of: Callable[[Verdict], object]

    def __call__(self, verdict: Verdict) -> int:
        value = self.of(verdict)
        return self.order.index(value) if value in self.order else len(self.order)


# The criteria of `nim`.

_DOCS = "docs.nvidia.com/nim/large-language-models"
_1_0 = f"{_DOCS}/1.0.0, 'optimization'"

CUSTOM = Criterion(
    "custom",
    _not_custom,
    "an engine that was built here before and has a name of its own",
    source="corpus, 036: a 1.3.3 printout lists it first",
    describe=_describe_custom,
)

UNPACKED = Criterion(
    "unpacked",
    _unpacked_or_emulated,
    "what is computed as it is stored, then what is unpacked to 16 bits, then what is emulated",
    source="ours: what is unpacked loses accuracy for memory alone, whatever the engine; it is no "
    "lower precision in the sense of the documents",
    describe=_describe_precision,
)

ENGINE = Criterion(
    "engine",
    _Place((Engine.TENSORRT_LLM, Engine.VLLM, Engine.SGLANG), _engine),
    "TensorRT-LLM, then vLLM, then SGLang",
    source=_1_0
    + ": TensorRT-LLM over vLLM; SGLang came with 1.10 and is last in every listing seen",
    describe=_describe_engine,
    accepts=OneOf(Engine, _engine),
)

PRECISION = Criterion(
    "precision",
    _native_first,
    "the fewest bits of what the GPUs compute natively, then what they unpack",
    source=(
        _1_0 + ": lower precision first, FP8 over FP16 being its example. Ours: what is unpacked "
        "computes in 16 bits and loses accuracy for memory alone. Of one width the model's own "
        "comes first; then NVFP4, whose scales are finer than MXFP4's (NVIDIA, 'Introducing "
        "NVFP4', 2025-06); FP8, which NIM's documents name, over INT8; and BF16, which overflows "
        "where FP32 does, over FP16"
    ),
    describe=_describe_precision,
    accepts=OneOf(Precision, _precision),
)

OBJECTIVE = Criterion(
    "objective",
    _Place((Objective.LATENCY, Objective.BALANCED, Objective.THROUGHPUT), _objective),
    "latency over throughput",
    source="corpus, 001: order of a 1.1.2 listing",
    describe=_describe_objective,
    accepts=OneOf(Objective, _objective),
)

TP = Criterion(
    "tp",
    _highest_tp,
    "the higher tensor parallelism",
    source="corpus, 039: a 1.3.3 start-up log",
    describe=_describe_tp,
    accepts=Count(_tp),
)

GPU_SPECIFIC = Criterion(
    "gpu_specific",
    _generic,
    "a profile made for this GPU over a generic one, buildable ones being generic",
    source=f"{_DOCS}/latest (2026-03), 'profiles'; corpus, 076",
    describe=_describe_gpu_specific,
)

PREBUILT = Criterion(
    "prebuilt",
    _buildable,
    "a prebuilt engine over one compiled at the first start",
    source=(
        f"{_DOCS}/1.3.0, 'profiles': optimised over generic, which is what has local_build in its "
        "name; a build takes minutes"
    ),
    describe=_describe_prebuilt,
)

PP = Criterion(
    "pp",
    _lowest_pp,
    "the smaller pipeline parallelism",
    source="ours: no listing with differing pp has been seen",
    describe=_describe_pp,
    accepts=Count(_pp),
)

NAME = Criterion("name", _name, "the name, alphabetically", source="ours", describe=_name)

ID = Criterion("id", _id, "the id, alphabetically", source="ours", describe=_id)

TAIL = (GPU_SPECIFIC, PREBUILT, PP, VARIANT, NAME, ID)
"""What makes any chain total; a chain that names one of these itself keeps its place."""


def chain(*criteria: Criterion) -> tuple[Criterion, ...]:
    """These criteria, and those of the tail that they leave out."""
    named = {criterion.name for criterion in criteria}
    return (*criteria, *(criterion for criterion in TAIL if criterion.name not in named))


# The criteria of other generations, where they differ.

OBSERVED_PRECISION = PRECISION.replace(
    key=_Place(
        (
            *(Precision.MXFP4, Precision.FP8, Precision.INT8, Precision.FP16, Precision.BF16),
            *(Precision.FP32, Precision.INT8WO, Precision.NVFP4),
            *(Precision.INT4_AWQ, Precision.INT4, Precision.W4A16),
        ),
        _precision,
    ),
    prefers="MXFP4, FP8, INT8, FP16, BF16, FP32, INT8 weight-only, NVFP4, INT4",
    source=(
        "corpus, 001: FP8, FP16, BF16 is the order of a 1.1.2 listing; 012 and 031: FP8, BF16, "
        "NVFP4 that of the 2.0.x listings; the 1.15.5 image also chose FP8 over NVFP4. Third "
        "parties report the rest of the order; the place of FP32 is ours"
    ),
)

OPTIMISED = GPU_SPECIFIC.replace(source=f"{_DOCS}/1.3.0, 'profiles'")

VLLM_FIRST = ENGINE.replace(
    key=_Place((Engine.VLLM, Engine.TENSORRT_LLM, Engine.SGLANG), _engine),
    prefers="vLLM, then TensorRT-LLM, then SGLang",
    source=(
        "corpus, 004, 016, 047 (listing order) and 057 (choice); called a known issue by NVIDIA's "
        "RAG blueprint and fixed in 1.14.0"
    ),
)
