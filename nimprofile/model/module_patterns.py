"""Patterns by which a quantisation config names the modules it covers."""

from __future__ import annotations

from functools import lru_cache
from time import thread_time

from nimprofile.base.errors import ModelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Match = Callable[[str], object]

SECONDS = 2.0
"""For all names and modules of one model; those of real models take a few milliseconds."""

MOST_PARTS = 32
"""Of a module's path, between its dots."""

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
    """Names of modules, as `Quantization` has them, indexed once for all modules.

    A checkpoint may list thousands. Names are found by their parts, so a search costs the same
    however many there are; patterns with wildcards are found by their literal parts first.

    Attributes:
        by_layer: whether a module may be named in one layer and not in another.
    """

    def __init__(self, patterns: tuple[str, ...]):
        self.by_layer = False
        self._plain: dict[str, int] = {}  # path -> position of the first pattern that names it
        # Length and places of wildcards -> literal parts -> position and matches of those places.
        self._wild: dict[
            tuple[int, tuple[int, ...]], dict[tuple[str, ...], list[tuple[int, list[Match]]]]
        ] = {}
        self._matches: dict[str, Match] = {}
        self._expressions: list[tuple[int, str]] = []
        self._left = SECONDS
        self._found: dict[str, int | None] = {}
        for position, pattern in enumerate(patterns):
            if pattern.startswith("re:"):
                self._expressions.append((position, pattern.removeprefix("re:")))
                self.by_layer = True
                continue
            parts = [part for part in _within(pattern).split(".") if part]
            while parts and parts[-1] in {"*", "weight"}:
                parts.pop()
            for spelling in _spellings(parts):
                self._add(position, spelling)

    def _add(self, position: int, parts: tuple[str, ...]) -> None:
        if not 0 < len(parts) <= MOST_PARTS:
            return  # of more parts than any module's path
        first, path = parts[0], ".".join(parts)
        wild = not _WILD.isdisjoint(path)
        # Only `layers` and the number after it tell layers apart.
        if first == "layers" or first.isdigit() or (wild and not _WILD.isdisjoint(first)):
            self.by_layer = True
        if not wild:
            self._plain.setdefault(path, position)
            return
        places = tuple(at for at, part in enumerate(parts) if not _WILD.isdisjoint(part))
        literal = tuple(part for at, part in enumerate(parts) if at not in places)
        alike = self._wild.setdefault((len(parts), places), {})
        alike.setdefault(literal, []).append((position, [self._match(parts[at]) for at in places]))

    def _match(self, part: str) -> Match:
        """Whether a text is as a part with wildcards says, compiled once."""
        if part not in self._matches:
            import re
            from fnmatch import translate

            self._matches[part] = re.compile(translate(part)).match
        return self._matches[part]

    def first(self, path: str) -> int | None:
        """The position of the first pattern that names this module or one around it."""
        if not (self._plain or self._wild or self._expressions):
            return None
        if path not in self._found:
            start = thread_time()
            self._found[path] = self._first(path)
            self._left -= thread_time() - start
            if self._left < 0:
                raise _too_slow(path)
        return self._found[path]

    def _first(self, path: str) -> int | None:
        parts = path.split(".")
        size = len(parts)
        runs = [parts[a:b] for a in range(size) for b in range(a + 1, size + 1)]
        plain = self._plain
        positions = [plain[run] for run in map(".".join, runs) if run in plain]
        if self._wild:
            positions += self._wild_positions(runs)
        best = min(positions, default=None)
        for position, expression in self._expressions:
            if best is not None and best < position:
                break
            if any(self._begins(expression, prefix + path) for prefix in _PREFIXES):
                return position
        return best

    def _begins(self, expression: str, path: str) -> bool:
        from nimprofile.base.names.patterns import begins_as

        begins = begins_as(expression, path)
        if begins is None:
            raise _too_slow(path)
        return begins

    def _wild_positions(self, runs: list[list[str]]) -> Iterator[int]:
        for (length, places), alike in self._wild.items():
            for run in runs:
                if len(run) != length:
                    continue
                literal = tuple(part for at, part in enumerate(run) if at not in places)
                for position, matches in alike.get(literal, ()):
                    if all(match(run[at]) for match, at in zip(matches, places, strict=True)):
                        yield position
                        break


def _too_slow(path: str) -> ModelError:
    problem = f"the names in its quantisation config take more than {SECONDS:g} s to compare"
    return ModelError(f"{problem} with modules such as {path}")


@lru_cache(maxsize=16)
def module_patterns(patterns: tuple[str, ...]) -> ModulePatterns:
    """The index of these patterns, kept for the models that were read last."""
    return ModulePatterns(patterns)


def _within(pattern: str) -> str:
    """A path from `layers` on, whatever the checkpoint calls what is around them."""
    around, separator, rest = pattern.partition("layers.")
    own = separator and _AROUND.issuperset(part for part in around.split(".") if part)
    return separator + rest if own else pattern


def _spellings(parts: list[str]) -> Iterator[tuple[str, ...]]:
    for at, part in enumerate(parts):
        if part in _SPELLINGS:
            for name in _SPELLINGS[part]:
                yield (*parts[:at], name, *parts[at + 1 :])
            return
    yield tuple(parts)
