"""NIM 2.x's own arithmetic of memory."""

from __future__ import annotations

from nimprofile.base.units import gib
from nimprofile.engines.facts.sglang import SGLANG

NIM_ALLOWANCE = gib(1.75)
"""Activations, CUDA and the rest, per GPU, in NIM 2.x's arithmetic.

Between 1.73 and 1.79 GiB reproduces every figure of the five Llama 3.1 8B listings of NIM 2.0.6 to
2.0.12 (two of them in the corpus, 012 and 015).
"""


NIM_LORA = gib(0.875)
"""What the same listings add for a profile that serves LoRA adapters."""


NIM = SGLANG[0].replace(
    newest="2.0.12",
    source="listings of NIM 2.0",
    fraction=1.0,
    own_kv_format=False,
    of_start=False,
    free_share=0.93,
)
"""NIM 2.x's arithmetic as habits of an engine.

Its share of the free memory is that of the one run whose free memory is known: 29,846 MiB, for
which NIM 2.0.12 suggests 84,992 tokens, and 77,824 with LoRA (corpus, 015).
"""
