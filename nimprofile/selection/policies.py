"""The criteria, and the policies that chain them, each with its source."""

from __future__ import annotations

from nimprofile.base.enums import Engine, Objective, Precision
from nimprofile.base.errors import RequestError
from nimprofile.base.record import Record
from nimprofile.selection.rank import Count, Criterion, OneOf, Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from nimprofile.selection.fit import Verdict


# What a criterion looks at, and how a verdict shows there. Functions, not lambdas: they pickle.


def _engine(verdict: Verdict) -> Engine | None:
    return verdict.profile.engine


def _describe_engine(verdict: Verdict) -> str:
    return str(verdict.profile.engine or "no engine")


def _precision(verdict: Verdict) -> Precision | None:
    return verdict.profile.precision


def _fewest_native_bits(verdict: Verdict) -> tuple[int, int]:
    precision = verdict.profile.precision
    strange = int(verdict.emulated or verdict.in_half)
    return (strange, 64 if precision is None else precision.bits)


def _describe_precision(verdict: Verdict) -> str:
    how = ", emulated" if verdict.emulated else ", in fp16" if verdict.in_half else ""
    return f"{verdict.profile.precision or 'no precision'}{how}"


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
    return int(not verdict.profile.gpu_specific)


def _describe_gpu_specific(verdict: Verdict) -> str:
    return "made for this GPU" if verdict.profile.gpu_specific else "generic"


def _buildable(verdict: Verdict) -> int:
    return int(verdict.profile.buildable)


def _describe_prebuilt(verdict: Verdict) -> str:
    return "built at the first start" if verdict.profile.buildable else "prebuilt"


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


def _by_engine(*order: Engine) -> _Place:
    return _Place(order, _engine)


def _by_precision(*order: Precision) -> _Place:
    return _Place(order, _precision)


def _by_objective(*order: Objective) -> _Place:
    return _Place(order, _objective)


# The criteria of `nim`.

_1_0 = "docs.nvidia.com/nim/large-language-models/1.0.0, 'optimization'"

ENGINE = Criterion(
    "engine",
    _by_engine(Engine.TENSORRT_LLM, Engine.VLLM, Engine.SGLANG),
    "TensorRT-LLM, then vLLM, then SGLang",
    source=_1_0
    + ": TensorRT-LLM over vLLM; SGLang came with 1.10 and is last in every listing seen",
    describe=_describe_engine,
    accepts=OneOf(Engine, _engine),
)

PRECISION = Criterion(
    "precision",
    _fewest_native_bits,
    "the fewest bits of what the GPUs compute natively",
    source=_1_0 + ": lower precision first, FP8 over FP16 being its example",
    describe=_describe_precision,
    accepts=OneOf(Precision, _precision),
)

OBJECTIVE = Criterion(
    "objective",
    _by_objective(Objective.LATENCY, Objective.BALANCED, Objective.THROUGHPUT),
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
    "a profile made for this GPU over a generic one",
    source="docs.nvidia.com/nim/large-language-models/latest (2026-03), 'profiles'; corpus, 076",
    describe=_describe_gpu_specific,
)

