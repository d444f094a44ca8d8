"""What can be wrong with a manifest that can be read?

A rule is a short function from a manifest to findings; the literal tuple says which there are. An
error means something else than it says, or never starts; a warning was probably not meant.
"""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum

from nimprofile.base.enums import Engine, Objective, Precision
from nimprofile.base.errors import UnknownGpuError
from nimprofile.base.record import Record
from nimprofile.base.units import format_gib
from nimprofile.base.versions import split_requirement
from nimprofile.engines.memory.need import Needs
from nimprofile.engines.spec import spec_of
from nimprofile.engines.support import stored_as
from nimprofile.hardware.catalog import find_product, mock_inventory, products
from nimprofile.hardware.gpu_groups import Machine
from nimprofile.manifest.dialects.registry import tags_are_fields
from nimprofile.model.weights import weight_bytes
from nimprofile.selection.fit import Judge, not_divisible
from nimprofile.selection.messages import message
from nimprofile.selection.reasons import INCOMPATIBLE, TooFewGpus
from nimprofile.selection.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from dataclasses import KW_ONLY

    from nimprofile.hardware.catalog import Product
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile import Profile


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    WARNING = "warning"


class Finding(Record):
    """One thing that is wrong, or likely to be.

    Attributes:
        severity: an error fails the check.
        rule: the name of the rule, `gpu_contradiction`.
        place: where, `profiles[3].tags.gpu`; "" is the manifest as a whole.
        problem: what is wrong.
        suggestion: what to do; "" when the problem says it.
        line: 1-based; None when it is not known.
    """

    severity: Severity
    rule: str
    place: str
    _: KW_ONLY
    problem: str
    suggestion: str = ""
    line: int | None = None


class Found(Record):
    """A finding of a rule, before its place in the text is known.

    `profile` is the id of a profile, "" for the manifest as a whole; `key` is a tag or a key in it.
    """

    severity: Severity
    profile: str
    key: tuple[str, ...]
    _: KW_ONLY
    problem: str
    suggestion: str = ""


ERROR, WARNING = Severity.ERROR, Severity.WARNING

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


def unknown_tags(manifest: Manifest) -> Iterator[Found]:
    """A tag that nobody reads is a slip of the pen, or of a NIM newer than these rules."""
    if tags_are_fields(manifest.dialect):
        return
    for profile in manifest.profiles:
        for tag in sorted(profile.tags.keys() - KNOWN_TAGS):
            problem = f"the tag {tag} is not known: nothing is selected by it"
            yield Found(
                WARNING,
                profile.id,
                ("tags", tag),
                problem=problem,
                suggestion=_meant(tag, KNOWN_TAGS),
            )


def unknown_values(manifest: Manifest) -> Iterator[Found]:
    """An engine or a precision that is not known rejects its profile; an objective ranks last."""
    for profile in manifest.profiles:
        tags = profile.tags
        for tag, value, known in (
            ("llm_engine", profile.unknown_engine, tuple(Engine)),
            ("precision", profile.unknown_precision, tuple(Precision)),
            (
                "profile",
                tags.get("profile") if profile.objective is None else None,
                tuple(Objective),
            ),
        ):
            if value is not None:
                problem = f"{value!r} is not known; known: {', '.join(known)}"
                yield Found(
                    WARNING,
                    profile.id,
                    ("tags", tag),
                    problem=problem,
                    suggestion=_meant(value, known),
                )


def unknown_gpus(manifest: Manifest) -> Iterator[Found]:
    """A GPU that no catalogue row has can only be matched by its very spelling."""
    for profile in manifest.profiles:
        for name in _words(profile, "gpu"):
            if _product(name) is None:
                known = [product.short for product in products()]
                problem = f"no known GPU is called {name!r}"
                yield Found(
                    WARNING,
                    profile.id,
                    ("tags", "gpu"),
                    problem=problem,
                    suggestion=_meant(name, known),
                )
        for device in _words(profile, "gpu_device"):
            if _product(device) is None:
                problem = f"no known GPU has the PCI id {device}"
                yield Found(WARNING, profile.id, ("tags", "gpu_device"), problem=problem)


def gpu_contradiction(manifest: Manifest) -> Iterator[Found]:
    """`gpu` and `gpu_device` must mean the same boards; NIM matches by the id.

    Boards of one family are only a warning: NIM's `a100` has been any of them.
    """
    for profile in manifest.profiles:
        named = [product for name in _words(profile, "gpu") if (product := _product(name))]
        for device in _words(profile, "gpu_device"):
            product = _product(device)
            if product is None or not named or product in named:
                continue
            names = ", ".join(each.short for each in named)
            ids = ", ".join(id for each in named for id in each.device_ids)
            problem = f"{device} is the {product.name}, but gpu says {names}"
            suggestion = f"{names} has {ids}" if ids else ""
            kin = any(_family(product) == _family(each) for each in named)
            severity = WARNING if kin else ERROR
            yield Found(
                severity, profile.id, ("tags", "gpu_device"), problem=problem, suggestion=suggestion
            )


