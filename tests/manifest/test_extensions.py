"""Our own blocks are read strictly, and refused with their place."""

import pytest

from nimprofile import Requires, plain_shape
from nimprofile.base.units import GIB
from nimprofile.manifest.profile import Stated
from nimprofile.manifest.reader import parse_manifest
from tests.support.dialect_samples import V2, error_of


def with_requires(block):
    return f"profiles:\n  - id: a\n    tags: {{llm_engine: vllm}}\n    requires: {block}\n"


def test_requires_is_read():
    block = '{compute_capability: ">=8.9", driver: ">=550", cuda: ">=12.4,<13", '
    block += "memory_gib_per_gpu: 17.5}"
    (profile,) = parse_manifest(with_requires(block)).profiles
    assert Requires(">=8.9", ">=550", ">=12.4,<13", memory_gib_per_gpu=17.5) == profile.requires
    size = round(17.5 * GIB)
    assert Stated(size, size, "requires.memory_gib_per_gpu") == profile.memory


@pytest.mark.parametrize("block", ["", "null", "{}", "{driver: }"])
def test_an_empty_requires_requires_nothing(block):
    (profile,) = parse_manifest(with_requires(block)).profiles
    assert Requires() == profile.requires


def test_required_memory_wins_over_the_tag():
    text = "profiles: [{id: a, tags: {min_vram_per_device_gb: 99}, "
    text += "requires: {memory_gib_per_gpu: 5}}]"
    assert 5 * GIB == parse_manifest(text).profiles[0].memory.full_bytes


def test_a_tag_is_checked_even_when_requires_wins_over_it():
    text = "profiles: [{id: a, tags: {min_vram_per_device_gb: lots}, "
    text += "requires: {memory_gib_per_gpu: 5}}]"
    assert "profiles[0].tags.min_vram_per_device_gb" == error_of(text).place


@pytest.mark.parametrize(
    ("block", "place", "problem"),
    [
        pytest.param("8", "requires", "expected a mapping, this is the text '8'", id="a text"),
        pytest.param("[a]", "requires", "expected a mapping, this is a list", id="a list"),
        pytest.param(
            "{drivers: '>=550'}",
            "requires.drivers",
            "unknown key; known: compute_capability, driver, cuda, engine, memory_gib_per_gpu",
            id="unknown key",
        ),
        pytest.param(
            "{driver: [550]}", "requires.driver", "expected a text, this is a list", id="list"
        ),
        pytest.param(
            "{cuda: {a: b}}", "requires.cuda", "expected a text, this is a mapping", id="mapping"
        ),
        pytest.param(
            "{driver: 550}",
            "requires.driver",
            "'550' is not a version specifier set such as \">=8.9\"",
            id="a bare version",
        ),
        pytest.param(
            "{compute_capability: '> new'}",
            "requires.compute_capability",
            "'> new' is not a version specifier set",
            id="nonsense",
        ),
        pytest.param(
            "{memory_gib_per_gpu: 40 GiB}",
            "requires.memory_gib_per_gpu",
            "'40 GiB' is not a size in GiB",
            id="a unit",
        ),
        pytest.param("{memory_gib_per_gpu: 0}", "requires.memory_gib_per_gpu", "'0'", id="zero"),
        pytest.param("{memory_gib_per_gpu: -1}", "requires.memory_gib_per_gpu", "'-1'", id="minus"),
        pytest.param(
            "{memory_gib_per_gpu: nan}", "requires.memory_gib_per_gpu", "'nan'", id="not a number"
        ),
        pytest.param(
            "{memory_gib_per_gpu: inf}", "requires.memory_gib_per_gpu", "'inf'", id="infinite"
        ),
    ],
)
def test_a_bad_requires_is_refused_with_its_place(block, place, problem):
    error = error_of(with_requires(block))
    assert (f"profiles[0].{place}", 4) == (error.place, error.line)
    assert problem in error.problem


SHAPE = {
    "parameters": "8_030_261_248",
    "num_hidden_layers": "32",
    "num_key_value_heads": "8",
    "head_dim": "128",
    "max_position_embeddings": "131072",
}


def with_shape(**changes):
    fields = {key: value for key, value in (SHAPE | changes).items() if value is not None}
    return f"model_shape: {{{', '.join(f'{k}: {v}' for k, v in fields.items())}}}\n{V2}"


def test_the_model_shape_is_read():
    assert (
        plain_shape(8_030_261_248, 32, 8, 128, 131072) == parse_manifest(with_shape()).model_shape
    )


@pytest.mark.parametrize("key", SHAPE)
def test_a_model_shape_must_be_whole(key):
    error = error_of(with_shape(**{key: None}))
    assert (f"{key} is missing", "model_shape", 1) == (error.problem, error.place, error.line)


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "1e9", "9999999999999999", "'１'"])
def test_a_figure_of_the_shape_is_a_whole_number_above_0(value):
    error = error_of(with_shape(head_dim=value))
    assert "model_shape.head_dim" == error.place
    assert error.problem.endswith("is not a whole number above 0")


@pytest.mark.parametrize(
    ("change", "place", "problem"),
    [
        pytest.param({"layers": 1}, "model_shape.layers", "unknown key; known: par", id="unknown"),
        pytest.param({"head_dim": "[1]"}, "model_shape.head_dim", "expected a text", id="list"),
        pytest.param({"head_dim": "''"}, "model_shape.head_dim", "'' is not a whole", id="empty"),
    ],
)
def test_a_bad_model_shape_is_refused_with_its_place(change, place, problem):
    error = error_of(with_shape(**change))
    assert place == error.place
    assert problem in error.problem


def test_a_model_shape_that_is_no_mapping_is_refused():
    error = error_of(f"model_shape: big\n{V2}")
    assert ("expected a mapping, this is the text 'big'", "model_shape", 1) == (
        error.problem,
        error.place,
        error.line,
    )
