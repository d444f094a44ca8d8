"""The profiles that a log tells with their tags are read in every form seen."""

import pytest

from nimprofile.base.formats.matched_profiles import Matched, matched_profiles, pairs_in

A, B = (letter * 64 for letter in "ab")
SELECTOR = "INFO 2026 profiles.py:341] Matched profile_id in manifest from LLMBasedProfileSelector"
TAGS = {"feat_lora": "false", "llm_engine": "vllm", "pp": "1", "precision": "nvfp4", "tp": "1"}


def matched(text):
    return list(matched_profiles(text.splitlines()))


@pytest.mark.parametrize(
    "written",
    [
        str(TAGS),
        str(TAGS).replace("'", '"'),
        "{" + ", ".join(f"{key}: {value}" for key, value in TAGS.items()) + "}",
        "{" + ",".join(f"{key}={value}" for key, value in TAGS.items()) + "}",
    ],
    ids=["python", "json", "bare", "equals"],
)
def test_the_tags_are_read_in_every_form(written):
    assert [Matched(A, TAGS, 2)] == matched(f"a line\n{SELECTOR} {A} with tags: {written}\n")


def test_tags_on_the_lines_that_follow_are_read():
    text = (
        "INFO 2026-04-22 18:56:49.541 profiles.py:345 Matched profile:\n"
        "  feat_lora=false, gpu_device=2e12:10de, llm_engine=vllm,\n"
        f"  precision=fp8, pp=1, tp=1\n  profile_id: {A}\n"
    )
    tags = TAGS | {"precision": "fp8", "gpu_device": "2e12:10de"}
    assert [Matched(A, tags, 4)] == matched(text)


def test_a_value_may_have_commas_and_a_tag_may_be_empty():
    assert {"databases": "uniref30,pdb", "gpu": ""} == pairs_in(
        "{'databases': 'uniref30,pdb', 'gpu': ''}"
    )


def test_no_tags_are_tags_too():
    assert [Matched(A, {}, 1)] == matched(f"{SELECTOR} {A} with tags: {{}}")


def test_every_matched_profile_is_read():
    text = f"{SELECTOR} {A} with tags: {{'tp': '1'}}\n{SELECTOR} {B} with tags: {{'tp': '2'}}"
    assert [A, B] == [profile.id for profile in matched(text)]


@pytest.mark.parametrize(
    "line",
    [
        f"INFO profiles.py:188] Matched profile_id in manifest from env NIM_MODEL_PROFILE to: {A}",
        f"Matched first profile_id in manifest: {A}",
        f"{SELECTOR} {A} with tags: {{'tp': ['1']}}",
        f"{SELECTOR} {A} with tags: {{'tp': '1'",
        f"{SELECTOR} {A} with tags: {{'tp'}}",
        f"{SELECTOR} {A} with tags: {{'tp': '\x1b'}}",
        f"{SELECTOR} {A} with tags: {{'tp': '" + "1" * 5000 + "'}}",
        f"{SELECTOR} auto with tags: {{'tp': '1'}}",
        f"Matched profile:\nno tags\nprofile_id: {A}",
        "Matched profile:\n" + "tp=1,\n" * 50 + f"profile_id: {A}",
    ],
    ids=[
        "no tags",
        "first",
        "a list",
        "cut short",
        "no value",
        "escape",
        "long",
        "no id",
        "words",
        "many lines",
    ],
)
def test_what_tells_no_tags_is_passed_over(line):
    assert [] == matched(line)


def test_quotes_without_an_end_take_no_time():
    assert None is pairs_in("'" * 4000 + ":" * 4000)
