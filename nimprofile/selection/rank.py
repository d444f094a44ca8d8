"""Which of the profiles that fit is best, and which criterion said so?

An order is one visible tuple of named criteria, compared in turn. It ends in the id, so the answer
never depends on the order of a manifest or of the GPUs.
"""

from __future__ import annotations

from nimprofile.base.errors import RequestError
from nimprofile.base.record import Record
from nimprofile.manifest.profile import Engine, Objective, Precision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from nimprofile.selection.fit import Verdict

    Key: TypeAlias = int | str | tuple[int, ...]


class Criterion(Record):
    """One link of a chain.

    Attributes:
        name: what the explanation calls it.
        key: lower sorts first.
        prefers: in words, what it puts first.
        source: who says so.
    """

    name: str
    key: Callable[[Verdict], Key]
    prefers: str
    source: str


class Policy(Record):
    """A named chain of criteria.

    Attributes:
        name: `nim`, `nim-1.3`, …
        criteria: most significant first; always ends with `TAIL`.
        about: one sentence.
        uniform_gpus: this generation rejects everything when GPUs of several products are visible.
        nim_memory: memory is estimated by NIM 2.x's arithmetic, not by the engine's budget.
    """

    name: str
    criteria: tuple[Criterion, ...]
    about: str
    uniform_gpus: bool = False
    nim_memory: bool = False


def _place(order: tuple[object, ...], value: object) -> int:
    """Position in an order; what is not in it comes last."""
    return order.index(value) if value in order else len(order)


def _by_engine(*order: Engine) -> Callable[[Verdict], int]:
    return lambda verdict: _place(order, verdict.profile.engine)


def _by_precision(*order: Precision) -> Callable[[Verdict], int]:
    return lambda verdict: _place(order, verdict.profile.precision)


def _fewest_native_bits(verdict: Verdict) -> tuple[int, int]:
    precision = verdict.profile.precision
    return (int(verdict.emulated), 64 if precision is None else precision.bits)


def _by_objective(*order: Objective) -> Callable[[Verdict], int]:
    return lambda verdict: _place(order, verdict.profile.objective)


_LATENCY_FIRST = _by_objective(Objective.LATENCY, Objective.BALANCED, Objective.THROUGHPUT)


def _tensor_parallel(verdict: Verdict) -> int:
    return -(verdict.profile.tp or 0)


_1_0 = "docs.nvidia.com/nim/large-language-models/1.0.0, 'optimization'"

ENGINE = Criterion(
    "engine",
    _by_engine(Engine.TENSORRT_LLM, Engine.VLLM, Engine.SGLANG),
    "TensorRT-LLM, then vLLM, then SGLang",
    _1_0 + ": TensorRT-LLM over vLLM; SGLang came with 1.10 and is last in every listing seen",
)
PRECISION = Criterion(
    "precision",
    _fewest_native_bits,
    "the fewest bits of what the GPUs compute natively",
    _1_0 + ": lower precision first, FP8 over FP16 being its example",
)
OBJECTIVE = Criterion(
    "objective", _LATENCY_FIRST, "latency over throughput", "corpus, 001: order of a 1.1.2 listing"
)
TP = Criterion(
    "tp", _tensor_parallel, "the higher tensor parallelism", "corpus, 039: a 1.3.3 start-up log"
)
GPU_SPECIFIC = Criterion(
    "gpu_specific",
    lambda verdict: int(not verdict.profile.gpu_specific),
    "a profile made for this GPU over a generic one",
    "docs.nvidia.com/nim/large-language-models/latest (2026-03), 'profiles'; corpus, 076",
)
PREBUILT = Criterion(
    "prebuilt",
    lambda verdict: int(verdict.profile.buildable),
    "a prebuilt engine over one compiled at the first start",
    "ours: a build takes minutes; in a container that must become ready, that is a failure",
)
PP = Criterion(
    "pp",
    lambda verdict: verdict.profile.pp or 1,
    "the smaller pipeline parallelism",
    "ours: no listing with differing pp has been seen",
)
NAME = Criterion("name", lambda verdict: verdict.profile.name, "the name, alphabetically", "ours")
ID = Criterion("id", lambda verdict: verdict.profile.id, "the id, alphabetically", "ours")

TAIL = (GPU_SPECIFIC, PREBUILT, PP, NAME, ID)
"""What makes any chain total; a chain that names one of these itself keeps its place."""


def _chain(*criteria: Criterion) -> tuple[Criterion, ...]:
    named = {criterion.name for criterion in criteria}
    return (*criteria, *(criterion for criterion in TAIL if criterion.name not in named))


