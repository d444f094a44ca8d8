"""A rule added from outside: whatever it reads, the order of the manifest does not matter."""

import json
from itertools import permutations

import pytest

from nimprofile import Engine, Request, decision_to_dict, mock_inventory, parse_manifest, select
from nimprofile.cli.main import main
from nimprofile.selection import fit
from nimprofile.selection.reasons import Doubt, EngineUnavailable, GpuNotEmpty, TagMismatch

TAGS = {"llm_engine": "tensorrt_llm", "precision": "bf16", "tp": "1", "pp": "1"}
PROFILES = [
    {"id": "plain", "tags": TAGS},
    {"id": "built", "tags": TAGS | {"trtllm_buildable": "true"}},
    {"id": "slow", "tags": TAGS | {"speed": "slow"}},
    {"id": "adapters", "tags": TAGS | {"feat_lora": "true"}},
]
"""Alike in all that the rules of this package read of a profile on a GPU."""

GPUS = "2xh100,1xl4"


def prebuilt_only(profile, kind, request, need):
    """Reads an attribute that no rule of the package reads."""
    return EngineUnavailable("a compiler", ()) if profile.buildable else None


def not_slow(profile, kind, request, need):
    """Reads a tag."""
    slow = profile.tags.get("speed") == "slow"
    return TagMismatch("speed", "fast", "slow") if slow else None


def named_plainly(profile, kind, request, need):
    """Reads what no two profiles have in common."""
    return (
        None if profile.id == "plain" else Doubt("engine", "its name", "names", gpus=kind.indices)
    )


def fast_when_free(profile, kind, request, need):
    """Reads a tag, and looks at what is free of the GPU."""
    slow = profile.tags.get("speed") == "slow"
    return GpuNotEmpty(0, 1, 0.5, gpus=kind.indices) if slow else None


def add(monkeypatch, tuple_name, rule):
    """One rule more, at the end of a tuple of rules."""
    monkeypatch.setattr(fit, tuple_name, (*getattr(fit, tuple_name), rule))


def decisions():
    """What each order of the manifest decides, as plain values: one, if the order is nothing."""
    answers = set()
    for order in permutations(PROFILES):
        manifest = parse_manifest(json.dumps({"profiles": order}))
        decision = select(manifest, mock_inventory(GPUS), Request())
        answers.add(json.dumps(decision_to_dict(decision), sort_keys=True))
    return [json.loads(answer) for answer in answers]


@pytest.mark.parametrize(
    ("tuple_name", "rule", "rejected"),
    [
        ("GPU_RULES", prebuilt_only, {"adapters": "lora", "built": "engine"}),
        ("GPU_RULES", not_slow, {"adapters": "lora", "slow": "tags"}),
        ("GPU_RULES", named_plainly, {"adapters": "lora"}),
        ("FREE_RULES", fast_when_free, {"adapters": "lora", "slow": "gpu_not_empty"}),
    ],
)
def test_whatever_a_rule_reads_the_order_of_the_manifest_does_not_matter(
    monkeypatch, tuple_name, rule, rejected
):
    add(monkeypatch, tuple_name, rule)
    (decision,) = decisions()
    assert rejected == {
        verdict["id"]: verdict["reasons"][0]["kind"] for verdict in decision["rejected"]
    }


@pytest.mark.parametrize("order", [PROFILES, PROFILES[::-1]], ids=["as written", "turned round"])
def test_the_reason_of_a_rule_from_outside_is_in_every_answer(monkeypatch, tmp_path, capsys, order):
    add(monkeypatch, "GPU_RULES", prebuilt_only)
    path = tmp_path / "manifest.yaml"
    path.write_text(json.dumps({"profiles": order}), encoding="utf-8")

    def run(*argv):
        code = main([*argv, "--manifest", str(path), "--gpus", GPUS])
        return code, *capsys.readouterr()

    known = ", ".join(Engine)
    reason = f"engine a compiler is not known; known: {known}"
    code, out, _ = run("explain")
    assert 0 == code
    assert "Rejected (2)" in out
    assert reason in out
    assert "correct the tag llm_engine=a compiler" in out
    assert f"no   engine        {reason}" in run("explain", "built")[1]
    assert any("built" in line and reason in line for line in run("list")[1].splitlines())
    assert (0, "plain\n") == run("select", "--format", "id")[:2]
    code, _, err = run("select", "--profile", "built")
    assert code
    assert reason in err
    (built,) = (
        row for row in json.loads(run("select", "--json")[1])["rejected"] if row["id"] == "built"
    )
    assert [reason] == [held["message"] for held in built["reasons"]]
