"""The manifest of a model: the profiles that make sense for it.

For each engine: the formats in which it serves the checkpoint (`engine_match`), each over the
numbers of GPUs that divide the model (`parallelism`) and hold its weights.
"""

from __future__ import annotations

from functools import lru_cache

from nimprofile.authoring.engine_match import ways_of
from nimprofile.base.enums import Engine, Precision, parse_engines, parse_precision
from nimprofile.base.errors import ModelError
from nimprofile.base.expect import expect, expect_each, expect_mapping, require_whole
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record, plain
from nimprofile.base.units import GIB, MIB
from nimprofile.base.versions import narrowest, satisfies
from nimprofile.engines.memory.estimate import memory_budget
from nimprofile.engines.parallelism import indivisible
from nimprofile.engines.serving import Serving, require_engine_version
from nimprofile.hardware.catalog import products
from nimprofile.hardware.inventory import Gpu
from nimprofile.manifest.profile_names import describe
from nimprofile.manifest.profile_tags import profile_from_tags
from nimprofile.model.checkpoint import Model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from dataclasses import KW_ONLY

    from nimprofile.authoring.engine_match import EngineMatch
    from nimprofile.engines.memory.budget import Budget


class Wanted(Record):
    """What to build.

    Attributes:
        engines: for these; all by default.
        engine_version: of the engine, when there is one; None is the newest known.
        precisions: only these; None is whatever the engine makes of the checkpoint.
        max_tp: GPUs of one node, at most.
        max_nodes: nodes, at most, of as many GPUs each.
        lora: also profiles that serve LoRA adapters.
        name: of the model; None is that of the first checkpoint.
    """

    engines: tuple[Engine, ...] | None = None
    engine_version: str | None = None
    precisions: tuple[Precision, ...] | None = None
    _: KW_ONLY
    max_tp: int = 8
    max_nodes: int = 1
    lora: bool = False
    name: str | None = None

    def __post_init__(self) -> None:
        """Take engines and precisions by their names; refuse what nothing can be built for.

        Raises RequestError.
        """
        if self.engines is not None:
            object.__setattr__(self, "engines", parse_engines(self.engines))
        if self.precisions is not None:
            named = tuple(parse_precision(name, "precisions") for name in self.precisions)
            object.__setattr__(self, "precisions", named)
        require_engine_version(self.engine_version)
        require_whole("max_tp", self.max_tp)
        require_whole("max_nodes", self.max_nodes)


class Built(Record):
    """A manifest of schema v2 as plain values, and what was assumed or left out, and why."""

    document: dict[str, object]
    notes: tuple[str, ...]


EVERYTHING = Wanted()


def build_manifest(
    models: Sequence[Model],
    wanted: Wanted = EVERYTHING,
    base: Mapping[str, object] | None = None,
) -> Built:
    """Build the manifest of a model.

    Args:
        models: its checkpoints; the first gives the model its name.
        wanted: what to build.
        base: the head and the profiles of a manifest to begin with, as plain values; a profile that
            it has already, but for tags that tell nothing apart, is not built again.

    Raises:
        ModelError: the checkpoints are not of one model, or nothing serves them as wanted.
        TypeError: an argument is of another type.
    """
    hint = "read_model(path) reads one"
    models = expect_each("build_manifest: models", models, Model, hint)
    expect("build_manifest: wanted", wanted, Wanted)
    if base is not None:
        expect_mapping("build_manifest: base", base)
    if not models:
        raise ModelError("no checkpoint is given, so no profile can be built")
    _check_alike(models)
    notes = [f"{model.name}: {note}" for model in models for note in model.shape.notes]
    made = [*_entries(models, wanted, notes)]
    if not made:
        reasons = dict.fromkeys(notes)
        raise ModelError("no profile can be built as asked:", *reasons, source=models[0].path)
    base = base or {}
    kept = base.get("profiles")
    profiles = {str(entry["id"]): entry for entry in (kept if isinstance(kept, list) else ())}
    there = {_identity(entry.get("tags")) for entry in profiles.values()}
    names = [describe(entry.tags) for entry in made]
    for entry, name in zip(made, names, strict=True):
        if _identity(entry.tags) in there:
            continue
        own = f"{name}-{entry.tags['checkpoint']}" if names.count(name) > 1 else None
        profiles.setdefault(entry.id, entry.document(own))
    head = {key: value for key, value in base.items() if key not in {"profiles", "model_shape"}}
    document: dict[str, object] = {
        "schema_version": "2.0",
        "profile_selection_criteria": "auto",
        "model": models[0].name,
        **head,
        **({"model": wanted.name} if wanted.name else {}),
        **({"engine_version": wanted.engine_version} if wanted.engine_version else {}),
        "checkpoints": [
            _checkpoint(model) for model in sorted(models, key=lambda model: model.name)
        ],
        "profiles": [*profiles.values()],
    }
    return Built(document, tuple(dict.fromkeys(notes)))


