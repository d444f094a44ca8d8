"""Which engines does each server run, and of which version, as far as its image says?"""

from __future__ import annotations

import re

from nimprofile.engines.support import NEWEST
from nimprofile.launch.plan import Server
from nimprofile.manifest.profile import Engine

ENGINES_OF = {
    Server.VLLM: (Engine.VLLM,),
    Server.SGLANG: (Engine.SGLANG,),
    Server.TENSORRT_LLM: (Engine.TENSORRT_LLM,),
    Server.TRITON: (Engine.VLLM,),
    Server.NIM: tuple(Engine),
}
"""Whose profiles each server runs; Triton by its vLLM backend."""

TRITON_IMAGES = (
    ("26.07", "0.24.0"),
    ("26.06", "0.22.1"),
    ("26.05", "0.19.0"),
    ("26.04", "0.19.0"),
    ("26.03", "0.17.1"),
    ("26.02", "0.15.1"),
    ("26.01", "0.13.0"),
    ("25.12", "0.11.1"),
    ("25.11", "0.11.0"),
    ("25.10", "0.10.2"),
)
"""Releases of `tritonserver:…-vllm-python-py3` and the vLLM in each, newest first.

github.com/triton-inference-server/server, docs/introduction/compatibility.md (2026-08-19).
"""

_TAG = re.compile(r":v?([0-9]+\.[0-9]+[0-9a-z.]*)(?:-[A-Za-z0-9._-]*)?$")


def newest(engine: Engine | None, server: Server) -> str:
    """The newest version whose flags are known; "" of no engine."""
    if engine is None:
        return ""
    return TRITON_IMAGES[0][1] if server is Server.TRITON else NEWEST[engine]


def tagged(image: str) -> str | None:
    """The version in an image's tag; None when it has none, as `latest`."""
    found = _TAG.search(image)
    return None if found is None else found[1]


def version_in(image: str, server: Server) -> str | None:
    """The version of the engine that an image has, by its tag; None when nobody knows."""
    version = tagged(image)
    match server:
        case Server.VLLM | Server.SGLANG | Server.TENSORRT_LLM:
            return version
        case Server.TRITON:
            return dict(TRITON_IMAGES).get(version or "")
    return None  # the tag of a NIM is the NIM's own
