"""Is a decision in JSON what the documentation promises?"""

import json

import pytest

from nimprofile import (
    POLICIES,
    Request,
    Requires,
    decision_to_dict,
    mock_inventory,
    parse_inventory,
)
from nimprofile.hardware.catalog import find_product
from nimprofile.manifest.profile import Stated
from nimprofile.report.to_json import (
    explanation_to_dict,
    policy_to_dict,
    product_to_dict,
    reason_to_dict,
    verdict_to_dict,
)
from nimprofile.selection.messages import message
from nimprofile.selection.remedies import remedies
from tests.support.builders import decide, gib, judge, make_h100, make_inventory, make_profile

FP8 = make_profile("f", llm_engine="vllm", precision="fp8", tp="1", pp="1")
BF16 = make_profile("b", llm_engine="vllm", precision="bf16", tp="1", pp="1")
TWO = make_profile("t", llm_engine="vllm", precision="fp8", tp="2", pp="1")
BUSY = make_inventory(make_h100(free=10))


def report(profiles, inventory, request=None, policy="nim"):
    """The decision in JSON, through JSON and back."""
    return json.loads(json.dumps(decision_to_dict(decide(profiles, inventory, request, policy))))


def test_the_keys_are_these():
    assert [
        "schema_version",
        "selected",
        "pinned",
        "policy",
        "policy_origin",
        "deciding",
        "ranked",
        "rejected",
        "if_answered",
        "otherwise",
        "passed_over",
        "warnings",
        "notes",
        "inventory",
    ] == list(report([FP8], "1xh100"))


def test_the_selected_profile_has_its_tags_and_gpus():
    assert {
        "id": "f",
        "name": "vllm-fp8-tp1-pp1",
        "tags": {"llm_engine": "vllm", "precision": "fp8", "tp": "1", "pp": "1"},
        "gpus": [0],
        "grade": "runnable",
        "memory": None,
        "choice": {"by": "all", "passed_over": [], "link": None, "message": "all that would do"},
        "advisories": [],
        "cuda_visible_devices": "0",
        "cuda_device_order": "PCI_BUS_ID",
    } == report([FP8, BF16], "1xh100")["selected"]


NEED = {
    "full_bytes": 30,
    "least_bytes": 20,
    "source": "here",
    "estimated_bytes": None,
    "max_model_len": None,
}


def test_the_selected_profile_has_its_need_of_memory():
    profile = make_profile("m", memory=Stated(30, 20, "here"), tp="1")
    assert NEED == report([profile], "1xh100")["selected"]["memory"]


def test_deciding_names_the_criterion_the_runner_up_and_what_each_has_to_show():
    assert {
        "criterion": "precision",
        "prefers": "the fewest bits of what the GPUs compute natively, then what they unpack",
        "over": "b",
        "better": "fp8",
        "worse": "bf16",
    } == report([FP8, BF16], "1xh100")["deciding"]


def test_one_candidate_decides_itself():
    assert None is report([BF16], "1xh100")["deciding"]


def test_the_candidates_are_ranked_best_first():
    assert [("f", [0], "runnable"), ("b", [0], "runnable")] == [
        (entry["id"], entry["gpus"], entry["grade"])
        for entry in report([BF16, FP8], "1xh100")["ranked"]
    ]


def test_the_rejected_have_their_reasons_and_remedies():
    (rejected,) = report([FP8, TWO], "1xh100")["rejected"]
    assert {
        "id": "t",
        "name": "vllm-fp8-tp2-pp1",
        "grade": "incompatible",
        "reasons": [
            {
                "kind": "gpu_count",
                "need": 2,
                "have": 1,
                "product": "NVIDIA H100 80GB HBM3",
                "missing": [],
                "message": "needs 2 GPUs of one product; there is 1 × NVIDIA H100 80GB HBM3",
            }
        ],
        "elsewhere": [],
        "remedies": ["1 more NVIDIA H100 80GB HBM3"],
    } == rejected


def test_nothing_selected_is_null():
    data = report([FP8], "1xt4")
    assert (None, None, [], "nim") == (
        data["selected"],
        data["deciding"],
        data["ranked"],
        data["policy"],
    )


def test_a_pin_that_is_honoured_says_what_was_set_aside():
    data = report([FP8, BF16], BUSY, Request().pinned("b", "--profile"))
    pinned = data["pinned"]
    assert ("b", "--profile", "b", True, []) == (
        pinned["value"],
        pinned["source"],
        pinned["id"],
        pinned["honoured"],
        pinned["reasons"],
    )
    assert ["gpu_not_empty"] == [reason["kind"] for reason in pinned["waived"]]
    assert data["warnings"][0].startswith("the pin overrides: GPU 0 is not empty")


def test_a_pin_that_is_refused_says_why():
    data = report([FP8, BF16], "1xa100", Request().pinned("f"))
    assert (None, False, ["compute_capability"]) == (
        data["selected"],
        data["pinned"]["honoured"],
        [reason["kind"] for reason in data["pinned"]["reasons"]],
    )


def test_without_a_pin_there_is_none():
    assert None is report([FP8], "1xh100")["pinned"]


def test_the_inventory_can_be_fed_back():
    inventory = mock_inventory("2xl40s,1xdgx_spark")
    data = report([FP8], inventory)
    assert inventory == parse_inventory(json.dumps(data["inventory"]))


# Reasons.

