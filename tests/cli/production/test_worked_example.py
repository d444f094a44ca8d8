"""The worked example of docs/production.md, end to end: tp 4 where tp 8 was meant.

A node of eight H100 is locked. One GPU does not answer in time when the service starts again, so a
selector that is not held to anything takes the profile of four GPUs and serves at half the speed.
"""

import json
import subprocess
import sys

import pytest

from nimprofile import mock_inventory
from nimprofile.testing import FakeNvml, hanging
from tests.support.command_line import environment

MODEL = "llama-3.1-70b-instruct"
TP8 = "704e14b35498991c55d8b0541e32d451409f71142dbddad5d5b1efc0566b973e"
TP4 = "0482a58a61bf7b5eae5643e8c54696bd2d9ca2ba73d2cba1e28628caccd3ae38"
LOG = f"""\
INFO 2026-11-21 06:00:12.101 ngc_profile.py:233] Detected 5 compatible profile(s).
INFO 2026-11-21 06:00:12.102 ngc_injector.py:152] Valid profile: {TP4} (tensorrt_llm-h100-fp8-tp4-pp1-throughput) on GPUs [0, 1, 2, 3]
INFO 2026-11-21 06:00:12.103 ngc_injector.py:206] Selected profile: {TP4} (tensorrt_llm-h100-fp8-tp4-pp1-throughput)
INFO 2026-11-21 06:00:12.104 ngc_injector.py:214] Profile metadata: llm_engine: tensorrt_llm
INFO 2026-11-21 06:00:12.104 ngc_injector.py:214] Profile metadata: precision: fp8
INFO 2026-11-21 06:00:12.104 ngc_injector.py:214] Profile metadata: tp: 4
"""


@pytest.fixture
def node(tmp_path):
    """Runs `nimprofile …` in a directory, on eight H100 with these faults."""

    def run(*argv, faults=()):
        fake = FakeNvml(mock_inventory("8xh100"), *faults)
        variables = environment()
        return subprocess.run(
            [sys.executable, "-m", "nimprofile", *argv],
            env=fake.environ
            | {"PYTHONPATH": f"{fake.environ['PYTHONPATH']}:{variables['PYTHONPATH']}"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_a_lock_tells_before_and_after_the_start_that_four_gpus_serve_in_place_of_eight(
    node, tmp_path
):
    locked = node("lock", "--manifest", MODEL, "-o", "nimprofile.lock")
    assert (0, "") == (locked.returncode, locked.stdout)
    assert TP8 in (tmp_path / "nimprofile.lock").read_text(encoding="utf-8")

    assert 0 == node("check", "--lock", "nimprofile.lock").returncode

    slow = {"faults": [hanging(5)]}
    options = ("--nvml-timeout", "2")
    drifted = node("check", "--lock", "nimprofile.lock", *options, **slow)
    assert 5 == drifted.returncode
    for told in (
        "tensorrt_llm-h100-fp8-tp8-pp1-latency",
        "tensorrt_llm-h100-fp8-tp4-pp1-throughput",
    ):
        assert told in drifted.stdout
    assert "GPU 5" in drifted.stdout + drifted.stderr

    refused = node("exec", "--lock", "nimprofile.lock", *options, **slow)
    assert 5 == refused.returncode
    assert "tensorrt_llm-h100-fp8-tp8-pp1-latency" in refused.stderr

    (tmp_path / "nim.log").write_text(LOG, encoding="utf-8")
    told = node("verify", "--lock", "nimprofile.lock", "--logs", "nim.log", "--json")
    assert 5 == told.returncode
    judged = {each["about"]: each for each in json.loads(told.stdout)["judgements"]}
    (line,) = judged["tp"]["evidence"]
    assert ("contradicted", "line 6", 4) == (judged["tp"]["outcome"], line["place"], line["value"])
    assert "contradicted" == judged["id"]["outcome"]
    assert TP4 == judged["id"]["evidence"][0]["value"]
    assert "proven" == judged["precision"]["outcome"]
