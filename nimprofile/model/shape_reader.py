"""The shape of a model, read from its `config.json`."""

from __future__ import annotations

from nimprofile.base.errors import ModelError
from nimprofile.base.expect import expect_mapping
from nimprofile.base.printable import quoted
from nimprofile.model.architectures import layers as blocks
from nimprofile.model.architectures.decoders import expert_count, kv_heads_of
from nimprofile.model.architectures.hybrids import nemotron_h
from nimprofile.model.architectures.registry import (
    ARCHITECTURES,
    CONFIG_DEFAULTS,
    TEXT_MODEL_TYPES,
    TIED_EMBEDDINGS,
    deepseek_v4_layers,
)
from nimprofile.model.config_fields import Config, stretched_context
from nimprofile.model.quantization_config import read_quantization, with_fp4_experts
from nimprofile.model.shape import CacheKind, Layer, ModelShape, Weights

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nimprofile.model.shape import Encoder, Quantization


ASSUMED_VOCABULARY = 131_072
"""For a file without one: on the large side of today's models, so that memory is not short."""


_DTYPE_BITS = {"float32": 32, "bfloat16": 16, "float16": 16}


def shape_from_config(
    fields: Mapping[str, object], quantization: Mapping[str, object] | None = None
) -> ModelShape:
    """Read a model's shape from the mapping of a Hugging Face `config.json`.

    Args:
        fields: the mapping. Keys that do not bear on memory are passed over.
        quantization: the `quantization` block of ModelOpt's `hf_quant_config.json`, when that
            lies beside it.

    Returns:
        The shape; without layers when the `model_type` is not known.

    Raises:
        ModelError: a key is missing or has no figure, with its place.
    """
    hint = "load_model(path) reads a file"
    expect_mapping("shape_from_config: fields", fields, hint=hint)
    if quantization is not None:
        expect_mapping("shape_from_config: quantization", quantization, hint=hint)
    return read_config(fields, quantization)[0]


def read_config(
    fields: Mapping[str, object], quantization: Mapping[str, object] | None = None
) -> tuple[ModelShape, dict[str, object]]:
    """Like `shape_from_config`, and what of the two mappings the shape was read from.

    The second is a `config.json` of the same shape, as a manifest has it.
    """
    outer = Config(fields)
    block = None if quantization is None else Config(quantization, place="quantization")
    shape, language = _read(outer, block)
    if "model_type" not in language.asked:  # read by its keys
        language.asked["model_type"] = shape.architecture
    if block is not None:
        outer.asked["quantization_config"] = block.asked
    return shape, _in_order(outer.asked, fields)


def _in_order(asked: Mapping[str, object], fields: object) -> dict[str, object]:
    """What was asked for, in the order of the file, whatever the order of asking."""
    order = fields if isinstance(fields, dict) else {}
    positions = {key: position for position, key in enumerate(order)}
    ordered: dict[str, object] = {}
    for key in sorted(asked, key=lambda key: positions.get(key, len(positions))):
        value = asked[key]
        ordered[key] = _in_order(value, order.get(key)) if isinstance(value, dict) else value
    return ordered