def _family(product: Product) -> str:
    """`a100` of `a100_pcie_40gb`; boards without such a short name are their own family."""
    first = product.short.partition("_")[0]
    return first if any(sign.isdigit() for sign in first) else product.short


def gpu_count(manifest: Manifest) -> Iterator[Found]:
    """`number_of_gpus` is not less than tp x pp."""
    for profile in manifest.profiles:
        stated = profile.tags.get("number_of_gpus")
        if stated is None or profile.tp is None:
            continue
        if not (stated.isascii() and stated.isdigit() and len(stated) < 7):
            problem = f"{stated[:40]!r} is not a number of GPUs"
            yield Found(WARNING, profile.id, ("tags", "number_of_gpus"), problem=problem)
            continue
        product = f"tp {profile.tp} x pp {profile.pp or 1} is {profile.gpus_needed}"
        if int(stated) < profile.gpus_needed:
            problem = f"{stated} is too few: {product}"
            yield Found(ERROR, profile.id, ("tags", "number_of_gpus"), problem=problem)
        elif int(stated) > profile.gpus_needed:
            problem = f"{stated} is more than it uses: {product}"
            yield Found(WARNING, profile.id, ("tags", "number_of_gpus"), problem=problem)


def memory_below_weights(manifest: Manifest) -> Iterator[Found]:
    """What is stated for each GPU holds at least that GPU's share of the weights."""
    for profile in manifest.profiles:
        stated, shape = profile.memory, manifest.shape_of(profile)
        tp, pp = profile.tp, profile.pp or 1
        if stated is None or shape is None or tp is None or not 0 < pp <= len(shape.layers):
            continue
        weights = max(weight_bytes(shape, profile.precision, tp, pp))
        if stated.full_bytes < weights:
            problem = (
                f"{format_gib(stated.full_bytes)} per GPU is stated; its share of the weights "
                f"alone is {format_gib(weights)} (tp {tp}, pp {pp})"
            )
            yield Found(ERROR, profile.id, _stated_at(profile), problem=problem)


def memory_of_all_gpus(manifest: Manifest) -> Iterator[Found]:
    """The same memory for one GPU and for several is the sum of them, where each is meant."""
    groups: dict[object, list[Profile]] = {}
    for profile in manifest.profiles:
        if profile.memory is not None and profile.engine is not None:
            key = (profile.engine, profile.precision, profile.lora, profile.made_for)
            groups.setdefault((*key, profile.memory.full_bytes), []).append(profile)
    for alike in groups.values():
        fewest = min(profile.gpus_needed for profile in alike)
        for profile in alike:
            if profile.gpus_needed >= 2 * fewest and profile.memory is not None:
                problem = (
                    f"{format_gib(profile.memory.full_bytes)} per GPU on {profile.gpus_needed} "
                    f"GPUs, as on {fewest}"
                )
                suggestion = "state what one GPU needs, not what all of them need together"
                yield Found(
                    WARNING, profile.id, _stated_at(profile), problem=problem, suggestion=suggestion
                )


def wrong_engine(manifest: Manifest) -> Iterator[Found]:
    """`requires.engine` is about the profile's own engine."""
    for profile in manifest.profiles:
        needed = profile.requires.engine
        if needed is None or profile.engine is None:
            continue
        name = split_requirement(needed)[0].lower().replace("-", "_")
        if (Engine.known(name) or name) != profile.engine:
            problem = f"{needed} is about {name}; the profile is served by {profile.engine}"
            yield Found(ERROR, profile.id, ("requires", "engine"), problem=problem)


_OF_NIM = frozenset({"nim_workspace_hash_v1", "min_vram_per_device_gb", "profile"})


def unsupported_checkpoint(manifest: Manifest) -> Iterator[Found]:
    """The engine serves a checkpoint stored so in the profile's precision, as far as is known.

    Profiles tuned by NIM are not asked: they come with files of their own.
    """
    for profile in manifest.profiles:
        shape = manifest.shape_of(profile)
        if shape is None or not (manifest.checkpoints and profile.engine and profile.precision):
            continue
        tuned = profile.gpu_specific or profile.buildable or not _OF_NIM.isdisjoint(profile.tags)
        if tuned and profile.checkpoint is None:
            continue
        stored = stored_as(shape)
        served = dict.fromkeys(str(way.precision) for way in spec_of(profile.engine).ways(stored))
        if served and str(profile.precision) not in served:
            problem = (
                f"{profile.engine} is not known to serve a checkpoint stored as {stored} in "
                f"{profile.precision}"
            )
            suggestion = f"one of {', '.join(served)}"
            yield Found(
                WARNING, profile.id, ("tags", "precision"), problem=problem, suggestion=suggestion
            )


