"""The lowest compute capability at which each precision runs, and at which it is native."""

from __future__ import annotations

from nimprofile.base.enums import Precision
from nimprofile.base.units import ComputeCapability

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.manifest.profile import Profile


def _at_least(text: str) -> ComputeCapability:
    return ComputeCapability.parse(text)


RUNS_FROM = {
    # BF16 8.0, FP8 8.9, NVFP4 10.0: Cosmos NIM 4.0.0, "prerequisites", compute-capability floors.
    Precision.BF16: _at_least("8.0"),
    Precision.FP8: _at_least("8.9"),
    Precision.NVFP4: _at_least("10.0"),
    # gpt-oss MXFP4 profiles are verified from A10G and A100 on: NIM LLM 2.0.1 support matrix.
    Precision.MXFP4: _at_least("8.0"),
    # Below 7.0 there is no FP16 tensor core and vLLM does not start: vLLM, GPU installation page.
    Precision.FP16: _at_least("7.0"),
    # INT8 and 4-bit weight-only kernels: vLLM, "supported hardware for quantization kernels".
    Precision.INT8: _at_least("7.5"),
    Precision.INT8WO: _at_least("7.5"),
    Precision.INT4: _at_least("7.5"),
    Precision.INT4_AWQ: _at_least("7.5"),
    Precision.W4A16: _at_least("7.5"),
}
"""The lowest compute capability on which a precision runs; absent: any."""


NATIVE_FROM = {
    Precision.FP8: _at_least("8.9"),
    Precision.NVFP4: _at_least("10.0"),
}
"""From where on the hardware computes in the format; the sources are those of `RUNS_FROM`.

Formats of weights only (`unpacks`) are unpacked by the kernels they were made for: that is how they
are meant to run, so they are not emulated wherever they run.
"""


_WEIGHTS_ONLY = frozenset({Precision.INT8WO, Precision.INT4, Precision.INT4_AWQ, Precision.W4A16})
_MXFP4_NATIVE_FROM = _at_least("10.0")
"""Blackwell's tensor cores take MXFP4: NVIDIA's architecture brief, microscaling formats."""


def unpacks(precision: Precision | None, capability: ComputeCapability | None) -> bool:
    """Whether a GPU unpacks the weights to 16 bits and computes in these.

    Weights are then smaller, and nothing is computed in fewer bits. On a GPU of unknown capability
    MXFP4 counts as unpacked.
    """
    if precision is Precision.MXFP4:
        return capability is None or capability < _MXFP4_NATIVE_FROM
    return precision in _WEIGHTS_ONLY


AMPERE = _at_least("8.0")


EMULATED_NVFP4_FROM = ComputeCapability((8, 0))
"""Below 10.0 NVFP4 weights go through weight-only kernels written for Ampere and newer."""


def is_emulated(profile: Profile, capability: ComputeCapability | None) -> bool:
    """Whether a GPU is not known to compute in the profile's precision."""
    native = None if profile.precision is None else NATIVE_FROM.get(profile.precision)
    return native is not None and (capability is None or capability < native)


def half_from(
    profile: Profile, version: str | None = None, model_type: str = ""
) -> ComputeCapability | None:
    """From which compute capability on an engine serves a BF16 profile in FP16; None: it does not.

    vLLM does, and so do the engines that TensorRT-LLM compiles at the first start; `engines.facts`
    has where each says so.

    Args:
        profile: of whose precision and engine it is.
        version: the engine's; None is any.
        model_type: of the model, when it is known: some are not run in FP16.
    """
    if profile.precision is not Precision.BF16 or profile.engine is None:
        return None
    from nimprofile.engines.spec import spec_of
    from nimprofile.engines.support import kind_of_model

    spec = spec_of(profile.engine)
    if kind_of_model(model_type) in spec.refuses_float16:
        return None
    return spec.half_from(version, built=profile.buildable)
