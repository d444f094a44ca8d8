"""What does an engine need beside weights and KV cache, and what are its defaults, by version?

Every constant has its source; `docs/memory.md` has the runs that it is checked against. Where
sources or logs disagree there is a range: lowest, likely, highest.
"""

from __future__ import annotations

from nimprofile.base.record import Record
from nimprofile.base.units import GIB, MIB
from nimprofile.base.versions import satisfies
from nimprofile.manifest.profile import Engine


def _gib(number: float) -> int:
    return round(number * GIB)


class Overheads(Record):
    """The habits of an engine from one version on.

    Large GPUs are those for which vLLM has defaults of their own: 70 GiB and more.

    Attributes:
        since: the first version with these habits.
        newest: the newest version they were seen in.
        source: where they were seen.
        fraction: of a GPU's memory that the engine takes, unless told otherwise.
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
        desktop_bytes: the same on a GeForce board, which may drive a display.
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
    desktop_bytes: int = _gib(0.25)  # 0.08, 0.15, 0.35 and 0.44 GiB in logs of vLLM 0.6 to 0.8
    unified_bytes: int = _gib(3.9)  # GB10: 3.6 to 4.3 GiB in logs of vLLM 0.10 and 0.19
    graphs_counted: bool = False
    hybrid: bool = True
    merge: float = 1.0
    state_pages: int = 1
    steps_in_flight: int = 1
    own_kv_format: bool = True
    prints_requests: bool = True
    free_share: float | None = None


SORTED_LOGIT = 36.4
"""vLLM whose sampler sorts all logits: 32-bit logits, sorted values, 64-bit indices and scratch.

Activation peaks over logits in 17 logs of 0.4 to 0.16, vocabularies of 32,768 to 201,088: 38.0 to
39.5 bytes, 2 of them the 16-bit logits. 1.25 GB at 256 x 131,072 in vLLM pull request 32558.
"""

SELECTED_LOGIT = 13.0
"""vLLM whose sampler selects without sorting: 32-bit logits, probabilities and noise.

