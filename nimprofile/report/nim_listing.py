"""A decision in the layouts of NIM's own `list-model-profiles`.

The same headings, bullets and brackets, so that scripts written for it keep working. Source: the
printouts of 1.0-1.2, 1.3-1.15 and 2.x, and of speech NIMs, whose lines the corpus keeps.
"""

from __future__ import annotations

from nimprofile.base.units import GIB
from nimprofile.hardware.gpu_groups import EMPTY_GPU_FRACTION
from nimprofile.hardware.identity import product_of
from nimprofile.selection.reasons import ContextTooLong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Literal

    from nimprofile.hardware.inventory import Gpu
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.verdict import Verdict

    Layout = Literal["1.0", "1.3", "2.0", "speech"]

LAYOUTS = ("1.0", "1.3", "2.0")
"""Those of language models, by the generation that began with them."""

SPEECH = "speech"
"""That of speech NIMs of every generation: two groups, and tags in place of names."""

_COMPILABLE = (
    "- Compilable to TRT-LLM using just-in-time compilation of HF models to TRTLLM engines:"
)


def layout_of(decision: Decision) -> Layout:
    """That of speech, by the profiles; else of the policy's generation; for `nim`, by the tags."""
    verdicts = (*decision.ranked, *decision.rejected)
    if any(verdict.profile.tags.get("model_type") in ("prebuilt", "rmir") for verdict in verdicts):
        return "speech"
    since = decision.policy.since
    if since is not None:
        return "1.0" if since < (1, 3) else "1.3" if since < (2,) else "2.0"
    per_gpu = any("min_vram_per_device_gb" in verdict.profile.tags for verdict in verdicts)
    return "2.0" if per_gpu else "1.3"


def nim_listing(decision: Decision, layout: Layout | None = None) -> str:
    """The printout, every line ended."""
    layout = layout or layout_of(decision)
    lines = ["SYSTEM INFO", *_system_info(decision.inventory.offered, layout), "MODEL PROFILES"]
    verdicts = (*decision.ranked, *decision.rejected)
    grades: dict[str, list[Verdict]] = {"runnable": [], "low memory": [], "incompatible": []}
    buildable: list[Verdict] = []
    for verdict in verdicts:
        build = layout == "1.3" and verdict.profile.buildable and verdict.grade == "runnable"
        (buildable if build else grades[verdict.grade]).append(verdict)
    gpus = decision.inventory.gpus
    if layout == SPEECH:
        lines += _sections_of_speech(grades)
    else:
        lines += (
            _sections_2(grades, gpus) if layout == "2.0" else _sections_1(grades, buildable, layout)
        )
    return "".join(f"{line}\n" for line in lines)


def _system_info(gpus: tuple[Gpu, ...], layout: Layout) -> Iterator[str]:
    free = [gpu for gpu in gpus if _is_free(gpu)]
    others = [gpu for gpu in gpus if gpu not in free]
    yield "- Free GPUs:" if free else "- Free GPUs: <None>"
    yield from (_gpu(gpu, layout) for gpu in free)
    if others:
        yield "- Non-free GPUs:"
        yield from (_gpu(gpu, layout) for gpu in others)


def _is_free(gpu: Gpu) -> bool:
    """Whether NIM's gate lets the GPU through; it does when nothing is known of its memory."""
    fraction = gpu.free_fraction
    return fraction is None or fraction >= EMPTY_GPU_FRACTION


def _gpu(gpu: Gpu, layout: Layout) -> str:
    fraction = gpu.free_fraction
    used = "N/A" if fraction is None or gpu.unified_memory else str(round(100 * (1 - fraction)))
    product = product_of(gpu)
    short = product.listing_name if product and layout != "2.0" else None
    name = gpu.label + (f" ({short})" if short else "")
    return (
        f"  -  [{gpu.device_id or '????:????'}] ({gpu.index}) {name} [current utilization: {used}%]"
    )


def _sections_1(
    grades: dict[str, list[Verdict]], buildable: list[Verdict], layout: Layout
) -> Iterator[str]:
    yield from _nested("- Compatible with system and runnable:", grades["runnable"])
    if grades["low memory"]:
        yield from _nested(
            "- Compatible with system but not runnable due to low GPU free memory",
            grades["low memory"],
        )
    if layout == "1.3":
        yield from _nested(_COMPILABLE, buildable)
    yield "- Incompatible with system:"
    yield from (f"  {_row(verdict)}" for verdict in grades["incompatible"])


