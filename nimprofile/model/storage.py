"""How each weight of a model is stored in one precision, and the bytes it takes on a rank."""

from __future__ import annotations

from nimprofile.base.enums import Precision
from nimprofile.model.module_patterns import module_patterns
from nimprofile.model.quantization import EVERY_MODULE, PADDING, is_own, made_on_load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from nimprofile.model.shape import Format, ModelShape, Weights

    Modules: TypeAlias = tuple[tuple[Weights, Format | None], ...]

_WIDE = {Precision.FP32: 32, Precision.BF16: 16, Precision.FP16: 16}

MOST_KEPT = 64
"""Storages that `storage_of` keeps: about ten precisions of the models in use."""


class Storage:
    """In how many bits each weight of a model is stored, for one precision.

    A precision that is the checkpoint's own is stored as the checkpoint says; another as engines
    do it on load: matrices in that format, embeddings, head and norms as they were.

    Attributes:
        shape: the model's.
        wide: bits of a weight that is not quantised.
        scheme: how the others are stored; None: none are.
    """

    def __init__(self, shape: ModelShape, precision: Precision | None):
        own = shape.quantization
        self.shape = shape
        self.wide = shape.dtype_bits
        self.scheme = own
        if precision is None or (own is not None and own.rules is None):
            pass  # as it is stored, known or not
        elif precision in _WIDE:
            self.wide, self.scheme = _WIDE[precision], None
        elif not is_own(shape, precision):
            self.scheme = made_on_load(shape, precision)
        scheme = self.scheme
        rules = () if scheme is None else scheme.rules or ()
        self._kept = module_patterns(() if scheme is None else scheme.kept)
        self._rules = module_patterns(tuple(pattern for pattern, _ in rules if pattern))
        self._rule_formats = [form for pattern, form in rules if pattern]
        self._rest = next((form for pattern, form in rules if pattern == EVERY_MODULE), None)
        self._kinds: list[Modules] = []
        self._kind_of_layer: list[int] = []
        self._layer_bytes: dict[tuple[int, bool], list[float]] = {}

    @property
    def known(self) -> bool:
        """Whether the format is known."""
        return self.scheme is None or self.scheme.rules is not None

    @property
    def as_stored(self) -> bool:
        """Whether the engine loads the checkpoint as it is stored."""
        return self.scheme == self.shape.quantization and self.wide == self.shape.dtype_bits

    def format(self, weights: Weights, layer: int | None) -> Format | None:
        """The format of a module, in this layer or outside of all; None: it stays wide."""
        if self.scheme is None or not weights.linear:
            return None
        path = weights.name if layer is None else f"layers.{layer}.{weights.name}"
        if self._kept.first(path) is not None:
            return None
        rule = self._rules.first(path)
        if rule is not None:
            return self._rule_formats[rule]
        return None if layer is None else self._rest

    @property
    def kinds(self) -> Sequence[Modules]:
        """The modules of each kind of layer with their formats, in the order of the layers.

        Layers of one kind have the same modules in the same formats.
        """
        if not self._kinds:
            self._sort_layers()
        return self._kinds

    def _sort_layers(self) -> None:
        """Find the kind of every layer."""
        by_layer = self._kept.by_layer or self._rules.by_layer
        alike: dict[int, int] = {}
        positions: dict[object, int] = {}
        kinds: list[Modules] = []
        kind_of_layer = []
        for at, layer in enumerate(self.shape.layers):
            kind = None if by_layer else alike.get(id(layer))
            if kind is None:
                formats = tuple(self.format(weights, at) for weights in layer.weights)
                kind = positions.setdefault((id(layer), formats), len(kinds))
                if kind == len(kinds):
                    kinds.append(tuple(zip(layer.weights, formats, strict=True)))
                alike[id(layer)] = kind
            kind_of_layer.append(kind)
        self._kind_of_layer, self._kinds = kind_of_layer, kinds

    def layer_bytes(self, tp: int, *, padded: bool = True) -> list[float]:
        """Bytes of every layer on one of `tp` ranks, with what engines pad them by or without."""
        sizes = self._layer_bytes.get((tp, padded))
        if sizes is None:
            of_kind = [
                sum(self._bytes(weights, form, tp, padded=padded) for weights, form in modules)
                for modules in self.kinds
            ]
            sizes = [of_kind[kind] for kind in self._kind_of_layer]
            self._layer_bytes[tp, padded] = sizes
        return sizes

    def bytes_of(
        self, modules: Sequence[Weights], layer: int | None, tp: int, *, padded: bool = True
    ) -> float:
        """The same of modules outside of the layers, or in one that only drafts."""
        return sum(
            self._bytes(weights, self.format(weights, layer), tp, padded=padded)
            for weights in modules
        )

    def _bytes(self, weights: Weights, form: Format | None, tp: int, *, padded: bool) -> float:
        bits = self.wide if form is None else min(form.bits, self.wide)
        size = weights.on_rank(tp) * bits / 8
        if padded and weights.experts is not None and form is not None and form.name in PADDING:
            count, width, inner, matrices = weights.experts
            share = -(-inner // tp)
            of_width, of_inner = PADDING[form.name]
            more = _round_up(width, of_width) * _round_up(share, of_inner) - width * share
            size += count * matrices * more * bits / 8
        return size


def _round_up(number: int, step: int) -> int:
    return -(-number // step) * step


_recent: dict[tuple[int, Precision | None], Storage] = {}


def storage_of(shape: ModelShape, precision: Precision | None) -> Storage:
    """How a model is stored in a precision, worked out once while the model is in use.

    Shapes are keyed by identity, since comparing them costs more than the work saved. Each
    storage holds its shape, so no other shape can take its identity while it is kept.
    """
    key = id(shape), precision
    storage = _recent.get(key)
    if storage is None:
        if shape.quantization is not None and precision is not None and is_own(shape, precision):
            storage = storage_of(shape, None)
        else:
            storage = Storage(shape, precision)
        if len(_recent) >= MOST_KEPT:
            _recent.clear()
        _recent[key] = storage
    return storage