FlashInfer's where it is installed, as in the official image of 0.8.5 to 0.10 (docker/Dockerfile),
and again from 0.21; vLLM's own from 0.17 (pull request 33538). 15.0 bytes, 2 of them the logits, in
18 logs of 0.19; 384 MB at 256 x 131,072 in pull request 32558.
"""

_VLLM_FILES = "vLLM's engine/arg_utils.py, config/cache.py and envs.py"
_V0 = Overheads(
    since="0",
    newest="0.7.3",
    source=f"{_VLLM_FILES} at 0.6.6; logs of its V0 engine, 0.4 to 0.8",
    fraction=0.9,
    batched_tokens=2048,
    batched_tokens_large=2048,
    seqs=256,
    seqs_large=256,
    context_bytes=_gib(0.1),
    parallel_bytes=_gib(0.4),
    parallel_bytes_large=_gib(0.75),
    graph_bytes=(_gib(0.03), _gib(0.4), _gib(1.9)),
    asks_at_start=True,
    logit_bytes=SORTED_LOGIT,
    unchunked_below=32768,
    encoder_bytes=_gib(2.5),  # llm-d-planner, capacity_planner.py, 2026-04: multimodal models
    images_at_once=True,
    hybrid=False,
    merge=1.25,
    own_kv_format=False,
    prints_requests=False,
)
_V1 = _V0.replace(
    since="0.8",
    newest="0.8.4",
    source=f"{_VLLM_FILES} at 0.8.3",
    batched_tokens_large=8192,
    large_names=("h100", "h200"),
    seqs=1024,
    seqs_large=1024,
    parallel_bytes_large=_gib(0.4),
    unchunked_below=0,
    images_at_once=False,
)
_BY_SIZE = _V1.replace(
    since="0.8.5",
    newest="0.8.5",
    source=f"{_VLLM_FILES} at 0.8.5",
    large_names=(),
    a100_large=True,
    seqs=256,
    logit_bytes=SELECTED_LOGIT,
    logit_bytes_high=SORTED_LOGIT,
)
_SMALL_A100 = _BY_SIZE.replace(
    since="0.9", newest="0.9.1", source=f"{_VLLM_FILES} at 0.9.0", a100_large=False
)
_HYBRID = _SMALL_A100.replace(
    since="0.9.2",
    newest="0.10.2",
    source=f"{_VLLM_FILES} at 0.9.2 to 0.10.2",
    context_bytes=_gib(0.13),
    parallel_bytes=_gib(0.55),
    parallel_bytes_large=_gib(0.55),
    graph_bytes=(0, _gib(0.8), _gib(1.9)),
    hybrid=True,
    merge=1.0,
)
_SORTING = _HYBRID.replace(
    since="0.11",
    newest="0.11.0",
    source=f"{_VLLM_FILES} at 0.11.0; llm-d-planner's logs",
    logit_bytes=SORTED_LOGIT,
    logit_bytes_low=SELECTED_LOGIT,
    logit_bytes_high=None,
)
_MERGING = _SORTING.replace(
    since="0.12",
    newest="0.16.0",
    source=f"{_VLLM_FILES} and v1/core/kv_cache_utils.py at 0.12.0 to 0.16.0; llm-d-planner's logs",
    merge=1.25,
)
_SELECTING = _MERGING.replace(
    since="0.17",
    newest="0.17.0",
    source=f"{_VLLM_FILES} at 0.17.0; llm-d-planner's logs of 0.17.0 and 0.19.0",
    logit_bytes=SELECTED_LOGIT,
    logit_bytes_low=None,
    context_bytes=_gib(0.25),
    parallel_bytes=_gib(0.8),  # seven logs of two RTX 3090 or 5090, 0.20 to 0.27: 0.3 to 1.4 GiB
    parallel_bytes_large=_gib(2.1),
    graph_bytes=(_gib(0.5), _gib(0.84), _gib(1.9)),
    encoder_bytes=0,
    own_kv_format=True,
)
_WIDER_MERGE = _SELECTING.replace(
    since="0.18",
    newest="0.19.0",
    source=f"{_VLLM_FILES} at 0.18.0 and 0.19.0; llm-d-planner's logs of 0.19.0",
    merge=1.5,
)
_GRAPHS = _WIDER_MERGE.replace(
    since="0.20",
    newest="0.25.0",
    source=f"{_VLLM_FILES} at 0.20.0 to 0.25.0; other figures from logs of 0.19.0",
    fraction=0.92,
    graphs_counted=True,
)
_PRINTS_REQUESTS = _GRAPHS.replace(since="0.21", prints_requests=True)
_IN_FLIGHT = _PRINTS_REQUESTS.replace(
    since="0.27",
    newest="0.27.0",
    source=f"{_VLLM_FILES} and v1/kv_cache_interface.py at 0.27.0; other figures from logs of "
    "0.19.0",
    state_pages=2,
    steps_in_flight=2,
)
_HUGE = _IN_FLIGHT.replace(
    since="0.29",
    newest="0.33.0",
    source=f"{_VLLM_FILES} and v1/kv_cache_interface.py at 0.29.0 to 0.33.0; other figures from "
    "logs of 0.19.0",
    batched_tokens_huge=16384,
)
VLLM = (
    *(_V0, _V1, _BY_SIZE, _SMALL_A100, _HYBRID, _SORTING, _MERGING, _SELECTING, _WIDER_MERGE),
    *(_GRAPHS, _PRINTS_REQUESTS, _IN_FLIGHT, _HUGE),
)
"""vLLM from release to release, oldest first."""

SGLANG = (
    Overheads(
        since="0",
        newest="0.5.10",
        source="SGLang's srt/server_args.py and model_executor at 0.5.10; six logs",
        fraction=0.88,
        batched_tokens=8192,
        batched_tokens_large=8192,
        seqs=256,
        seqs_large=256,
        context_bytes=_gib(0.55),
        parallel_bytes=_gib(0.85),
        parallel_bytes_large=_gib(0.85),
        graph_bytes=(_gib(1.3), _gib(2.0), _gib(3.4)),
        of_start=True,
    ),
)

TENSORRT_LLM = (
    Overheads(
        since="0",
        newest="",
        source="aiconfigurator, sdk/memory.py (other: 3.5 GiB; NCCL: 0.4); TensorRT-LLM's "
        "KvCacheConfig page",
        fraction=0.9,
        batched_tokens=8192,
        batched_tokens_large=8192,
        seqs=256,
        seqs_large=256,
        context_bytes=_gib(3.5),
        parallel_bytes=_gib(3.9),
        parallel_bytes_large=_gib(3.9),
        graph_bytes=(0, 0, 0),
        of_free=True,
    ),
)

NIM_ALLOWANCE = _gib(1.75)
"""Activations, CUDA and the rest, per GPU, in NIM 2.x's arithmetic.

