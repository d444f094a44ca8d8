"""Which settings do all the tests share?"""

import os

import pytest
from hypothesis import HealthCheck, settings

# dev is for every run, ci for the machine that has the time, fuzz for once in a while; mutation
# tries hundreds of versions of the code.
for name, examples in (("dev", 50), ("ci", 400), ("fuzz", 10_000), ("mutation", 25)):
    settings.register_profile(
        name,
        max_examples=examples,
        deadline=None,
        derandomize=name == "mutation",
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "dev")


@pytest.fixture(autouse=True)
def no_nim_variables(monkeypatch):
    """The shell that runs the tests must not steer what they select."""
    for name in list(os.environ):
        if name.startswith("NIM_") or name == "NO_COLOR":
            monkeypatch.delenv(name)