def _identity(tags: object) -> tuple[object, ...] | None:
    """What tells a generic profile from others; None for one that is made for certain GPUs."""
    if not isinstance(tags, dict) or not _MADE_FOR.isdisjoint(tags):
        return None
    lora = str(tags.get("feat_lora")).lower() == "true"
    return (lora, *(str(tags.get(tag)) for tag in _APART))


_MADE_FOR = frozenset({"gpu", "gpu_device", "trtllm_buildable", "compute_capability"})
_APART = ("llm_engine", "precision", "tp", "pp", "checkpoint")


def _check_alike(models: Sequence[Model]) -> None:
    first = models[0]
    for at, other in enumerate(models):
        if other.name in {model.name for model in models[:at]}:
            problem = f"another checkpoint is called {other.name} too; rename one directory"
            raise ModelError(problem, source=other.path)
        for what in ("architecture", "hidden_size", "vocab_size", "heads", "kv_heads"):
            here, there = getattr(other.shape, what), getattr(first.shape, what)
            if here != there:
                problem = (
                    f"not of the same model as {first.path}: {what} "
                    f"{quoted(here)}, not {quoted(there)}"
                )
                raise ModelError(problem, source=other.path)


def _checkpoint(model: Model) -> dict[str, object]:
    exact = model.shape.checkpoint_bytes
    shape = plain(model.config) | ({} if exact is None else {"checkpoint_bytes": exact})
    return {"name": model.name, "path": model.path, "model_shape": shape}


class _Entry(Record):
    """A profile, before it is known whether it needs a name of its own."""

    tags: Mapping[str, str]
    requires: Mapping[str, object]

    @property
    def id(self) -> str:
        return profile_from_tags("", self.tags, name="").computed_id

    def document(self, name: str | None) -> dict[str, object]:
        named = {} if name is None else {"name": name}
        return {"id": self.id, **named, "tags": dict(self.tags), "requires": dict(self.requires)}


def _entries(models: Sequence[Model], wanted: Wanted, notes: list[str]) -> Iterator[_Entry]:
    for engine in tuple(Engine) if wanted.engines is None else wanted.engines:
        for match in ways_of(engine, wanted.engine_version, models, wanted.precisions, notes):
            for tp, pp, budget in _held(match, wanted, notes):
                requires = _requires(match, budget)
                for lora in ("false", "true") if wanted.lora else ("false",):
                    tags = {
                        "llm_engine": str(engine),
                        "precision": str(match.way.precision),
                        "tp": str(tp),
                        "pp": str(pp),
                        "feat_lora": lora,
                    }
                    if len(models) > 1:
                        tags["checkpoint"] = match.model.name
                    yield _Entry(tags, requires)


