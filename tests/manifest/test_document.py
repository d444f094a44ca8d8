"""What is wrong with a manifest is said with its place and line."""

import pytest

from tests.support.dialect_samples import error_of


@pytest.mark.parametrize(
    ("text", "place", "line", "problem"),
    [
        pytest.param("just words", "", None, "this is the text 'just words'", id="a text"),
        pytest.param("- a\n- b", "", None, "a manifest is a mapping, this is a list", id="a list"),
        pytest.param("~", "", None, "a manifest is a mapping, this is empty", id="null"),
        pytest.param("profiles: []", "profiles", 1, "no profiles in it", id="no profiles"),
        pytest.param("schema_version: 1", "", None, "no profiles in it", id="only a head"),
        pytest.param("profiles: {a: b}", "profiles", 1, "this is a mapping", id="v2 mapping"),
        pytest.param("a: 1\nprofiles:", "profiles", 2, "this is empty", id="v2 null"),
        pytest.param("profiles:\n- x", "profiles[0]", 2, "this is the text 'x'", id="entry text"),
        pytest.param(
            "profiles:\n- id: a\n  tags: {}\n- [b]", "profiles[1]", 4, "a list", id="entry list"
        ),
        pytest.param("profiles:\n- {tags: {}}", "profiles[0]", 2, "has no id", id="no id"),
        pytest.param("profiles:\n- {id: ''}", "profiles[0]", 2, "has no id", id="empty id"),
        pytest.param(
            "profiles:\n- id: [a]\n  tags: {}", "profiles[0].id", 2, "expected a text", id="id list"
        ),
        pytest.param("profiles:\n- id: a", "profiles[0]", 2, "write `tags: {}`", id="no tags"),
        pytest.param(
            "profiles:\n- id: a\n  tags: [tp]",
            "profiles[0].tags",
            3,
            "tags is a mapping of texts, this is a list",
            id="tags list",
        ),
        pytest.param(
            "profiles:\n- id: a\n  tags:", "profiles[0].tags", 3, "this is empty", id="tags null"
        ),
        pytest.param(
            "profiles:\n- id: a\n  tags:\n    tp: {a: b}",
            "profiles[0].tags.tp",
            4,
            "a tag is a text or a list of texts, this is a mapping",
            id="tag mapping",
        ),
        pytest.param(
            "profiles:\n- id: a\n  tags:\n    gpu: [a, [b]]",
            "profiles[0].tags.gpu",
            4,
            "this is a list",
            id="tag nested list",
        ),
        pytest.param(
            "profiles:\n- {id: a, tags: {}}\n- {id: b, tags: {}}\n- {id: c, tags: {}}\n"
            "- id: d\n  tags:\n    precision: fp8\n    tp: two",
            "profiles[3].tags.tp",
            8,
            "'two' is not a number of GPUs; write 1 to 9999",
            id="tp",
        ),
        pytest.param(
            "profiles:\n- {id: a, tags: {pp: '0'}}", "profiles[0].tags.pp", 2, "'0'", id="pp"
        ),
        pytest.param(
            "profiles:\n- {id: a, tags: {tp: '10000'}}", "profiles[0].tags.tp", 2, "9999", id="huge"
        ),
        pytest.param(
            "profiles:\n- {id: a, tags: {feat_lora: perhaps}}",
            "profiles[0].tags.feat_lora",
            2,
            "neither true nor false",
            id="flag",
        ),
        pytest.param(
            "profiles:\n- {id: a, tags: {gpu_device: 'xyz'}}",
            "profiles[0].tags.gpu_device",
            2,
            "is not a PCI id",
            id="device",
        ),
        pytest.param(
            "profiles:\n- {id: a, tags: {compute_capability: '9'}}",
            "profiles[0].tags.compute_capability",
            2,
            "is not a compute capability",
            id="capability",
        ),
        pytest.param(
            "profiles:\n- {id: a, tags: {min_vram_per_device_gb: '-5'}}",
            "profiles[0].tags.min_vram_per_device_gb",
            2,
            "'-5' is not a size in GB",
            id="memory",
        ),
        pytest.param(
            "profiles:\n- {id: a, tags: {}, name: [x]}",
            "profiles[0].name",
            2,
            "expected a text, this is a list",
            id="name",
        ),
        pytest.param(
            "profiles:\n- {id: a, tags: {}}\n- {id: b, tags: {}}\n- {id: a, tags: {}}",
            "profiles[2].id",
            4,
            "the id a is that of profiles[0] too",
            id="an id twice",
        ),
        pytest.param(
            "model: [m]\nprofiles:\n- {id: a, tags: {}}", "model", 1, "expected a text", id="model"
        ),
        pytest.param("abc: 1", "abc", 1, "expected a profile with tags", id="v1 text"),
        pytest.param("abc:", "abc", 1, "this is empty", id="v1 null"),
        pytest.param(
            "x: {tags: {}}\nabc:\n  model: m", "abc", 3, "this profile has no tags", id="v1 no tags"
        ),
        pytest.param(
            "abc:\n  tags:\n    tp: x", "abc.tags.tp", 3, "'x' is not a number", id="v1 tp"
        ),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_line(text, place, line, problem):
    error = error_of(text)
    assert (place, line, "m.yaml") == (error.place, error.line, error.source)
    assert problem in error.problem


def test_the_message_is_file_line_place_and_problem():
    error = error_of("profiles:\n- id: a\n  tags: {tp: two}")
    assert ("m.yaml:3: profiles[0].tags.tp: 'two' is not a number of GPUs; write 1 to 9999") == str(
        error
    )


@pytest.mark.parametrize("text", ["", "   \n\t\n"])
def test_an_empty_text_is_refused(text):
    assert "m.yaml: the file is empty" == str(error_of(text))
