"""Which settings do all the tests share?"""

import os

import pytest
from hypothesis import settings

settings.register_profile("dev", max_examples=50, deadline=None, print_blob=True)
settings.register_profile("ci", max_examples=400, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "dev")


@pytest.fixture(autouse=True)
def no_nim_variables(monkeypatch):
    """The shell that runs the tests must not steer what they select."""
    for name in list(os.environ):
        if name.startswith("NIM_") or name == "NO_COLOR":
            monkeypatch.delenv(name)
