"""The policy of the NIM at hand: what tells its version, and which policy is that version's."""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.manifest.dialects.registry import tags_are_fields
from nimprofile.manifest.nim_version import NimVersion, narrowed
from nimprofile.selection.policies import AUTO, DEFAULT, POLICIES, find_policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from dataclasses import KW_ONLY

    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile import Profile
    from nimprofile.selection.rank import Policy
    from nimprofile.selection.request import Request

ASKED = "asked"
TOLD = "told"
DOCUMENTED = "documented"


class PolicyOrigin(Record):
    """Why a decision has its policy.

    Attributes:
        kind: `asked`: somebody named it; `told`: it is that of the NIM at hand; `documented`: which
            NIM it is is not told, or not by enough.
        source: what tells it, or what is missing; "" when it was asked for.
        newer: the version is above all that are known, so the newest policy stands in.
        against: what tells of another generation and is of less weight; "" when nothing does.
    """

    kind: str
    source: str = ""
    newer: bool = False
    _: KW_ONLY
    against: str = ""

    def __str__(self) -> str:
        """What is said after the name of the policy."""
        match self.kind:
            case "told":
                against = f", although {self.against} tells of another" if self.against else ""
                return f", from {self.source}{against}"
            case "documented":
                return f" (the documented chain: {self.source})"
            case _:
                return ""


WAS_ASKED = PolicyOrigin(ASKED)


def resolve(policy: str, manifest: Manifest, request: Request) -> tuple[Policy, PolicyOrigin]:
    """The policy of this name, `auto` being that of the NIM at hand.

    What the request knows of it (an image's tag, a variable) goes before what the manifest says,
    and that before the forms of its profiles.

    Raises RequestError when there is no policy of that name.
    """
    if policy != AUTO:
        return find_policy(policy), WAS_ASKED
    told = request.nim or manifest.nim
    serves_llm = any(profile.is_llm for profile in manifest.profiles)
    if told is not None and not (told.of_llm or serves_llm):
        return _documented(f"{told.source} is not that of a NIM for language models")
    forms = list(_forms(manifest)) if serves_llm else []
    formed = narrowed(forms)
    version = narrowed(known for known in (told, formed) if known is not None) or told
    policies = [] if version is None else policies_of(version)
    if version is None or len(policies) != 1:
        vague = told is not None and told.below is not None
        why = f"{told.source} does not tell its generation" if told and vague else ""
        return _documented(why or "nothing tells the NIM's version")
    newer = policies[0].until is not None and version.low >= policies[0].until
    others = [known for known in (manifest.nim, *forms) if known is not None]
    against = next((other.source for other in others if policies[0] not in policies_of(other)), "")
    return policies[0], PolicyOrigin(TOLD, version.source, newer, against=against)


def _documented(why: str) -> tuple[Policy, PolicyOrigin]:
    return POLICIES[DEFAULT], PolicyOrigin(DOCUMENTED, why)


def policies_of(version: NimVersion) -> list[Policy]:
    """The policies of the versions that a NIM can be of, oldest first.

    Of two that begin with the same version the one that was added later counts.
    """
    begun = {policy.since: policy for policy in POLICIES.values() if policy.since is not None}
    starts = sorted(begun)
    ends = [*starts[1:], None]
    return [
        begun[start]
        for start, end in zip(starts, ends, strict=True)
        if (version.below is None or start < version.below) and (end is None or version.low < end)
    ]


_TAGS: tuple[tuple[str, str, tuple[int, ...], tuple[int, ...] | None], ...] = (
    # Tag, its value ("" is any), and the versions of NIM for language models that write it.
    ("min_vram_per_device_gb", "", (2, 0), None),  # corpus, 006 to 043: only 2.x printouts
    # "profiles" of the documents of 1.14 and later: an optimised profile may be a configuration of
    # PyTorch's backend; the printouts of 1.15.5 (corpus, 029) have both tags.
    ("runtime_optimization", "", (1, 14), (2, 0)),
    ("backend", "pytorch", (1, 14), (2, 0)),
    ("nim_workspace_hash_v1", "", (1, 12), (2, 0)),  # corpus, 101 (1.12.2) to 029 (1.15.5)
    ("trtllm_buildable", "true", (1, 3), (2, 0)),  # release notes of 1.3.0; 2.0 builds nothing
)


def _forms(manifest: Manifest) -> Iterator[NimVersion]:
    """What the tags and the names of its profiles tell."""
    if tags_are_fields(manifest.dialect):
        return  # the Metadata API has the same fields for every NIM
    profiles = [profile for profile in manifest.profiles if profile.is_llm]
    for tag, value, low, below in _TAGS:
        if any(
            tag in profile.tags and value in {"", profile.tags[tag].lower()} for profile in profiles
        ):
            yield NimVersion(f"the tag {tag}", low, below)
    if any(_named_as_in_1_0(profile) for profile in profiles):
        yield NimVersion("a tuned profile named without pp", (1, 0), (1, 3))


def _named_as_in_1_0(profile: Profile) -> bool:
    """Whether a printout has a tuned profile without pp in its name: corpus, 001, 017 and 045."""
    return (
        profile.tags_from_name
        and profile.pp is None
        and profile.tp is not None
        and profile.objective is not None
        and bool(profile.gpu_names)
    )
