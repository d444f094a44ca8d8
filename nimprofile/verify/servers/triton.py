"""What Triton tells: its models, and the backend of each.

`/v2` and `/v2/health/ready` are of the KServe protocol; `/v2/repository/index`, which is asked with
POST, and `/v2/models/M/config` are Triton's extensions of it (docs/protocol/extension_*.md of
triton-inference-server/server). The backends are `tensorrtllm` and `vllm` (tensorrtllm_backend,
vllm_backend); a model of the backend `python` may run any engine. Triton's own version is not that
of an engine, and nothing there tells of ranks, precision or the cache.
"""

from __future__ import annotations

from urllib.parse import quote

from nimprofile.base.printable import quoted
from nimprofile.verify.observation import Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.verify.servers.interview import Interview

SERVER, READY, INDEX = "/v2", "/v2/health/ready", "/v2/repository/index"
ENGINES = {"tensorrtllm": "tensorrt_llm", "vllm": "vllm"}
MOST = 8
"""Models whose configuration is asked for: a repository of TensorRT-LLM has five of one."""


def is_triton(interview: Interview) -> bool:
    """Whether this is a Triton, by the name that it gives itself."""
    body = interview.json(SERVER)
    return isinstance(body, dict) and body.get("name") == "triton"


def tell(interview: Interview) -> None:
    """All that a Triton tells."""
    interview.server = "triton"
    interview.tell_ready(READY, 400, 503)
    index = interview.json(INDEX, body=b"{}")
    models = [each for each in index if isinstance(each, dict)] if isinstance(index, list) else []
    asked = 0
    for at, model in enumerate(models[:1024]):
        name, state = model.get("name"), model.get("state")
        if not isinstance(name, str) or not name:
            continue
        if state != "READY":
            interview.note(f"{INDEX}: the model {quoted(name)} is {quoted(state)}")
            continue
        if asked < MOST:
            asked += 1
            _tell_model(interview, name, f"[{at}].name")


def _tell_model(interview: Interview, name: str, place: str) -> None:
    interview.tell_name(Fact.MODEL, name, INDEX, place)
    path = f"/v2/models/{quote(name, safe='')}/config"
    config = interview.json(path)
    backend = config.get("backend") if isinstance(config, dict) else None
    if isinstance(backend, str) and backend in ENGINES:
        interview.tell(Fact.ENGINE, ENGINES[backend], path, "backend", told=f'"{backend}"')
