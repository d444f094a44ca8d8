"""Patterns by which a quantisation config names the modules it covers."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


_WILD = frozenset("*?[")


_AROUND = frozenset({"model", "language_model", "backbone", "transformer", "decoder", "text_model"})
"""What checkpoints call the modules around the layers of the language model."""


_PREFIXES = ("model.", "model.language_model.", "language_model.model.", "backbone.", "")


_SPELLINGS = {
    "block_sparse_moe": ("mlp",),
    "qkv_proj": ("q_proj", "k_proj", "v_proj"),
    "gate_up_proj": ("gate_proj", "up_proj"),
    "in_proj_qkvz": ("in_proj_qkv", "in_proj_z"),
    "in_proj_ba": ("in_proj_b", "in_proj_a"),
    "fc1": ("up_proj",),
    "fc2": ("down_proj",),
}
"""What some checkpoints call modules that have other names here."""


class ModulePatterns:
    """Names of modules, as `Quantization` has them."""

    def __init__(self, patterns: Iterable[str]):
        self._plain: set[tuple[str, ...]] = set()
        self._wild: list[tuple[str, ...]] = []
        self._expressions: list[str] = []
        for pattern in patterns:
            if pattern.startswith("re:"):
                self._expressions.append(pattern.removeprefix("re:"))
                continue
            parts = [part for part in _within(pattern).split(".") if part]
            while parts and parts[-1] in {"*", "weight"}:
                parts.pop()
            for spelling in _spellings(parts):
                if any(not _WILD.isdisjoint(part) for part in spelling):
                    self._wild.append(spelling)
                elif spelling:
                    self._plain.add(spelling)

    def match(self, path: str) -> bool:
        """Whether a pattern names this module or one around it."""
        if not (self._plain or self._wild or self._expressions):
            return False
        parts = path.split(".")
        size = len(parts)
        runs = {tuple(parts[a:b]) for a in range(size) for b in range(a + 1, size + 1)}
        if not self._plain.isdisjoint(runs):
            return True
        if self._wild:
            from fnmatch import fnmatchcase

            if any(
                len(run) == len(wild) and all(map(fnmatchcase, run, wild))
                for wild in self._wild
                for run in runs
            ):
                return True
        if self._expressions:
            import re

            return any(
                re.match(one, prefix + path) for one in self._expressions for prefix in _PREFIXES
            )
        return False


def _within(pattern: str) -> str:
    """A path from `layers` on, whatever the checkpoint calls what is around them."""
    around, found, rest = pattern.partition("layers.")
    own = found and _AROUND.issuperset(part for part in around.split(".") if part)
    return found + rest if own else pattern


def _spellings(parts: list[str]) -> Iterator[tuple[str, ...]]:
    for at, part in enumerate(parts):
        if part in _SPELLINGS:
            for name in _SPELLINGS[part]:
                yield (*parts[:at], name, *parts[at + 1 :])
            return
    yield tuple(parts)
