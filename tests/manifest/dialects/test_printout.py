"""A printout or a start-up log is read by what its names say."""

import json

import pytest

from nimprofile.base.units import GIB
from nimprofile.manifest.profile import Stated
from nimprofile.manifest.reader import parse_manifest
from tests.support.dialect_samples import ID_1, ID_2, LISTING, V2, error_of


def test_a_printout_is_recognised_by_its_headings():
    manifest = parse_manifest(LISTING)
    assert ("listing", [ID_1, ID_2]) == (manifest.dialect, [p.id for p in manifest.profiles])


def test_what_a_name_says_is_read_and_the_rest_is_unknown():
    profile = parse_manifest(LISTING).profiles[0]
    assert ("tensorrt_llm", "fp8", 2, 1, "latency", ("h100",), (), True) == (
        profile.engine,
        profile.precision,
        profile.tp,
        profile.pp,
        profile.objective,
        profile.gpu_names,
        profile.gpu_devices,
        profile.tags_from_name,
    )


def test_the_requirement_of_a_row_is_read():
    memory = parse_manifest(LISTING).profiles[1].memory
    assert (
        Stated(
            33 * GIB,
            28 * GIB,
            "the listing's [requires …]",
            max_model_len=84992,
            printed_gb=33,
            printed_least_gb=28,
        )
        == memory
    )


def test_a_length_to_try_without_what_it_saves_leaves_the_least_open():
    text = f"- All profiles:\n  - {ID_1} (v) [requires >=27 GB/gpu, try --max-model-len=131072]\n"
    memory = parse_manifest(text).profiles[0].memory
    assert (
        Stated(27 * GIB, 0, "the listing's [requires …]", max_model_len=131072, printed_gb=27)
        == memory
    )


def test_a_requirement_without_a_reduction_is_the_least_too():
    text = f"- All profiles:\n  - {ID_1} (vllm-bf16-tp1-pp1) [requires >=18 GB/gpu per 2 GPUs]\n"
    memory = parse_manifest(text).profiles[0].memory
    assert (18 * GIB, 18 * GIB) == (memory.full_bytes, memory.least_bytes)


def test_a_row_without_a_name_is_named_by_its_id():
    assert [ID_1] == [p.name for p in parse_manifest(f"- All profiles:\n- {ID_1}\n").profiles]


def test_a_log_of_json_lines_is_read_as_the_messages_in_it():
    text = "\n".join(
        json.dumps({"level": "INFO", "message": line}) for line in LISTING.splitlines()
    )
    assert parse_manifest(LISTING).profiles == parse_manifest(text).profiles


@pytest.mark.parametrize("start", ["[1/4] Checking\n", "{ not json\n", "[" * 100_000 + "\n"])
def test_a_log_may_begin_as_json_does(start):
    assert parse_manifest(LISTING).profiles == parse_manifest(start + LISTING).profiles


def test_a_manifest_in_json_that_talks_of_printouts_is_not_one():
    model = f"Valid profile: {ID_1} (vllm) on GPUs [0]"
    document = {"model": model, "profiles": [{"id": ID_1, "tags": {}}]}
    assert ("v2", model) == (
        parse_manifest(json.dumps(document)).dialect,
        parse_manifest(json.dumps(document)).model,
    )


@pytest.mark.parametrize("said", ["Valid profile: 12345678 (a) on GPUs [0]", "MODEL PROFILES"])
def test_a_manifest_in_yaml_that_talks_of_printouts_is_not_one(said):
    manifest = parse_manifest(V2.replace(ID_1, json.dumps(said)))
    assert ("v2", said) == (manifest.dialect, manifest.profiles[0].id)


def test_a_printout_without_profiles_is_refused():
    error = error_of("MODEL PROFILES\n- Compatible with system and runnable: <None>\n")
    assert "m.yaml: a printout without any profile in it" == str(error)


def test_an_id_under_two_names_is_refused_with_its_line():
    error = error_of(f"- All profiles:\n- {ID_1} (vllm)\n- {ID_1} (sglang)\n")
    assert (f"the id {ID_1} stands here under two names", 3) == (error.problem, error.line)


def test_a_profile_printed_twice_is_one():
    text = f"- All profiles:\n- {ID_1} (vllm)\n- Incompatible with system:\n- {ID_1} (vllm)\n"
    assert 1 == len(parse_manifest(text).profiles)


def test_a_name_that_contradicts_itself_is_refused_with_its_line():
    error = error_of(f"- All profiles:\n- {ID_1} (tp:none|mode:str)\n")
    assert ("'none' is not a number of GPUs; write 1 to 9999", "tp:none|mode:str", 2) == (
        error.problem,
        error.place,
        error.line,
    )


def test_a_yaml_that_mentions_a_heading_is_still_yaml():
    assert "v2" == parse_manifest("# MODEL PROFILES, All profiles\n" + V2).dialect


def test_a_json_that_mentions_a_heading_is_still_json():
    text = json.dumps({"about": "MODEL PROFILES", "profiles": [{"id": "a", "tags": {}}]}, indent=1)
    assert "v2" == parse_manifest(text).dialect


MATCHED = (
    "INFO 2026-07-14 12:23:54.884 profiles.py:341] Matched profile_id in manifest from "
    "LLMBasedProfileSelector f9db61d5a467d46be7733e90a26705798764b93d480c842143d525c1932b01e2 "
    "with tags: {'feat_lora': 'false', 'llm_engine': 'vllm', 'nim_workspace_hash_v1': "
    "'1bc1fc30fed1c38789e3f288e06ed98a1c855a9c23ada6c501d0f732336b0121', 'pp': '1', "
    "'precision': 'nvfp4', 'tp': '1'}\n"
)


def test_a_matched_profile_has_the_tags_that_its_log_tells_and_the_id_of_them():
    manifest = parse_manifest(MATCHED)
    (profile,) = manifest.profiles
    assert ("listing", "vllm", "nvfp4", False) == (
        manifest.dialect,
        profile.engine,
        profile.precision,
        profile.tags_from_name,
    )
    assert profile.id == profile.computed_id
    assert profile.name.startswith("vllm-nvfp4-tp1-pp1")


def test_tags_on_the_lines_of_a_log_are_no_manifest():
    text = f"profiles.py:345 Matched profile:\n  llm_engine=vllm,\n  tp=2\n  profile_id: {ID_1}\n"
    assert [(ID_1, 2)] == [(p.id, p.tp) for p in parse_manifest(text).profiles]


def test_a_log_that_tells_the_id_alone_is_refused():
    text = f"profiles.py:188] Matched profile_id in manifest from env NIM_MODEL_PROFILE to: {ID_1}"
    assert "a printout without any profile in it" == error_of(text).problem
