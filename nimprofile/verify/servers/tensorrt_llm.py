"""What `trtllm-serve` tells: `/version`, `/metrics`, `/health`.

Routes and answers: tensorrt_llm/serve/openai_server.py. `/metrics` is a list of the last
iterations in JSON, and empty before the first request ("Metrics Endpoint" of
nvidia.github.io/TensorRT-LLM/commands/trtllm-serve). What it tells is taken off its queue, so it is
asked once. The tokens of the cache are blocks times the tokens of a block, as in the engine's own
`get_kv_cache_capacity` (tensorrt_llm/llmapi/llm.py).
"""

from __future__ import annotations

from nimprofile.verify.observation import Fact
from nimprofile.verify.servers import openai_models

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.verify.servers.interview import Interview

VERSION, METRICS, HEALTH = "/version", "/metrics", "/health"


def tell(interview: Interview) -> None:
    """All that a trtllm-serve tells."""
    interview.server = "tensorrt_llm"
    openai_models.tell_engine(interview)
    version = interview.json(VERSION)
    if isinstance(version, dict):
        interview.tell_name(Fact.ENGINE_VERSION, version.get("version"), VERSION, "version")
    interview.tell_ready(HEALTH, 503)
    iterations = interview.json(METRICS)
    if isinstance(iterations, list):
        _tell_cache(interview, iterations)


def _tell_cache(interview: Interview, iterations: list[object]) -> None:
    """The cache by the newest iteration that tells of it."""
    for at in range(len(iterations) - 1, -1, -1):
        iteration = iterations[at]
        cache = iteration.get("kvCacheStats") if isinstance(iteration, dict) else None
        if not isinstance(cache, dict):
            continue
        blocks, size = cache.get("maxNumBlocks"), cache.get("tokensPerBlock")
        if type(blocks) is not int or type(size) is not int or not 0 < blocks * size < 10**12:
            continue
        place = f"[{at}].kvCacheStats"
        told = f"maxNumBlocks {blocks} × tokensPerBlock {size}"
        interview.tell(Fact.KV_CACHE_BLOCKS, blocks, METRICS, f"{place}.maxNumBlocks")
        interview.tell(Fact.BLOCK_SIZE, size, METRICS, f"{place}.tokensPerBlock")
        interview.tell(Fact.KV_CACHE_TOKENS, blocks * size, METRICS, place, told=told)
        return
    interview.note(f"{METRICS} tells of the cache once a request was served, and of it alone")
