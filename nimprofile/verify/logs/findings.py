"""What the facts of a log mean together: what makes a server slower or smaller than it could be.

What one line tells alone is a `Fact.FINDING` of `observations` already.
"""

from __future__ import annotations

import re

from nimprofile.base.enums import Precision
from nimprofile.base.printable import shown
from nimprofile.engines.compute_floors import NATIVE_FROM
from nimprofile.hardware.catalog import known_product
from nimprofile.verify.observation import Fact, Observation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_FP4 = re.compile(r"nv_?fp4|modelopt_fp4|\bfp4\b", re.IGNORECASE)
_FP8 = re.compile(r"fp8|w8a8", re.IGNORECASE)


def findings(
    start: Mapping[Fact, tuple[Observation, ...]], gpus: Sequence[str] = ()
) -> Iterator[Observation]:
    """Findings of a start: those that its lines tell, and those that follow from several.

    Args:
        start: what counts of a log, of `last_start`.
        gpus: the names of the GPUs, where they are known otherwise; those of the log count too.
    """
    yield from start.get(Fact.FINDING, ())
    yield from _emulated(start, gpus)
    yield from _short_cache(start)
    yield from _eager(start)


def _emulated(
    start: Mapping[Fact, tuple[Observation, ...]], gpus: Sequence[str]
) -> Iterator[Observation]:
    """Marlin computes in 16 bits, also where the GPU could do it in the weights' own format."""
    names = [*gpus, *(str(each.value) for each in start.get(Fact.GPU_NAME, ()))]
    formats = [
        str(each.value)
        for fact in (Fact.PRECISION, Fact.QUANTIZATION)
        for each in start.get(fact, ())
    ]
    for kernel in start.get(Fact.KERNEL, ()):
        if "marlin" not in str(kernel.value):
            continue
        precision = _precision_of([kernel.text]) or _precision_of(formats)
        native = None if precision is None else NATIVE_FROM.get(precision)
        for name in dict.fromkeys(names):
            product = known_product(name)
            capability = None if product is None else product.compute_capability
            if native is not None and capability is not None and capability >= native:
                yield _finding(
                    kernel,
                    f"the {precision} weights are multiplied by Marlin, in 16 bits, and "
                    f"{shown(name)} computes in {precision} itself (compute capability "
                    f"{capability})",
                )


def _precision_of(texts: Sequence[str]) -> Precision | None:
    for text in texts:
        if _FP4.search(text):
            return Precision.NVFP4
        if _FP8.search(text):
            return Precision.FP8
    return None


def _short_cache(start: Mapping[Fact, tuple[Observation, ...]]) -> Iterator[Observation]:
    tokens, lengths = start.get(Fact.KV_CACHE_TOKENS, ()), start.get(Fact.MAX_MODEL_LEN, ())
    if tokens and lengths and int(tokens[0].value) < int(lengths[0].value):
        yield _finding(
            tokens[0],
            f"the KV cache holds {tokens[0].value:,} tokens, fewer than one request of the "
            f"longest context, {lengths[0].value:,}",
        )


def _eager(start: Mapping[Fact, tuple[Observation, ...]]) -> Iterator[Observation]:
    (graphs, *_) = start.get(Fact.CUDA_GRAPHS, (None,))
    told = start.get(Fact.FINDING, ())
    if graphs is None or graphs.value or any("CUDA graphs" in str(each.value) for each in told):
        return
    yield _finding(graphs, NO_GRAPHS)


NO_GRAPHS = "no CUDA graphs were captured, so each step is launched kernel by kernel"


def _finding(of: Observation, words: str) -> Observation:
    return of.replace(fact=Fact.FINDING, value=words)
