"""Is each of the four dialects read into one value, and refused with its place?"""

import json

import pytest

from nimprofile import Requires, plain_shape
from nimprofile.base.units import GIB
from nimprofile.manifest.profile import Stated
from nimprofile.manifest.reader import parse_manifest
from tests.support.dialect_samples import ID_1, ID_2, LISTING, METADATA, V1, V2, error_of

# Schema v1.


def test_v1_is_a_mapping_of_ids():
    manifest = parse_manifest(V1)
    assert ("v1", [ID_1, ID_2]) == (manifest.dialect, [p.id for p in manifest.profiles])


def test_v1_tags_are_read():
    profile = parse_manifest(V1).profiles[0]
    assert ("tensorrt_llm", "fp16", 8, 1, "throughput", ("l40s",), ("26b9:10de",)) == (
        profile.engine,
        profile.precision,
        profile.tp,
        profile.pp,
        profile.objective,
        profile.gpu_names,
        profile.gpu_devices,
    )
    assert "32" == profile.tags["feat_lora_max_rank"]


def test_a_v1_profile_is_named_as_nim_names_it():
    assert [
        "tensorrt_llm-l40s-fp16-tp8-pp1-throughput",
        "vllm-tp4",
    ] == [profile.name for profile in parse_manifest(V1).profiles]


@pytest.mark.parametrize("version", ["1.0.0", "1.2", "2.0"])
def test_the_shape_and_not_the_version_makes_it_v1(version):
    assert "v1" == parse_manifest(f"schema_version: {version}\n{V1}").dialect


@pytest.mark.parametrize("version", ["1.2", "2.0.0", "3", "banana"])
def test_the_shape_and_not_the_version_makes_it_v2(version):
    assert "v2" == parse_manifest(V2.replace("2.0.0", version)).dialect


def test_a_v1_head_is_not_a_profile():
    shape = "model_shape: {parameters: 8, num_hidden_layers: 1, num_key_value_heads: 1, "
    shape += "head_dim: 1, max_position_embeddings: 256}\nrelease: '1'\nmodel: m\n"
    manifest = parse_manifest(shape + V1)
    assert (2, "m", plain_shape(8, 1, 1, 1, 256)) == (
        len(manifest.profiles),
        manifest.model,
        manifest.model_shape,
    )


# Schema v2.


def test_v2_is_a_list_of_profiles():
    manifest = parse_manifest(V2, "m.yaml")
    assert ("v2", [ID_1, ID_2], "meta/llama-3.1-8b-instruct", None, "m.yaml") == (
        manifest.dialect,
        [profile.id for profile in manifest.profiles],
        manifest.model,
        manifest.model_shape,
        manifest.source,
    )


def test_a_number_written_bare_is_the_text_that_was_written():
    profile = parse_manifest(V2).profiles[1]
    assert ("1", 1) == (profile.tags["tp"], profile.tp)


def test_the_stated_memory_is_read():
    memory = parse_manifest(V2).profiles[1].memory
    assert Stated(33 * GIB, 33 * GIB, "tag min_vram_per_device_gb", printed_gb=33) == memory


def test_tags_are_kept_as_written_and_unknown_ones_too():
    text = "profiles: [{id: a, tags: {vad: silero, Foo: 'BAR ', precision: FP8}}]"
    (profile,) = parse_manifest(text).profiles
    assert {"vad": "silero", "Foo": "BAR ", "precision": "FP8"} == profile.tags
    assert "fp8" == profile.precision


def test_an_id_that_looks_like_a_number_stays_a_text():
    text = "profiles: [{id: 12345e67, tags: {}}, {id: 0x10, tags: {}}, {id: 010, tags: {}}]"
    assert ["12345e67", "0x10", "010"] == [p.id for p in parse_manifest(text).profiles]


def test_an_empty_tag_is_unknown():
    (profile,) = parse_manifest("profiles: [{id: a, tags: {tp: null, pp: ~, gpu: }}]").profiles
    assert ({}, None) == (profile.tags, profile.tp)


def test_a_list_of_texts_in_a_tag_is_joined():
    (profile,) = parse_manifest("profiles: [{id: a, tags: {gpu: [h100, h200]}}]").profiles
    assert ("h100,h200", ("h100", "h200")) == (profile.tags["gpu"], profile.gpu_names)


def test_a_profile_may_have_a_name_of_its_own():
    (profile,) = parse_manifest("profiles: [{id: a, name: mine, tags: {tp: 1}}]").profiles
    assert "mine" == profile.name


def test_a_profile_without_tags_is_named_by_its_id():
    (profile,) = parse_manifest("profiles: [{id: abc, tags: {}}]").profiles
    assert "abc" == profile.name