_FP8_FP16_BF16 = Criterion(
    "precision",
    _by_precision(Precision.FP8, Precision.FP16, Precision.BF16),
    "FP8, then FP16, then BF16",
    "corpus, 001: order of a 1.1.2 listing; an fp16 profile stands before a bf16 one",
)
_LATE_1_X = Criterion(
    "precision",
    _by_precision(
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
    "MXFP4, FP8, INT8, FP16, BF16, INT8 weight-only, NVFP4, INT4",
    "corpus, 012 and 031: FP8, BF16, NVFP4 is the order of the 2.0.x listings; the 1.15.5 image "
    "also chose FP8 over NVFP4. Third parties report the rest of the order",
)
_OPTIMISED = Criterion(
    "gpu_specific",
    GPU_SPECIFIC.key,
    "a profile made for this GPU over a generic one, buildable ones being generic",
    "docs.nvidia.com/nim/large-language-models/1.3.0, 'profiles'",
)
_VLLM_FIRST = Criterion(
    "engine",
    _by_engine(Engine.VLLM, Engine.TENSORRT_LLM, Engine.SGLANG),
    "vLLM, then TensorRT-LLM, then SGLang",
    "corpus, 004, 016, 047 (listing order) and 057 (choice); called a known issue by NVIDIA's RAG "
    "blueprint and fixed in 1.14.0",
)

POLICIES = {
    policy.name: policy
    for policy in (
        Policy(
            "nim",
            _chain(ENGINE, PRECISION, OBJECTIVE, TP),
            "The documented chain, made total. The default.",
        ),
        Policy(
            "nim-1.0",
            _chain(ENGINE, _FP8_FP16_BF16, OBJECTIVE, TP),
            "NIM LLM 1.0 to 1.2, as observed.",
            uniform_gpus=True,
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


_DEFAULTS = {criterion.name: criterion for criterion in (ENGINE, PRECISION, OBJECTIVE, TP, *TAIL)}
_VALUES: dict[str, tuple[str, ...]] = {
    "engine": tuple(Engine),
    "precision": tuple(Precision),
    "objective": tuple(Objective),
}
_COUNTS = {"tp": "tp", "pp": "pp"}


def prefer(chain: str, base: Policy) -> Policy:
    """A user's own chain: `objective=throughput,precision,tp`.

    Each link is a criterion as `base` has it, or as `nim` does; or `criterion=value`, which puts
    that value first and leaves the rest to the criterion; `tp` and `pp` take a number, `low` or
    `high`. What the chain does not name follows in the order of `base`.

    Raises RequestError for a criterion or a value there is none of.
    """
    own = _DEFAULTS | {criterion.name: criterion for criterion in base.criteria}
    links = [_link(part.strip(), own) for part in chain.split(",") if part.strip()]
    names = [link.name for link in links]
    if not links:
        raise RequestError(f"--prefer {chain!r} names no criterion; known: {', '.join(_DEFAULTS)}")
    if len(set(names)) != len(names):
        raise RequestError(f"--prefer {chain!r} names a criterion twice")
    rest = tuple(criterion for criterion in base.criteria if criterion.name not in names)
    return Policy(
        f"{base.name} preferring {chain}",
        (*links, *rest),
        "A chain of your own.",
        base.uniform_gpus,
        base.nim_memory,
    )


def _link(text: str, own: dict[str, Criterion]) -> Criterion:
    name, equals, value = (piece.strip() for piece in text.partition("="))
    if name not in _DEFAULTS:
        raise RequestError(f"--prefer: {name!r} is not a criterion; known: {', '.join(_DEFAULTS)}")
    default = own[name]
    if not equals:
        return default
    if name in _COUNTS:
        return _counted(default, value.lower())
    if name not in _VALUES:
        raise RequestError(f"--prefer: {name} takes no value; write just {name}")
    if value.lower() not in _VALUES[name]:
        raise RequestError(f"--prefer: {name}={value} is not one of {', '.join(_VALUES[name])}")
    first = value.lower()
    return Criterion(
        name,
        lambda verdict: (
            int(getattr(verdict.profile, name) != first),
            *_as_tuple(default.key(verdict)),
        ),
        f"{first}, then {default.prefers}",
        "--prefer",
    )


def _counted(default: Criterion, value: str) -> Criterion:
    name = default.name
    if value in ("low", "high"):
        sign = 1 if value == "low" else -1
        return Criterion(
            name,
            lambda verdict: sign * (getattr(verdict.profile, name) or 1),
            f"the {value}er {name}",
            "--prefer",
        )
    if not (value.isascii() and value.isdigit() and len(value) <= 4):
        raise RequestError(f"--prefer: {name} takes low, high or a number, not {value!r}")
    wanted = int(value)
    return Criterion(
        name,
        lambda verdict: (
            int((getattr(verdict.profile, name) or 1) != wanted),
            *_as_tuple(default.key(verdict)),
        ),
        f"{name} {wanted}, then {default.prefers}",
        "--prefer",
    )


def _as_tuple(key: Key) -> tuple[int, ...]:
    if isinstance(key, tuple):
        return key
    assert isinstance(key, int), "only engine, precision, objective, tp and pp take a value"
    return (key,)


def standing(criterion: str, verdict: Verdict) -> str:
    """What a verdict has to show at a criterion, in a word or two: `fp8`, `tp 4`, `generic`."""
    profile = verdict.profile
    match criterion:
        case "precision":
            return (
                f"{profile.precision or 'no precision'}{', emulated' if verdict.emulated else ''}"
            )
        case "engine" | "objective":
            return str(getattr(profile, criterion) or f"no {criterion}")
        case "tp" | "pp":
            return f"{criterion} {getattr(profile, criterion) or '?'}"
        case "gpu_specific":
            return "made for this GPU" if profile.gpu_specific else "generic"
        case "prebuilt":
            return "built at the first start" if profile.buildable else "prebuilt"
        case "id":
            return profile.id
        case _:
            return profile.name


def rank(verdicts: Iterable[Verdict], policy: Policy) -> tuple[Verdict, ...]:
    """The verdicts, best first."""
    keys = [criterion.key for criterion in policy.criteria]
    return tuple(sorted(verdicts, key=lambda verdict: [key(verdict) for key in keys]))


def deciding(first: Verdict, second: Verdict, policy: Policy) -> Criterion:
    """The first criterion that tells two verdicts apart.

    Raises ValueError when none does, which takes two profiles of one id.
    """
    for criterion in policy.criteria:
        if criterion.key(first) != criterion.key(second):
            return criterion
    raise ValueError(f"{first.profile.id} and {second.profile.id} are the same profile")
