"""What is asked of tags that no profile of a manifest has: a tag or a value misspelt, mostly."""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.manifest.profile_conditions import (
    CONTEXT,
    OBJECTIVE,
    matches,
    our_tag,
    tag_of,
    value_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from dataclasses import KW_ONLY
    from typing import TypeAlias

    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile_conditions import Condition

    NeverMet: TypeAlias = "TagUnknown | TagValueUnknown | TagsContradict"


class TagUnknown(Record):
    """No profile of the manifest has a tag that is asked for; `near` are tags of like names."""

    tag: str
    near: tuple[str, ...]

    kind = "tag_unknown"

    def __str__(self) -> str:
        return f"no profile has a tag {self.tag}{_did_you_mean(self.near)}"


class TagValueUnknown(Record):
    """No profile of the manifest has the value that is asked for of a tag.

    Attributes:
        tag: the tag, in our words.
        value: what is asked for.
        values: what the profiles have.
        near: those of them that may be meant.
        by: the variable that asks for it; "" for a selector or a requirement.
    """

    tag: str
    value: str
    values: tuple[str, ...]
    _: KW_ONLY
    near: tuple[str, ...]
    by: str = ""

    kind = "tag_value_unknown"

    def __str__(self) -> str:
        by = f", which {self.by} asks for" if self.by else ""
        text = f"no profile has {self.tag}={self.value}{by}"
        if self.near:
            return text + _did_you_mean(self.near)
        more = len(self.values) - MOST_VALUES
        rest = f" and {more} more" if more > 0 else ""
        return f"{text}; there {_is(self.values)} {', '.join(self.values[:MOST_VALUES])}{rest}"


class TagsContradict(Record):
    """Two values of one tag are asked for, and no profile can have both."""

    tag: str
    values: tuple[str, ...]

    kind = "tags_contradict"

    def __str__(self) -> str:
        both = " and ".join(f"{self.tag}={value}" for value in self.values)
        return f"no profile can have {both}: conditions on tags add up"


MOST_VALUES = 5
"""Of a tag, in one sentence."""


def _did_you_mean(near: tuple[str, ...]) -> str:
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _is(values: tuple[str, ...]) -> str:
    return "is" if len(values) == 1 else "are"


def never_met(
    manifest: Manifest,
    tags: Iterable[tuple[str, str]],
    require: Iterable[Condition],
    sizes: Iterable[tuple[str, int, str]] = (),
) -> Iterator[NeverMet]:
    """Why no profile of a manifest can be as it is asked for, whatever the machine.

    Args:
        manifest: with the profiles.
        tags: values that tags must have.
        require: conditions on what runs.
        sizes: `tp` and `pp` that profiles must have or leave open, each with its variable.
    """
    tags = tuple(dict.fromkeys(tags))
    asked: dict[str, dict[str, str]] = {}
    for tag, value in tags:
        asked.setdefault(tag.casefold(), {}).setdefault(value.casefold(), value)
    for tag, values in asked.items():
        if len(values) > 1:
            yield TagsContradict(our_tag(tag), tuple(values.values()))
    for tag, value in tags:
        have = [tag_of(profile, tag) for profile in manifest.profiles]
        if all(text is None or text.casefold() != value.casefold() for text in have):
            yield from _never_met(tag, value, have, manifest)
    for asked_for in require:
        have = [value_of(asked_for.tag, profile, 1) for profile in manifest.profiles]
        left_open = asked_for.tag == "tp" and any(p.tp is None for p in manifest.profiles)
        # The number of GPUs decides a tp that is left open, and their memory the context.
        if asked_for.relation != "=" or left_open or asked_for.tag == CONTEXT:
            continue
        if not any(text is not None and matches(asked_for, text) for text in have):
            yield from _never_met(asked_for.tag, asked_for.value, have, manifest)
    yield from _sizes_never_met(sizes, manifest)


def _sizes_never_met(
    sizes: Iterable[tuple[str, int, str]], manifest: Manifest
) -> Iterator[TagValueUnknown]:
    """The sizes that every profile has otherwise; one that is left open is set to them."""
    for tag, size, by in sizes:
        counts = dict.fromkeys(getattr(profile, tag) for profile in manifest.profiles)
        if counts and not counts.keys() & {None, size}:
            yield TagValueUnknown(tag, str(size), tuple(map(str, counts)), near=(), by=by)


def _never_met(
    tag: str, value: str, have: Iterable[str | None], manifest: Manifest
) -> Iterator[NeverMet]:
    """Why no profile meets a condition: its tag, or its value, is that of none of them."""
    values = {text.casefold(): text for text in have if text is not None}
    if values:
        near = () if value.isdigit() else _near(value, values)
        yield TagValueUnknown(our_tag(tag), value, tuple(values.values()), near=near)
    elif manifest.profiles:
        names = {our_tag(name) for profile in manifest.profiles for name in profile.tags}
        names |= {OBJECTIVE} if "profile" in names else set()
        near = _near(tag, {name.casefold(): name for name in sorted(names)})
        yield TagUnknown(our_tag(tag), near)


def _near(text: str, names: Mapping[str, str]) -> tuple[str, ...]:
    """The names that are most like a text that is none of them."""
    from nimprofile.base.names.nearest import nearest

    return tuple(names[name] for name in nearest(text.casefold(), names, 2))