NEEDY = make_profile(
    "n",
    llm_engine="vllm",
    gpu="b200",
    gpu_device="2901",
    precision="nvfp4",
    tp="4",
    feat_lora="true",
    memory=Stated(gib(30), gib(20), "here"),
    requires=Requires(compute_capability=">=12", driver=">=570", cuda=">=12.8"),
)
POOR = mock_inventory("1xt4").replace(driver_version="535.1", cuda_version="12.2")


def needy_reasons():
    request = Request(engines=(), tags=(("mode", "str"),))
    plain = make_profile("p", **NEEDY.tags)  # what a manifest requires is asked instead
    verdicts = (judge(each, POOR, request, uniform_gpus=True) for each in (plain, NEEDY))
    found = (reason for verdict in verdicts for reason in verdict.reasons)
    return {reason.kind: reason_to_dict(reason) for reason in found}


def test_every_reason_has_a_kind_and_a_message():
    verdict = judge(NEEDY, POOR, Request(tags=(("mode", "str"),)))
    for reason in verdict.reasons:
        data = reason_to_dict(reason)
        assert (reason.kind, message(reason)) == (data["kind"], data["message"])
        assert data == json.loads(json.dumps(data))


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        ("engine", {"engine": "vllm", "available": []}),
        ("driver", {"need": ">=570", "have": "535.1"}),
        ("cuda", {"need": ">=12.8", "have": "12.2"}),
        (
            "gpu",
            {
                "wanted": ["b200", "2901:10de"],
                "have": "Tesla T4",
                "gpus": [0],
                "device_id": "1eb8:10de",
                "unread": "",
            },
        ),
        (
            "compute_capability",
            {"precision": "nvfp4", "need": "10.0", "have": "7.5", "gpus": [0]},
        ),
        ("requires_compute_capability", {"need": ">=12", "have": "7.5", "gpus": [0]}),
        (
            "memory_total",
            {"need_bytes": 20 << 30, "have_bytes": 15 << 30, "source": "here", "gpus": [0]},
        ),
        ("gpu_count", {"need": 4, "have": 1, "product": "Tesla T4", "missing": []}),
        ("lora", {"wanted": False}),
        ("tags", {"tag": "mode", "wanted": "str", "have": None, "by": ""}),
    ],
)
def test_a_reason_has_its_numbers(kind, numbers):
    data = needy_reasons()[kind]
    del data["message"], data["kind"]
    assert numbers == data


def test_a_mixed_machine_says_what_holds_elsewhere():
    verdict = judge(TWO, "1xh100,1xt4")
    data = verdict_to_dict(verdict)
    assert (["gpu_count"], ["compute_capability", "gpu_count"]) == (
        [reason["kind"] for reason in data["reasons"]],
        [reason["kind"] for reason in data["elsewhere"]],
    )
    assert list(remedies(verdict)) == data["remedies"]


# Explanations.


def explained(profile, profiles, inventory, request=None):
    decision = decide(profiles, inventory, request)
    return explanation_to_dict(decision, decision.verdict(profile))


def test_the_best_candidate_is_beaten_by_none():
    data = explained(FP8, [FP8, BF16], "1xh100")
    assert (1, None) == (data["candidate"], data["beaten"])


def test_another_candidate_is_beaten_by_the_best():
    data = explained(BF16, [FP8, BF16], "1xh100")
    assert (2, "f", "precision") == (
        data["candidate"],
        data["beaten"]["by"],
        data["beaten"]["criterion"],
    )


def test_a_rejected_profile_is_no_candidate():
    data = explained(TWO, [FP8, TWO], "1xh100")
    assert (None, None, "incompatible", []) == (
        data["candidate"],
        data["beaten"],
        data["grade"],
        data["gpus"],
    )


def test_an_explanation_has_tags_id_gpus_waived_doubts_and_memory():
    profile = make_profile("m", memory=Stated(30, 20, "here"), tp="1", llm_engine="vllm")
    data = explained(profile, [profile], BUSY, Request(relax_memory=True))
    assert dict(profile.tags) == data["tags"]
    assert profile.computed_id == data["computed_id"]
    assert [0] == data["gpus"]
    assert ["gpu_not_empty"] == [reason["kind"] for reason in data["waived"]]
    assert [] == data["doubts"]
    assert NEED == data["memory"]
    assert data == json.loads(json.dumps(data))


def test_an_unknown_need_is_null_and_a_doubt():
    data = explained(FP8, [FP8], "1xh100")
    assert None is data["memory"]
    assert [
        "what memory the profile needs is unknown: not checked (total and free memory)"
    ] == data["doubts"]


def test_tags_read_off_a_name_make_no_id():
    profile = FP8.replace(tags_from_name=True)
    assert None is explained(profile, [profile], "1xh100")["computed_id"]


# Policies and products.


@pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda policy: policy.name)
def test_a_policy_has_its_chain(policy):
    data = policy_to_dict(policy)
    assert (policy.name, policy.about, policy.uniform_gpus, policy.empty_gpu_gate) == (
        data["name"],
        data["about"],
        data["uniform_gpus"],
        data["empty_gpu_gate"],
    )
    assert [(c.name, c.prefers, c.source) for c in policy.criteria] == [
        (link["name"], link["prefers"], link["source"]) for link in data["criteria"]
    ]


def test_a_product_has_its_facts():
    product = find_product("t4")
    assert {
        "short": "t4",
        "name": "Tesla T4",
        "device_ids": ["1eb8:10de"],
        "memory_total_mib": 15360,
        "compute_capability": "7.5",
        "unified_memory": False,
        "architecture": "Turing",
        "sources": list(product.sources),
    } == product_to_dict(product)
