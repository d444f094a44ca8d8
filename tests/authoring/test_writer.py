"""Does a manifest that is written in another form still say the same?"""

import json

import pytest
import yaml

from nimprofile.authoring.build import Wanted, build_manifest
from nimprofile.authoring.writer import to_document, to_json, to_v1, to_yaml
from nimprofile.manifest.nodes import MisplacedError
from nimprofile.manifest.reader import parse_manifest, read_tree
from nimprofile.model.checkpoint import Model
from nimprofile.model.shape_reader import read_config
from tests.support.dialect_samples import ID_1, ID_2, METADATA, V1, V2
from tests.support.model_configs import LLAMA_8B

FP8_BLOCKS = {"quant_method": "fp8", "weight_block_size": [128, 128]}
NVFP4 = {"quant_method": "modelopt", "quant_algo": "NVFP4"}
WRITERS = {"YAML": to_yaml, "JSON": to_json}


def model(name, block=None, **changes):
    config = LLAMA_8B | changes | ({} if block is None else {"quantization_config": block})
    shape, asked = read_config(config)
    return Model(name, f"models/{name}", asked, shape=shape)


BUILT = {
    "one checkpoint": (model("m"),),
    "three checkpoints": (model("a"), model("b", FP8_BLOCKS), model("c", NVFP4)),
}


@pytest.fixture(params=BUILT)
def built(request):
    """The document that `manifest build` makes."""
    return build_manifest(BUILT[request.param], Wanted(max_tp=2, lora=True)).document


def reread(text):
    """The document that a text stands for, and what is noted of it."""
    return to_document(read_tree(text, "test", whole=True))


def document(*profiles, **head):
    head = {"schema_version": "2.0", "profile_selection_criteria": "auto"} | head
    return head | {"profiles": [*profiles]}


def entry(id="a", tags=None, **more):
    return {"id": id, "tags": tags or {}, **more}


# Round trips.


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_what_is_built_comes_back_as_it_was_written(built, write):
    assert (built, ()) == reread(write(built))


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_what_is_built_comes_back_from_schema_v1(built, write):
    in_v1, notes = to_v1(built)
    assert ((), (built, ())) == (notes, reread(write(in_v1)))


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_schema_v1_comes_back_from_schema_v2(built, write):
    in_v1, _ = to_v1(built)
    assert in_v1 == to_v1(reread(write(reread(write(in_v1))[0]))[0])[0]


def test_every_form_of_what_is_built_is_read_alike(built):
    forms = to_yaml(built), to_json(built), to_yaml(to_v1(built)[0]), to_json(to_v1(built)[0])
    first, *others = [parse_manifest(text) for text in forms]
    assert {"v2", "v1"} == {each.dialect for each in (first, *others)}
    assert all(first == each.replace(dialect="v2") for each in others)


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_sample_of_schema_v2_comes_back(write):
    first, notes = reread(V2)
    assert ((), (first, ())) == (notes, reread(write(first)))
    assert parse_manifest(V2) == parse_manifest(write(first))


def test_a_sample_of_schema_v2_comes_back_from_schema_v1():
    first, _ = reread(V2)
    in_v1, notes = to_v1(first)
    again, _ = reread(to_yaml(in_v1))
    assert () == notes
    assert first | {"schema_version": "2.0"} == again  # which patch of it, v1 has no place for
    assert parse_manifest(V2) == parse_manifest(to_yaml(in_v1)).replace(dialect="v2")


def test_a_sample_of_schema_v1_comes_back_from_schema_v2():
    first, _ = reread(V1)
    again, notes = to_v1(reread(to_yaml(first))[0])
    assert () == notes
    assert parse_manifest(V1) == parse_manifest(to_yaml(again))
    original = read_tree(V1, "test", whole=True)
    # What one profile says of the model, all of them say.
    assert original[ID_2] | {"model": "meta/llama3-70b-instruct"} == again[ID_2]
    assert original[ID_1] == again[ID_1]


def test_the_workspace_is_kept():
    for text in (V1, V2):
        tree = read_tree(text, "test", whole=True)
        before = tree[ID_1] if text == V1 else tree["profiles"][0]
        first, _ = reread(text)
        assert before["workspace"] == first["profiles"][0]["workspace"]
        in_v1, _ = to_v1(first)
        assert before["workspace"] == read_tree(to_yaml(in_v1), "v1", whole=True)[ID_1]["workspace"]
        assert before["workspace"] == reread(to_yaml(in_v1))[0]["profiles"][0]["workspace"]


