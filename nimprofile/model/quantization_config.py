"""Reading `quantization_config` of a `config.json`, and ModelOpt's `hf_quant_config.json`."""

from __future__ import annotations

from nimprofile.base.errors import ModelError
from nimprofile.base.printable import quoted
from nimprofile.model.quantization import (
    AWQ,
    EVERY_MODULE,
    FP8,
    GROUP,
    INT8,
    MXFP4,
    NF4,
    NVFP4,
    ROUTED_EXPERTS,
    grouped,
)
from nimprofile.model.shape import Format, Quantization

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from nimprofile.model.config_fields import Config


_KEPT = (
    *("modules_to_not_convert", "ignore", "exclude_modules", "ignored_layers"),
    "llm_int8_skip_modules",
)


MAX_METHOD = 100
"""The longest name of a way of quantising that is read, in characters."""

MAX_NAME = 1000
"""The longest name of a module that is read, in characters."""

MAX_WILD = 5000
"""So many names with wildcards are compared with every module."""

_WILD = frozenset("*?[")

MAX_EXPRESSION = 400
"""The longest expression that is read, in characters."""

MAX_EXPRESSIONS = 200
"""So many expressions are held to every module of a model."""

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


def read_quantization(config: Config | None) -> Quantization | None:
    """Read `quantization_config`, or the `quantization` of ModelOpt's own file.

    Raises ModelError for values of the wrong kind; a format that is not known has no rules.
    """
    if config is None:
        return None
    kept: tuple[str, ...] = tuple(word for key in _KEPT for word in config.words(key))
    dynamic = config.block("dynamic")  # GPTQModel: "-:expression" is left alone
    names = () if dynamic is None else dynamic.names()
    kept += tuple(f"re:{name.removeprefix('-:')}" for name in names if name.startswith("-:"))
    algorithm = config.text("quant_algo")
    method = (config.text("quant_method") or ("modelopt" if algorithm else "unnamed")).lower()
    if len(method) > MAX_METHOD:
        problem = f"{quoted(method, 40)} is longer than the name of any quantisation"
        raise ModelError(problem, place=config.place("quant_method"))
    rules = _rules(config, method)
    patterns = dict.fromkeys((*kept, *(pattern for pattern, _ in rules or ())))
    if longest := next((pattern for pattern in patterns if len(pattern) > MAX_NAME), None):
        problem = (
            f"{quoted(longest, 40)} is longer than {MAX_NAME:,} characters, as no module's name is"
        )
        raise ModelError(problem, place=config.place("ignore"))
    if sum(not _WILD.isdisjoint(pattern) for pattern in patterns) > MAX_WILD:
        problem = f"more than {MAX_WILD:,} names with wildcards"
        raise ModelError(problem, place=config.place("ignore"))
    expressions = [pattern for pattern in patterns if pattern.startswith("re:")]
    if len(expressions) > MAX_EXPRESSIONS:
        problem = f"{len(expressions):,} expressions; {MAX_EXPRESSIONS} at most are read"
        raise ModelError(problem, place=config.place("ignore"))
    for expression in expressions:
        _check_expression(expression.removeprefix("re:"), config)
    group, rows = _groups(config, method)
    scheme = config.block("kv_cache_scheme")
    cache = {"FP8": 8, "NVFP4": 4}.get((config.text("kv_cache_quant_algo") or "").upper())
    if cache is None and scheme is not None and scheme.integer("num_bits") == 8:
        cache = 8
    symmetric = config.flag("sym", default=True)
    return Quantization(
        method, rules, kept, group=group, rows=rows, symmetric=symmetric, kv_bits=cache
    )


def _groups(config: Config, method: str) -> tuple[int, int]:
    """Weights of a row that share a scale, and rows that do; 0: as many as there are."""
    blocks = config.integers("weight_block_size")
    if method in {"awq", "gptq", "auto-round"}:
        return max(0, config.integer("group_size") or GROUP), 0
    for _, group in config.blocks("config_groups"):
        weights = group.block("weights")
        if weights is not None and not blocks:
            blocks = weights.integers("block_structure")
            if weights.text("strategy") in {"group", "tensor_group"}:
                return max(0, weights.integer("group_size") or 0), 0
    if len(blocks) == 2:
        return max(0, blocks[1]), max(0, blocks[0])
    return 0, 0


def with_fp4_experts(own: Quantization) -> Quantization:
    """The same checkpoint with routed experts in MXFP4 (DeepSeek V4, `expert_dtype: fp4`)."""
    return own.replace(rules=((ROUTED_EXPERTS, MXFP4), *(own.rules or ())))


def _check_expression(expression: str, config: Config) -> None:
    """Refuse what is no regular expression, and what could take forever to match."""
    import re

    from nimprofile.base.names.patterns import problem_of

    place = config.place("ignore")
    if re.search(r"[*+}]\)+[*+{]", expression[:MAX_EXPRESSION]):
        raise ModelError(
            f"{quoted(expression, 40)} repeats a repetition, which can take forever: not read",
            place=place,
        )
    if problem := problem_of(expression, MAX_EXPRESSION):
        raise ModelError(f"{quoted(expression, 40)} is not read: {problem}", place=place)


def _rules(config: Config, method: str) -> tuple[tuple[str, Format], ...] | None:
    match method:
        case "fp8" | "fbgemm_fp8":
            return ((EVERY_MODULE, FP8),)
        case "awq" | "gptq" | "auto-round":
            bits = config.count("bits", "w_bit", default=4)
            group = config.integer("group_size") or GROUP
            zero_points = method == "awq" or not config.flag("sym", default=False)
            name = "int4_awq" if method == "awq" and bits == 4 else ""
            own = grouped(bits, group, zero_points=zero_points, name=name)
            return (*_exceptions(config), (EVERY_MODULE, own))
        case "bitsandbytes":
            return ((EVERY_MODULE, NF4 if config.flag("load_in_4bit") else INT8),)
        case "mxfp4":
            return ((ROUTED_EXPERTS, MXFP4),)
        case "experts_int8":  # Jamba's dense blocks are built as one expert
            return ((ROUTED_EXPERTS, INT8), ("feed_forward", INT8))
    rules = (*_by_layer(config), *_by_group(config))
    return rules or _by_algorithm(config)


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
            yield EVERY_MODULE if target == "Linear" else target, form


def _by_algorithm(config: Config) -> tuple[tuple[str, Format], ...] | None:
    form = _ALGORITHMS.get((config.text("quant_algo") or "").upper())
    return None if form is None else ((EVERY_MODULE, form),)
