"""Verdicts of profiles that differ in their tags, and the order a policy puts them in."""

from nimprofile import Request
from nimprofile.selection.rank import rank
from tests.support.builders import judge, make_profile

EMULATE = Request(allow_nvfp4_emulation=True)
LATENCY_1 = {"llm_engine": "vllm", "precision": "fp8", "profile": "latency", "tp": "1"}
THROUGHPUT_8 = {"llm_engine": "sglang", "precision": "bf16", "profile": "throughput", "tp": "8"}


def verdicts(*tag_sets, spec="8xh100", request=EMULATE):
    """One verdict a set of tags; the ids are in the order given, so that ties keep it."""
    return [
        judge(make_profile(f"id{at}", **tags), spec, request) for at, tags in enumerate(tag_sets)
    ]


def best_first(policy, key, *tag_sets, spec="8xh100"):
    """The values of one tag in the order a policy ranks the profiles that carry them."""
    return [
        verdict.profile.tags.get(key) for verdict in rank(verdicts(*tag_sets, spec=spec), policy)
    ]
