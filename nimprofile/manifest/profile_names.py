"""The grammar of profile names.

A name is read for meaning by this grammar alone, and only in a `list-model-profiles` printout,
which has no tags. A part that the grammar does not know is kept and means nothing; what a name
leaves out stays unknown.

    name      = llm | hardware | retriever | pairs | free
    llm       = engine ["-" build | "-" gpu] ["-" precision] ["-tp" n] ["-pp" n]
                ["-" objective ["-lora"]] ["-lora" | "-feat_lora"] *("-" value)
    hardware  = [gpu "-"] precision "-tp" n ["-" objective]          VLM 1.0
    retriever = [gpu "-"] precision "-" backend "-" model_type       retriever 1.x
    pairs     = key ":" value *("|" key ":" value) | key "=" value | python dict of strings
    free      = anything else, such as the name of an engine built on the spot

`value` is one of the tags that NIM 1.13-1.15 and 2.x append: backend, PCI id, LoRA rank, workspace
hash, GPU count, `runtime_optimization`, or (with a decimal point) `min_vram_per_device_gb`.

Sources: the listings in `tests/corpus/cases`; docs.nvidia.com/nim/large-language-models, pages
"profiles" (1.0-1.15) and "model profiles and selection" (2.x).
"""

from __future__ import annotations

import re

from nimprofile.base.enums import Engine, Objective, Precision
from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PRECISIONS = {str(precision) for precision in Precision}
_OBJECTIVES = {str(objective) for objective in Objective}
_BUILDS = {"trtllm_buildable", "local_build"}
_BACKENDS = {"pytorch", "tensorrt", "onnx", "triton", "cpp"}

_PAIR = r"[A-Za-z_][A-Za-z0-9_]*[:=][^|=]*"
_DICT = r"\{(?:'[^']*': '[^']*'(?:, '[^']*': '[^']*')*)?\}"
_DICT_ITEM = r"'([^']*)': '([^']*)'"


class ProfileName(Record):
    """A name taken apart.

    Attributes:
        form: `llm`, `hardware`, `retriever`, `pairs` or `free`.
        parts: (tag key, text) in the order printed; key "" is a part without known meaning.
        text: how to print it again, exactly.
    """

    form: str
    parts: tuple[tuple[str, str], ...]
    separator: str = "-"

    @property
    def text(self) -> str:
        """The name, printed back."""
        match self.separator:
            case "{":
                return "{" + ", ".join(f"'{key}': '{value}'" for key, value in self.parts) + "}"
            case ":" | "=":
                return "|".join(f"{key}{self.separator}{value}" for key, value in self.parts)
            case _:
                return "-".join(text for _, text in self.parts)

    @property
    def tags(self) -> dict[str, str]:
        """The tags the name states, in the spelling of a manifest.

        An LLM name that gives precision and tensor parallelism and no LoRA mark states
        `feat_lora: false`: so do the tags behind every such name whose id could be checked.
        """
        if self.form == "pairs":
            return dict(self.parts)
        tags: dict[str, str] = {}
        for key, text in self.parts:
            if key in ("tp", "pp"):
                tags[key] = text[2:]
            elif key == "llm_engine":
                tags[key] = str(Engine.known(text) or text)
            elif key in ("feat_lora", "trtllm_buildable"):
                tags[key] = "true"
            elif key:
                tags[key] = text
        if self.form == "llm" and "precision" in tags and "tp" in tags:
            tags.setdefault("feat_lora", "false")
        return tags


def parse_name(name: str) -> ProfileName:
    """Take a name apart. Every name has a reading; at worst it is `free`."""
    if re.fullmatch(_DICT, name):
        return ProfileName("pairs", tuple(re.findall(_DICT_ITEM, name)), "{")
    tokens = name.split("-")
    if any(character.isspace() for character in name):
        return _free(name)
    if Engine.known(tokens[0]) is not None:
        return ProfileName("llm", tuple(_llm_parts(tokens)))
    for separator in ":=":
        pairs = name.split("|")
        if all(re.fullmatch(_PAIR, pair) and separator in pair for pair in pairs):
            split = tuple((key, value) for key, _, value in (p.partition(separator) for p in pairs))
            if len(dict(split)) == len(split) and all(key.isidentifier() for key, _ in split):
                return ProfileName("pairs", split, separator)
    return _hardware(tokens) or _free(name)


def _free(name: str) -> ProfileName:
    return ProfileName("free", (("", name),))


