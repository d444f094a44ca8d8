"""The lines with which NIM tells which profile it runs, and those of our own start-up log.

They were read in the public start-up logs of `tests/corpus/cases`, whose numbers the rows name, and
in the documentation of NIM LLM: https://docs.nvidia.com/nim/large-language-models/latest/. NIM's
source is not public. `nimprofile exec` prints the lines of NIM 1.x (`report/startup_log.py`).
"""

from __future__ import annotations

import re

from nimprofile.base.formats.matched_profiles import pairs_in
from nimprofile.base.printable import clipped
from nimprofile.verify.logs.patterns import Line, Table, value_of
from nimprofile.verify.observation import TAG_FACTS, Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nimprofile.verify.logs.patterns import Told

_ID = r"[0-9a-f]{64}|[0-9a-f]{8}-[0-9a-f-]{27,72}"
_PROFILE = rf"(?P<profile_id>{_ID})"

LINES = (
    Line(
        "NVIDIA Inference Microservice ",
        r"NVIDIA Inference Microservice (?:[\w/ ]{1,60} )?NIM Version "
        r"(?P<nim_version>[0-9][\w.+-]{0,60})",
        source="the banner of NIM LLM 1.0 to 2.0.12: cases 012, 015, 020, 031, 036",
        starts=True,
    ),
    Line(
        "Selected profile: ",
        # A quoted log may leave out the end of an id: `e2f00b2c…`.
        r"Selected profile: (?P<profile_id>\S{1,200})(?: \((?P<profile_name>.{1,400})\))?\s*$",
        source="NIM LLM 1.0 to 1.15: cases 011, 017, 018, 039, 045, 057; nimprofile exec",
    ),
    Line(
        "Profile metadata: ",
        r"Profile metadata: (?P<metadata>[\w.-]{1,80}): (?P<told>\S.{0,200})",
        source="NIM LLM 1.0 to 1.15: cases 017, 018; nimprofile exec",
    ),
    Line(
        "Matched profile_id in manifest from ",
        rf"Matched profile_id in manifest from (?:env NIM_MODEL_PROFILE to: |\w{{1,80}} ){_PROFILE}"
        r"(?: with tags: ?(?P<tags>\{.{1,2000}\}))?",
        source="nimlib of NIMs of 2025 and 2026: cases 033, 034",
    ),
    Line(
        "Matched first profile_id in manifest: ",
        rf"Matched first profile_id in manifest: {_PROFILE}",
        source="nimlib 0.3.10: case 058",
    ),
    Line(
        "Using the profile s",
        r"Using the profile (?:selected by the profile selector|specified by the user): "
        rf"{_PROFILE}",
        source="nimlib: cases 033, 034",
    ),
    Line(
        "Downloading manifest profile: ",
        rf"Downloading manifest profile: {_PROFILE}",
        source="nimlib: case 033",
    ),
    Line(
        "profile_id: ",
        rf"profile_id: {_PROFILE}$",
        source="the last line of `Matched profile:`, case 023",
    ),
    Line(
        "- ",
        r"-\s{1,4}\[[0-9a-fA-F]{4}:[0-9a-fA-F]{4}\] \([0-9]{1,4}\) (?P<gpu_name>[^\[]{1,100}?)"
        r"(?: \([\w ]{1,40}\))?\s?(?:\[current utilization: |$)",
        source="SYSTEM INFO of NIM LLM 1.0 to 2.0: cases 001 to 038",
    ),
    Line(
        "Could not find a profile that is currently runnable",
        r"Could not find a profile that is currently runnable",
        source="NIM LLM 1.0 to 1.15: cases 020, 021",
        fails=True,
    ),
    Line(
        "Could not match a profile in manifest",
        r"Could not match a profile in manifest",
        source="nimlib and NIM 2.x: case 077",
        fails=True,
    ),
    Line(
        "No compatible profiles found",
        r"No compatible profiles found",
        source="a NIM for speech of 2025: case 065",
        fails=True,
    ),
    Line(
        "Environment variable NIM_MODEL_PROFILE is set to ",
        r"Environment variable NIM_MODEL_PROFILE is set to .{1,400}? but no matching profile",
        source="NIM LLM 2.0.12: case 015",
        fails=True,
    ),
    Line(
        "Model download failed: ",
        r"Model download failed: ",
        source="NIM LLM 2.0.12: case 015",
        fails=True,
    ),
)

TABLE = Table(LINES)

TAGS = {**TAG_FACTS, "profile": Fact.OBJECTIVE}
"""Tags of a profile that say what is started."""


def tag_facts(tags: Mapping[str, str]) -> Iterator[Told]:
    """The tags of the profile that NIM runs, and what they tell of the server."""
    for tag, text in tags.items():
        fact = TAGS.get(tag)
        if fact is not None and (value := value_of(fact, text)) is not None:
            yield fact, value
        yield Fact.TAG, clipped(f"{tag}={text}")


def more_facts(match: re.Match[str]) -> Iterator[Told]:
    """What a line of this table tells beyond its facts: tags of the profile."""
    groups = match.groupdict()
    if groups.get("metadata") is not None:
        yield from tag_facts({groups["metadata"]: groups["told"].strip()})
    if groups.get("tags") is not None:
        yield from tag_facts(pairs_in(groups["tags"]) or {})


class Block:
    """What NIM tells on several lines: the model below the banner, a profile below its heading.

    `Matched profile:` has the tags on the lines below and `profile_id: …` last (case 023), or the
    id on the next line (case 062).
    """

    MOST, MOST_OF_LINE = 40, 400
    """Lines of the tags of one profile, and characters of one."""

    def __init__(self) -> None:
        self._banner = self._heading = False
        self._tags: list[str] | None = None

    def facts(self, message: str) -> Iterator[Told]:
        """What this message tells by those before it."""
        if self._banner and message.startswith("Model: ") and " " not in message[7:]:
            yield Fact.MODEL, clipped(message[7:])
        self._banner = message.startswith("NVIDIA Inference Microservice ")
        if self._heading and re.fullmatch(_ID, message):
            yield Fact.PROFILE_ID, message
        self._heading = message.endswith("NIM_MODEL_PROFILE:") and "Matched profile" in message
        if message.startswith("Matched profile:"):
            self._tags = [message.removeprefix("Matched profile:")]
        elif self._tags is not None:
            if message.startswith("profile_id: "):
                yield from tag_facts(pairs_in(" ".join(self._tags)) or {})
                self._tags = None
            elif len(self._tags) < self.MOST and len(message) <= self.MOST_OF_LINE:
                self._tags.append(message)
            else:
                self._tags = None
