"""The known issues of a profile as lines, and as JSON values."""

from nimprofile import Request, mock_inventory, select
from nimprofile.report.blocks import plain_text
from nimprofile.report.explain import explain_profile
from nimprofile.report.production.advisories import (
    advisories_blocks,
    advisory_to_dict,
    issue_blocks,
    possible,
)
from nimprofile.report.to_json import explanation_to_dict
from nimprofile.selection.advisories.advisory import Advisory, Effect, known_advisories
from tests.support.builders import make_manifest, make_profile

NVFP4 = make_profile(llm_engine="vllm", precision="nvfp4", tp="1", pp="1")
MANIFEST = make_manifest(NVFP4)
SPARK = mock_inventory("1xdgx_spark")
ONE = Advisory(
    *("one", "2026-01-01", Effect.HANGS),
    title="it hangs",
    symptom="It hangs.",
    remedy="wait",
    sources=("https://example.com/1",),
    engines=("vllm>=0.1", "sglang"),
    profiles=("precision=fp8", "precision=nvfp4"),
    models=("m-*",),
    gpus=("h100",),
    compute_capability=">=9.0",
    nim=">=1.2,<1.3",
    driver="<570",
)


def test_what_has_an_issue_is_told_in_one_cell():
    assert (
        "one\thangs\tm-*; NIM >=1.2,<1.3; vllm>=0.1 or sglang; precision=fp8 or precision=nvfp4; "
        "h100; compute capability >=9.0; driver <570\tit hangs\t2026-01-01"
    ) == plain_text(advisories_blocks([ONE]))


def test_json_has_every_figure_and_lists_for_tuples():
    assert {
        "id": "one",
        "date": "2026-01-01",
        "effect": "hangs",
        "title": "it hangs",
        "symptom": "It hangs.",
        "remedy": "wait",
        "sources": ["https://example.com/1"],
        "engines": ["vllm>=0.1", "sglang"],
        "profiles": ["precision=fp8", "precision=nvfp4"],
        "models": ["m-*"],
        "gpus": ["h100"],
        "compute_capability": ">=9.0",
        "nim": ">=1.2,<1.3",
        "driver": "<570",
    } == advisory_to_dict(ONE)


def test_issues_that_are_possible_are_grouped_by_what_is_not_known():
    decision = select(MANIFEST, SPARK, Request())
    text = plain_text(issue_blocks(decision, decision.selected, MANIFEST))
    groups = text.splitlines()
    assert all(line.startswith("  ? the ") for line in groups)
    assert len(groups) == len({line.partition(" unknown: ")[0] for line in groups}) > 1
    assert "  ? the version of vllm is unknown: vllm-0.12-nvfp4-gb10, " in text
    assert "the model's name and the version of vllm are unknown: " in text


def test_nothing_is_possible_where_the_manifest_is_not_given():
    decision = select(MANIFEST, SPARK, Request())
    assert possible(decision, decision.selected, None) == ()
    assert "may apply" not in plain_text(explain_profile(decision, decision.selected))
    assert explanation_to_dict(decision, decision.selected)["possible_advisories"] == []


def test_a_profile_that_takes_no_gpu_has_none():
    decision = select(MANIFEST, mock_inventory("1xt4"), Request(nim="2.0.2"))
    (verdict,) = decision.rejected
    assert verdict.advisories == ()
    assert [*issue_blocks(decision, verdict, MANIFEST)] == []


def test_no_title_or_remedy_needs_an_escape():
    assert all(f"{one.title}{one.remedy}{one.symptom}".isprintable() for one in known_advisories())
