"""Lines that several servers print, for they are made of the same parts: torch and uvicorn."""

from __future__ import annotations

from nimprofile.verify.logs.patterns import Line, Table
from nimprofile.verify.observation import Fact

LINES = (
    Line(
        "Application startup complete.",
        r"Application startup complete\.",
        source="uvicorn/lifespan/on.py, which vLLM, TensorRT-LLM and NIM serve with",
        sets={Fact.READY: True},
    ),
    Line(
        "torch.OutOfMemoryError: CUDA out of memory",
        r"torch\.OutOfMemoryError: CUDA out of memory\. Tried to allocate .{1,60}? GPU "
        r"[0-9]{1,3} has a total capacity of (?P<gpu_memory_bytes>[0-9.]{1,12}) "
        r"(?P<gpu_memory_bytes_unit>GiB)",
        source="c10/cuda/CUDACachingAllocator.cpp of torch 2.5 and later",
        fails=True,
    ),
    Line(
        "torch.",
        r"torch\.(?:cuda\.)?OutOfMemoryError: ",
        source="torch, all versions",
        fails=True,
    ),
)

TABLE = Table(LINES)
