"""How does a checkpoint store its weights, and which of them?

`config.json` says it in `quantization_config`, ModelOpt also in `hf_quant_config.json`. Bits of a
weight include its scales: an 8-bit scale for each 16 weights of NVFP4 makes 4.5.
"""

from __future__ import annotations

from nimprofile.base.errors import ModelError
from nimprofile.manifest.profile import Precision
from nimprofile.model.shape import Format, Quantization

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nimprofile.model.config_fields import Config
    from nimprofile.model.shape import ModelShape, Weights

GROUP = 128
"""Weights that share a scale, where a checkpoint does not say."""

FP8 = Format("fp8", 8)
INT8 = Format("int8", 8)
NVFP4 = Format("nvfp4", 4 + 8 / 16)
"""A value and an 8-bit scale for 16 (NVIDIA, "Introducing NVFP4", 2025-06)."""

MXFP4 = Format("mxfp4", 4 + 8 / 32)
"""A value and an 8-bit scale for 32 (OCP Microscaling Formats 1.0, section 5.1)."""

NF4 = Format("nf4", 4 + 32 / 64)
"""A value and a scale for 64, which vLLM unpacks to 32 bits when it loads a checkpoint that packs
it (`bitsandbytes_loader.py` at 0.19.0)."""


def grouped(bits: int, group: int, *, zero_points: bool, name: str = "") -> Format:
    """Integer weights with a 16-bit scale, and perhaps a zero point, for each group."""
    scales = (16 + (bits if zero_points else 0)) / group if group > 0 else 0
    return Format(name or f"int{bits}", bits + scales)


INT4 = grouped(4, GROUP, zero_points=False)
AWQ = grouped(4, GROUP, zero_points=True, name="int4_awq")

PADDING = {"nvfp4": (1, 128), "mxfp4": (256, 128)}
"""Format -> multiples to which vLLM pads the width of experts and each rank's share of their inner
width (`flashinfer_fp4_moe.py` and `mxfp4.py` at 0.19.0; Marlin pads NVFP4 less)."""

_ON_LOAD = {
    Precision.FP8: FP8,
    Precision.INT8: INT8,
    Precision.INT8WO: INT8,
    Precision.INT4: INT4,
    Precision.W4A16: INT4,
    Precision.INT4_AWQ: AWQ,
    Precision.NVFP4: NVFP4,
    Precision.MXFP4: MXFP4,
}
_WIDE = {Precision.FP32: 32, Precision.BF16: 16, Precision.FP16: 16}
_PRECISION_OF = {
    "fp8": Precision.FP8,
    "int8": Precision.INT8,
    "int4_awq": Precision.INT4_AWQ,
    "nvfp4": Precision.NVFP4,
    "mxfp4": Precision.MXFP4,
}
_EVERY = ""
_EXPERTS = "experts"
_KEPT = (
    *("modules_to_not_convert", "ignore", "exclude_modules", "ignored_layers"),
    "llm_int8_skip_modules",
)
_ALGORITHMS = {
    "FP8": FP8,
    "FP8_PB_WO": FP8,
    "NVFP4": NVFP4,
    "W4A16_NVFP4": NVFP4,
    "W4A16_AWQ": AWQ,
    "INT4_AWQ": AWQ,
    "W4A8_AWQ": AWQ,
    "W8A8_SQ_PER_CHANNEL": INT8,
    "MXFP8": Format("fp8", 8 + 8 / 32),
}
"""ModelOpt's names of formats (github.com/NVIDIA/Model-Optimizer, `modelopt/torch/export`)."""


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
        if precision is None or (own is not None and own.rules is None):
            pass  # as it is stored, known or not
        elif precision in _WIDE:
            self.wide, self.scheme = _WIDE[precision], None
        elif not is_own(shape, precision):
            self.scheme = _on_load(shape, precision)
        scheme = self.scheme
        self._kept = _Patterns(() if scheme is None else scheme.kept)
        rules = () if scheme is None else scheme.rules or ()
        self._rules = [(_Patterns((pattern,)), form) for pattern, form in rules if pattern]
        self._rest = next((form for pattern, form in rules if pattern == _EVERY), None)

    @property
    def known(self) -> bool:
        """Whether the format is known."""
        return self.scheme is None or self.scheme.rules is not None

    @property
    def uniform(self) -> bool:
        """Whether a module is stored alike in every layer."""
        scheme = self.scheme
        if scheme is None:
            return True
        patterns = (*scheme.kept, *(pattern for pattern, _ in scheme.rules or ()))
        return not any("layers" in pattern for pattern in patterns)

    def format(self, weights: Weights, layer: int | None) -> Format | None:
        """The format of a module, in this layer or outside of all; None: it stays wide."""
        if self.scheme is None or not weights.linear:
            return None
        path = weights.name if layer is None else f"layers.{layer}.{weights.name}"
        if self._kept.match(path):
            return None
        for patterns, form in self._rules:
            if patterns.match(path):
                return form
        return None if layer is None else self._rest

    def bytes_on_rank(
        self, weights: Weights, layer: int | None, tp: int, *, padded: bool = True
    ) -> float:
        """Bytes of a module on one of `tp` ranks, with what engines pad it by or without."""
        form = self.format(weights, layer)
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


