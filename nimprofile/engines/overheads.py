"""What an engine holds of a GPU beside weights and KV cache, and its defaults, by version."""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.base.units import gib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY


class Overheads(Record):
    """The habits of an engine from one version on.

    Large GPUs are those for which vLLM has defaults of their own: 70 GiB and more.

    Attributes:
        since: the first version with these habits.
        newest: the newest version they were seen in.
        source: where they were seen.
        fraction: of a GPU's memory that the engine takes by default.
        of_free: it is a fraction of what is free after weights and activations (TensorRT-LLM).
        of_start: it is a fraction of what is free at start, for weights and KV cache together;
            activations live in the rest (SGLang).
        batched_tokens, batched_tokens_large: default max_num_batched_tokens.
        batched_tokens_huge: the same from 160 GiB on; None: as for large ones.
        large_names: what the name of a large GPU must contain one of; (): any.
        a100_large: an A100 counts as large.
        seqs, seqs_large: default max_num_seqs.
        asks_at_start: it will not start unless its fraction of the whole GPU is free.
        unchunked_below: contexts up to this length are prefilled whole, so that a step has as many
            tokens as the context; 0: none are.
        logit_bytes: bytes that the sampler needs for each logit of a step (requests x vocabulary)
            at its peak, beside the logits themselves.
        logit_bytes_low, logit_bytes_high: the same with the other sampler that may be installed.
        encoder_bytes: the least activation peak of a model with an encoder.
        images_at_once: the encoder is profiled with an image for every request of a step.
        context_bytes: what CUDA and the engine hold outside of PyTorch, on one GPU.
        desktop_bytes: the same on a GeForce board, which may drive a display; by default vLLM's.
        unified_bytes: the same where the GPU shares the host's memory.
        parallel_bytes, parallel_bytes_large: the same with NCCL, on several GPUs.
        graph_bytes: CUDA graphs: lowest, likely, highest.
        graphs_counted: they come off before the KV cache is sized.
        hybrid: sliding windows and states are cached apart from full attention, not like it.
        merge: kinds of layers form one group when their numbers differ by less than this factor.
        state_pages: blocks of a state that a request holds; when not `hybrid`, the states of
            max_num_seqs requests are set aside beside the pool.
        steps_in_flight: steps whose tokens a window must hold.
        own_kv_format: `auto` takes the KV-cache format that the checkpoint names.
        prints_requests: the KV-cache size it prints is full-length requests times their length;
            before, blocks divided by groups of layers.
        free_share: of the free memory, what a shortened context may fill; None: does not matter.
    """

    since: str
    newest: str
    source: str
    _: KW_ONLY
    fraction: float
    batched_tokens: int
    batched_tokens_large: int
    seqs: int
    seqs_large: int
    context_bytes: int
    parallel_bytes: int
    parallel_bytes_large: int
    graph_bytes: tuple[int, int, int]
    batched_tokens_huge: int | None = None
    large_names: tuple[str, ...] = ()
    a100_large: bool = False
    asks_at_start: bool = False
    logit_bytes: float = 0.0
    logit_bytes_low: float | None = None
    logit_bytes_high: float | None = None
    of_free: bool = False
    of_start: bool = False
    unchunked_below: int = 0
    encoder_bytes: int = 0
    images_at_once: bool = False
    desktop_bytes: int = gib(0.25)  # 0.08, 0.15, 0.35 and 0.44 GiB in logs of vLLM 0.6 to 0.8
    unified_bytes: int = gib(3.9)  # GB10: 3.6 to 4.3 GiB in logs of vLLM 0.10 and 0.19
    graphs_counted: bool = False
    hybrid: bool = True
    merge: float = 1.0
    state_pages: int = 1
    steps_in_flight: int = 1
    own_kv_format: bool = True
    prints_requests: bool = True
    free_share: float | None = None


RESERVED_SHARE, RESERVED_MOST = 0.017, gib(0.45)
"""What the driver keeps of a GPU from CUDA, where NVML does not say: this share, at most so much.

NVML's total less the CUDA total that logs print for the same board: 0.26 GiB of a T4, 0.33 of an
L4, 0.42 of an RTX 3090, 0.44 of an A100 40 GB, 0.46 of an H100, but 0.68 of an L40S and an H200 and
0.86 of an A100 80 GB.
"""