Between 1.73 and 1.79 GiB reproduces every figure of the five Llama 3.1 8B listings of NIM 2.0.6 to
2.0.12 (two of them in the corpus, 012 and 015).
"""

NIM_LORA = _gib(0.875)
"""What the same listings add for a profile that serves LoRA adapters."""

NIM = SGLANG[0].replace(
    newest="2.0.12",
    source="listings of NIM 2.0",
    fraction=1.0,
    own_kv_format=False,
    of_start=False,
    free_share=0.93,
)
"""NIM 2.x's arithmetic as habits of an engine.

Its share of the free memory is that of the one run whose free memory is known: 29,846 MiB, for
which NIM 2.0.12 suggests 84,992 tokens, and 77,824 with LoRA (corpus, 015).
"""

RESERVED_SHARE, RESERVED_MOST = 0.017, _gib(0.45)
"""What the driver keeps of a GPU from CUDA, where NVML does not say: this share, at most so much.

NVML's total less the CUDA total that logs print for the same board: 0.26 GiB of a T4, 0.33 of an
L4, 0.42 of an RTX 3090, 0.44 of an A100 40 GB, 0.46 of an H100, but 0.68 of an L40S and an H200 and
0.86 of an A100 80 GB.
"""


_TABLES = {Engine.VLLM: VLLM, Engine.SGLANG: SGLANG, Engine.TENSORRT_LLM: TENSORRT_LLM}


WINDOW_SHARE = {"gpt_oss": 0.8, "llama4_text": 0.8}
"""SGLang gives the layers with windows of these models a pool of their own, with this part of the
tokens; windows of other models are cached like full attention.

`swa_full_tokens_ratio` in server_args.py and is_hybrid_swa_model in model_config.py at 0.5.10.
"""

WHOLE_FIRST = {Engine.VLLM: "<0.14", Engine.SGLANG: ""}
"""Versions that load the whole checkpoint before they quantise it, so that it must fit as it is.

vLLM: features/quantization/fp8.md up to 0.18, "you need enough memory to load the whole model"; its
fp8.py streams since 0.14. SGLang: only `--load-format layered` goes layer by layer, server_args.py.
"""


def quantises_whole(engine: Engine, version: str | None) -> bool:
    """Whether an engine that quantises on load must hold the whole checkpoint first."""
    versions = WHOLE_FIRST.get(engine)
    if versions is None or (version is None and versions):
        return False
    return satisfies(version or "0", versions)


def newest(engine: Engine) -> Overheads:
    """The habits of an engine's newest known version."""
    return _TABLES[engine][-1]


def overheads_of(engine: Engine, version: str | None) -> Overheads:
    """The habits of an engine's version; of the newest known one without a version.

    Raises ValueError when the version cannot be read.
    """
    table = _TABLES[engine]
    if version is None or len(table) == 1:
        return newest(engine)
    from packaging.version import Version

    wanted = Version(version).release
    return [row for row in table if Version(row.since).release <= wanted][-1]


def sglang_fraction(total: int, tp: int, pp: int) -> float:
    """SGLang's own mem_fraction_static for a GPU of so many bytes.

    What it sets aside: 512 MiB, 1.5 MiB for each token of a prefill chunk, 2 for each request of
    a CUDA graph, 128 for each GPU, and at least 10 GiB of a GPU above 60 (srt/server_args.py,
    0.5.10).
    """
    gib, mib = total / GIB, total / MIB
    chunk, requests = next(row[1:] for row in _SGLANG_SIZES if gib < row[0])
    aside = 512 + 1.5 * chunk + 2 * requests + 128 * tp * pp
    if gib > 60:
        aside = max(aside, 10 * 1024)
    return max(0.1, round((mib - aside) / mib, 3)) if mib else SGLANG[0].fraction


_SGLANG_SIZES: tuple[tuple[float, int, int], ...] = (
    (20, 2048, 8),
    (35, 2048, 24),
    (60, 4096, 32),
    (160, 8192, 256),
    (float("inf"), 16384, 512),
)
"""Below so many GiB, SGLang's default prefill chunk and largest CUDA graph."""
