"""Which NIM a text, a variable, an image and a printout tell."""

import pytest

from nimprofile import Request, RequestError, parse_manifest
from nimprofile.manifest.nim_version import (
    VARIABLE,
    NimVersion,
    narrowed,
    nim_version,
    version_in_environment,
    version_in_printout,
    version_of_image,
)

ID = "0" * 64


def bounds(version):
    return None if version is None else (version.low, version.below)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2.0.6", ((2, 0, 6), (2, 0, 7))),
        (" v1.8.4\n", ((1, 8, 4), (1, 8, 5))),
        ("1.13", ((1, 13), (1, 14))),
        ("2", ((2, 0), (3,))),
        ("1.8.0-RTX", ((1, 8, 0), (1, 8, 1))),
        ("1.3.16-rc4", ((1, 3, 16), (1, 3, 17))),
        ("2.0.0rc8", ((2, 0, 0), (2, 0, 1))),
        ("24.05.rc15", ((1, 0), (1, 1))),
        ("1.0.0-variant", None),
        ("latest", None),
        ("", None),
        ("2.x", None),
        ("1..2", None),
        ("1.2.3.4.5", None),
        ("99999", None),
        ("2026-11-21", None),
        ("25.05", None),
        ("24.10-py3", None),
        ("2025.1", None),
        ("1.7.0-variant-amd64", None),
    ],
)
def test_a_text_is_the_versions_that_begin_with_its_numbers(text, expected):
    assert expected == bounds(nim_version(text, "the test"))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("nvcr.io/nim/meta/llama-3.1-8b-instruct:1.8.4", ((1, 8, 4), (1, 8, 5))),
        ("nvcr.io/nim/a/b:2.0.12@sha256:ab12", ((2, 0, 12), (2, 0, 13))),
        ("registry:5000/nim/a/b", None),
        ("nvcr.io/nim/a/b:latest", None),
        ("nvcr.io/nim/meta/llama-3.1-8b-instruct-dgx-spark:1.0.0-variant", None),
        ("nvcr.io/nim/meta/llama-3.1-8b-instruct-dgx-spark:1.0.0", None),
        ("nvcr.io/nim/a/b@sha256:ab12", None),
    ],
)
def test_an_image_tells_by_its_tag(image, expected):
    assert expected == bounds(version_of_image(image))


def test_a_variable_tells_of_a_nim_for_language_models():
    told = version_in_environment({VARIABLE: "2.0.12 "})
    assert told == NimVersion(f"{VARIABLE}=2.0.12", (2, 0, 12), (2, 0, 13), of_llm=True)
    assert version_in_environment({VARIABLE: ""}) is None
    assert version_in_environment({VARIABLE: "dev"}) is None
    assert version_in_environment({}) is None


@pytest.mark.parametrize(
    ("text", "source", "expected"),
    [
        (
            (
                "== NVIDIA Inference Microservice LLM NIM ==\n\n"
                "NVIDIA Inference Microservice LLM NIM Version 1.8.4\nModel: meta/llama\n"
            ),
            "the log of NIM 1.8.4",
            ((1, 8, 4), (1, 8, 5)),
        ),
        (
            "NVIDIA Inference Microservice LLM / VLM NIM Version 2.0.12\n[requires >=3 GB/gpu]",
            "the log of NIM 2.0.12",
            ((2, 0, 12), (2, 0, 13)),
        ),
        (
            "- Compatible with system but low memory:\n- Compilable to TRT-LLM using: <None>\n",
            '"Compatible with system but low memory" in the printout',
            ((2, 0), None),
        ),
        (
            (
                "- Compatible with system but not runnable due to low GPU free memory\n"
                "- Compilable to TRT-LLM using just-in-time compilation\n"
            ),
            '"Compilable to TRT-LLM" in the printout',
            ((1, 3), (2, 0)),
        ),
    ],
)
def test_a_printout_tells_by_its_banner_or_by_its_form(text, source, expected):
    told = version_in_printout(text)
    assert source == told.source
    assert expected == bounds(told)


@pytest.mark.parametrize(
    "text",
    [
        "- Compatible with system and runnable:\n- Incompatible with system:\n",
        "NVIDIA Inference Microservice LLM NIM Version latest\n",
        "NVIDIA Inference Microservice LLM NIM Version  \n",
        "NIM LLM API version 1.0.0\n",
    ],
)
def test_another_printout_tells_nothing(text):
    assert version_in_printout(text) is None


def test_a_program_states_a_version_as_a_text():
    assert (
        NimVersion("NIM 2.0.12", (2, 0, 12), (2, 0, 13), of_llm=True) == Request(nim="2.0.12").nim
    )
    with pytest.raises(RequestError, match=r"nim: 'latest' is no version such as 2\.0\.12"):
        Request(nim="latest")
    with pytest.raises(TypeError, match="will do"):
        Request(nim=2)


def test_what_contradicts_tells_nothing():
    old, new = NimVersion("old", (1, 0), (1, 3)), NimVersion("new", (2, 0))
    assert narrowed([]) is None
    assert narrowed([old, new]) is None
    assert narrowed([old, NimVersion("some", (1, 0))]) == old


PROFILE = "tags: {llm_engine: vllm, precision: bf16, tp: '1'}"


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (f"release: 2.0.6\nprofiles:\n- id: a\n  {PROFILE}\n", "release 2.0.6"),
        (f"profiles:\n- id: a\n  release: '1.10'\n  {PROFILE}\n", "release 1.10"),
        (
            f"a:\n  release: 1.0.0\n  {PROFILE}\nb:\n  release: 1.0.0\n  {PROFILE}\n",
            "release 1.0.0",
        ),
        ('{"release": "1.8.4", "profiles": [{"id": "a", "tags": {}}]}', "release 1.8.4"),
    ],
    ids=["head", "profile", "v1", "json"],
)
def test_a_manifest_tells_by_its_release(text, source):
    assert source == parse_manifest(text).nim.source


@pytest.mark.parametrize(
    "text",
    [
        f"profiles:\n- id: a\n  {PROFILE}\n",
        f"a:\n  release: 1.0.0\n  {PROFILE}\nb:\n  release: 1.8.0\n  {PROFILE}\n",
        f"release: {{major: 2}}\nprofiles:\n- id: a\n  {PROFILE}\n",
        f"release: latest\nprofiles:\n- id: a\n  {PROFILE}\n",
    ],
    ids=["none", "several", "no text", "no version"],
)
def test_a_manifest_without_one_release_tells_none(text):
    assert parse_manifest(text).nim is None


def test_a_printout_has_what_it_tells():
    text = (
        "NVIDIA Inference Microservice LLM NIM Version 1.3.3\nMODEL PROFILES\n"
        f"- Compatible with system and runnable:\n  - {ID} (vllm-bf16-tp1)\n"
    )
    assert "the log of NIM 1.3.3" == parse_manifest(text).nim.source