def own_precision(shape: ModelShape) -> Precision:
    """The precision that a checkpoint is served in: that of its narrowest matrices."""
    own = shape.quantization
    if own is None or not own.rules:
        return Precision.FP16 if shape.dtype == "float16" else Precision.BF16
    narrowest = min((form for _, form in own.rules), key=lambda form: form.bits)
    if narrowest.bits >= 16:
        return Precision.BF16
    return _PRECISION_OF.get(narrowest.name, Precision.INT4)


def is_own(shape: ModelShape, precision: Precision | None) -> bool:
    """Whether this is how the checkpoint is stored, and not what an engine makes of it on load."""
    own = shape.quantization
    if own is None or own.rules is None:
        return precision is None or own is not None
    return precision is None or _same(own_precision(shape), precision)


def _same(own: Precision, precision: Precision) -> bool:
    """Whether two names mean one kind of format: INT4, AWQ and W4A16 are all 4-bit integers."""
    kinds = [_ON_LOAD[each].name.partition("_")[0] for each in (own, precision) if each in _ON_LOAD]
    return len(kinds) == 2 and kinds[0] == kinds[1]


def _on_load(shape: ModelShape, precision: Precision) -> Quantization:
    only = _EXPERTS if precision is Precision.MXFP4 and shape.experts else _EVERY
    return Quantization(str(precision), ((only, _ON_LOAD[precision]),))


# Which modules a pattern names.

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


# Reading.


def read_quantization(config: Config | None) -> Quantization | None:
    """Read `quantization_config`, or the `quantization` of ModelOpt's own file.

    Raises ModelError for values of the wrong kind; a format that is not known has no rules.
    """
    if config is None:
        return None
    kept: tuple[str, ...] = ()
    for key in _KEPT:
        kept += config.words(key)
    dynamic = config.block("dynamic")  # GPTQModel: "-:expression" is left alone
    names = () if dynamic is None else dynamic.names()
    kept += tuple(f"re:{name.removeprefix('-:')}" for name in names if name.startswith("-:"))
    algorithm = config.text("quant_algo")
    method = (config.text("quant_method") or ("modelopt" if algorithm else "unnamed")).lower()
    rules = _rules(config, method)
    for pattern in (*kept, *(pattern for pattern, _ in rules or ())):
        if pattern.startswith("re:"):
            _check_expression(pattern.removeprefix("re:"), config)
    group, rows = _groups(config, method)
    scheme = config.block("kv_cache_scheme")
    cache = {"FP8": 8, "NVFP4": 4}.get((config.text("kv_cache_quant_algo") or "").upper())
    if cache is None and scheme is not None and scheme.integer("num_bits") == 8:
        cache = 8
    symmetric = config.flag("sym", default=True)
    return Quantization(method, rules, kept, group, rows, symmetric, cache)


