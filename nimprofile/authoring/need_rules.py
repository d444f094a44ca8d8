"""Rules about what a profile needs: memory, an engine that serves it, a GPU that runs it."""

from __future__ import annotations

from nimprofile.authoring.findings import ERROR, WARNING, RuleFinding
from nimprofile.base.enums import Engine
from nimprofile.base.names.patterns import NamePatterns
from nimprofile.base.units import format_gib
from nimprofile.base.versions import split_requirement
from nimprofile.engines.memory.need import Needs
from nimprofile.engines.spec import spec_of
from nimprofile.engines.support import stored_as
from nimprofile.hardware.catalog import mock_inventory, products
from nimprofile.hardware.gpu_groups import Machine
from nimprofile.model.weights import weight_bytes
from nimprofile.selection.fit import Judge
from nimprofile.selection.messages import message
from nimprofile.selection.reasons import INCOMPATIBLE, TooFewGpus
from nimprofile.selection.request import Request
from nimprofile.selection.rules import not_divisible

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.hardware.catalog import Product
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile import Profile


def memory_below_weights(manifest: Manifest) -> Iterator[RuleFinding]:
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
            yield RuleFinding(ERROR, profile.id, _stated_at(profile), problem=problem)


def memory_of_all_gpus(manifest: Manifest) -> Iterator[RuleFinding]:
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
                yield RuleFinding(
                    WARNING, profile.id, _stated_at(profile), problem=problem, suggestion=suggestion
                )


def _stated_at(profile: Profile) -> tuple[str, ...]:
    source = "" if profile.memory is None else profile.memory.source
    if source.startswith("requires."):
        return ("requires", source.removeprefix("requires."))
    return ("tags", "min_vram_per_device_gb")


def wrong_engine(manifest: Manifest) -> Iterator[RuleFinding]:
    """`requires.engine` is about the profile's own engine."""
    for profile in manifest.profiles:
        needed = profile.requires.engine
        if needed is None or profile.engine is None:
            continue
        name = split_requirement(needed)[0].lower().replace("-", "_")
        if (Engine.known(name) or name) != profile.engine:
            problem = f"{needed} is about {name}; the profile is served by {profile.engine}"
            yield RuleFinding(ERROR, profile.id, ("requires", "engine"), problem=problem)


_OF_NIM = frozenset({"nim_workspace_hash_v1", "min_vram_per_device_gb", "profile"})


def unsupported_checkpoint(manifest: Manifest) -> Iterator[RuleFinding]:
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
            yield RuleFinding(
                WARNING, profile.id, ("tags", "precision"), problem=problem, suggestion=suggestion
            )


def never_runs(manifest: Manifest) -> Iterator[RuleFinding]:
    """A profile that no number of any known GPU can run.

    Rules look at one GPU at a time, so one of each product is enough to ask.
    """
    request = Request(empty_gpu_gate=False)
    needs = Needs(manifest.shape_of, request.serving)
    by_size = sorted(products(), key=lambda product: -(product.memory_mib or 0))
    judges: dict[str, Judge] = {}
    patterns = NamePatterns()  # searched in the time of one machine
    for profile in manifest.profiles:
        torn = not_divisible(profile, needs)
        if torn:
            yield RuleFinding(ERROR, profile.id, ("tags", torn[0].by), problem=message(torn[0]))
            continue
        if profile.unknown_engine or profile.unknown_precision:
            continue
        largest = None
        for product in by_size:
            if not _is_for(profile, product, patterns):
                continue
            if product.short not in judges:
                machine = Machine(mock_inventory(product.short), patterns=patterns)
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
                problems = "; ".join(message(reason) for reason in reasons)
                problem = f"no known GPU can run it; on {product.name}: {problems}"
                yield RuleFinding(WARNING, profile.id, (), problem=problem)


def _is_for(profile: Profile, product: Product, patterns: NamePatterns) -> bool:
    """Whether a profile is for any GPU, or for this one."""
    devices, names, pattern = profile.gpu_devices, profile.gpu_names, profile.gpu_pattern
    if not (devices or names or pattern):
        return True
    if not (product.spellings.isdisjoint(names) and set(devices).isdisjoint(product.device_ids)):
        return True
    return pattern is not None and patterns.find(pattern, product.name) is True
