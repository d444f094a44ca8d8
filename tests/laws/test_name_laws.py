"""Laws of names: every name is read and printed back, and says nothing its tags do not."""

from __future__ import annotations

from hypothesis import example, given, strategies as st

from nimprofile.base.enums import Engine, Objective, Precision
from nimprofile.manifest.profile_names import describe, parse_name
from nimprofile.testing import tag_sets

TOKENS = (
    *Engine,
    *Precision,
    *Objective,
    *("trtllm", "tensorrt-llm", "h100", "h100_nvl", "A100-SXM4", "tp1", "tp16", "pp1", "pp2"),
    *("lora", "feat_lora", "trtllm_buildable", "local_build", "24.0", "32", "2330:10de", "26b5"),
    *("pytorch", "triton", "true", "false", "ab" * 32, "", "tp0", "tp", "x", "key:value", "k=v"),
)


def names():
    """Names of known tokens, and any text."""
    return st.one_of(
        st.lists(st.sampled_from(TOKENS), max_size=10).map("-".join),
        st.lists(st.sampled_from(TOKENS), max_size=4).map("|".join),
        st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3).map(str),
        st.text(),
    )


@given(names())
@example("")
@example("{}")
@example("{'a': 'b', 'a': 'c'}")
@example("tensorrt_llm--fp8-")
def test_every_name_is_printed_back_exactly(name):
    assert name == parse_name(name).text


@given(names())
def test_every_part_of_a_name_is_in_the_name_in_that_order(name):
    at = 0
    for _, text in parse_name(name).parts:
        found = name.find(text, at)
        assert found >= 0
        at = found + len(text)


@given(names())
def test_reading_a_name_again_changes_nothing(name):
    once = parse_name(name)

    assert once == parse_name(once.text)
    assert once.tags == parse_name(once.text).tags


@given(tag_sets())
def test_what_the_name_of_a_profile_says_agrees_with_its_tags(tags):
    if tags.get("llm_engine") == "llama.cpp":  # with an engine nobody knows it is no LLM's name
        tags = tags | {"llm_engine": "sglang"}
    if "llm_engine" not in tags:  # only an engine is built
        tags = tags | {"trtllm_buildable": "false"}
    if tags.get("precision") == "fp6":  # what nobody knows is taken for part of a GPU's name
        tags = tags | {"precision": "int4_awq"}
    if tags.get("profile") == "throughput-lora":  # so NIM 1.3 to 1.13 spelled LoRA profiles
        tags = tags | {"feat_lora": "true"}
        tags.pop("min_vram_per_device_gb", None)
    said = parse_name(describe(tags)).tags
    for key in said.keys() & tags.keys():
        aliases = {"trtllm": "tensorrt_llm"}
        written = tags[key].lower()
        assert said[key].lower() in {written, aliases.get(written)}


@given(tag_sets(optional=False))
def test_a_name_of_an_llm_with_a_known_engine_says_what_ranks_it(tags):
    tags = tags | {"llm_engine": "vllm", "precision": "fp8", "vendor_note": "note"}
    if "gpu" in tags:
        tags["gpu"] = tags["gpu"].replace(" ", "-")  # a name with blanks is read as free text
    said = parse_name(describe(tags)).tags

    assert ("vllm", "fp8", tags["tp"], tags["pp"]) == tuple(
        said[key] for key in ("llm_engine", "precision", "tp", "pp")
    )
    lora = tags.get("feat_lora") == "true" or tags.get("profile") == "throughput-lora"
    assert lora is (said["feat_lora"] == "true")
    assert (tags.get("trtllm_buildable") == "true") is (said.get("trtllm_buildable") == "true")


@given(tag_sets())
def test_a_name_depends_on_the_tags_and_not_on_their_order(tags):
    assert describe(tags) == describe(dict(reversed(list(tags.items()))))
