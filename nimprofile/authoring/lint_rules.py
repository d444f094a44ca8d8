"""The rules of the check of a manifest that can be read.

A rule is a short function from a manifest to findings; the literal tuple says which there are. An
error means something else than it says, or never starts; a warning was probably not meant.
"""

from __future__ import annotations

from nimprofile.authoring.identity_rules import edited_tags, same_names, twins
from nimprofile.authoring.need_rules import (
    memory_below_weights,
    memory_of_all_gpus,
    never_runs,
    unsupported_checkpoint,
    wrong_engine,
)
from nimprofile.authoring.tag_rules import (
    gpu_contradiction,
    gpu_count,
    patterns_searched,
    unknown_gpus,
    unknown_tags,
    unknown_values,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nimprofile.authoring.findings import RuleFinding
    from nimprofile.manifest.manifest import Manifest


RULES: tuple[Callable[[Manifest], Iterable[RuleFinding]], ...] = (
    unknown_tags,
    unknown_values,
    unknown_gpus,
    gpu_contradiction,
    patterns_searched,
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