def never_runs(manifest: Manifest) -> Iterator[Found]:
    """A profile that no number of any known GPU can run.

    Rules look at one GPU at a time, so one of each product is enough to ask.
    """
    request = Request(empty_gpu_gate=False)
    needs = Needs(manifest.shape_of, request.serving)
    by_size = sorted(products(), key=lambda product: -(product.memory_mib or 0))
    judges: dict[str, Judge] = {}
    for profile in manifest.profiles:
        torn = not_divisible(profile, needs)
        if torn:
            yield Found(ERROR, profile.id, ("tags", torn[0].by), problem=message(torn[0]))
            continue
        if profile.unknown_engine or profile.unknown_precision:
            continue
        largest = None
        for product in by_size:
            if not _is_for(profile, product):
                continue
            if product.short not in judges:
                machine = Machine(mock_inventory(product.short))
                judges[product.short] = Judge(machine, request, needs=needs)
            verdict = judges[product.short].verdict(profile)
            reasons = [
                reason
                for reason in verdict.reasons
                if reason.effect is INCOMPATIBLE and not isinstance(reason, TooFewGpus)
            ]
            if not reasons:
                break
            largest = largest or (product, reasons)
        else:
            if largest is not None:  # else of a GPU that is not known, which another rule says
                product, reasons = largest
                told = "; ".join(message(reason) for reason in reasons)
                problem = f"no known GPU can run it; on {product.name}: {told}"
                yield Found(WARNING, profile.id, (), problem=problem)


def _is_for(profile: Profile, product: Product) -> bool:
    """Whether a profile is for any GPU, or for this one."""
    devices, names = set(profile.gpu_devices), set(profile.gpu_names)
    if not (devices or names):
        return True
    return not (devices.isdisjoint(product.device_ids) and names.isdisjoint(product.spellings))


def twins(manifest: Manifest) -> Iterator[Found]:
    """Profiles that no criterion but their names tells apart."""
    groups: dict[object, list[Profile]] = {}
    for profile in manifest.profiles:
        if profile.engine is None:
            continue  # speech and retrieval have criteria of their own
        key = (
            *(profile.engine, profile.precision, profile.objective, profile.tp, profile.pp),
            *(profile.gpu_names, profile.gpu_devices, profile.exact_capability, profile.buildable),
            *(profile.lora, profile.unknown_precision, profile.requires),
        )
        groups.setdefault(key, []).append(profile)
    for alike in groups.values():
        if len(alike) > 1:
            first, *others = alike
            problem = (
                f"{len(alike)} profiles that only their names tell apart: "
                f"{', '.join(profile.name for profile in alike[:4])}{', …' * (len(alike) > 4)}"
            )
            suggestion = f"remove all but one, or pin the one that is meant (first: {first.id})"
            if len({profile.checkpoint for profile in alike}) == len(alike):
                suggestion = f"--tags checkpoint={first.checkpoint} selects one"
            yield Found(WARNING, others[0].id, (), problem=problem, suggestion=suggestion)


def same_names(manifest: Manifest) -> Iterator[Found]:
    """A name that several profiles have cannot be pinned."""
    named: dict[str, list[Profile]] = {}
    for profile in manifest.profiles:
        named.setdefault(profile.name.casefold(), []).append(profile)
    for alike in named.values():
        if len(alike) > 1:
            problem = f"{len(alike)} profiles are called {alike[0].name}: pin them by their ids"
            yield Found(WARNING, alike[1].id, (), problem=problem)


def edited_tags(manifest: Manifest) -> Iterator[Found]:
    """Where most ids are the hash of their tags, one that is not has had its tags edited."""
    own = [profile for profile in manifest.profiles if not profile.tags_from_name]
    wrong = [profile for profile in own if profile.id != profile.computed_id]
    if len(wrong) * 2 < len(own):
        for profile in wrong:
            problem = "the id is not the hash of its tags, as it is in the other profiles"
            suggestion = f"with these tags it is {profile.computed_id}"
            yield Found(WARNING, profile.id, ("id",), problem=problem, suggestion=suggestion)


RULES: tuple[Callable[[Manifest], Iterable[Found]], ...] = (
    unknown_tags,
    unknown_values,
    unknown_gpus,
    gpu_contradiction,
    gpu_count,
    memory_below_weights,
    memory_of_all_gpus,
    wrong_engine,
    unsupported_checkpoint,
    never_runs,
    twins,
    same_names,
    edited_tags,
)


def _stated_at(profile: Profile) -> tuple[str, ...]:
    source = "" if profile.memory is None else profile.memory.source
    if source.startswith("requires."):
        return ("requires", source.removeprefix("requires."))
    return ("tags", "min_vram_per_device_gb")


def _words(profile: Profile, tag: str) -> list[str]:
    return [word.strip() for word in profile.tags.get(tag, "").split(",") if word.strip()]


def _product(name: str) -> Product | None:
    try:
        return find_product(name)
    except UnknownGpuError:
        return None


def _meant(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word.lower(), [str(each) for each in known], 1, 0.6)
    return f"did you mean {near[0]}?" if near else ""