def _held(
    match: EngineMatch, wanted: Wanted, notes: list[str]
) -> Iterator[tuple[int, int, Budget | None]]:
    """The layouts of which a known GPU holds its share with the shortest context; their budgets."""
    largest = _largest_gpu(match.capability)
    if not largest:
        return  # no GPU is both what the format and what the model needs
    any_fits = False
    for tp, pp in _layouts(match, wanted):
        budget = _budget(match, wanted, tp, pp)
        if budget is None or budget.least_bytes <= largest or _starts(budget, largest):
            any_fits = True
            yield tp, pp, budget
    if not any_fits:
        way = f"{match.way.engine}: {match.model.name} in {match.way.precision}"
        notes.append(f"{way}: no known GPU holds its share of the weights")


def _starts(budget: Budget, size: int) -> bool:
    """Whether an engine with the defaults of a GPU of this size has room for a short context."""
    if budget.gpu_bytes(None) > size:
        return False
    on_it = memory_budget(budget.shape, budget.asked, Gpu(0, memory_total_mib=size // MIB))
    return on_it is not None and on_it.least_bytes <= size


def _layouts(match: EngineMatch, wanted: Wanted) -> Iterator[tuple[int, int]]:
    """Tensor and pipeline parallel sizes: pp for what tp does not divide, and over nodes.

    Source: vllm 0.33.0, docs/serving/parallelism_scaling.md, with its edge case of uneven splits.
    """
    shape, way = match.model.shape, match.way
    most = min(wanted.max_tp, way.most_tp or wanted.max_tp)
    powers = [2**n for n in range(wanted.max_tp.bit_length())]

    def divides(tp: int, pp: int = 1) -> bool:
        version = wanted.engine_version
        torn = indivisible(shape, way.engine, tp, pp, precision=way.precision, version=version)
        return not any(torn)

    sizes = range(1, most + 1) if shape.heads else [size for size in powers if size <= most]
    whole = [tp for tp in sizes if divides(tp)]
    yield from ((tp, 1) for tp in whole)
    if not match.served.pp:
        return
    for gpus in powers:
        tp = max(tp for tp in whole if gpus % tp == 0)
        if tp < gpus and divides(tp, gpus // tp):
            yield tp, gpus // tp
    tp = max(tp for tp in whole if wanted.max_tp % tp == 0)
    for nodes in range(2, wanted.max_nodes + 1):
        if divides(tp, wanted.max_tp // tp * nodes):
            yield tp, wanted.max_tp // tp * nodes


def _budget(match: EngineMatch, wanted: Wanted, tp: int, pp: int) -> Budget | None:
    """The memory of the smallest usual GPU that holds a full context, or of the largest one."""
    serving = Serving(match.way.engine, wanted.engine_version, match.way.precision, tp=tp, pp=pp)
    budget = None
    for size_mib in _USUAL_MIB:
        budget = memory_budget(match.model.shape, serving, Gpu(0, memory_total_mib=size_mib))
        if budget is None or budget.gpu_bytes(budget.wanted_cache) <= size_mib * MIB:
            break
    return budget


_USUAL_MIB = (24 << 10, 48 << 10, 80 << 10, 192 << 10)
"""Engines have other defaults on larger GPUs."""


@lru_cache(maxsize=64)
def _largest_gpu(capability: str) -> int:
    """Bytes of the largest known GPU of a compute capability that meets this specifier set."""
    sizes = (
        product.memory_mib or 0
        for product in products()
        if satisfies(str(product.compute_capability), capability)
    )
    return max(sizes, default=0) * MIB


def _requires(match: EngineMatch, budget: Budget | None) -> dict[str, object]:
    requires: dict[str, object] = {}
    if capability := match.required_capability:
        requires["compute_capability"] = capability
    versions = narrowest(match.way.versions, match.served.versions)
    if versions:
        requires["engine"] = f"{match.way.engine}{versions}"
    if budget is not None:
        tenths = -(-budget.gpu_bytes(budget.wanted_cache) * 10 // GIB)
        requires["estimated_memory_gib_per_gpu"] = tenths / 10
    return requires
