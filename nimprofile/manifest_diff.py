"""What changed from one manifest to another, and does the selection change with it?"""

from __future__ import annotations

from nimprofile.decision import select
from nimprofile.rank import deciding
from nimprofile.record import Record
from nimprofile.words import message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from nimprofile.decision import Decision
    from nimprofile.dialects import Manifest
    from nimprofile.inventory import Inventory
    from nimprofile.profile import Profile
    from nimprofile.rank import Policy
    from nimprofile.request import Request


class Edit(Record):
    """One thing that is said otherwise; None: not at all."""

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
    changed: tuple[Changed, ...]
    same: int

    @property
    def empty(self) -> bool:
        """Whether the two say the same."""
        return not (self.head or self.added or self.gone or self.changed)


def diff(old: Manifest, new: Manifest) -> ManifestDiff:
    """Compare two manifests: profiles by their ids, and those without a twin by their names."""
    by_id = {profile.id: profile for profile in new.profiles}
    pairs = [(each, by_id[each.id]) for each in old.profiles if each.id in by_id]
    paired = {each.id for each, _ in pairs}
    left = [each for each in old.profiles if each.id not in paired]
    came = [each for each in new.profiles if each.id not in paired]
    for profile in left:
        alike = [each for each in came if each.name == profile.name]
        if len(alike) == 1 and [each.name for each in left].count(profile.name) == 1:
            pairs.append((profile, alike[0]))
    paired = {each.id for pair in pairs for each in pair}
    changed = [Changed(a, b, edits) for a, b in pairs if (edits := tuple(_edits(a, b)))]
    return ManifestDiff(
        tuple(_head(old, new)),
        tuple(each for each in new.profiles if each.id not in paired),
        tuple(each for each in old.profiles if each.id not in paired),
        tuple(changed),
        len(pairs) - len(changed),
    )


def _head(old: Manifest, new: Manifest) -> Iterator[Edit]:
    for what in ("model", "engine_version"):
        a, b = getattr(old, what), getattr(new, what)
        if a != b:
            yield Edit(what, a, b)
    if not (old.checkpoints or new.checkpoints) and old.model_shape != new.model_shape:
        yield Edit("model_shape", _shape(old.model_shape), _shape(new.model_shape))
    before = {each.name: each.shape for each in old.checkpoints}
    after = {each.name: each.shape for each in new.checkpoints}
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield Edit(f"checkpoint {name}", _shape(before.get(name)), _shape(after.get(name)))


def _shape(shape: Any) -> str | None:
    if shape is None:
        return None
    exact = "" if shape.checkpoint_bytes is None else f", {shape.checkpoint_bytes:,} bytes"
    return f"{shape.architecture or 'figures'}, {shape.parameters:,} parameters{exact}"


def _edits(old: Profile, new: Profile) -> Iterator[Edit]:
    if old.id != new.id:
        yield Edit("id", old.id, new.id)
    if old.name != new.name:
        yield Edit("name", old.name, new.name)
    for tag in sorted(old.tags.keys() | new.tags.keys()):
        a, b = old.tags.get(tag), new.tags.get(tag)
        if a != b:
            yield Edit(f"tags.{tag}", a, b)
    for key in old.requires.__match_args__:
        a, b = getattr(old.requires, key), getattr(new.requires, key)
        if a != b:
            yield Edit(f"requires.{key}", _text(a), _text(b))


def _text(value: object) -> str | None:
    return None if value is None else str(value)


class SelectionChange(Record):
    """What each of two manifests selects on one machine.

    Attributes:
        old, new: the decisions.
        why: why what was selected is no longer; "" when it is, or when nothing was.
    """

    old: Decision
    new: Decision
    why: str

    @property
    def changes(self) -> bool:
        """Whether another profile is selected, by its id and its GPUs."""
        picked = [
            None if one.selected is None else (one.selected.profile.id, one.selected.gpus)
            for one in (self.old, self.new)
        ]
        return picked[0] != picked[1]


def selection_change(
    old: Manifest, new: Manifest, inventory: Inventory, request: Request, policy: Policy
) -> SelectionChange:
    """Select from both manifests on the same machine."""
    before = select(old, inventory, request, policy)
    after = select(new, inventory, request, policy)
    return SelectionChange(before, after, _why(before, after))


def _why(before: Decision, after: Decision) -> str:
    was, now = before.selected, after.selected
    if was is None or (now is not None and now.profile.id == was.profile.id):
        return ""
    try:
        verdict = after.verdict(was.profile)
    except KeyError:
        return "it is gone"
    if now is None or not verdict.fits:
        return "; ".join(message(reason) for reason in verdict.reasons)
    criterion = deciding(now, verdict, after.policy)
    return f"{criterion.name}: {criterion.prefers}"
