"""The differences between two manifests, and whether the selection changes with them."""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.selection.decision import select
from nimprofile.selection.messages import message
from nimprofile.selection.rank import deciding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from dataclasses import KW_ONLY

    from nimprofile.hardware.inventory import Inventory
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile import Profile
    from nimprofile.model.shape import ModelShape
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.rank import Policy
    from nimprofile.selection.request import Request


class Edit(Record):
    """One thing that is said otherwise.

    Attributes:
        what: the thing.
        old: what was said of it; None: nothing.
        new: what is said of it now; None: nothing.
    """

    what: str
    old: str | None
    new: str | None


class Changed(Record):
    """A profile of both manifests that is not quite the same in both."""

    old: Profile
    new: Profile
    edits: tuple[Edit, ...]


class ManifestDiff(Record):
    """What is new, gone and changed.

    Attributes:
        head: of the manifest as a whole.
        added, gone: profiles, in the order of their manifest.
        changed: profiles of one id, or else of one name.
        same: how many profiles are the same.
    """

    head: tuple[Edit, ...]
    added: tuple[Profile, ...]
    gone: tuple[Profile, ...]
    _: KW_ONLY
    changed: tuple[Changed, ...]
    same: int

    @property
    def empty(self) -> bool:
        """Whether the two say the same."""
        return not (self.head or self.added or self.gone or self.changed)


def diff(old: Manifest, new: Manifest) -> ManifestDiff:
    """Compare two manifests: profiles by their ids, and those without a twin by their names."""
    pairs = _pairs(old, new)
    paired = {profile.id for pair in pairs for profile in pair}
    changed = [Changed(a, b, edits) for a, b in pairs if (edits := tuple(_edits(a, b)))]
    return ManifestDiff(
        tuple(_head(old, new)),
        tuple(profile for profile in new.profiles if profile.id not in paired),
        tuple(profile for profile in old.profiles if profile.id not in paired),
        changed=tuple(changed),
        same=len(pairs) - len(changed),
    )


def _pairs(old: Manifest, new: Manifest) -> list[tuple[Profile, Profile]]:
    """The profiles that both manifests have: of the same id, else of the same, unrepeated name."""
    by_id = {profile.id: profile for profile in new.profiles}
    pairs = [(profile, by_id[profile.id]) for profile in old.profiles if profile.id in by_id]
    paired = {profile.id for profile, _ in pairs}
    before, after = _by_name(old, paired), _by_name(new, paired)
    for name, namesakes in before.items():
        others = after.get(name, [])
        if len(namesakes) == len(others) == 1:
            pairs.append((namesakes[0], others[0]))
    return pairs


def _by_name(manifest: Manifest, paired: Container[str]) -> dict[str, list[Profile]]:
    """The profiles of each name, but for those whose id both manifests have."""
    by_name: dict[str, list[Profile]] = {}
    for profile in manifest.profiles:
        if profile.id not in paired:
            by_name.setdefault(profile.name, []).append(profile)
    return by_name


def _head(old: Manifest, new: Manifest) -> Iterator[Edit]:
    for what in ("model", "engine_version"):
        a, b = getattr(old, what), getattr(new, what)
        if a != b:
            yield Edit(what, a, b)
    before, after = (
        {checkpoint.name: checkpoint for checkpoint in manifest.checkpoints}
        for manifest in (old, new)
    )
    yield from _shapes(
        "model_shape",
        None if before else old.model_shape,
        None if after else new.model_shape,
    )
    for name in dict.fromkeys((*before, *after)):
        a, b = before.get(name), after.get(name)
        if a is not None and b is not None and a.path != b.path:
            yield Edit(f"checkpoint {name}: path", a.path, b.path)
        yield from _shapes(f"checkpoint {name}", a and a.shape, b and b.shape)


def _shapes(what: str, old: ModelShape | None, new: ModelShape | None) -> Iterator[Edit]:
    """How two shapes differ, in the figures that tell most of them."""
    if old is None or new is None:
        if old is not new:
            yield Edit(what, _shape(old), _shape(new))
        return
    edits = [
        Edit(f"{what}: {figure}", _figure(a), _figure(b))
        for figure in _FIGURES
        if (a := getattr(old, figure)) != (b := getattr(new, figure))
    ]
    stored = [shape.quantization.method if shape.quantization else "none" for shape in (old, new)]
    if stored[0] != stored[1]:
        edits.append(Edit(f"{what}: quantization", *stored))
    yield from edits
    if old != new and not edits:
        yield Edit(what, _shape(old), "other layers")


_FIGURES = ("architecture", "parameters", "max_position_embeddings", "checkpoint_bytes", "dtype")


def _figure(value: object) -> str | None:
    return f"{value:,}" if isinstance(value, int) else _text(value)


def _shape(shape: ModelShape | None) -> str | None:
    if shape is None:
        return None
    return f"{shape.architecture or 'figures'}, {shape.parameters:,} parameters"


def _edits(old: Profile, new: Profile) -> Iterator[Edit]:
    if old.id != new.id:
        yield Edit("id", old.id, new.id)
    if old.name != new.name:
        yield Edit("name", old.name, new.name)
    for tag in sorted(old.tags.keys() | new.tags.keys()):
        a, b = old.tags.get(tag), new.tags.get(tag)
        if a != b:
            yield Edit(f"tags.{tag}", a, b)
    for key in old.requires._fields:
        a, b = getattr(old.requires, key), getattr(new.requires, key)
        if a != b:
            yield Edit(f"requires.{key}", _text(a), _text(b))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


class SelectionChange(Record):
    """What each of two manifests selects on one machine.

    Attributes:
        old, new: the decisions.
        why: what has become of what was selected; "" when it still is, or when nothing was.
    """

    old: Decision
    new: Decision
    why: str

    @property
    def changes(self) -> bool:
        """Whether another profile is selected, by its id and its GPUs."""
        picked = [
            None
            if decision.selected is None
            else (decision.selected.profile.id, decision.selected.gpus)
            for decision in (self.old, self.new)
        ]
        return picked[0] != picked[1]


def selection_change(
    old: Manifest, new: Manifest, inventory: Inventory, request: Request, policy: Policy | str
) -> SelectionChange:
    """Select from both manifests on the same machine."""
    before = select(old, inventory, request, policy)
    after = select(new, inventory, request, policy)
    was = before.selected
    now = {} if was is None else {a.id: b for a, b in _pairs(old, new)}
    return SelectionChange(
        before, after, "" if was is None else what_became(now.get(was.profile.id), after)
    )


def what_became(profile: Profile | None, after: Decision) -> str:
    """Why what was selected before is no longer; "" when it is.

    Args:
        profile: what was selected, as the manifest has it now; None when it has it no more.
        after: what is decided now, without a pin.
    """
    if profile is None:
        return "is gone"
    now, verdict = after.selected, after.verdict(profile)
    if now is None or not verdict.fits:
        reasons = "; ".join(message(reason) for reason in verdict.reasons)
        return f"no longer runs: {reasons}"
    if now.profile.id == profile.id:
        return ""
    criterion = deciding(now, verdict, after.policy)
    return f"comes behind on {criterion.name}: {criterion.prefers}"