def test_the_workspace_is_passed_over_whatever_is_in_it():
    text = "profiles: [{id: a, tags: {}, workspace: !workspace {files: [!name x, {y: [z]}]}}]"
    assert ["a"] == [profile.id for profile in parse_manifest(text).profiles]


def test_an_unknown_key_of_a_profile_is_passed_over():
    text = "profiles: [{id: a, tags: {}, checksum: {blake3: ff}, note: [1, 2]}]"
    assert ["a"] == [profile.id for profile in parse_manifest(text).profiles]


# requires: and model_shape:


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


# The Metadata API.


def metadata(**changes):
    """The answer of the Metadata API with the first profile changed; None takes a field away."""
    first = METADATA["profiles"][0] | changes
    first = {key: value for key, value in first.items() if value is not ...}
    return json.dumps({**METADATA, "profiles": [first, METADATA["profiles"][1]]})


def test_the_metadata_api_is_told_by_profile_id():
    manifest = parse_manifest(metadata())
    assert ("metadata-api", [ID_1, ID_2]) == (
        manifest.dialect,
        [profile.id for profile in manifest.profiles],
    )


def test_metadata_fields_are_read_as_tags():
    profile = parse_manifest(metadata()).profiles[0]
    assert ("tensorrt_llm", "fp8", 4, 1, False, True) == (
        profile.engine,
        profile.precision,
        profile.tp,
        profile.pp,
        profile.lora,
        profile.buildable,
    )


def test_metadata_may_list_several_gpus():
    profile = parse_manifest(metadata()).profiles[0]
    assert (("h100", "h100nvl"), ("2321:10de", "2330:10de")) == (
        profile.gpu_names,
        profile.gpu_devices,
    )


def test_metadata_memory_of_80_gb_is_that_of_an_80_gb_board():
    assert 80 * 10**9 == parse_manifest(metadata()).profiles[0].memory.full_bytes


def test_an_omitted_metadata_field_is_unknown():
    profile = parse_manifest(metadata()).profiles[1]
    assert ({}, None, None, None, None, None, None, (), False) == (
        profile.tags,
        profile.engine,
        profile.precision,
        profile.tp,
        profile.pp,
        profile.lora,
        profile.memory,
        profile.gpu_devices,
        profile.buildable,
    )


@pytest.mark.parametrize("flag", [True, False])
def test_a_metadata_boolean_is_a_boolean(flag):
    assert flag is parse_manifest(metadata(feat_lora=flag)).profiles[0].lora


def test_a_null_in_the_metadata_is_unknown():
    assert None is parse_manifest(metadata(tensor_parallel_size=None)).profiles[0].tp


def test_the_metadata_engine_is_an_open_text():
    profile = parse_manifest(metadata(inference_backend="riva")).profiles[0]
    assert (None, "riva") == (profile.engine, profile.unknown_engine)


@pytest.mark.parametrize(
    ("changes", "place", "problem"),
    [
        pytest.param({"tensor_parallel_size": 0}, "tensor_parallel_size", "'0' is not", id="tp"),
        pytest.param({"pipeline_parallel_size": "x"}, "pipeline_parallel_size", "'x'", id="pp"),
        pytest.param({"buildable_profile": "maybe"}, "buildable_profile", "neither", id="build"),
        pytest.param({"feat_lora": 7}, "feat_lora", "'7' is neither", id="lora"),
        pytest.param({"gpu_device": "1234:1002"}, "gpu_device", "is not a PCI id", id="device"),
        pytest.param({"min_vram_per_device_gb": "NaN"}, "min_vram_per_device_gb", "", id="nan"),
        pytest.param({"gpu": ["a", {"b": 1}]}, "gpu", "a text or a list of texts", id="gpu"),
    ],
)
def test_a_bad_metadata_field_is_named_as_the_api_names_it(changes, place, problem):
    error = error_of(metadata(**changes))
    assert f"profiles[0].{place}" == error.place
    assert problem in error.problem


@pytest.mark.parametrize("head", [{"release_details": {}}, {"features": [], "related_urls": []}])
def test_metadata_without_profiles_is_refused(head):
    assert "an answer of the Metadata API without profiles" == error_of(json.dumps(head)).problem


def test_the_tags_of_metadata_are_not_what_its_ids_were_computed_from():
    assert all(profile.tags_from_name for profile in parse_manifest(metadata()).profiles)


def test_metadata_without_an_id_is_refused():
    error = error_of(json.dumps({"profiles": [{"profile_id": "a"}, {"precision": "fp8"}]}))
    assert ("this profile has no profile_id", "profiles[1]") == (
        error.problem,
        error.place,
    )


# Listings.


def test_a_printout_is_told_by_its_headings():
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


# What is refused, with its place.


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
