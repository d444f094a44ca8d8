"""An advisory applies when all its conditions hold, and may where one is on what is not known."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given, strategies as st

from nimprofile import Request, Serving, mock_inventory
from nimprofile.manifest.nim_version import nim_version
from nimprofile.selection.advisories import matching
from nimprofile.selection.advisories.advisory import Advisory, Effect, known_advisories
from nimprofile.selection.advisories.matching import Advisor, Facts, facts_of, model_name
from tests.support.builders import make_gpu, make_inventory, make_manifest, make_profile

FP8 = make_profile(llm_engine="vllm", precision="fp8", tp="2", pp="1")
H100S = mock_inventory("8xh100").gpus
ALL_KNOWN = Facts("acme/Some_Model-8b", nim_version("1.13.1", "a test"), "0.11.0", driver="570.1")


def advisory(**conditions):
    return Advisory(
        *("test", "2026-01-01", Effect.FAILS),
        title="it fails",
        symptom="It fails.",
        remedy="do not",
        sources=("https://example.com/1",),
        **conditions,
    )


def advice(monkeypatch, facts=ALL_KNOWN, machine=H100S, taken=(0, 1), profile=FP8, **conditions):
    """What is not known for an advisory of these conditions, if it applies or may; else None."""
    monkeypatch.setattr(matching, "known_advisories", lambda: (advisory(**conditions),))
    found = Advisor(facts, machine).on(profile, taken)
    return found[0].unknown if found else None


HOLDING = {
    "models": ("another", "some.model-*"),
    "engines": ("sglang", "vllm>=0.10,<0.12"),
    "profiles": ("precision=bf16", "precision=fp8,tp>=2"),
    "gpus": ("h200", "h100"),
    "compute_capability": ">=9.0",
    "nim": ">=1.13,<1.14",
    "driver": "==570.1",
}
BROKEN = {
    "models": ("some.model-70b", "model-8b"),
    "engines": ("sglang", "vllm>=0.12"),
    "profiles": ("precision=bf16", "precision=fp8,tp>=4"),
    "gpus": ("h200",),
    "compute_capability": ">=10.0",
    "nim": ">=1.14,<1.15",
    "driver": "<570",
}


def test_one_without_conditions_applies_to_all(monkeypatch):
    assert () == advice(monkeypatch)


def test_it_applies_where_all_its_conditions_hold(monkeypatch):
    assert () == advice(monkeypatch, **HOLDING)


@pytest.mark.parametrize("name", BROKEN)
def test_one_broken_condition_is_enough(monkeypatch, name):
    assert advice(monkeypatch, **HOLDING | {name: BROKEN[name]}) is None


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("model", "the model's name"),
        ("nim", "the version of the NIM"),
        ("engine_version", "the version of vllm"),
        ("driver", "the version of the driver"),
    ],
)
def test_what_is_not_known_is_named(monkeypatch, field, said):
    assert (said,) == advice(monkeypatch, ALL_KNOWN.replace(**{field: None}), **HOLDING)


def test_a_product_and_a_capability_that_are_not_known_are_named_once(monkeypatch):
    gpus = (make_gpu(0, capability=None), make_gpu(1, capability=None))
    said = ("the product of a GPU", "the compute capability of a GPU")
    assert said == advice(monkeypatch, machine=gpus, **HOLDING)


def test_the_catalogue_tells_the_capability_that_was_not_read(monkeypatch):
    gpus = tuple(gpu.replace(compute_capability=None) for gpu in H100S)
    assert () == advice(monkeypatch, machine=gpus, **HOLDING)


def test_all_gpus_that_are_taken_have_it_and_the_others_do_not_matter(monkeypatch):
    mixed = mock_inventory("2xh100,2xl40s").gpus
    assert () == advice(monkeypatch, machine=mixed, taken=(0, 1), compute_capability="==9.0")
    assert advice(monkeypatch, machine=mixed, taken=(2, 3), compute_capability="==9.0") is None


def test_what_is_of_some_gpus_is_not_said_of_a_profile_that_takes_none(monkeypatch):
    assert advice(monkeypatch, taken=(), compute_capability=">=1.0") is None
    assert () == advice(monkeypatch, taken=())


def test_an_engine_without_versions_is_enough(monkeypatch):
    assert () == advice(monkeypatch, ALL_KNOWN.replace(engine_version=None), engines=("vllm",))


def test_a_profile_of_no_engine_has_no_issue_of_one(monkeypatch):
    speech = make_profile(model_type="prebuilt")
    assert advice(monkeypatch, profile=speech, engines=("vllm",)) is None


@pytest.mark.parametrize(
    ("told", "specifiers", "said"),
    [
        ("1.12.2", ">=1.12,<1.12.3", ()),
        ("1.12.3", ">=1.12,<1.12.3", None),
        ("1.12", ">=1.12,<1.12.3", ("the version of the NIM",)),
        ("1.12", ">=1.12,<1.13", ()),
        ("1.12", ">=1.12.0,<1.13", ()),
        ("1", ">=1.12,<1.13", ("the version of the NIM",)),
        ("2.0.12", ">=1.12,<1.13", None),
    ],
)
def test_a_nim_of_a_range_of_versions_has_what_all_of_them_have(
    monkeypatch, told, specifiers, said
):
    facts = ALL_KNOWN.replace(nim=nim_version(told, "a test"))
    assert said == advice(monkeypatch, facts, nim=specifiers)


@pytest.mark.parametrize(
    ("nim", "said"),
    [("2.0.2", ()), ("2.0.3", None), ("2.0.12", ("the version of vllm",))],
)
def test_release_notes_of_a_nim_tell_its_vllm(monkeypatch, nim, said):
    facts = Facts(nim=nim_version(nim, "a test"))
    assert said == advice(monkeypatch, facts, engines=("vllm==0.18.0",))


def test_they_tell_no_other_engine(monkeypatch):
    facts = Facts(nim=nim_version("2.0.2", "a test"))
    profile = make_profile(llm_engine="sglang", precision="fp8", tp="1")
    assert ("the version of sglang",) == advice(
        monkeypatch, facts, profile=profile, engines=("sglang==0.18.0",)
    )


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("nim/meta/llama-3_1-8b-instruct", "llama-3.1-8b-instruct"),
        ("Qwen/Qwen2.5-VL-72B-Instruct", "qwen2.5-vl-72b-instruct"),
        ("gpt-oss-120b", "gpt-oss-120b"),
        ("hf://Qwen/Qwen3-8B/", "qwen3-8b"),
    ],
)
def test_models_are_compared_without_organisation_and_case(name, spelled):
    assert spelled == model_name(name)


def test_what_the_request_says_goes_before_what_the_manifest_says():
    manifest = make_manifest(FP8).replace(
        model="acme/m", nim=nim_version("1.8.4", "the manifest"), engine_version="0.8.0"
    )
    box = make_inventory(make_gpu(), driver="580.65.06")
    known = facts_of(manifest, box, Request())
    assert Facts("acme/m", manifest.nim, "0.8.0", driver="580.65.06") == known
    request = Request(nim="2.0.12", serving=Serving(engine_version="0.20.0"))
    asked = facts_of(manifest, box, request)
    assert (request.nim, "0.20.0") == (asked.nim, asked.engine_version)


# Laws.

VERSIONS = ("1.0.0", "1.6", "1.12.2", "1.13.1", "1.15.5", "2.0.2", "2.0.12")
FACTS = st.builds(
    Facts,
    st.sampled_from(["meta/llama-3.3-70b-instruct", "openai/gpt-oss-120b", "Qwen3.5-27B"]),
    st.sampled_from(VERSIONS).map(lambda version: nim_version(version, "a test")),
    st.sampled_from(["0.11.1", "0.18.0", "0.25.0", "1.3.0rc24", "0.20.0"]),
    driver=st.sampled_from(["550.54.15", "570.133.20", "595.71.05"]),
)
PROFILES = st.builds(
    make_profile,
    llm_engine=st.sampled_from(["vllm", "sglang", "tensorrt_llm"]),
    precision=st.sampled_from(["fp8", "nvfp4", "mxfp4", "bf16"]),
    tp=st.sampled_from(["1", "2", "4", "8"]),
    feat_lora=st.sampled_from(["true", "false"]),
)
BOARDS = st.sampled_from(["h100", "b200", "rtx6000_blackwell_sv", "dgx_spark", "l40s", "gb200"])


@given(FACTS, PROFILES, BOARDS, st.sets(st.sampled_from(Facts.__slots__)))
def test_more_knowledge_never_brings_an_issue_that_was_not_possible(facts, profile, board, hidden):
    gpus = mock_inventory(f"8x{board}").gpus
    known = Advisor(facts, gpus).on(profile, range(profile.gpus_needed))
    less = facts.replace(**dict.fromkeys(hidden))
    vague = Advisor(less, gpus).on(profile, range(profile.gpus_needed))
    assert {one.advisory.id for one in known} <= {one.advisory.id for one in vague}
    sure = {one.advisory.id for one in vague if not one.unknown}
    assert sure <= {one.advisory.id for one in known if not one.unknown}


def test_the_list_is_read_once():
    assert known_advisories() is known_advisories()


@given(
    st.text("ab-", max_size=6),
    st.text("ab-*", max_size=6),
)
def test_names_are_like_patterns_as_in_a_shell(name, pattern):
    assert fnmatchcase(name, pattern) == matching._is_like(name, pattern)
