"""Profiles and a machine that the tests of reports share, and how a terminal shows a report."""

from nimprofile.report.terminal import terminal_text
from tests.support.builders import make_h100, make_inventory, make_profile

FP8 = make_profile("f" * 64, name="vllm-fp8", llm_engine="vllm", precision="fp8", tp="1", pp="1")
BF16 = make_profile("b" * 64, name="vllm-bf16", llm_engine="vllm", precision="bf16", tp="1", pp="1")
TWO = make_profile("c" * 64, name="vllm-two", llm_engine="vllm", precision="bf16", tp="2", pp="1")
BUSY = make_inventory(make_h100(free=10))


def on_terminal(blocks, width=1000):
    """The blocks on a terminal without colour."""
    return terminal_text(blocks, width=width, colour=False)


def in_colour(blocks, width=1000):
    """The blocks on a terminal with colour."""
    return terminal_text(blocks, width=width, colour=True)
