"""What of a verdict a server is told: worked out here once, and only rendered by the servers.

So no plan contradicts the profile that was judged, whatever names the weights: either these facts
stand in it, or it is refused.
"""

from __future__ import annotations

from nimprofile.base.enums import Engine, Precision
from nimprofile.base.errors import LaunchError
from nimprofile.base.record import Record
from nimprofile.launch.judged.on_load import quantises_on_load, require_own
from nimprofile.selection.reasons import ContextTooLong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from dataclasses import KW_ONLY

    from nimprofile.engines.serving import Serving
    from nimprofile.hardware.inventory import Gpu
    from nimprofile.launch.judged.weights_source import WeightsSource
    from nimprofile.manifest.profile import Profile
    from nimprofile.model.shape import ModelShape
    from nimprofile.selection.verdict import Verdict


class ServedFacts(Record):
    """What was judged, as far as a server is told of it.

    Attributes:
        tp, pp: tensor and pipeline parallel sizes; their product is the number of GPUs.
        precision: of the weights, by the profile; None when it names none that is known.
        on_load: the engine makes that precision of wider weights as it loads them.
        dtype: torch's name for what is not quantised; None is what the checkpoint has.
        max_model_len: the longest context, in tokens; None is the model's own.
        memory_fraction: of a GPU, as the engine counts it; None is the engine's own.
        kv_cache_dtype: the KV cache's format, as `Serving` names it.
    """

    tp: int
    pp: int
    precision: Precision | None
    _: KW_ONLY
    on_load: bool
    dtype: str | None
    max_model_len: int | None
    memory_fraction: float | None
    kv_cache_dtype: str


def served_facts(
    verdict: Verdict,
    gpus: tuple[Gpu, ...],
    serving: Serving,
    *,
    weights: WeightsSource,
    version: str | None,
) -> tuple[ServedFacts, tuple[str, ...]]:
    """What a server is told of a verdict, and what the operator should know of that.

    Args:
        verdict: of the profile that is served.
        gpus: the GPUs that were chosen for it.
        serving: how the engine was asked to be started.
        weights: what is loaded.
        version: the engine's; None when a NIM's image decides how they are loaded.

    Raises LaunchError when the engine would not serve these weights as they were judged.
    """
    profile = verdict.profile
    tp, pp = _parallel_sizes(profile, len(gpus))
    half_only = any((gpu.compute_capability or _BF16_FROM) < _BF16_FROM for gpu in gpus)
    if version is None:
        require_own(profile, weights)
        on_load = False
    else:
        on_load = quantises_on_load(profile, weights, version, gpus)
    context, notes = _context(verdict, serving, weights)
    facts = ServedFacts(
        tp,
        pp,
        profile.precision,
        on_load=on_load,
        dtype=_dtype(profile.precision, half_only=half_only),
        max_model_len=context,
        memory_fraction=serving.memory_fraction,
        kv_cache_dtype=serving.kv_cache_dtype,
    )
    notes = (*notes, *_notes(profile, weights, facts))
    if version is None and (unseen := _unseen_by_nim(profile, weights)):
        notes = (*notes, unseen)
    return facts, notes


