"""Rules about the tags of a profile: their names, their values and the GPUs they mean."""

from __future__ import annotations

from nimprofile.authoring.findings import ERROR, WARNING, RuleFinding
from nimprofile.base.enums import Engine, Objective, Precision
from nimprofile.base.names.nearest import nearest
from nimprofile.base.names.patterns import problem_of
from nimprofile.base.printable import quoted
from nimprofile.hardware.catalog import known_product, products
from nimprofile.manifest.dialects.registry import tags_are_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nimprofile.hardware.catalog import Product
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile import Profile

KNOWN_TAGS = frozenset(
    {
        *("llm_engine", "precision", "tp", "pp", "profile", "gpu", "gpu_device", "feat_lora"),
        *("feat_lora_max_rank", "trtllm_buildable", "min_vram_per_device_gb", "number_of_gpus"),
        *("nim_workspace_hash_v1", "runtime_optimization", "compute_capability", "ampereplus"),
        *("backend", "model_type", "type", "name", "key", "product_name_regex", "batch_size", "bs"),
        *("mode", "vad", "diarizer", "checkpoint"),
    }
)
"""Tags seen in public manifests and listings (the corpus), and `checkpoint`, which is ours."""

MOST_COMPARED = 100
"""So many unknown words of a kind are compared with all that is known: of more than that, a
suggestion for each helps nobody, and looking for it takes longer than the rest of the check."""

MOST_NAMED = 8
"""Of the boards that one profile is for, in one sentence."""


def unknown_tags(manifest: Manifest) -> Iterator[RuleFinding]:
    """A tag that no rule reads is a slip of the pen, or of a NIM newer than these rules."""
    if tags_are_fields(manifest.dialect):
        return
    meant = _Meant(KNOWN_TAGS)
    for profile in manifest.profiles:
        for tag in sorted(profile.tags.keys() - KNOWN_TAGS):
            problem = f"the tag {tag} is not known: nothing is selected by it"
            yield RuleFinding(
                WARNING,
                profile.id,
                ("tags", tag),
                problem=problem,
                suggestion=meant(tag),
            )


def unknown_values(manifest: Manifest) -> Iterator[RuleFinding]:
    """An engine or a precision that is not known rejects its profile; an objective ranks last."""
    engines, precisions, objectives = _Meant(Engine), _Meant(Precision), _Meant(Objective)
    for profile in manifest.profiles:
        objective = profile.tags.get("profile") if profile.objective is None else None
        for tag, value, meant in (
            ("llm_engine", profile.unknown_engine, engines),
            ("precision", profile.unknown_precision, precisions),
            ("profile", objective, objectives),
        ):
            if value is not None:
                problem = f"{quoted(value)} is not known; known: {', '.join(meant.known)}"
                yield RuleFinding(
                    WARNING,
                    profile.id,
                    ("tags", tag),
                    problem=problem,
                    suggestion=meant(value),
                )


def unknown_gpus(manifest: Manifest) -> Iterator[RuleFinding]:
    """A GPU that no catalogue row has can only be matched by its very spelling."""
    meant = _Meant(product.short for product in products())
    for profile in manifest.profiles:
        for name in _words(profile, "gpu"):
            if known_product(name) is None:
                problem = f"no known GPU is called {quoted(name)}"
                yield RuleFinding(
                    WARNING,
                    profile.id,
                    ("tags", "gpu"),
                    problem=problem,
                    suggestion=meant(name),
                )
        for device in _words(profile, "gpu_device"):
            if known_product(device) is None:
                problem = f"no known GPU has the PCI id {device}"
                yield RuleFinding(WARNING, profile.id, ("tags", "gpu_device"), problem=problem)


def gpu_contradiction(manifest: Manifest) -> Iterator[RuleFinding]:
    """`gpu` and `gpu_device` must mean the same boards; NIM matches by the id.

    Boards of one family are only a warning: NIM's `a100` has been any of them.
    """
    for profile in manifest.profiles:
        named = [product for name in _words(profile, "gpu") if (product := known_product(name))]
        if not named:
            continue
        families = {_family(product) for product in named}
        boards = tuple(dict.fromkeys(named))
        names = ", ".join(board.short for board in boards[:MOST_NAMED])
        ids = ", ".join(id for board in boards[:MOST_NAMED] for id in board.device_ids)
        for device in _words(profile, "gpu_device"):
            product = known_product(device)
            if product is None or product in boards:
                continue
            problem = f"{device} is the {product.name}, but gpu says {names}"
            suggestion = f"{names} has {ids}" if ids else ""
            severity = WARNING if _family(product) in families else ERROR
            yield RuleFinding(
                severity, profile.id, ("tags", "gpu_device"), problem=problem, suggestion=suggestion
            )


def patterns_searched(manifest: Manifest) -> Iterator[RuleFinding]:
    """A `product_name_regex` that is not searched within bounds means no GPU by its pattern."""
    for profile in manifest.profiles:
        pattern = profile.gpu_pattern
        if pattern is not None and (problem := problem_of(pattern)):
            yield RuleFinding(
                WARNING,
                profile.id,
                ("tags", "product_name_regex"),
                problem=f"it is not searched: {problem}",
                suggestion="a plain pattern of the product's label, such as ^NVIDIA-A10(?!0).*",
            )


def _family(product: Product) -> str:
    """`a100` of `a100_pcie_40gb`; boards without such a short name are their own family."""
    first = product.short.partition("_")[0]
    return first if any(sign.isdigit() for sign in first) else product.short


def gpu_count(manifest: Manifest) -> Iterator[RuleFinding]:
    """`number_of_gpus` is not less than tp x pp."""
    for profile in manifest.profiles:
        stated = profile.tags.get("number_of_gpus")
        if stated is None or profile.tp is None:
            continue
        if not (stated.isascii() and stated.isdigit() and len(stated) < 7):
            problem = f"{quoted(stated, 40)} is not a number of GPUs"
            yield RuleFinding(WARNING, profile.id, ("tags", "number_of_gpus"), problem=problem)
            continue
        product = f"tp {profile.tp} x pp {profile.pp or 1} is {profile.gpus_needed}"
        if int(stated) < profile.gpus_needed:
            problem = f"{stated} is too few: {product}"
            yield RuleFinding(ERROR, profile.id, ("tags", "number_of_gpus"), problem=problem)
        elif int(stated) > profile.gpus_needed:
            problem = f"{stated} is more than it uses: {product}"
            yield RuleFinding(WARNING, profile.id, ("tags", "number_of_gpus"), problem=problem)


def _words(profile: Profile, tag: str) -> list[str]:
    return [word.strip() for word in profile.tags.get(tag, "").split(",") if word.strip()]


class _Meant:
    """What words that are not known may be meant for, of the first different ones."""

    def __init__(self, known: Iterable[str]):
        self.known = tuple(map(str, known))
        self._answers: dict[str, str] = {}

    def __call__(self, word: str) -> str:
        folded = word.lower()
        if folded not in self._answers:
            if len(self._answers) == MOST_COMPARED:
                return ""
            near = nearest(folded, self.known)
            self._answers[folded] = f"did you mean {near[0]}?" if near else ""
        return self._answers[folded]