def test_the_order_of_the_profiles_is_kept():
    ids = ["z", "a", "m"]
    first = document(*map(entry, ids))
    assert ids == [each["id"] for each in reread(to_yaml(to_v1(first)[0]))[0]["profiles"]]


def test_keys_of_others_are_kept():
    own = entry(release="1.0.0", container_url="nvcr.io/a:1", anything={"deep": ["1", "2"]})
    first = document(own, extra={"a": "b"})
    assert first == reread(to_yaml(first))[0]
    assert own == reread(to_yaml(to_v1(first)[0]))[0]["profiles"][0]


# The head.


def test_the_head_of_a_manifest_stands_in_each_profile_of_schema_v1():
    first = document(
        *map(entry, "ab"),
        model="org/m",
        engine_version="0.19.0",
        model_shape=LLAMA_8B,
        sources=["here"],
    )
    in_v1, notes = to_v1(first)
    head = {key: first[key] for key in ("model", "engine_version", "model_shape", "sources")}
    assert ({id: head | {"tags": {}} for id in "ab"}, ()) == (in_v1, notes)
    assert (first, ()) == reread(to_yaml(in_v1))


def test_a_profile_of_schema_v1_has_its_own_checkpoint():
    checkpoints = [
        {"name": name, "path": f"models/{name}", "model_shape": LLAMA_8B} for name in "xy"
    ]
    first = document(
        entry("a", {"checkpoint": "y"}), entry("b", {"checkpoint": "x"}), checkpoints=checkpoints
    )
    in_v1, notes = to_v1(first)
    assert ("y", "x", ()) == (
        in_v1["a"]["checkpoint"]["name"],
        in_v1["b"]["checkpoint"]["name"],
        notes,
    )
    assert (first, ()) == reread(to_yaml(in_v1))


def test_the_only_checkpoint_needs_no_tag():
    checkpoint = {"name": "m", "path": "models/m", "model_shape": LLAMA_8B}
    in_v1, notes = to_v1(document(entry(), checkpoints=[checkpoint]))
    assert (checkpoint, ()) == (in_v1["a"]["checkpoint"], notes)


# Notes.


def test_what_schema_v1_has_no_place_for_is_said():
    first = document(entry(), profile_selection_criteria="manual", release="1.0", extra="b")
    in_v1, notes = to_v1(first)
    assert {"a": {"release": "1.0", "tags": {}}} == in_v1
    assert (
        "schema v1 has no place for extra: left out",
        "schema v1 has no place for profile_selection_criteria: left out",
    ) == notes


def test_a_checkpoint_that_no_profile_serves_is_said():
    checkpoints = [{"name": name, "model_shape": LLAMA_8B} for name in "xy"]
    in_v1, notes = to_v1(document(entry("a", {"checkpoint": "x"}), checkpoints=checkpoints))
    assert ("no profile serves the checkpoint y: left out",) == notes
    assert "x" == in_v1["a"]["checkpoint"]["name"]


def test_files_of_schema_v1_are_said_to_be_listed_otherwise():
    (note,) = reread(V1)[1]
    assert "workspaces are copied as they are" in note
    assert () == reread(to_yaml({ID_1: {"tags": {}}}))[1]
    assert () == reread(V2)[1]


# The Metadata API.


def test_fields_of_the_metadata_api_become_tags():
    made, notes = reread(json.dumps(METADATA))
    assert {
        "schema_version": "2.0",
        "profile_selection_criteria": "auto",
        "profiles": [
            {
                "id": ID_1,
                "tags": {
                    "gpu": "h100,h100_nvl",
                    "gpu_device": "2330:10de,2321:10de",
                    "llm_engine": "trtllm",
                    "tp": "4",
                    "pp": "1",
                    "precision": "fp8",
                    "min_vram_per_device_gb": "80.0",
                    "feat_lora": "false",
                    "trtllm_buildable": "true",
                },
            },
            {"id": ID_2, "tags": {}},
        ],
    } == made
    assert ("fields of the Metadata API became tags; what is no text was left out",) == notes


def test_profiles_of_the_metadata_api_are_the_same_in_schema_v2():
    before = parse_manifest(json.dumps(METADATA)).profiles
    after = parse_manifest(to_yaml(reread(json.dumps(METADATA))[0])).profiles
    assert tuple(each.replace(tags_from_name=False) for each in before) == after


