"""What is taken of a GPU before the KV cache: weights, activations, what CUDA holds.

A part is `exact` when it follows from the checkpoint's bytes, `manifest` when the manifest states
it, else `estimated`.
"""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.base.units import GIB
from nimprofile.engines.memory.kv_cache import states_beside
from nimprofile.model.shape import MAX_LAYERS
from nimprofile.model.storage import storage_of
from nimprofile.model.weights import is_likely, stages, weight_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY

    from nimprofile.engines.overheads import Overheads
    from nimprofile.engines.serving import Serving
    from nimprofile.hardware.inventory import Gpu
    from nimprofile.model.shape import Encoder, ModelShape

EXACT, ESTIMATED, MANIFEST = "exact", "estimated", "manifest"


class Part(Record):
    """One part of a budget.

    Attributes:
        bytes: of one GPU.
        source: `exact`, `estimated` or `manifest`.
        basis: what it was worked out from.
        low, high: the range, where sources or logs disagree.
    """

    bytes: int
    source: str
    basis: str
    _: KW_ONLY
    low: int | None = None
    high: int | None = None


def too_many_stages(shape: ModelShape, serving: Serving) -> bool:
    """Whether there are more pipeline stages than layers."""
    return serving.pp > (len(shape.layers) or MAX_LAYERS)


def weights_of(shape: ModelShape, serving: Serving) -> list[Part] | None:
    """The weights of every stage; None when neither the checkpoint's bytes nor its format is known.

    The checkpoint's bytes count where they are loaded as they are; what engines pad, and the layers
    that draft, come on top.
    """
    ranks, storage = serving.tp * serving.pp, storage_of(shape, serving.precision)
    exact = shape.checkpoint_bytes
    if not storage.as_stored:
        exact = None
    elif exact is not None and shape.quantization is None:
        exact = exact * shape.dtype_bits // shape.stored_bits
    if not shape.known or not storage.known:
        if exact is None:
            return None
        source = EXACT if ranks == 1 else ESTIMATED
        part = Part(-(-exact // ranks), source, "the checkpoint's bytes, divided evenly")
        return [part] * serving.pp
    draft = bool(serving.speculative_tokens and shape.drafter)
    where = shape, serving.precision, serving.tp, serving.pp
    computed = weight_bytes(*where, draft=draft)
    plain = weight_bytes(shape, serving.precision, padded=False)[0]
    if exact is None or not is_likely(shape):
        return [
            Part(size, ESTIMATED, "the shape's parameters in their formats") for size in computed
        ]
    as_stored = weight_bytes(*where, padded=False) == computed
    return [
        Part(
            size + (exact - plain) // ranks,
            EXACT if as_stored else ESTIMATED,
            "the checkpoint's bytes" + ("" if as_stored else ", and what the engine adds"),
        )
        for size in computed
    ]


def is_large(habits: Overheads, gpu: Gpu, total: int) -> bool:
    """Whether vLLM starts with the defaults of large GPUs (`engine/arg_utils.py`)."""
    name = (gpu.name or "").lower()
    named = not habits.large_names or any(part in name for part in habits.large_names)
    small = ("a100" in name and not habits.a100_large) or gpu.unified_memory
    return total >= 70 * GIB and named and not small


def activation_of(shape: ModelShape, serving: Serving, habits: Overheads, stage: int) -> Part:
    """The peak of one step: a layer's inner values, or the sampler's logits over hidden states.

    A layer holds its input, residual and output, and the inner width three times: gate, up and
    their product. That is vLLM's profile of 29,000 tokens of Llama 3.1 8B to 0.01 GiB (issue log,
    0.6). With tensor parallelism all-reduce writes beside what it reads.
    """
    if not shape.hidden_size:
        return Part(0, ESTIMATED, "unknown: the shape does not give it")
    tokens = serving.max_num_batched_tokens or 0
    width = storage_of(shape, serving.precision).wide / 8
    hidden = tokens * shape.hidden_size * width
    held = 3 if serving.tp == 1 else 5
    layer = held * hidden + 3 * tokens * -(-shape.intermediate_size // serving.tp) * width
    logits = min(serving.max_num_seqs or 0, tokens) * shape.vocab_size
    basis = "the widest layer"

    def peak(logit_bytes: float | None) -> float:
        if stage < serving.pp - 1 or not logit_bytes:
            return layer
        return max(layer, hidden + logits * (logit_bytes + width))

    likely = peak(habits.logit_bytes)
    if likely > layer:
        requests = min(serving.max_num_seqs or 0, tokens)
        basis = f"logits of {requests} requests in the sampler"
    others = [peak(size) for size in (habits.logit_bytes_low, habits.logit_bytes_high) if size]
    low, high = min([likely, *others]), max([likely, *others])
    if shape.experts:
        inner = -(-shape.expert_size // serving.tp)
        routed = tokens * shape.experts_per_token * width
        buffers = routed * (max(2 * inner, shape.hidden_size) + max(inner, shape.hidden_size))
        low, likely, high = low + buffers, likely + buffers, high + buffers
        basis += ", and the experts' buffers"
    if shape.encoder is not None and stage == 0:
        images = (serving.max_num_seqs or 0) if habits.images_at_once else 0
        profile = max(habits.encoder_bytes, _encoding(shape.encoder, images, serving.tp) * width)
        if profile > likely:
            likely, high = profile, max(high, profile)
            basis = f"the encoder, profiled with {images} images" if images else "the encoder"
    if low == high:
        return Part(int(likely), ESTIMATED, basis)
    return Part(int(likely), ESTIMATED, basis, low=int(low), high=int(high))


def with_states(part: Part, shape: ModelShape, serving: Serving, stage: int) -> Part:
    """Older vLLM sets aside the states of max_num_seqs requests (`mamba_cache.py` at 0.8.3)."""
    start, end = stages(shape, serving.pp)[stage]
    width = storage_of(shape, serving.precision).wide / 8
    one = states_beside(shape.layers[start:end], serving.tp, width)
    if not one:
        return part
    aside = int(one * (serving.max_num_seqs or 0))
    return part.replace(bytes=part.bytes + aside, basis=f"{part.basis}, and states beside the pool")


def _encoding(encoder: Encoder, images: int, tp: int) -> float:
    """Numbers that an encoder holds for `images` at its peak.

    Of each patch the inner width twice, and its width for input, queries, keys, values, output and
    what it hands on: 3.9 of the 3.7 GiB that a log prints for 64 images of Gemma 3, and 37.1 of the
    36.6 for 128 of Llama 3.2 Vision.
    """
    inner = 2 * -(-encoder.intermediate_size // tp)
    return images * encoder.patches * (inner + (5 + encoder.outputs) * encoder.hidden_size)


def overhead_of(serving: Serving, habits: Overheads, gpu: Gpu, total: int) -> Part:
    """What CUDA, NCCL and the engine hold outside of PyTorch, and CUDA graphs where they count."""
    desktop = "geforce" in (gpu.name or "").lower()
    context = habits.desktop_bytes if desktop else habits.context_bytes
    if serving.tp > 1:
        large = is_large(habits, gpu, total)
        context = habits.parallel_bytes_large if large else habits.parallel_bytes
    if gpu.unified_memory:
        context = max(context, habits.unified_bytes)
    if serving.eager or not habits.graphs_counted:
        return Part(context, ESTIMATED, "CUDA and the engine, outside of PyTorch")
    low, likely, high = (context + graphs for graphs in habits.graph_bytes)
    basis = "CUDA and the engine, outside of PyTorch, and CUDA graphs"
    return Part(likely, ESTIMATED, basis, low=low, high=high)
