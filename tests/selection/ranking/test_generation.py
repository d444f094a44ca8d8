"""The policy of the NIM at hand, and who told which it is."""

import pytest

from nimprofile import POLICIES, Manifest, Request, mock_inventory, parse_manifest, select
from nimprofile.manifest.nim_version import VARIABLE, nim_version
from nimprofile.selection.ranking.generation import PolicyOrigin, policies_of, resolve
from tests.support.builders import make_profile, warnings_of

VLLM = {"llm_engine": "vllm", "precision": "bf16", "tp": "1"}
NOTHING = PolicyOrigin("documented", "nothing tells the NIM's version")


def release(text):
    return nim_version(text, f"release {text}")


def manifest(*tag_sets, nim=None):
    profiles = [make_profile(f"p{at}", **tags) for at, tags in enumerate(tag_sets or (VLLM,))]
    return Manifest(tuple(profiles), nim=None if nim is None else release(nim))


def auto(manifest, request=None):
    policy, origin = resolve("auto", manifest, request or Request())
    return policy.name, origin


@pytest.mark.parametrize(
    ("version", "policy"),
    [
        ("24.05", "nim-1.0"),
        ("1.0.0", "nim-1.0"),
        ("1.2.3", "nim-1.0"),
        ("1.3", "nim-1.3"),
        ("1.8.4", "nim-1.3"),
        ("1.11.9", "nim-1.3"),
        ("1.12.2", "nim-1.13"),
        ("1.13.1", "nim-1.13"),
        ("1.14.0", "nim-1.15"),
        ("1.15.5", "nim-1.15"),
        ("2.0.13", "nim-2.0"),
        ("2", "nim-2.0"),
    ],
)
def test_each_version_has_the_policy_of_its_generation(version, policy):
    assert (policy, PolicyOrigin("told", f"release {version}")) == auto(manifest(nim=version))


@pytest.mark.parametrize("version", ["2.1.5", "3.0.0"])
def test_a_version_above_all_that_are_known_has_the_newest_and_a_warning(version):
    decision = select(manifest(nim=version), mock_inventory("1xh100"))
    assert decision.policy == POLICIES["nim-2.0"]
    assert decision.policy_origin == PolicyOrigin("told", f"release {version}", newer=True)
    said = f"release {version} is newer than any NIM whose choice is known here: it is taken to "
    assert said + "choose as nim-2.0 does" == warnings_of(decision)[0]
    assert decision.warnings[0].kind == "newer_nim"


def test_where_nothing_tells_the_documented_chain_is_taken():
    assert ("nim", NOTHING) == auto(manifest())


def test_what_fits_several_generations_tells_none_of_them():
    assert ("nim", PolicyOrigin("documented", "release 1 does not tell its generation")) == auto(
        manifest(nim="1")
    )
    assert ("nim", NOTHING) == auto(manifest(VLLM | {"trtllm_buildable": "true"}))


def test_the_number_of_a_nim_that_serves_no_language_model_is_its_own():
    speech = {"model_type": "prebuilt", "name": "parakeet"}
    why = "release 1.3.2 is not that of a NIM for language models"
    assert ("nim", PolicyOrigin("documented", why)) == auto(manifest(speech, nim="1.3.2"))


def test_a_program_says_which_nim_it_is():
    assert ("nim-1.3", PolicyOrigin("told", "NIM 1.8.4")) == auto(manifest(), Request(nim="1.8.4"))


def test_a_request_goes_before_the_manifest():
    request = Request.from_env({VARIABLE: "2.0.12"})
    policy, origin = auto(manifest(nim="1.8.4"), request)
    assert ("nim-2.0", f"{VARIABLE}=2.0.12") == (policy, origin.source)
    said = f", from {VARIABLE}=2.0.12, although release 1.8.4 tells of another"
    assert said == str(origin)


def test_a_version_goes_before_the_forms_of_the_profiles_which_are_named():
    tagged = manifest(VLLM | {"min_vram_per_device_gb": "24.0"}, nim="1.8.4")
    policy, origin = auto(tagged)
    assert ("nim-1.3", "the tag min_vram_per_device_gb") == (policy, origin.against)


def test_releases_of_one_generation_do_not_speak_against_each_other():
    assert "" == auto(manifest(nim="2.0.12"), Request(nim="2.0.6"))[1].against