def test_a_name_and_requirements_of_the_metadata_api_are_kept():
    requires = {"driver": ">=550", "memory_gib_per_gpu": 20}
    answer = {"profiles": [{"profile_id": "a", "name": "mine", "requires": requires, "tp": 2}]}
    (made,) = reread(json.dumps(answer))[0]["profiles"]
    assert {"id": "a", "tags": {"tp": "2"}, "name": "mine", "requires": requires} == made


@pytest.mark.parametrize(
    ("tree", "problem"),
    [
        (["a"], "a manifest is a mapping"),
        ("text", "a manifest is a mapping"),
        ({"profiles": "x"}, "profiles is a list"),
        ({"features": {}}, "without profiles"),
        (
            {id: {"tags": {}, "engine_version": id} for id in "12"},
            "the profiles say different things of engine_version",
        ),
    ],
)
def test_what_is_no_manifest_is_not_written(tree, problem):
    with pytest.raises(MisplacedError) as caught:
        to_document(tree)
    assert problem in caught.value.problem


# Numbers and texts.


def test_numbers_are_numbers_in_our_own_blocks_only():
    shape = LLAMA_8B | {
        "rope_theta": 500000.0,
        "layer_types": ["full", "1a"],
    }
    requires = {"compute_capability": ">=8.9", "memory_gib_per_gpu": 20, "driver": ">=550"}
    requires |= {"estimated_memory_gib_per_gpu": 35.8, "engine": "vllm>=0.10.1"}
    checkpoint = {"name": "m", "path": "models/m", "model_shape": shape}
    first = document(
        entry("1", {"tp": "1", "feat_lora": "false"}, name="2", requires=requires, other="3"),
        engine_version="1.0",
        model="405",
        checkpoints=[checkpoint],
    )
    for write in WRITERS.values():
        assert first == reread(write(first))[0]
        assert first == reread(write(to_v1(first)[0]))[0]


@pytest.mark.parametrize(
    "value", ["1", "1.0", "true", "false", "no", "null", "~", "", "1_000", "1e5"]
)
def test_a_tag_is_a_text_in_every_form(value):
    first = document(entry(tags={"t": value}))
    in_v1 = to_v1(first)[0]
    assert value == yaml.safe_load(to_yaml(first))["profiles"][0]["tags"]["t"]
    assert value == yaml.safe_load(to_yaml(in_v1))["a"]["tags"]["t"]
    assert value == json.loads(to_json(first))["profiles"][0]["tags"]["t"]
    for text in (to_yaml(first), to_json(first), to_yaml(in_v1)):
        assert value == reread(text)[0]["profiles"][0]["tags"]["t"]


def test_a_tag_that_was_written_as_a_number_becomes_a_text():
    made, _ = reread("profiles: [{id: 7, tags: {tp: 1, feat_lora: false, vram: 33.0}}]")
    assert {"id": "7", "tags": {"tp": "1", "feat_lora": "false", "vram": "33.0"}} == made[
        "profiles"
    ][0]
    assert "tags: {tp: '1', feat_lora: 'false', vram: '33.0'}" in to_yaml(made)


# What other parsers find.


def every_text_is_one(mapping):
    return all(isinstance(each, str) for pair in mapping.items() for each in pair)


def test_a_parser_that_wants_texts_finds_texts_in_schema_v2(built):
    for text in (to_yaml(built), to_yaml(reread(V2)[0]), to_yaml(reread(json.dumps(METADATA))[0])):
        read = yaml.safe_load(text)
        assert isinstance(read["schema_version"], str)
        assert "auto" == read["profile_selection_criteria"]
        assert all(isinstance(each["id"], str) for each in read["profiles"])
        assert all(every_text_is_one(each["tags"]) for each in read["profiles"])


def test_a_parser_of_schema_v1_finds_nothing_but_profiles_with_tags(built):
    for text in (to_yaml(to_v1(built)[0]), to_yaml(to_v1(reread(V1)[0])[0])):
        read = yaml.safe_load(text)
        assert all(isinstance(each, dict) and "tags" in each for each in read.values())
        assert all(every_text_is_one(each["tags"]) for each in read.values())


def test_nothing_is_written_as_an_alias():
    shape = {"model_type": "llama", "list": ["a" * 50, "b" * 50]}
    shared = {"driver": ">=550"}
    first = document(
        entry("a", requires=shared), entry("b", requires=shared), x=[shape, shape], y=shape
    )
    events = [*yaml.parse(to_yaml(first))]
    assert not [each for each in events if isinstance(each, yaml.AliasEvent)]
    assert first == reread(to_yaml(first))[0]


