"""Weights of the vision or audio encoder of a multimodal model.

To a few percent of the encoder, which is a few percent of the model: patches, attention, MLP and
projector, without positions' and tokens' odds and ends. Shapes as in Hugging Face's modelling code.
"""

from __future__ import annotations

from nimprofile.model.architectures import layers
from nimprofile.model.shape import Encoder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nimprofile.model.config_fields import Config
    from nimprofile.model.shape import Weights


def _siglip(c: Config, hidden: int) -> Iterator[Weights]:
    """Gemma 3: a SigLIP tower and one matrix."""
    width, patch = c.count("hidden_size"), c.count("patch_size", default=14)
    inner = c.count("intermediate_size", default=4304)
    side = c.count("image_size", default=896) // patch
    return layers.encoder(
        "vision_tower",
        c.count("num_hidden_layers"),
        width,
        inner,
        patch=(3 * patch * patch + side * side) * width,
        projector=width * hidden,
    )


def _gemma4(c: Config, hidden: int) -> Iterator[Weights]:
    width = c.count("hidden_size")
    return layers.encoder(
        "vision_tower",
        c.count("num_hidden_layers"),
        width,
        c.count("intermediate_size", default=4304),
        gated=True,
        patch=(3 * c.count("patch_size", default=16) ** 2) * width
        + 2 * c.count("position_embedding_size", default=10240) * width,
        projector=width * hidden,
    )


def _qwen_vl(c: Config, hidden: int) -> Iterator[Weights]:
    """Qwen2-VL to Qwen3.5: a vision transformer whose patches are merged two by two."""
    width = c.count("embed_dim") if c.integer("embed_dim") else c.count("hidden_size")
    inner = c.count("intermediate_size", default=4 * width)
    gated = inner < 3 * width  # Qwen2.5-VL
    merged = width * c.count("spatial_merge_size", default=2) ** 2
    merger = merged * merged + merged * hidden
    merger *= 1 + len(c.integers("deepstack_visual_indexes"))
    patch = 3 * c.count("temporal_patch_size", default=2) * c.count("patch_size", default=14) ** 2
    positions = c.integer("num_position_embeddings", default=0) or 0
    return layers.encoder(
        "visual",
        c.count("depth", "num_hidden_layers"),
        width,
        inner,
        gated=gated,
        patch=(patch + positions) * width,
        projector=merger,
    )


def _pixtral(c: Config, hidden: int) -> Iterator[Weights]:
    """Mistral 3: a Pixtral tower, a patch merger and two matrices."""
    width = c.count("hidden_size")
    return layers.encoder(
        "vision_tower",
        c.count("num_hidden_layers"),
        width,
        c.count("intermediate_size", default=4 * width),
        gated=True,
        patch=3 * c.count("patch_size", default=14) ** 2 * width,
        projector=4 * width * width + width * hidden + hidden * hidden,
    )


def _llama4(c: Config, hidden: int) -> Iterator[Weights]:
    width, inner = c.count("hidden_size"), c.count("intermediate_size", default=5632)
    out = c.count("vision_output_dim", "projector_output_dim", default=4096)
    return layers.encoder(
        "vision_model",
        c.count("num_hidden_layers"),
        width,
        inner,
        patch=3 * c.count("patch_size", default=14) ** 2 * width,
        projector=inner * out + out * out + out * hidden,
    )


def _mllama(c: Config, hidden: int) -> Iterator[Weights]:
    """Llama 3.2 Vision: local and global layers, tiles with positions of their own."""
    width = c.count("hidden_size")
    depth = c.count("num_hidden_layers") + c.count("num_global_layers", default=8)
    side = c.count("image_size", default=560) // c.count("patch_size", default=14)
    tiles = c.count("max_num_tiles", default=4)
    positions = (side * side + 1) * width * (1 + 9 * tiles)
    return layers.encoder(
        "vision_model",
        depth,
        width,
        c.count("intermediate_size", default=4 * width),
        patch=3 * c.count("patch_size", default=14) ** 2 * width + positions,
        projector=(_taps(c) + 1) * width * hidden,
    )


def _whisper(c: Config, hidden: int) -> Iterator[Weights]:
    """Qwen2-Audio: a Whisper encoder and one matrix."""
    width = c.count("d_model", "hidden_size")
    mels = c.count("num_mel_bins", default=128)
    return layers.encoder(
        "audio_tower",
        c.count("encoder_layers", "num_hidden_layers"),
        width,
        c.count("encoder_ffn_dim", default=4 * width),
        patch=3 * (mels + width) * width + 1500 * width,
        projector=width * hidden,
    )


def _clip(c: Config, hidden: int) -> Iterator[Weights]:
    """LLaVA: a CLIP tower and two matrices."""
    width = c.count("hidden_size")
    return layers.encoder(
        "vision_tower",
        c.count("num_hidden_layers"),
        width,
        c.count("intermediate_size"),
        patch=3 * c.count("patch_size", default=14) ** 2 * width,
        projector=width * hidden + hidden * hidden,
    )


ENCODERS: dict[tuple[str, str], Callable[[Config, int], Iterator[Weights]]] = {
    ("gemma3", "vision_config"): _siglip,
    ("gemma4", "vision_config"): _gemma4,
    **{
        (kind, "vision_config"): _qwen_vl
        for kind in (
            *("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"),
        )
    },
    ("mistral3", "vision_config"): _pixtral,
    ("llama4", "vision_config"): _llama4,
    ("mllama", "vision_config"): _mllama,
    ("qwen2_audio", "audio_config"): _whisper,
    ("llava", "vision_config"): _clip,
    ("llava_next", "vision_config"): _clip,
}
"""Model type of the wrapper and the block of its `config.json` -> the encoder's weights."""


def encoder_of(kind: str, c: Config) -> Encoder:
    """The widths of an encoder, and the patches of an image where they are fixed."""
    width = c.count("hidden_size", "embed_dim", "d_model")
    inner = c.count("intermediate_size", "encoder_ffn_dim", default=4 * width)
    side = c.count("image_size", default=1) // c.count("patch_size", default=14)
    match kind:
        case "gemma3":
            return Encoder(width, inner, side * side)
        case "mllama":
            tiles = c.count("max_num_tiles", default=4)
            return Encoder(width, inner, (side * side + 1) * tiles, outputs=1 + _taps(c))
        case _:
            return Encoder(width, inner)


def _taps(c: Config) -> int:
    """Layers whose hidden states Llama 3.2 Vision hands on beside the last."""
    return len(c.integers("intermediate_layers_indices")) or 5
