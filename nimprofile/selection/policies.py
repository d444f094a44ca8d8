"""The policies: named chains of criteria, each for the generation of NIM it was observed in."""

from __future__ import annotations

from collections import UserDict

from nimprofile.base.errors import RequestError
from nimprofile.base.expect import expect, expect_text
from nimprofile.base.printable import quoted
from nimprofile.selection.rank import Policy
from nimprofile.selection.ranking.criteria import (
    CUSTOM,
    ENGINE,
    GPU_SPECIFIC,
    OBJECTIVE,
    OBSERVED_PRECISION,
    OPTIMISED,
    PREBUILT,
    PRECISION,
    TP,
    UNPACKED,
    VLLM_FIRST,
    chain,
)

_GATE_1_0 = "corpus, 020 and 021: nothing is runnable on a GPU with 7 % in use"

AUTO = "auto"
"""The name for the policy of the NIM at hand (`ranking/generation.py`)."""

ABOUT_AUTO = "That of the NIM at hand, where its version is told; otherwise nim. The default."

DEFAULT = "nim"
"""The policy where nothing tells which NIM it is."""


class _Policies(UserDict[str, Policy]):
    """Policies by name; another is added as `POLICIES["own"] = Policy("own", …)`."""

    def __setitem__(self, name: str, policy: Policy) -> None:
        expect_text("POLICIES: name", name)
        expect(f"POLICIES: {name}", policy, Policy, hint='POLICIES["nim"] is one')
        super().__setitem__(name, policy)


POLICIES = _Policies(
    (policy.name, policy)
    for policy in (
        Policy(
            "nim",
            chain(CUSTOM, UNPACKED, ENGINE, PREBUILT, PRECISION, OBJECTIVE, TP),
            "The documented chain, made total.",
            gate_source=_GATE_1_0,
        ),
        Policy(
            "nim-1.0",
            chain(ENGINE, OBSERVED_PRECISION, OBJECTIVE, TP),
            "NIM LLM 1.0 to 1.2, as observed.",
            since=(1, 0),
            until=(1, 3),
            uniform_gpus=True,
            gate_source=_GATE_1_0,
        ),
        Policy(
            "nim-1.3",
            chain(CUSTOM, OPTIMISED, ENGINE, OBSERVED_PRECISION, OBJECTIVE, TP),
            "NIM LLM 1.3 to 1.11: engines made for the GPU, then engines built here, then vLLM.",
            since=(1, 3),
            until=(1, 12),
            uniform_gpus=True,
        ),
        Policy(
            "nim-1.13",
            chain(CUSTOM, VLLM_FIRST, PREBUILT, OBSERVED_PRECISION, OBJECTIVE, TP),
            "NIM LLM 1.12 and 1.13, vLLM first: a known issue of those images.",
            since=(1, 12),
            until=(1, 14),
            uniform_gpus=True,
            empty_gpu_gate=False,
            gate_source="corpus, 101: 1.12.2 lists a profile as runnable on a GPU with 9 % in use",
        ),
        Policy(
            "nim-1.15",
            chain(CUSTOM, GPU_SPECIFIC, ENGINE, OBSERVED_PRECISION, OBJECTIVE, TP),
            "NIM LLM 1.14 and 1.15: made for the GPU before generic, whatever the engine.",
            since=(1, 14),
            until=(1, 16),
            uniform_gpus=True,
        ),
        Policy(
            "nim-2.0",
            chain(PREBUILT, OBSERVED_PRECISION, OBJECTIVE, TP),
            "NIM LLM 2.0: one engine an image; FP8 before BF16 before NVFP4; its own arithmetic.",
            since=(2, 0),
            until=(2, 1),
            nim_memory=True,
            gate_source="corpus, 012 and 015: nothing is runnable on a GPU with 9 or 10 % in use",
        ),
    )
)
"""Every policy by name; `docs/selection.md` has them with their sources."""


def policy_names() -> tuple[str, ...]:
    """What `--policy` takes."""
    return (AUTO, *POLICIES)


def find_policy(name: str) -> Policy:
    """The policy of that name; RequestError lists the names when there is none."""
    try:
        return POLICIES[name]
    except KeyError:
        known = ", ".join(policy_names())
        raise RequestError(f"{quoted(name)} is not a policy; known: {known}") from None