def test_the_tags_of_a_profile_stand_in_one_line():
    tags = {f"tag_{at}": "x" * 30 for at in range(20)}
    (line,) = [each for each in to_yaml(document(entry(tags=tags))).splitlines() if "tag_0" in each]
    assert tags == yaml.safe_load(line)["tags"]


AWKWARD = [
    *("a: b", "a #b", "- a", "-", "?", "'", '"', "it's", 'say "x"', "{a}", "[a]", "a, b", "&a"),
    *("*a", "!a", "%a", "@a", "`a`", "|", ">", "a:", ":a", "#a", " a", "a ", "é", "模型", "🦙"),
    *("null", "~", "yes", "1", "0x1f", "12:30", "2026-01-01", "=", "<<", "---", "...", "\\n"),
]


@pytest.mark.parametrize("text", AWKWARD)
def test_awkward_texts_come_back(text):
    first = document(
        entry(text, {"llm_engine": "vllm", text: text}, name=text), model=text, sources=[text]
    )
    in_v1 = to_v1(first)[0]
    for form in (to_yaml(first), to_json(first), to_yaml(in_v1), to_json(in_v1)):
        assert first == reread(form)[0]
        read = parse_manifest(form)
        (profile,) = read.profiles
        assert (text, text, text, text) == (
            read.model,
            profile.id,
            profile.name,
            profile.tags[text],
        )


def test_letters_of_every_script_are_written_as_they_are():
    first = document(entry("模型", name="é"))
    for write in WRITERS.values():
        assert {"模型", "é"} <= set(write(first).replace('"', " ").replace(",", " ").split())


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_a_text_ends_with_one_line_feed(write, built):
    assert write(built).endswith("\n")
    assert not write(built).endswith("\n\n")


# What stays as it is.


@pytest.mark.parametrize("name", ["7", "true", "1.5", "nan", "null-ish", "1e5"])
def test_a_checkpoint_called_like_a_number_keeps_its_name(name):
    block = {"name": name, "path": name, "model_shape": {"model_type": "llama", **LAYERS}}
    text = json.dumps({"schema_version": "2.0", "checkpoints": [block], "profiles": [PROFILE]})
    document, _ = to_document(read_tree(text, "x"))
    assert (name, name) == tuple(document["checkpoints"][0][key] for key in ("name", "path"))
    again, _ = to_document(read_tree(to_yaml(to_v1(document)[0]), "v1"))
    assert document == again


@pytest.mark.parametrize("text", ["nan", "inf", "Infinity", "-inf", "NaN"])
def test_what_is_no_number_in_json_stays_a_text(text):
    tree = {"profiles": [PROFILE], "model_shape": {"model_type": "llama", "x": text}}
    document, _ = to_document(tree)
    assert text == json.loads(to_json(document))["model_shape"]["x"]


def test_a_small_number_is_one_after_yaml_too():
    tree = {"profiles": [PROFILE], "model_shape": {"model_type": "llama", "eps": "1e-05"}}
    document, _ = to_document(tree)
    assert 1e-05 == document["model_shape"]["eps"]
    assert document == to_document(read_tree(to_yaml(document), "x"))[0]


def test_v1_profiles_of_two_models_keep_them():
    tree = {"a": {"model": "x", "tags": {}}, "b": {"model": "y", "tags": {}}}
    document, _ = to_document(tree)
    assert ["x", "y"] == [profile["model"] for profile in document["profiles"]]
    assert tree == to_v1(document)[0]


def test_the_head_of_an_answer_of_the_metadata_api_is_kept():
    tree = {"model": "org/m", "engine_version": "0.19.0", "profiles": [{"profile_id": "a"}]}
    document, _ = to_document(tree)
    assert ("org/m", "0.19.0") == (document["model"], document["engine_version"])


def test_tags_are_texts_whatever_they_were():
    tree = {"profiles": [{"id": "a", "tags": {"x": None, "gpu": ["h100", "l4"]}}]}
    document, _ = to_document(tree)
    assert {"gpu": "h100,l4"} == document["profiles"][0]["tags"]


def test_a_profile_without_tags_is_misplaced():
    with pytest.raises(MisplacedError) as caught:
        to_document({"profiles": [{"id": "a"}]})
    assert ("profiles", 0) == caught.value.path


PROFILE = {"id": "a", "tags": {"llm_engine": "vllm"}}
LAYERS = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 100,
}