def _llm_parts(tokens: list[str]) -> list[tuple[str, str]]:
    parts = [("llm_engine", tokens[0])]
    rest = tokens[1:]
    if rest and rest[0] in _BUILDS:
        parts.append(("trtllm_buildable", rest.pop(0)))
    known = next((i for i, token in enumerate(rest) if _starts_numbers(token)), None)
    if known:
        parts.append(("gpu", "-".join(rest[:known])))
        rest = rest[known:]
    for at, token in enumerate(rest):
        if token in _OBJECTIVES and rest[at + 1 : at + 3] == ["lora", "lora"]:
            rest[at : at + 2] = [f"{token}-lora"]  # NIM 1.3-1.13 tag `profile: throughput-lora`
            break
    seen: set[str] = {"llm_engine"}
    for token in rest:
        key = next((key for key, accepts in _LLM_ORDER if key not in seen and accepts(token)), "")
        if key == "feat_lora_max_rank" and parts[-1][0] != "feat_lora":
            key = "number_of_gpus" if seen & {"gpu_device", "nim_workspace_hash_v1"} else ""
        if key == "runtime_optimization" and "number_of_gpus" not in seen:
            key = ""
        seen.add(key)
        parts.append((key, token))
    return parts


def _starts_numbers(token: str) -> bool:
    return token in _PRECISIONS or _is_tp(token) or _is_pp(token)


def _is_tp(token: str) -> bool:
    return token.startswith("tp") and _is_number(token[2:]) and token[2] != "0"


def _is_pp(token: str) -> bool:
    return token.startswith("pp") and _is_number(token[2:]) and token[2] != "0"


def _is_number(token: str) -> bool:
    return token.isascii() and token.isdigit() and len(token) < 4


def _is_decimal(token: str) -> bool:
    whole, point, fraction = token.partition(".")
    return bool(point) and _is_number(whole) and _is_number(fraction)


def _is_hash(token: str) -> bool:
    return len(token) == 64 and _HEX.issuperset(token)


def _is_device(token: str) -> bool:
    device = token.removesuffix(":10de")
    return len(device) == 4 and _HEX.issuperset(device)


_HEX = frozenset("0123456789abcdef")


_LLM_ORDER: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("precision", _PRECISIONS.__contains__),
    ("tp", _is_tp),
    ("pp", _is_pp),
    ("profile", lambda token: token.removesuffix("-lora") in _OBJECTIVES),
    ("feat_lora", {"lora", "feat_lora"}.__contains__),
    ("backend", _BACKENDS.__contains__),
    ("min_vram_per_device_gb", _is_decimal),
    ("nim_workspace_hash_v1", _is_hash),
    ("feat_lora_max_rank", _is_number),
    ("number_of_gpus", _is_number),
    ("gpu_device", _is_device),
    ("runtime_optimization", {"true", "false"}.__contains__),
)
"""Which tag a token of an LLM name is, first match first."""


def _hardware(tokens: list[str]) -> ProfileName | None:
    at = next((i for i, token in enumerate(tokens) if token in _PRECISIONS), None)
    if at is None:
        return None
    head = [("gpu", "-".join(tokens[:at]))] if at else []
    head.append(("precision", tokens[at]))
    match tokens[at + 1 :]:
        case [tp] if _is_tp(tp):
            return ProfileName("hardware", (*head, ("tp", tp)))
        case [tp, objective] if _is_tp(tp) and objective in _OBJECTIVES:
            return ProfileName("hardware", (*head, ("tp", tp), ("profile", objective)))
        case [backend, model_type] if backend in _BACKENDS and model_type in _BACKENDS:
            tail = (("backend", backend), ("model_type", model_type))
            return ProfileName("retriever", (*head, *tail))
        case _:
            return None


_APPENDED_SINCE_1_13 = frozenset({"nim_workspace_hash_v1", "number_of_gpus"})
_LLM_HEAD = frozenset(
    {"llm_engine", "gpu", "trtllm_buildable", "precision", "tp", "pp", "profile", "feat_lora"}
)


def describe(tags: Mapping[str, str]) -> str:
    """The name NIM prints for a profile with these tags; "" when there are none.

    The generations print different tags. Which one made a manifest shows in its tags:
    `min_vram_per_device_gb` is 2.x; a workspace hash or GPU count is 1.13-1.15, which appends
    every remaining value in the order of the keys; otherwise the short form of 1.0-1.8.
    """
    if "llm_engine" not in tags and "tp" not in tags:
        return "|".join(f"{key}:{tags[key]}" for key in sorted(tags))
    second_generation = "min_vram_per_device_gb" in tags
    lora = tags.get("feat_lora", "").lower() == "true"
    parts = [
        tags.get("llm_engine"),
        "trtllm_buildable" if tags.get("trtllm_buildable", "").lower() == "true" else None,
        tags["gpu"].lower() if "gpu" in tags else None,
        tags.get("precision"),
        f"tp{tags['tp']}" if "tp" in tags else None,
        f"pp{tags['pp']}" if "pp" in tags and "llm_engine" in tags else None,
        tags.get("profile"),
        ("feat_lora" if second_generation else "lora") if lora else None,
    ]
    if second_generation:
        parts.append(tags["min_vram_per_device_gb"])
    elif _APPENDED_SINCE_1_13 & tags.keys():
        parts += [tags[key] for key in sorted(tags.keys() - _LLM_HEAD)]
    return "-".join(part for part in parts if part)
