"""`observations_of`: find out what is served at an address, and what it tells of itself."""

from __future__ import annotations

from nimprofile.base.errors import RequestError
from nimprofile.base.web.addresses import address_of
from nimprofile.base.web.client import Client, Limits
from nimprofile.verify.observation import Fact
from nimprofile.verify.servers import (
    metrics,
    nim,
    openai_models,
    sglang,
    tensorrt_llm,
    triton,
    vllm,
)
from nimprofile.verify.servers.interview import Interview

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nimprofile.verify.servers.told import Told

KEY = "NIMPROFILE_API_KEY"
"""The variable that has the key of the server, where no other is named.

Engines and clients have variables of their own, such as OPENAI_API_KEY. Which of the keys that lie
in an environment is meant for this server nobody can tell, so none is sent that is not named.
"""

SECONDS = 60.0
LIMITS = Limits(reach=5.0, pause=10.0, total=15.0, most=16 << 20)
"""Of one question: TensorRT-LLM takes two seconds for its metrics, and vLLM's have megabytes."""


def key_in(environ: Mapping[str, str], name: str = KEY) -> str | None:
    """The key in a variable; None where it is not set. Raises RequestError where it must be."""
    key = environ.get(name, "").strip()
    if not key and name != KEY:
        raise RequestError(f"the variable {name}, which is to have the key, is not set")
    return key or None


def observations_of(
    url: str,
    *,
    environ: Mapping[str, str],
    key: str | None = None,
    limits: Limits = LIMITS,
    seconds: float = SECONDS,
) -> Told:
    """Ask a server what it runs. Nothing is generated, and nothing is changed.

    Args:
        url: its address: `http://127.0.0.1:8000`.
        environ: the variables that name a proxy.
        key: that is sent to it, as `Authorization: Bearer …`.
        limits: of one question.
        seconds: for all of them.

    Raises RequestError for an address or a key that is none, WebError where nobody answers there.
    """
    address = address_of(url, "--url")
    with Client(address, environ=environ, key=key, limits=limits) as client:
        return interviewed(client, seconds)


def interviewed(client: Client, seconds: float) -> Told:
    """Ask the server of a client. Raises WebError where nobody answers there."""
    interview = Interview(client, seconds)
    _conduct(interview)
    return interview.told()


def _conduct(interview: Interview) -> None:
    owner = openai_models.owner(interview)
    openai_models.tell(interview)
    if nim.is_nim(interview):
        nim.tell(interview)
        _tell_engine_of_nim(interview)
    elif owner is not None:
        ENGINES[owner[0]](interview)
    elif triton.is_triton(interview):
        triton.tell(interview)
    elif sglang.server_info(interview) is not None:
        sglang.tell(interview)
    else:
        _tell_by_metrics(interview)


ENGINES: Mapping[str, Callable[[Interview], None]] = {
    "vllm": vllm.tell,
    "sglang": sglang.tell,
    "tensorrt_llm": tensorrt_llm.tell,
}


def _tell_engine_of_nim(interview: Interview) -> None:
    """The engine behind a NIM, by the names of its metrics, and the cache of a vLLM."""
    for path in ("/v1/metrics", "/metrics"):
        text = interview.text(path)
        engine = None if text is None else metrics.engine_of(text)
        if engine is not None:
            told = f"metrics that begin with {engine}:"
            interview.tell(Fact.ENGINE, engine, path, "names", told=told)
            if engine == "vllm":
                vllm.tell_metrics(interview, path, version=None)
        if text is not None:
            return


def _tell_by_metrics(interview: Interview) -> None:
    """The engine of a server that does not name itself, by the names of its metrics."""
    text = interview.text(vllm.METRICS)
    engine = None if text is None else metrics.engine_of(text)
    if engine is None:
        interview.note(
            "it is none of NIM, vLLM, SGLang, TensorRT-LLM and Triton, or it does not tell "
            f"({interview.first()})"
        )
        return
    told = f"metrics that begin with {engine}:"
    interview.tell(Fact.ENGINE, engine, vllm.METRICS, "names", told=told)
    ENGINES[engine](interview)
