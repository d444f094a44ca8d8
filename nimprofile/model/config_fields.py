"""Typed reading of the fields of a `config.json`, with the place of what cannot be read."""

from __future__ import annotations

from nimprofile.base.errors import ModelError
from nimprofile.base.printable import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_COUNT = 10**15
"""Above any count of a model."""


class Config:
    """A mapping of a `config.json`, and where in the file it stands.

    Keys that no reader asks for are passed over; `notes` takes what a reader had to assume. Every
    reader takes several spellings of one key and raises ModelError, with the place, for a value of
    the wrong kind.
    """

    def __init__(
        self,
        fields: Mapping[str, object],
        *,
        place: str = "",
        defaults: Mapping[str, object] | None = None,
        asked: dict[str, object] | None = None,
    ):
        self._fields, self._place, self._defaults = fields, place, defaults or {}
        self._asked: dict[str, object] = {} if asked is None else asked
        self.notes: list[str] = []

    def assume(self, name: str, value: object) -> None:
        """What a key means that is not there."""
        self._defaults = {**self._defaults, name: value}

    @property
    def asked(self) -> dict[str, object]:
        """What readers have asked for of the mapping so far, and was there."""
        return self._asked

    def get(self, *names: str) -> object:
        """The first of these keys that is there and not null."""
        for name in names:
            if (value := self._fields.get(name)) is not None:
                self._asked.setdefault(name, value)
                return value
        return next((self._defaults[name] for name in names if name in self._defaults), None)

    def peek(self, name: str) -> object:
        """The value of a key, None where it is not there; it does not count as asked for."""
        return self._fields.get(name)

    def names(self) -> Iterable[str]:
        """The keys of this block."""
        for name, value in self._fields.items():
            self._asked.setdefault(name, value)
        return self._fields.keys()

    def place(self, name: str) -> str:
        """Where a key stands."""
        return f"{self._place}.{name}" if self._place else name

    def count(self, *names: str, default: int | None = None) -> int:
        """A whole number above 0; without a default it must be there."""
        value = self.integer(*names, default=default)
        if value is None:
            raise ModelError(f"{' or '.join(names)} is missing", place=self._place)
        if value <= 0:
            raise ModelError(f"{value} is not a whole number above 0", place=self.place(names[0]))
        return value

    def integer(self, *names: str, default: int | None = None) -> int | None:
        """A whole number, or the default when it is not there."""
        value = self.get(*names)
        if value is None:
            return default
        name = next((key for key in names if self._fields.get(key) is not None), names[0])
        if isinstance(value, str):  # a manifest's block is read as text
            digits = value.replace("_", "").removesuffix(".0")
            if digits.isascii() and digits.removeprefix("-").isdigit():
                value = int(digits) if len(digits) < 17 else float("inf")
        if isinstance(value, int | float) and abs(value) > MAX_COUNT:
            raise ModelError("beyond what any model has", place=self.place(name))
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise ModelError(
                f"{quoted(str(value), 40)} is not a whole number", place=self.place(name)
            )
        return value

    def flag(self, *names: str, default: bool = False) -> bool:
        """True or false."""
        value = self.get(*names)
        if value is None:
            return default
        if isinstance(value, str) and value.lower() in _BOOLEANS:
            return _BOOLEANS[value.lower()]
        if not isinstance(value, bool):
            raise ModelError(
                f"{quoted(str(value), 40)} is neither true nor false", place=self.place(names[0])
            )
        return value

    def text(self, *names: str) -> str | None:
        """A text."""
        value = self.get(*names)
        if value is not None and not isinstance(value, str):
            raise ModelError(f"{quoted(str(value), 40)} is not a text", place=self.place(names[0]))
        return value

    def words(self, name: str) -> tuple[str, ...]:
        """A list of texts; () when it is not there."""
        value = self.get(name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
            raise ModelError("expected a list of texts", place=self.place(name))
        return tuple(value)

    def integers(self, name: str) -> tuple[int, ...]:
        """A list of whole numbers; () when it is not there."""
        value = self.get(name)
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            raise ModelError("expected a list of whole numbers", place=self.place(name))
        items = Config({str(at): item for at, item in enumerate(value)}, place=self.place(name))
        return tuple(item for at in items.names() if (item := items.integer(at)) is not None)

    def blocks(self, name: str) -> Iterator[tuple[str, Config]]:
        """The mappings within a mapping, by their names; what is no mapping is passed over."""
        outer = self.block(name)
        if outer is not None:
            for key in outer.names():
                if isinstance(outer.get(key), dict) and (inner := outer.block(key)) is not None:
                    yield key, inner

    def block(self, name: str, defaults: Mapping[str, object] | None = None) -> Config | None:
        """A mapping within this one; None when it is not there."""
        value = self.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise ModelError("expected a mapping", place=self.place(name))
        asked = self._asked.get(name)
        if asked is value or not isinstance(asked, dict):
            asked = self._asked[name] = {}
        return Config(value, place=self.place(name), defaults=defaults, asked=asked)


_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
"""YAML's words; a manifest's block is read as text."""


UNSTRETCHED = ("default", "mrope", "llama3", "longrope", "su")
"""Kinds of rotary scaling whose length `max_position_embeddings` already is (vLLM,
`config/model.py`, where the longest context is derived)."""


def stretched_context(c: Config, kind: str, context: int) -> int | None:
    """The context that a scaled rotary embedding allows, where it is longer than the model's.

    As vLLM derives it: the factor times the model's context, of YaRN times the original one.
    """
    for name in ("rope_scaling", "rope_parameters"):
        scaling = c.peek(name)
        if not isinstance(scaling, dict) or "gemma3" in kind:
            continue
        how = scaling.get("rope_type", scaling.get("type", "default"))
        original = scaling.get("original_max_position_embeddings") if how == "yarn" else None
        try:
            longest = int(int(original or context) * float(scaling.get("factor", 1)))
        except (TypeError, ValueError, OverflowError):
            continue
        if how not in UNSTRETCHED and context < longest < 1 << 40:
            c.get(name)  # a manifest that is built of it keeps the key
            return longest
    return None