PREBUILT = Criterion(
    "prebuilt",
    _buildable,
    "a prebuilt engine over one compiled at the first start",
    source="ours: a build takes minutes; in a container that must become ready, that is a failure",
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

TAIL = (GPU_SPECIFIC, PREBUILT, PP, NAME, ID)
"""What makes any chain total; a chain that names one of these itself keeps its place."""


def _chain(*criteria: Criterion) -> tuple[Criterion, ...]:
    named = {criterion.name for criterion in criteria}
    return (*criteria, *(criterion for criterion in TAIL if criterion.name not in named))


# The criteria of other generations, where they differ.

_FP8_FP16_BF16 = PRECISION.replace(
    key=_by_precision(Precision.FP8, Precision.FP16, Precision.BF16),
    prefers="FP8, then FP16, then BF16",
    source="corpus, 001: order of a 1.1.2 listing; an fp16 profile stands before a bf16 one",
)

_LATE_1_X = PRECISION.replace(
    key=_by_precision(
        Precision.MXFP4,
        Precision.FP8,
        Precision.INT8,
        Precision.FP16,
        Precision.BF16,
        Precision.INT8WO,
        Precision.NVFP4,
        Precision.INT4_AWQ,
        Precision.INT4,
        Precision.W4A16,
    ),
    prefers="MXFP4, FP8, INT8, FP16, BF16, INT8 weight-only, NVFP4, INT4",
    source=(
        "corpus, 012 and 031: FP8, BF16, NVFP4 is the order of the 2.0.x listings; the 1.15.5 "
        "image also chose FP8 over NVFP4. Third parties report the rest of the order"
    ),
)

_OPTIMISED = GPU_SPECIFIC.replace(
    prefers="a profile made for this GPU over a generic one, buildable ones being generic",
    source="docs.nvidia.com/nim/large-language-models/1.3.0, 'profiles'",
)

_VLLM_FIRST = ENGINE.replace(
    key=_by_engine(Engine.VLLM, Engine.TENSORRT_LLM, Engine.SGLANG),
    prefers="vLLM, then TensorRT-LLM, then SGLang",
    source=(
        "corpus, 004, 016, 047 (listing order) and 057 (choice); called a known issue by NVIDIA's "
        "RAG blueprint and fixed in 1.14.0"
    ),
)

_GATE_1_0 = "corpus, 020 and 021: nothing is runnable on a GPU with 7 % in use"

DEFAULT = "nim"

POLICIES = {
    policy.name: policy
    for policy in (
        Policy(
            "nim",
            _chain(ENGINE, PRECISION, OBJECTIVE, TP),
            "The documented chain, made total. The default.",
            gate_source=_GATE_1_0,
        ),
        Policy(
            "nim-1.0",
            _chain(ENGINE, _FP8_FP16_BF16, OBJECTIVE, TP),
            "NIM LLM 1.0 to 1.2, as observed.",
            uniform_gpus=True,
            gate_source=_GATE_1_0,
        ),
        Policy(
            "nim-1.3",
            _chain(_OPTIMISED, ENGINE, _FP8_FP16_BF16, OBJECTIVE, TP),
            "NIM LLM 1.3 to 1.11: engines made for the GPU, then engines built here, then vLLM.",
            uniform_gpus=True,
        ),
        Policy(
            "nim-1.13",
            _chain(_VLLM_FIRST, _FP8_FP16_BF16, OBJECTIVE, TP),
            "NIM LLM 1.12 and 1.13, vLLM first: a known issue of those images.",
            uniform_gpus=True,
            empty_gpu_gate=False,
            gate_source="corpus, 101: 1.12.2 lists a profile as runnable on a GPU with 9 % in use",
        ),
        Policy(
            "nim-1.15",
            _chain(GPU_SPECIFIC, ENGINE, _LATE_1_X, OBJECTIVE, TP),
            "NIM LLM 1.14 and 1.15: made for the GPU before generic, whatever the engine.",
            uniform_gpus=True,
        ),
        Policy(
            "nim-2.0",
            _chain(_LATE_1_X, OBJECTIVE, TP),
            "NIM LLM 2.x: one engine an image; FP8 before BF16 before NVFP4; its own arithmetic.",
            nim_memory=True,
            gate_source="corpus, 012 and 015: nothing is runnable on a GPU with 9 or 10 % in use",
        ),
    )
}
"""Every policy by name; `docs/selection.md` has them with their sources."""


def find_policy(name: str) -> Policy:
    """The policy of that name; RequestError lists the names when there is none."""
    try:
        return POLICIES[name]
    except KeyError:
        raise RequestError(f"{name!r} is not a policy; known: {', '.join(POLICIES)}") from None