def _read(outer: Config, quantization: Config | None) -> tuple[ModelShape, Config]:
    """The shape, and the part of the file that is about the language model."""
    outer_type = outer.text("model_type") or ""
    key = next((key for key in ("text_config", "llm_config") if outer.block(key)), None)
    nested = None if key is None else outer.block(key)
    inner_type = (outer_type if nested is None else nested.text("model_type")) or ""
    inner_type = inner_type or TEXT_MODEL_TYPES.get(outer_type, "")
    notes = []
    if not inner_type and (inner_type := _by_keys(nested or outer)):
        notes.append(f"there is no model_type: read as {inner_type} by its keys; engines want one")
    defaults = CONFIG_DEFAULTS.get(inner_type)
    c = (outer.block(key, defaults) if key else None) or outer
    quantized = _quantization(outer, c, quantization)
    dtype, stored = _dtype(outer, c, notes)
    if quantized is not None and quantized.rules is None:
        notes.append(
            f"the quantisation {quoted(quantized.method)} is not known: only weight bytes count"
        )
    bits = 16
    build = ARCHITECTURES.get(inner_type)
    if build and c.get("num_hidden_layers") is not None and c.get("vocab_size") is None:
        c.assume("vocab_size", ASSUMED_VOCABULARY)
        notes.append(f"vocab_size is missing: {ASSUMED_VOCABULARY:,} is assumed")
    if build is None:
        kind = inner_type or outer_type or "unknown"
        named = inner_type or outer_type
        problem = f"model_type {quoted(kind)} is not known" if named else "there is no model_type"
        notes.append(f"{problem}: only weight bytes count")
        shape = ModelShape(
            kind,
            (),
            heads=c.integer("num_attention_heads", default=0) or 0,
            kv_heads=c.integer("num_key_value_heads", default=0) or 0,
            dtype=dtype,
            dtype_bits=bits,
            stored_bits=stored,
            quantization=quantized,
            notes=tuple(notes),
        )
        return shape, c
    context = c.integer("max_position_embeddings", "n_positions", "seq_length")
    if context is not None:
        context = c.count("max_position_embeddings", "n_positions", "seq_length")
    heads, kv_heads = c.integer("num_attention_heads", default=0) or 0, 0
    if heads and (kv_heads := kv_heads_of(c)) and heads % kv_heads:
        problem = f"{heads} attention heads cannot share {kv_heads} KV heads evenly"
        raise ModelError(problem, place=c.place("num_key_value_heads"))
    layers = tuple(build(c))
    hidden, vocab = c.count("hidden_size"), c.count("vocab_size")
    tied = outer.flag(
        "tie_word_embeddings",
        default=c.flag("tie_word_embeddings", default=inner_type in TIED_EMBEDDINGS),
    )
    first, encoder, assumed = _first(outer, outer_type, c, inner_type)
    last = [blocks.norm("norm", hidden)]
    tables = 0
    if build is deepseek_v4_layers:
        from nimprofile.model.architectures.deepseek_v4 import hyper_head, rotary_tables

        last.append(hyper_head(c))
        tables = rotary_tables(c)
    if not tied:
        head_bias = vocab if inner_type == "phi" else 0
        last.append(blocks.matrix("lm_head", hidden, vocab, vocab, bias=head_bias))
    # Qwen3-Next's file does not say that it has one (vLLM, `models/qwen3_next_mtp.py`).
    usual = 1 if inner_type == "qwen3_next" else 0
    drafts = c.integer("num_nextn_predict_layers", "mtp_num_hidden_layers", default=usual) or 0
    experts = expert_count(c)
    shape = ModelShape(
        inner_type,
        layers,
        tuple(first),
        last=tuple(last),
        drafter=tuple(_drafter(c, layers, hidden)) if drafts > 0 else (),
        max_position_embeddings=context,
        stretched_context=None if context is None else stretched_context(c, inner_type, context),
        hidden_size=hidden,
        intermediate_size=c.count(
            "intermediate_size", "ffn_dim", "moe_intermediate_size", default=4 * hidden
        ),
        vocab_size=vocab,
        heads=heads,
        kv_heads=kv_heads,
        experts=experts,
        experts_per_token=c.count("num_experts_per_tok", "top_k_experts", "moe_k", default=1)
        if experts
        else 0,
        expert_size=c.count("moe_intermediate_size", "intermediate_size") if experts else 0,
        encoder=encoder,
        table_bytes=tables,
        tied=tied,
        dtype=dtype,
        dtype_bits=bits,
        stored_bits=stored,
        quantization=quantized,
        notes=(*notes, *c.notes, *assumed),
    )
    return shape, c


def _quantization(outer: Config, c: Config, beside: Config | None) -> Quantization | None:
    """How the matrices are stored, by ModelOpt's file or else by the config."""
    block = beside or outer.block("quantization_config") or c.block("quantization_config")
    own = read_quantization(block)
    if own is not None and c.text("expert_dtype") == "fp4":
        return with_fp4_experts(own)
    return own


