"""The lowest compute capability at which each precision runs, and at which it is native."""

from __future__ import annotations

from nimprofile.base.enums import Precision
from nimprofile.base.units import ComputeCapability


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

Formats of weights only (INT4, AWQ, MXFP4 below Blackwell) are unpacked by the kernels they were
made for: that is how they are meant to run, so they count as native wherever they run.
"""


AMPERE = _at_least("8.0")


EMULATED_NVFP4_FROM = ComputeCapability((8, 0))
"""Below 10.0 NVFP4 weights go through weight-only kernels written for Ampere and newer."""
