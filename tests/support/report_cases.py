"""Profiles, a machine and styles that the tests of reports share."""

from nimprofile.report.style import Style
from tests.support.builders import make_h100, make_inventory, make_profile

PIPE = Style()
TERMINAL = Style(columns=True)
COLOUR = Style(columns=True, colour=True)
FP8 = make_profile("f" * 64, name="vllm-fp8", llm_engine="vllm", precision="fp8", tp="1", pp="1")
BF16 = make_profile("b" * 64, name="vllm-bf16", llm_engine="vllm", precision="bf16", tp="1", pp="1")
TWO = make_profile("c" * 64, name="vllm-two", llm_engine="vllm", precision="bf16", tp="2", pp="1")
BUSY = make_inventory(make_h100(free=10))
