"""How does a checkpoint store its weights, and which of them?

`config.json` says it in `quantization_config`, ModelOpt also in `hf_quant_config.json`. Bits of a
weight include its scales: an 8-bit scale for each 16 weights of NVFP4 makes 4.5.
"""

from __future__ import annotations

from nimprofile.errors import ModelError
from nimprofile.model import Quantization
from nimprofile.profile import Precision

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nimprofile.config import Config
    from nimprofile.model import ModelShape, Weights

GROUP = 128
"""Weights that share a scale, where a checkpoint does not say."""

NVFP4_BITS = 4 + 8 / 16
"""A value and an 8-bit scale for 16 (NVIDIA, "Introducing NVFP4", 2025-06)."""

MXFP4_BITS = 4 + 8 / 32
"""A value and an 8-bit scale for 32 (OCP Microscaling Formats 1.0, section 5.1)."""

NF4_BITS = 4 + 32 / 64
"""A value and a scale for 64, which vLLM unpacks to 32 bits when it loads a checkpoint that packs
it (`bitsandbytes_loader.py` at 0.19.0)."""

PADDING = {NVFP4_BITS: (1, 128), MXFP4_BITS: (256, 128)}
"""Bits of a format -> multiples to which vLLM pads the width of experts and each rank's share of
their inner width (`flashinfer_fp4_moe.py` and `mxfp4.py` at 0.19.0; Marlin pads NVFP4 less)."""


def grouped_bits(bits: int, group: int, *, zero_points: bool) -> float:
    """Integer weights with a 16-bit scale, and perhaps a zero point, for each group."""
    if group <= 0:  # one scale for a whole row
        return bits
    return bits + (16 + (bits if zero_points else 0)) / group


_INT4 = grouped_bits(4, GROUP, zero_points=False)
_AWQ = grouped_bits(4, GROUP, zero_points=True)
_BITS = {
    Precision.FP8: 8.0,
    Precision.INT8: 8.0,
    Precision.INT8WO: 8.0,
    Precision.INT4: _INT4,
    Precision.W4A16: _INT4,
    Precision.INT4_AWQ: _AWQ,
    Precision.NVFP4: NVFP4_BITS,
    Precision.MXFP4: MXFP4_BITS,
}
_WIDE = {Precision.FP32: 32, Precision.BF16: 16, Precision.FP16: 16}
_EVERY = ""
_EXPERTS = "experts"