def _parallel_sizes(profile: Profile, gpus: int) -> tuple[int, int]:
    """Tensor and pipeline parallel sizes; tp of a profile that leaves it open is what pp leaves.

    Raises LaunchError when the verdict has another number of GPUs, as it has for a pin that was
    let through on too few.
    """
    pp = profile.pp or 1
    tp = profile.tp or max(1, gpus // pp)
    if tp * pp != gpus:
        raise LaunchError(
            f"{profile.title} takes {tp * pp} GPUs, and it was judged on {gpus}: no switch makes "
            "up for GPUs that are not there; pin or select a profile for fewer"
        )
    return tp, pp


_BF16_FROM = (8, 0)
"""Below this compute capability there is no BF16, and engines serve such weights in FP16
(vLLM, config/model.py)."""

_DTYPES: dict[Precision | None, str] = {
    Precision.BF16: "bfloat16",
    Precision.FP16: "float16",
    Precision.FP32: "float32",
}


def _dtype(precision: Precision | None, *, half_only: bool) -> str | None:
    dtype = _DTYPES.get(precision)
    if half_only and dtype in {None, "bfloat16"}:
        return "float16"
    return dtype


def _context(
    verdict: Verdict, serving: Serving, weights: WeightsSource
) -> tuple[int | None, tuple[str, ...]]:
    """The longest context: what is asked for, else what fits, else what was judged."""
    asked = serving.max_model_len
    own = None if weights.shape is None else weights.shape.max_position_embeddings
    if serving.fit_context:
        return _longest_that_fits(verdict, asked, own)
    if asked is not None:
        return asked, ()
    for reason in verdict.waived:
        if isinstance(reason, ContextTooLong) and reason.max_model_len is not None:
            cut = f"the full context does not fit, so it is cut to {reason.max_model_len:,} tokens"
            return reason.max_model_len, (cut,)
    judged = None if verdict.need is None else verdict.need.max_model_len
    if weights.own or judged is None:
        return None, ()
    if own is not None and own <= judged and weights.stands_for is None:
        return None, ()
    return judged, ()  # these weights may have a longer context of their own


CLAMPING = Engine.TENSORRT_LLM
"""It takes the model's own context for a longer one, with a warning (its `_torch/pyexecutor`)."""


def require_own_context(
    facts: ServedFacts, weights: WeightsSource, engine: Engine | None, *, allowed: bool
) -> None:
    """Refuse a longer context than the weights have, which the engine would refuse.

    Args:
        facts: what the engine would be told.
        weights: what is loaded.
        engine: what serves them.
        allowed: the engine is told by its variable to take a longer context.

    Raises LaunchError.
    """
    own = None if weights.shape is None else weights.shape.most_context
    asked = facts.max_model_len
    if own is None or asked is None or asked <= own or allowed or engine == CLAMPING:
        return
    raise LaunchError(
        f"the model's longest context is {own:,} tokens, and engines refuse {asked:,}: ask for "
        f"--max-model-len {own} or less"
    )


def _longest_that_fits(
    verdict: Verdict, most: int | None, own: int | None
) -> tuple[int | None, tuple[str, ...]]:
    """The context that was found to fit, of at most `most` and the model's own."""
    fits = None if verdict.need is None else verdict.need.max_model_len
    if fits is None:  # of which the decision warns
        return most, ()
    if own is not None and fits >= own:
        return own, ()
    of = "" if own is None else f" of {own:,}"
    return fits, (f"the longest context that fits is {fits:,} tokens{of}",)


def _notes(profile: Profile, weights: WeightsSource, facts: ServedFacts) -> Iterator[str]:
    """What is assumed of the weights, and what becomes of them."""
    if weights.stands_for is not None:
        yield (
            f"nothing says how {weights.model} is stored: it is taken to be stored as "
            f"{weights.stands_for}, which was judged; --model with its directory reads it"
        )
    if facts.on_load:
        yield (
            f"{profile.engine} quantises the 16-bit weights to {facts.precision} as it loads them, "
            f"which changes its accuracy; --tags precision={_wide(weights.shape)} asks "
            "for them as they are"
        )


def _unseen_by_nim(profile: Profile, weights: WeightsSource) -> str:
    """What is not known of weights that a NIM is told to load in fewer than 16 bits."""
    precision, shape = profile.precision, weights.shape
    if not weights.model or precision is None or precision.bits >= 16:
        return ""
    seen = shape is not None and shape.architecture and weights.stands_for is None
    if seen or (shape is not None and shape.quantization is not None):
        return ""
    return (
        f"{profile.title} wants {precision} weights, and nothing says that {weights.model} is "
        "stored so, nor that a NIM quantises weights as it loads them: --tags precision=bf16 asks "
        "for a 16-bit profile"
    )


def _wide(shape: ModelShape | None) -> str:
    return "fp16" if shape is not None and shape.dtype == "float16" else "bf16"