def _sections_2(grades: dict[str, list[Verdict]], gpus: tuple[Gpu, ...]) -> Iterator[str]:
    yield from _nested("- Compatible with system and runnable:", grades["runnable"], gpus)
    if grades["low memory"]:
        yield "- Compatible with system but low memory:"
        yield from (
            f"    {_row(verdict)}{_requires(verdict, gpus)}" for verdict in grades["low memory"]
        )
    else:
        yield "- Compatible with system but low memory: <None>"
    yield f"{_COMPILABLE} <None>"
    yield "  - With LoRA support: <None>"
    yield "- Incompatible with system:"
    yield from (
        f"    {_row(verdict)}{_requires(verdict, gpus)}" for verdict in grades["incompatible"]
    )


def _sections_of_speech(grades: dict[str, list[Verdict]]) -> Iterator[str]:
    """Corpus, 009 and 051: a GPU in use does not divide the compatible profiles."""
    yield "- Compatible with system:"
    for verdict in (*grades["runnable"], *grades["low memory"]):
        yield f"    {_row_of_speech(verdict)}"
    yield "- Incompatible with system:"
    yield from (f"    {_row_of_speech(verdict)}" for verdict in grades["incompatible"])


def _row_of_speech(verdict: Verdict) -> str:
    """`- <id> - batch_size:8|model_type:rmir`; a name that cannot stand so stands in brackets."""
    name = verdict.profile.name
    plain = name.strip() == name and name and "[" not in name
    return f"- {verdict.profile.id} - {name}" if plain else _row(verdict)


def _nested(
    heading: str, verdicts: list[Verdict], gpus: tuple[Gpu, ...] | None = None
) -> Iterator[str]:
    """A group whose LoRA profiles stand in a list of their own; with `gpus` in the 2.x layout."""
    always = gpus is not None
    lora = [verdict for verdict in verdicts if verdict.profile.lora]
    plain = [verdict for verdict in verdicts if not verdict.profile.lora]
    yield heading if verdicts and (plain or not always) else f"{heading} <None>"
    yield from _indented(plain, 1, gpus)
    if lora:
        yield "  - With LoRA support:"
        yield from _indented(lora, 2, gpus)
    elif always:
        yield "  - With LoRA support: <None>"


def _indented(
    verdicts: Iterable[Verdict], level: int, gpus: tuple[Gpu, ...] | None
) -> Iterator[str]:
    for verdict in verdicts:
        yield "  " * level + _row(verdict) + ("" if gpus is None else _requires(verdict, gpus))


def _row(verdict: Verdict) -> str:
    return f"- {verdict.profile.id} ({verdict.profile.name})"


def _least_free(reason: ContextTooLong, gpus: tuple[Gpu, ...]) -> int | None:
    """What is free of the GPU with the least, in MiB; None where nobody knows."""
    of_reason = (gpu.memory_free_mib for gpu in gpus if gpu.index in reason.gpus)
    return min((free for free in of_reason if free is not None), default=None)


def _requires(verdict: Verdict, gpus: tuple[Gpu, ...]) -> str:
    """`[requires >=33 GB/gpu, try --max-model-len=84992 to reduce to >=28 GB/gpu]`."""
    need, stated = verdict.need, verdict.profile.memory
    if need is None:
        return ""
    full = _gigabytes(stated.printed_gb if stated else None, need.full_bytes)
    short = [
        reason
        for reason in (*verdict.reasons, *verdict.waived)
        if isinstance(reason, ContextTooLong)
    ]
    length = (
        need.hinted_context(short[0].have_bytes, _least_free(short[0], gpus)) if short else None
    )
    hint = ""
    if stated is not None and stated.max_model_len is not None:
        hint = f", try --max-model-len={stated.max_model_len}"
        if stated.least_bytes:
            least = _gigabytes(stated.printed_least_gb, stated.least_bytes)
            hint += f" to reduce to >={least} GB/gpu"
    elif length and (shortened := need.shortened_bytes(length)) is not None:
        least = _gigabytes(None, shortened)
        hint = f", try --max-model-len={length} to reduce to >={least} GB/gpu"
    return f" [requires >={full} GB/gpu{hint}]"


def _gigabytes(printed: float | None, size: int) -> int:
    """The figure as it was printed, else the size in GiB, rounded up as NIM 2.x does."""
    return int(-(-printed // 1)) if printed is not None else -(-size // GIB)