class Storage:
    """In how many bits each weight of a model is stored, for one precision.

    A precision that is the checkpoint's own is stored as the checkpoint says; another as engines
    do it on load: matrices in that format, embeddings, head and norms as they were.

    Attributes:
        wide: bits of a weight that is not quantised.
        scheme: how the others are stored; None: none are.
    """

    def __init__(self, shape: ModelShape, precision: Precision | None):
        own = shape.quantization
        self.wide = shape.dtype_bits
        self.scheme = own
        if precision in _WIDE:
            self.wide, self.scheme = _WIDE[precision], None
        elif precision is not None and not (own is not None and _is(own, precision)):
            self.scheme = _on_load(shape, precision)
        scheme = self.scheme
        self._kept = _Patterns(() if scheme is None else scheme.kept)
        rules = () if scheme is None else scheme.rules or ()
        self._rules = [(_Patterns((pattern,)), bits) for pattern, bits in rules if pattern]
        self._rest = next((bits for pattern, bits in rules if pattern == _EVERY), None)

    @property
    def uniform(self) -> bool:
        """Whether a module is stored alike in every layer."""
        scheme = self.scheme
        if scheme is None:
            return True
        patterns = (*scheme.kept, *(pattern for pattern, _ in scheme.rules or ()))
        return not any("layers" in pattern for pattern in patterns)

    @property
    def known(self) -> bool:
        """Whether the format is known."""
        return self.scheme is None or self.scheme.rules is not None

    def bits(self, weights: Weights, layer: int | None) -> float:
        """Bits of one weight of a module, in this layer or outside of all."""
        if self.scheme is None or not weights.linear:
            return self.wide
        path = weights.name if layer is None else f"layers.{layer}.{weights.name}"
        for patterns, bits in self._rules:
            if patterns.match(path):
                return min(bits, self.wide)
        if layer is None or self._rest is None or self._kept.match(path):
            return self.wide
        return min(self._rest, self.wide)

    def bytes_on_rank(self, weights: Weights, layer: int | None, tp: int) -> float:
        """Bytes of a module on one of `tp` ranks."""
        bits = self.bits(weights, layer)
        size = weights.on_rank(tp) * bits / 8
        if weights.experts is not None and bits in PADDING:
            count, width, inner, matrices = weights.experts
            share = -(-inner // tp)
            of_width, of_inner = PADDING[bits]
            padded = _round_up(width, of_width) * _round_up(share, of_inner) - width * share
            size += count * matrices * padded * bits / 8
        return size


def _round_up(number: int, step: int) -> int:
    return -(-number // step) * step


def _is(own: Quantization, precision: Precision) -> bool:
    """Whether a checkpoint's format is what a precision means: its narrowest matrices."""
    wanted = _BITS.get(precision)
    return own.rules is None or min(int(bits) for _, bits in own.rules) == int(wanted or 0)


def own_precision(shape: ModelShape) -> Precision:
    """The precision that a checkpoint is in: that of its narrowest matrices."""
    own = shape.quantization
    if own is None or not own.rules:
        return Precision.FP32 if shape.dtype_bits == 32 else Precision.BF16
    narrowest = min(bits for _, bits in own.rules)
    match narrowest:
        case 4.5 if own.method != "bitsandbytes":
            return Precision.NVFP4
        case 4.25 if own.method == "mxfp4":
            return Precision.MXFP4
        case 8.0 if own.method in ("bitsandbytes", "experts_int8"):
            return Precision.INT8
    if narrowest < 8:
        return Precision.INT4_AWQ if own.method == "awq" else Precision.INT4
    return Precision.FP8 if narrowest < 16 else Precision.BF16


def _on_load(shape: ModelShape, precision: Precision) -> Quantization | None:
    bits = _BITS.get(precision)
    if bits is None:
        return None
    only = _EXPERTS if precision is Precision.MXFP4 and shape.experts else _EVERY
    return Quantization(str(precision), ((only, bits),))


class _Patterns:
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
            while parts and parts[-1] in ("*", "weight"):
                parts.pop()
            if any(not _WILD.isdisjoint(part) for part in parts):
                self._wild.append(tuple(parts))
            elif parts:
                self._plain.add(tuple(parts))

    def match(self, path: str) -> bool:
        """Whether a pattern names this module or one around it."""
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

            return any(re.match(one, f"model.{path}") for one in self._expressions)
        return False


_WILD = frozenset("*?[")


def _within(pattern: str) -> str:
    """A path from `layers` on, whatever the checkpoint calls what is around them."""
    around, found, rest = pattern.partition("layers.")
    own = found and _AROUND.issuperset(part for part in around.split(".") if part)
    return found + rest if own else pattern


_AROUND = frozenset({"model", "language_model", "backbone", "transformer", "decoder", "text_model"})
"""What checkpoints call the modules around the layers of the language model."""


def read_quantization(config: Config | None) -> Quantization | None:
    """Read `quantization_config`, or the `quantization` of ModelOpt's own file.

    Raises ModelError for values of the wrong kind; a format that is not known has no rules.
    """
    if config is None:
        return None
    kept: tuple[str, ...] = ()
    for key in _KEPT:
        kept += config.words(key)
    rules = _rules(config, _method(config))
    for pattern in (*kept, *(pattern for pattern, _ in rules or ())):
        if pattern.startswith("re:"):
            _check_expression(pattern.removeprefix("re:"), config)
    kv_scheme = config.block("kv_cache_scheme")
    fp8_cache = (config.text("kv_cache_quant_algo") or "").upper() == "FP8" or (
        kv_scheme is not None and kv_scheme.integer("num_bits") == 8
    )
    return Quantization(_method(config), rules, kept, 8 if fp8_cache else None)


def _method(config: Config) -> str:
    return (config.text("quant_method") or config.text("quant_algo") or "unnamed").lower()


def _check_expression(expression: str, config: Config) -> None:
    import re

    try:
        re.compile(expression)
    except re.error as error:
        problem = f"{expression[:40]!r} is no regular expression: {error}"
        raise ModelError(problem, place=config.place("ignore")) from None


_KEPT = (
    *("modules_to_not_convert", "ignore", "exclude_modules", "ignored_layers"),
    "llm_int8_skip_modules",
)


def _rules(config: Config, method: str) -> tuple[tuple[str, float], ...] | None:
    match method:
        case "fp8" | "fbgemm_fp8":
            return ((_EVERY, 8.0),)
        case "awq" | "gptq" | "auto-round":
            bits = config.count("bits", "w_bit", default=4)
            group = config.integer("group_size") or GROUP
            extra = tuple(_exceptions(config.block("extra_config")))
            zero_points = method == "awq" or not config.flag("sym", default=False)
            return (*extra, (_EVERY, grouped_bits(bits, group, zero_points=zero_points)))
        case "bitsandbytes":
            return ((_EVERY, NF4_BITS if config.flag("load_in_4bit") else 8.0),)
        case "mxfp4":
            return ((_EXPERTS, MXFP4_BITS),)
        case "experts_int8":  # Jamba's dense blocks are built as one expert
            return ((_EXPERTS, 8.0), ("feed_forward", 8.0))
    return (*_by_layer(config), *_by_group(config)) or _by_algorithm(config)


def _exceptions(block: Config | None) -> Iterator[tuple[str, float]]:
    """Modules for which AutoRound has bits of their own."""
    for name in () if block is None else block.names():
        entry = None if block is None else block.block(name)
        if entry is not None and (bits := entry.integer("bits")):
            yield name, float(bits)


def _by_layer(config: Config) -> Iterator[tuple[str, float]]:
    """ModelOpt's mixed precision: an algorithm for every module."""
    layers = config.block("quantized_layers")
    for name in () if layers is None else layers.names():
        entry = None if layers is None else layers.block(name)
        bits = _ALGORITHMS.get((entry.text("quant_algo") or "").upper()) if entry else None
        if bits is not None:
            yield name, bits


def _by_group(config: Config) -> Iterator[tuple[str, float]]:
    """The groups of compressed-tensors: targets, and the weights' format."""
    groups = config.block("config_groups")
    for name in () if groups is None else groups.names():
        group = None if groups is None else groups.block(name)
        weights = None if group is None else group.block("weights")
        if group is None or weights is None or (bits := weights.integer("num_bits")) is None:
            continue
        size = weights.integer("group_size") or 0
        if bits == 4 and weights.text("type") == "float":
            stored = MXFP4_BITS if size == 32 else NVFP4_BITS
        else:
            symmetric = weights.flag("symmetric", default=True)
            grouped = size if weights.text("strategy") not in ("block", "tensor") else 0
            stored = grouped_bits(bits, grouped, zero_points=not symmetric)
        for target in group.words("targets"):
            yield _EVERY if target == "Linear" else target, stored


def _by_algorithm(config: Config) -> tuple[tuple[str, float], ...] | None:
    bits = _ALGORITHMS.get((config.text("quant_algo") or "").upper())
    return None if bits is None else ((_EVERY, bits),)


_ALGORITHMS = {
    "FP8": 8.0,
    "FP8_PB_WO": 8.0,
    "NVFP4": NVFP4_BITS,
    "W4A16_NVFP4": NVFP4_BITS,
    "W4A16_AWQ": _AWQ,
    "INT4_AWQ": _AWQ,
    "W4A8_AWQ": _AWQ,
    "W8A8_SQ_PER_CHANNEL": 8.0,
    "MXFP8": 8 + 8 / 32,
}
"""ModelOpt's names of formats (github.com/NVIDIA/Model-Optimizer, `modelopt/torch/export`)."""