def _groups(config: Config, method: str) -> tuple[int, int]:
    """Weights of a row that share a scale, and rows that do; 0: as many as there are."""
    blocks = config.integers("weight_block_size")
    if method in {"awq", "gptq", "auto-round"}:
        return max(0, config.integer("group_size") or GROUP), 0
    for _, each in config.blocks("config_groups"):
        weights = each.block("weights")
        if weights is not None and not blocks:
            blocks = weights.integers("block_structure")
            if weights.text("strategy") in {"group", "tensor_group"}:
                return max(0, weights.integer("group_size") or 0), 0
    if len(blocks) == 2:
        return max(0, blocks[1]), max(0, blocks[0])
    return 0, 0


def with_fp4_experts(own: Quantization) -> Quantization:
    """The same checkpoint with routed experts in MXFP4 (DeepSeek V4, `expert_dtype: fp4`)."""
    return own.replace(rules=((_EXPERTS, MXFP4), *(own.rules or ())))


def _check_expression(expression: str, config: Config) -> None:
    """Refuse what is no regular expression, and what could take forever to match."""
    import re

    place = config.place("ignore")
    if len(expression) > 400 or re.search(r"[*+}]\)+[*+{]", expression):
        raise ModelError(
            f"{expression[:40]!r} repeats a repetition, which can take forever: not read",
            place=place,
        )
    try:
        re.compile(expression)
    except re.error as error:
        problem = f"{expression[:40]!r} is no regular expression: {error}"
        raise ModelError(problem, place=place) from None


def _rules(config: Config, method: str) -> tuple[tuple[str, Format], ...] | None:
    match method:
        case "fp8" | "fbgemm_fp8":
            return ((_EVERY, FP8),)
        case "awq" | "gptq" | "auto-round":
            bits = config.count("bits", "w_bit", default=4)
            group = config.integer("group_size") or GROUP
            zero_points = method == "awq" or not config.flag("sym", default=False)
            name = "int4_awq" if method == "awq" and bits == 4 else ""
            own = grouped(bits, group, zero_points=zero_points, name=name)
            return (*_exceptions(config), (_EVERY, own))
        case "bitsandbytes":
            return ((_EVERY, NF4 if config.flag("load_in_4bit") else INT8),)
        case "mxfp4":
            return ((_EXPERTS, MXFP4),)
        case "experts_int8":  # Jamba's dense blocks are built as one expert
            return ((_EXPERTS, INT8), ("feed_forward", INT8))
    found = (*_by_layer(config), *_by_group(config))
    return found or _by_algorithm(config)


def _exceptions(config: Config) -> Iterator[tuple[str, Format]]:
    """Modules for which AutoRound has bits of their own."""
    for name, entry in config.blocks("extra_config"):
        if bits := entry.integer("bits"):
            yield name, Format(f"int{bits}", bits)


def _by_layer(config: Config) -> Iterator[tuple[str, Format]]:
    """ModelOpt's mixed precision: an algorithm for every module."""
    for name, entry in config.blocks("quantized_layers"):
        form = _ALGORITHMS.get((entry.text("quant_algo") or "").upper())
        if form is not None:
            yield name, form


def _by_group(config: Config) -> Iterator[tuple[str, Format]]:
    """The groups of compressed-tensors: targets, and the weights' format."""
    for _, group in config.blocks("config_groups"):
        weights = group.block("weights")
        bits = None if weights is None else weights.integer("num_bits")
        if weights is None or bits is None:
            continue
        size = weights.integer("group_size") or 0
        if weights.text("type") == "float":
            form = (MXFP4 if size == 32 else NVFP4) if bits == 4 else Format(f"fp{bits}", bits)
        else:
            symmetric = weights.flag("symmetric", default=True)
            per_group = 0 if weights.text("strategy") in {"block", "tensor", "channel"} else size
            form = grouped(bits, per_group, zero_points=not symmetric)
        for target in group.words("targets"):
            yield _EVERY if target == "Linear" else target, form


def _by_algorithm(config: Config) -> tuple[tuple[str, Format], ...] | None:
    form = _ALGORITHMS.get((config.text("quant_algo") or "").upper())
    return None if form is None else ((_EVERY, form),)
