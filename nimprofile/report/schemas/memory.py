"""The schema of `nimprofile memory --json`."""

from __future__ import annotations

from nimprofile.report.memory_json import MEMORY_VERSION
from nimprofile.report.schemas.decision import reasons
from nimprofile.report.schemas.terms import (
    document,
    indices,
    mapping,
    number,
    obj,
    of_record,
    or_null,
    ref,
    several,
    text,
    texts,
    truth,
    whole,
)
from nimprofile.selection.verdict import GRADES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.report.schemas.terms import Schema

_PARTS = {
    "weights": "the weights",
    "kv_cache": "the KV cache",
    "activation": "activations of a step",
    "overhead": "the CUDA context, graphs and libraries",
}


def memory_schema() -> Schema:
    """The JSON Schema of a memory report."""
    from nimprofile.engines.memory.suggestions import Suggestion
    from nimprofile.engines.serving import Serving

    serving, of_serving = of_record(Serving)
    change, of_change = of_record(Suggestion)
    made = document(
        "Memory",
        "What each GPU will hold when an engine serves a model: `nimprofile memory --json`.",
        MEMORY_VERSION,
        model=text("the model's name, or the file it was read from"),
        profile=text("the profile's name"),
        gpus=indices("the indices of the GPUs it would take"),
        engine=or_null(text("the engine; null when nothing is estimated")),
        engine_version=or_null(text("the version that was asked for; null: the newest known")),
        precision=or_null(text("of the weights; null when it is not known")),
        tp=or_null(whole("tensor parallel ranks", 1)),
        pp=or_null(whole("pipeline stages", 1)),
        serving=or_null(ref("Serving", "how the engine is started; null when it is not known")),
        per_gpu=or_null(ref("PerGpu", "of the fullest GPU, in bytes; null when nothing is known")),
        kv_cache_tokens=or_null(whole("tokens that the KV cache holds, of all requests")),
        printed_kv_cache_tokens=or_null(
            whole("tokens that the engine prints of its KV cache, where it counts otherwise")
        ),
        kv_cache_bytes_per_request=or_null(
            whole("bytes of the KV cache of a request of `serving.max_model_len` tokens, per GPU")
        ),
        max_model_len=or_null(whole("the longest context that fits, in tokens")),
        max_concurrency=or_null(
            number("how many requests of `serving.max_model_len` tokens fit at once")
        ),
        required_bytes=or_null(
            obj(
                "what is needed of each GPU, in bytes",
                stated=or_null(whole("by the manifest; null when it does not say")),
                estimated=or_null(whole("from the model's shape; null without one")),
                source=text("which of the two counts, in words"),
            )
        ),
        fits=or_null(truth("whether it fits; null when that is not known")),
        grade=text("what the machine says of it", *GRADES),
        reasons=several("why it does not run as asked", ref("Reason")),
        changes=several("what to change so that it fits", ref("Suggestion")),
        warnings=texts("what the operator should know, in sentences"),
        notes=texts("on what the figures rest, in sentences"),
    )
    made["$defs"] = {
        "Serving": serving,
        "PerGpu": _per_gpu(),
        "Suggestion": change,
        **of_serving,
        **of_change,
        **reasons(),
    }
    return made


def _per_gpu() -> Schema:
    """Bytes of each part; without an estimate only those that the manifest states."""
    sources = {f"{name}_bytes": or_null(text("exact, or estimated")) for name in _PARTS}
    made = obj(
        "What one GPU holds, in bytes.",
        **{f"{name}_bytes": or_null(whole(f"{words}, in bytes")) for name, words in _PARTS.items()},
        total_bytes=whole("the sum, in bytes"),
        source=obj(
            "how each figure was found",
            **sources,
            total_bytes=text("exact, estimated, or stated by the manifest"),
        ),
    )
    made["properties"] |= {
        "limit_bytes": or_null(whole("what the engine takes of the GPU at most, in bytes")),
        "gpu_bytes": or_null(whole("the GPU's memory, in bytes")),
        "stage": or_null(whole("the pipeline stage that this GPU serves, from 0")),
        "basis": mapping("what each part was worked out from, in words", {"type": "string"}),
        "constants_from": text("which release the constants of the engine are from"),
        "range": mapping(
            "the least and the most that a part may be, in bytes",
            {"type": "array", "prefixItems": [{"type": ["integer", "null"]}] * 2},
        ),
    }
    return made
