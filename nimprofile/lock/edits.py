"""How two locks differ, in the words of `manifest diff`: one `Edit` for each thing."""

from __future__ import annotations

from nimprofile.authoring.diff import Edit
from nimprofile.base.printable import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from nimprofile.base.record import Record
    from nimprofile.lock.record import (
        Expected,
        Lock,
        LockedChoice,
        LockedMachine,
        LockedManifest,
        LockedProduct,
        LockedWeights,
    )


def lock_edits(old: Lock, new: Lock) -> tuple[Edit, ...]:
    """All that differs between two locks, but for the version that wrote them."""
    found = [
        *choice_edits(old.choice, new.choice),
        *(edit("name", old.choice.name, new.choice.name) if old.choice.id == new.choice.id else ()),
        *edits(old.choice, new.choice, ("objective", "pinned_by")),
        *mapped("tags.", old.choice.tags, new.choice.tags),
        *edit("deciding", _deciding(old.choice), _deciding(new.choice)),
        *mapped("gate ", _gates(old.choice), _gates(new.choice)),
        *expected_edits(old.expected, new.expected),
        *edit("words", " ".join(old.words), " ".join(new.words)),
        *made_of_edits(old, new),
    ]
    if not found and old.replace(written_by=new.written_by) != new:
        found += edit("manifest", old.manifest.source, new.manifest.source)
        found += edit("weights", _listed(old.weights, "path"), _listed(new.weights, "path"))
    return tuple(found)


def made_of_edits(old: Lock, new: Lock) -> Iterator[Edit]:
    """How what two decisions were made of differs."""
    yield from manifest_edits(old.manifest, new.manifest)
    yield from edit("image", old.image, new.image)
    yield from edit("image digest", old.image_digest, new.image_digest)
    yield from weights_edits(old.weights, new.weights)
    yield from machine_edits(old.machine, new.machine)
    yield from mapped("", old.wishes, new.wishes)
    yield from edit("policy", old.policy, new.policy)
    yield from edit("policy origin", old.policy_origin, new.policy_origin)


def argument_edits(old: Sequence[str], new: Sequence[str]) -> Iterator[Edit]:
    """How the words after `--` differ, which go to the server as they are."""
    at = old.index("--") + 1 if "--" in old else len(old)
    yield from edit("server arguments", " ".join(old[at:]) or None, " ".join(new) or None)


def _deciding(choice: LockedChoice) -> str | None:
    found = choice.deciding
    if found is None:
        return None
    return f"{found.name}: {found.better} before {found.worse}, over {shown(found.over)}"


def _gates(choice: LockedChoice) -> dict[str, str]:
    return {gate.gate: gate.passed for gate in choice.gates}


STARTED = (
    *("server", "engine", "engine_version", "precision", "tp", "pp", "gpus", "lora"),
    *("max_model_len", "kv_cache_dtype"),
)
"""What is started, beside the profile; what either side does not know is not compared."""


def choice_edits(locked: LockedChoice, today: LockedChoice | None) -> tuple[Edit, ...]:
    """What of two choices is not the same; all of it may be gone."""
    if today is None:
        return (Edit("profile", _profile(locked), None),)
    found = []
    if locked.id != today.id:
        found.append(Edit("profile", _profile(locked), _profile(today)))
    found += edits(locked, today, STARTED)
    return tuple(found)


def _profile(choice: LockedChoice) -> str:
    return f"{shown(choice.name)} ({shown(choice.id)[:12]})"


def manifest_edits(old: LockedManifest, new: LockedManifest) -> Iterator[Edit]:
    """How two manifests differ; of one text it does not matter where it lies."""
    if old.sha256 == new.sha256:
        return
    yield from edit("manifest", old.source, new.source)
    yield from edit("manifest digest", old.sha256, new.sha256)
    yield from edits(old, new, ("model", "release", "profiles"))


def weights_edits(old: Iterable[LockedWeights], new: Iterable[LockedWeights]) -> Iterator[Edit]:
    """How the weights differ; of those of one digest it does not matter where they lie."""
    before, after = [*old], [*new]
    if [weights.replace(path="") for weights in before] == [
        weights.replace(path="") for weights in after
    ]:
        return
    yield from edit("weights", _listed(before, "path"), _listed(after, "path"))
    for what in ("config_sha256", "index_sha256"):
        yield from edit(f"weights {what}", _listed(before, what), _listed(after, what))


def _listed(weights: Iterable[LockedWeights], what: str) -> str | None:
    return ", ".join(str(getattr(each, what) or "none") for each in weights) or None


def machine_edits(old: LockedMachine, new: LockedMachine) -> Iterator[Edit]:
    """How two machines differ."""
    yield from edits(old, new, ("driver", "cuda", "cpu_architecture"))
    yield from edit("GPUs", _counted(old.gpus), _counted(new.gpus))
    yield from edits(old, new, ("unavailable",))
    memory = [[(gpu.name, gpu.memory_mib) for gpu in machine.gpus] for machine in (old, new)]
    if _counted(old.gpus) == _counted(new.gpus) and memory[0] != memory[1]:
        yield from edit("GPU memory", *(_memory(machine.gpus) for machine in (old, new)))
    yield from edit("GPU UUIDs", *(_uuids(machine.gpus) for machine in (old, new)))


def _counted(gpus: Iterable[LockedProduct]) -> str:
    return " + ".join(f"{gpu.count} × {shown(gpu.name)}" for gpu in gpus) or "none"


def _memory(gpus: Iterable[LockedProduct]) -> str:
    return " + ".join(f"{gpu.memory_mib or '?'} MiB" for gpu in gpus)


def _uuids(gpus: Iterable[LockedProduct]) -> str | None:
    return ", ".join(uuid for gpu in gpus for uuid in gpu.uuids) or None


def expected_edits(old: Expected | None, new: Expected | None) -> Iterator[Edit]:
    """How what is expected of a start differs."""
    for name in ("weights_bytes", "kv_cache_bytes", "kv_cache_tokens", "memory_bytes"):
        values = (None if side is None else getattr(side, name) for side in (old, new))
        yield from edit(f"expected {name}", *values)


def edits(old: Record, new: Record, names: Iterable[str]) -> Iterator[Edit]:
    """The fields of these names that two records do not have alike."""
    for name in names:
        yield from edit(LABELS.get(name, name), getattr(old, name), getattr(new, name))


LABELS = {
    "engine_version": "engine version",
    "max_model_len": "context",
    "kv_cache_dtype": "KV cache",
    "cuda": "CUDA",
    "cpu_architecture": "CPU architecture",
    "profiles": "profiles of the manifest",
    "unavailable": "unavailable GPUs",
    "pinned_by": "pinned by",
    "release": "manifest release",
    "model": "manifest model",
}


def mapped(before: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Edit]:
    """The keys that two mappings do not have alike, each with a text before it."""
    for key in sorted(old.keys() | new.keys()):
        yield from edit(f"{before}{key}", old.get(key), new.get(key))


def edit(what: str, old: object, new: object) -> Iterator[Edit]:
    """One thing with what it was and what it is; nothing where these are the same."""
    if old != new:
        yield Edit(what, _text(old), _text(new))


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return None if value is None else str(value)