@pytest.mark.parametrize(
    ("tags", "policy"),
    [
        ({"min_vram_per_device_gb": "24.0"}, "nim-2.0"),
        ({"backend": "pytorch"}, "nim-1.15"),
        ({"runtime_optimization": "true"}, "nim-1.15"),
        ({"backend": "pytorch", "nim_workspace_hash_v1": "0" * 64}, "nim-1.15"),
        ({"nim_workspace_hash_v1": "0" * 64}, "nim"),
        ({"backend": "tensorrt"}, "nim"),
    ],
)
def test_a_tag_that_one_generation_writes_tells_it(tags, policy):
    assert policy == auto(manifest(VLLM | tags))[0]
    assert "nim" == auto(manifest({key: tags[key] for key in tags} | {"model_type": "x"}))[0]


ID = "{:064x}"


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("tensorrt_llm-l40s-fp8-tp2-latency", "nim-1.0"),
        ("tensorrt_llm-l40s-fp8-tp2-pp1-latency", "nim"),
        ("vllm-fp16-tp1", "nim"),
        ("vllm-fp8-tp1-pp1-27.0", "nim-2.0"),
        ("vllm-fp8-tp1-pp1) [requires >=27 GB/gpu", "nim-2.0"),
    ],
)
def test_a_printed_name_that_one_generation_writes_tells_it(name, policy):
    row = f"  - {ID.format(1)} ({name}" + ("]" if "[" in name else ")")
    text = f"MODEL PROFILES\n- Compatible with system and runnable:\n{row}\n"
    assert policy == auto(parse_manifest(text))[0]


@pytest.mark.parametrize(
    "other",
    [
        "tensorrt_llm-trtllm_buildable-bf16-tp2",
        f"vllm-bf16-tp2-pp1-{'0' * 64}",
    ],
)
def test_what_older_generations_did_not_write_speaks_against_them(other):
    rows = [
        f"  - {ID.format(1)} (tensorrt_llm-l40s-fp8-tp2-latency)",
        f"  - {ID.format(2)} ({other})",
    ]
    text = "MODEL PROFILES\n- Compatible with system and runnable:\n" + "\n".join(rows) + "\n"
    assert ("nim", NOTHING) == auto(parse_manifest(text))


def test_the_fields_of_the_metadata_api_tell_no_generation():
    text = (
        '{"profiles": [{"profile_id": "a", "inference_backend": "vllm", "precision": "bf16", '
        '"min_vram_per_device_gb": "24.0"}]}'
    )
    assert "nim" == auto(parse_manifest(text))[0]


def test_a_policy_that_is_added_takes_part(monkeypatch):
    added = POLICIES["nim-2.0"].replace(name="nim-2.1", since=(2, 1), until=(2, 2))
    monkeypatch.setitem(POLICIES, "nim-2.1", added)
    assert ("nim-2.1", PolicyOrigin("told", "release 2.1.5")) == auto(manifest(nim="2.1.5"))
    assert "nim-2.0" == auto(manifest(nim="2.0.13"))[0]


def test_of_two_policies_of_one_generation_the_later_one_counts(monkeypatch):
    mine = POLICIES["nim-2.0"].replace(name="mine")
    monkeypatch.setitem(POLICIES, "mine", mine)
    assert [mine] == policies_of(release("2.0.1"))


def test_no_policy_is_for_what_came_before_nim():
    assert [] == policies_of(release("0.9"))
    assert "nim" == auto(manifest(nim="0.9"))[0]


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        (PolicyOrigin("asked"), ""),
        (PolicyOrigin("told", "release 2.0.6"), ", from release 2.0.6"),
        (NOTHING, " (the documented chain: nothing tells the NIM's version)"),
    ],
)
def test_an_origin_is_said_after_the_name_of_the_policy(origin, said):
    assert said == str(origin)


def test_a_policy_that_is_named_is_taken_whatever_is_told():
    decision = select(manifest(nim="2.0.6"), mock_inventory("1xh100"), policy="nim-1.3")
    assert ("nim-1.3", PolicyOrigin("asked")) == (decision.policy.name, decision.policy_origin)


def test_a_chain_of_ones_own_goes_before_the_policy_that_is_told():
    decision = select(manifest(nim="2.0.6"), mock_inventory("1xh100"), preferring="tp=low")
    assert "nim-2.0 preferring tp=low" == decision.policy.name
    assert decision.policy_origin.source == "release 2.0.6"
    assert ["tp", "prebuilt"] == [criterion.name for criterion in decision.policy.criteria[:2]]
