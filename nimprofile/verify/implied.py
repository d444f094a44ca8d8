"""What follows from the profile that a server says it runs: its tags in the manifest, or its name.

A NIM's log often names the profile alone. What the manifest has of it, or else what its name says,
is what the NIM starts its engine with. It counts where the server itself tells nothing.
"""

from __future__ import annotations

from nimprofile.base.printable import shown
from nimprofile.verify.comparison import SHORTEST_ID, text_of
from nimprofile.verify.observation import TAG_FACTS, Fact, Observation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile import Profile
    from nimprofile.verify.observation import Value


def implied(seen: Iterable[Observation], manifest: Manifest | None = None) -> Iterator[Observation]:
    """What follows from the profiles that are named, each with the place that names it."""
    named = [each for each in seen if each.fact in {Fact.PROFILE_ID, Fact.PROFILE_NAME}]
    for each in named:
        profile = None if manifest is None else _profile(each, manifest)
        if profile is not None and manifest is not None:
            yield from _of_profile(each, profile)
    if manifest is None:
        for each in named:
            if each.fact is Fact.PROFILE_NAME:
                yield from _of_name(each)


def _profile(observation: Observation, manifest: Manifest) -> Profile | None:
    """The one profile that is meant; None where none is, or several are."""
    text = text_of(observation.value).strip().casefold()
    if observation.fact is Fact.PROFILE_NAME:
        found = [each for each in manifest.profiles if each.name.casefold() == text]
    else:
        beginning = text.rstrip(".…")
        whole = beginning == text or len(beginning) < SHORTEST_ID
        found = [
            each
            for each in manifest.profiles
            if (each.id.casefold() == text if whole else each.id.casefold().startswith(beginning))
        ]
    return found[0] if len(found) == 1 else None


def _of_profile(named: Observation, profile: Profile) -> Iterator[Observation]:
    from nimprofile.manifest.profile_conditions import our_tag, value_of

    def told(fact: Fact, value: Value, tag: str) -> Observation:
        text = f"{our_tag(tag)}={value} of {profile.title}, which {shown(named.text)!r} names"
        return named.replace(fact=fact, value=value, text=text)

    for tag, fact in TAG_FACTS.items():
        value = value_of(tag, profile, profile.gpus_needed)
        if value is not None:
            yield told(fact, value, tag)
    if profile.objective is not None:
        yield told(Fact.OBJECTIVE, str(profile.objective), "objective")
    yield told(Fact.PROFILE_NAME, profile.name, "name")
    yield told(Fact.PROFILE_ID, profile.id, "id")
    for tag, value in profile.tags.items():
        yield told(Fact.TAG, f"{tag}={value}", tag)


def _of_name(named: Observation) -> Iterator[Observation]:
    from nimprofile.manifest.profile_names import parse_name

    tags = parse_name(text_of(named.value)).tags
    for tag, value in tags.items():
        text = f"{tag}={value} by the name in {shown(named.text)!r}"
        if (fact := TAG_FACTS.get(tag)) is not None:
            yield named.replace(fact=fact, value=value, text=text)
        yield named.replace(fact=Fact.TAG, value=f"{tag}={value}", text=text)