def _dtype(outer: Config, c: Config, notes: list[str]) -> tuple[str, int]:
    """The format of what is not quantised, and its bits in the checkpoint."""
    dtype = outer.text("torch_dtype", "dtype") or c.text("torch_dtype", "dtype") or "bfloat16"
    dtype = dtype.removeprefix("torch.")
    stored = _DTYPE_BITS.get(dtype)
    if stored is None:
        notes.append(f"the dtype {quoted(dtype)} is not known: 16 bits are counted")
    elif stored == 32:
        notes.append("the checkpoint has 32 bits: engines load 16 unless the precision is fp32")
    return dtype, stored or 16


def _by_keys(c: Config) -> str:
    """The `model_type` of a file without one: by `architectures`, else by keys of one family."""
    for name in c.words("architectures"):
        plain = name.partition("For")[0].lower()
        matches = [known for known in ARCHITECTURES if known.replace("_", "") == plain]
        if matches:
            return matches[0]
    if c.integer("num_hidden_layers") is None or c.integer("hidden_size") is None:
        return ""
    for key, name in _KEYS_OF_FAMILIES:
        if c.get(key) is not None:
            return name
    return "qwen3_moe" if expert_count(c) else "llama"


_KEYS_OF_FAMILIES = (
    ("kv_lora_rank", "deepseek_v3"),
    ("hybrid_override_pattern", "nemotron_h"),
    ("linear_num_key_heads", "qwen3_5_moe_text"),
    ("attn_layer_period", "jamba"),
    ("ffn_dim", "opt"),
)
"""Keys that only one family has."""


def _drafter(c: Config, layers: tuple[Layer, ...], hidden: int) -> Iterator[Layer]:
    """Layers for multi-token prediction: a matrix that joins two hidden states, then usual layers.

    The embedding and the output head are the model's own (vLLM, `models/*_mtp.py`).
    """
    pattern = c.text("mtp_hybrid_override_pattern")
    if pattern is not None:
        like = [*nemotron_h(c, pattern)]
    else:
        like = [
            layer for layer in layers if layer.cache and layer.cache.kind is not CacheKind.STATE
        ][-1:]
    join = blocks.matrix("eh_proj", 2 * hidden, hidden, 1), blocks.norm("norms", 3 * hidden)
    for at, layer in enumerate(like):
        weights = (*layer.weights, *join) if at == 0 else layer.weights
        renamed = tuple(matrix.replace(name=f"mtp.{matrix.name}") for matrix in weights)
        yield Layer(renamed, layer.cache)


def _first(
    outer: Config, outer_type: str, c: Config, inner_type: str
) -> tuple[list[Weights], Encoder | None, list[str]]:
    """Embeddings and encoders, and what was assumed of them."""
    hidden, vocab = c.count("hidden_size"), c.count("vocab_size")
    first = [Weights("embed_tokens", vocab * hidden, vocab)]
    if inner_type == "opt":
        first.append(Weights("embed_positions", (c.count("max_position_embeddings") + 2) * hidden))
    per_layer = c.integer("hidden_size_per_layer_input", default=0) or 0
    if per_layer:
        rows = c.count("vocab_size_per_layer_input", default=vocab)
        width = per_layer * c.count("num_hidden_layers")
        first.append(Weights("embed_tokens_per_layer", rows * width + hidden * width, rows))
    encoder, notes = None, []
    for key in ("vision_config", "audio_config"):
        block = outer.block(key)
        if block is None:
            continue
        from nimprofile.model.architectures.encoders import ENCODERS, encoder_of

        build = ENCODERS.get((outer_type, key))
        if build is None:
            notes.append(f"the encoder of {key} is not counted: model_type {quoted(outer_type)}")
            continue
        first += build(block, hidden)
        encoder = encoder_of(outer_type, block)
        notes.append(f"the encoder of {key} is counted by its published shape, to a few percent")
    return first, encoder, notes
