"""Rules about what tells profiles apart: criteria, names and ids."""

from __future__ import annotations

from nimprofile.authoring.findings import WARNING, RuleFinding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile import Profile


def twins(manifest: Manifest) -> Iterator[RuleFinding]:
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
            yield RuleFinding(WARNING, others[0].id, (), problem=problem, suggestion=suggestion)


def same_names(manifest: Manifest) -> Iterator[RuleFinding]:
    """A name that several profiles have cannot be pinned."""
    named: dict[str, list[Profile]] = {}
    for profile in manifest.profiles:
        named.setdefault(profile.name.casefold(), []).append(profile)
    for alike in named.values():
        if len(alike) > 1:
            problem = f"{len(alike)} profiles are called {alike[0].name}: pin them by their ids"
            yield RuleFinding(WARNING, alike[1].id, (), problem=problem)


def edited_tags(manifest: Manifest) -> Iterator[RuleFinding]:
    """Where most ids are the hash of their tags, one that is not has had its tags edited."""
    own = [profile for profile in manifest.profiles if not profile.tags_from_name]
    wrong = [profile for profile in own if profile.id != profile.computed_id]
    if len(wrong) * 2 < len(own):
        for profile in wrong:
            problem = "the id is not the hash of its tags, as it is in the other profiles"
            suggestion = f"with these tags it is {profile.computed_id}"
            yield RuleFinding(WARNING, profile.id, ("id",), problem=problem, suggestion=suggestion)
