"""`/v1/models`, which every server of the OpenAI interface has.

`owned_by` is the engine's own name in vLLM (`ModelCard` in vllm/entrypoints/openai/protocol.py, in
openai/engine/protocol.py since 2026), in SGLang (python/sglang/srt/entrypoints/openai/protocol.py)
and in trtllm-serve (tensorrt_llm/serve/openai_protocol.py). A NIM 1.x answers `system` there
(docs.nvidia.com/nim/vision-language-models/1.3.0/api-reference), which is no engine; what a NIM
writes there is not taken for its engine. `max_model_len` is of vLLM since its pull request 4643, of
SGLang and of NIM. An adapter has its base model in `parent`.
"""

from __future__ import annotations

from nimprofile.verify.observation import Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.verify.servers.interview import Interview

PATH = "/v1/models"
OWNERS = ("vllm", "sglang", "tensorrt_llm")
"""The engines that write their name into `owned_by`."""

MOST = 64
"""Models that are looked at: a server of many adapters has hundreds."""


def owner(interview: Interview) -> tuple[str, str] | None:
    """The engine that names itself as the owner of the models, and where; None where none does."""
    for at, card in enumerate(_cards(interview)):
        found = card.get("owned_by")
        if isinstance(found, str) and found in OWNERS:
            return found, f"data[{at}].owned_by"
    return None


def tell(interview: Interview) -> None:
    """The models, their context, and the adapters among them."""
    for at, card in enumerate(_cards(interview)[:MOST]):
        place = f"data[{at}]"
        parent = card.get("parent")
        if isinstance(parent, str) and parent:
            interview.tell(Fact.LORA, True, PATH, f"{place}.parent", told=f'"{parent}"')
            return
        interview.tell_name(Fact.MODEL, card.get("id"), PATH, f"{place}.id")
        length = card.get("max_model_len")
        interview.tell_count(Fact.MAX_MODEL_LEN, length, PATH, f"{place}.max_model_len")


def tell_engine(interview: Interview) -> None:
    """The engine that names itself as the owner of the models."""
    found = owner(interview)
    if found is not None:
        interview.tell(Fact.ENGINE, found[0], PATH, found[1])


def _cards(interview: Interview) -> list[dict[str, object]]:
    body = interview.json(PATH)
    data = body.get("data") if isinstance(body, dict) else None
    return [card for card in data if isinstance(card, dict)] if isinstance(data, list) else []
