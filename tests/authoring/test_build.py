"""Does a model get the profiles that make sense for it, and does the manifest say why the rest do not?"""

import json

import pytest
from packaging.specifiers import SpecifierSet

from nimprofile import Engine, ModelError, Precision, Request, mock_inventory, select
from nimprofile.authoring.build import Wanted, build_manifest
from nimprofile.authoring.lint import check_manifest
from nimprofile.authoring.writer import to_document, to_json, to_v1, to_yaml
from nimprofile.engines.memory.estimate import memory_budget
from nimprofile.engines.memory.suggestions import fits
from nimprofile.engines.parallelism import indivisible
from nimprofile.engines.serving import Serving
from nimprofile.engines.spec import spec_of
from nimprofile.engines.support import stored_as
from nimprofile.manifest.reader import manifest_of, parse_manifest, read_tree
from nimprofile.model.checkpoint import Model, read_model
from nimprofile.model.shape_reader import read_config
from tests.support.model_configs import LLAMA_8B
from tests.support.paths import CORPUS

FORMATS = [way for engine in Engine for way in spec_of(engine).formats]
MODELS_FILE = CORPUS / "memory" / "models.jsonl"
ROWS = [json.loads(line) for line in MODELS_FILE.read_text(encoding="utf-8").splitlines()]
UNSERVED = "Mia-AiLab/GLM-5.3-Flash-EXL3-TR3-4bpw"
BOARDS = ("t4", "l4", "l40s", "a100", "h100", "h200", "b200", "gb10")

FP8_BLOCKS = {"quant_method": "fp8", "weight_block_size": [128, 128]}
AWQ = {"quant_method": "awq", "bits": 4, "group_size": 128}
NVFP4 = {"quant_method": "modelopt", "quant_algo": "NVFP4"}
VLLM = Wanted(engines=(Engine.VLLM,))


def model(name="m", block=None, **changes):
    config = LLAMA_8B | changes
    if block is not None:
        config["quantization_config"] = block
    shape, asked = read_config(config)
    return Model(name, f"models/{name}", asked, shape=shape)


def built(*models, **wanted):
    return build_manifest(models or [model()], Wanted(**wanted))


def manifest(*models, **wanted):
    return manifest_of(built(*models, **wanted).document, "test")


def offered(*models, **wanted):
    """Engine -> precisions, of the profiles that are built."""
    found = {}
    for profile in manifest(*models, **wanted).profiles:
        found.setdefault(str(profile.engine), set()).add(str(profile.precision))
    return found


def layouts(*models, engine=Engine.VLLM, **wanted):
    profiles = manifest(*models, engines=(engine,), **wanted).profiles
    return list(dict.fromkeys((profile.tp, profile.pp) for profile in profiles))


# Precisions.


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        pytest.param(
            None,
            {"vllm": {"bf16", "fp16", "fp8"}, "sglang": {"bf16", "fp8"}, "tensorrt_llm": {"bf16"}},
            id="bf16: also fp8 on load, where the engine does that",
        ),
        pytest.param(
            FP8_BLOCKS, {"vllm": {"fp8"}, "sglang": {"fp8"}, "tensorrt_llm": {"fp8"}}, id="fp8"
        ),
        pytest.param(AWQ, {"vllm": {"int4_awq"}, "sglang": {"int4_awq"}}, id="awq"),
        pytest.param(
            NVFP4, {"vllm": {"nvfp4"}, "sglang": {"nvfp4"}, "tensorrt_llm": {"nvfp4"}}, id="nvfp4"
        ),
    ],
)
def test_the_precisions_follow_the_checkpoint(block, expected):
    assert expected == offered(model(block=block))


def test_a_float16_checkpoint_is_served_in_float16():
    assert {"fp16", "fp8"} == offered(model(torch_dtype="float16"))["vllm"]


def test_bf16_states_no_floor_where_it_is_served_in_fp16_below_8_0():
    found = {
        str(profile.precision): profile.requires.compute_capability
        for profile in manifest(engines=(Engine.VLLM,)).profiles
    }
    assert {"bf16": None, "fp16": ">=7.5,<8.0", "fp8": ">=7.5"} == found


def test_bf16_of_an_engine_that_does_not_serve_it_in_fp16_states_its_floor():
    profiles = manifest(engines=("sglang", "tensorrt_llm")).profiles
    wide = [each for each in profiles if each.precision is Precision.BF16]
    assert {">=8.0"} == {each.requires.compute_capability for each in wide}


@pytest.mark.parametrize(
    ("board", "version", "runs"), [("t4", None, True), ("v100_sxm2_32gb", "0.33.0", False)]
)
def test_what_is_built_in_bf16_is_judged_below_8_0_by_the_version(board, version, runs):
    made = manifest(engines=("vllm",), precisions=("bf16",))
    request = Request(serving=Serving(max_model_len=2048, engine_version=version))
    assert runs is (select(made, mock_inventory(f"2x{board}"), request).selected is not None)


def test_a_model_that_refuses_float16_needs_8_0_in_every_format():
    config = {"model_type": "gemma3_text", "head_dim": 256, "sliding_window": 1024}
    profiles = manifest(model(**config), engines=(Engine.VLLM,)).profiles
    assert {("bf16", ">=8.0"), ("fp8", ">=8.0")} == {
        (str(profile.precision), profile.requires.compute_capability) for profile in profiles
    }


def test_a_float16_checkpoint_of_such_a_model_is_served_in_bf16():
    config = {"model_type": "gemma3_text", "head_dim": 256, "sliding_window": 1024}
    found = offered(model(torch_dtype="float16", **config), engines=(Engine.VLLM,))
    assert {"vllm": {"bf16", "fp8"}} == found


def test_8_bits_of_gptq_are_int8_and_as_large_as_they_are():
    block = {"quant_method": "gptq", "bits": 8, "group_size": 128, "sym": True}
    (first, *_) = manifest(model(block=block), engines=(Engine.VLLM,)).profiles
    assert ("int8", 10.5) < (str(first.precision), first.requires.estimated_memory_gib_per_gpu)


def test_an_unknown_model_is_not_quantised_on_load():
    assert {"vllm": {"bf16", "fp16"}, "sglang": {"bf16"}} == offered(model(model_type="brand_new"))


def test_bitsandbytes_says_which_package_it_needs():
    block = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    assert any("vllm-bnb-plugin" in note for note in built(model(block=block)).notes)


def test_what_no_gpu_can_be_is_left_out_without_a_word():
    # FP16 below 8.0, of a model that needs 9.0.
    config = {"model_type": "deepseek_v32", "kv_lora_rank": 512, "qk_rope_head_dim": 64}
    config |= {"qk_nope_head_dim": 128, "v_head_dim": 128, "num_key_value_heads": 32}
    found = built(model(**config), engines=(Engine.VLLM,))
    assert not any("fp16" in note for note in found.notes)


def test_a_name_of_ones_own_beats_that_of_the_base():
    base = {"model": "org/base", "profiles": []}
    assert "mine" == build_manifest([model()], Wanted(name="mine"), base).document["model"]


def test_only_the_precisions_that_are_wanted():
    assert {"vllm": {"fp8"}, "sglang": {"fp8"}} == offered(precisions=(Precision.FP8,))


def test_a_precision_that_nobody_serves_is_an_error_with_those_that_are():
    with pytest.raises(ModelError, match=r"vllm: serves this in bf16, fp16, fp8, not in nvfp4"):
        built(precisions=(Precision.NVFP4,))


def test_a_quantisation_that_nobody_serves_is_an_error_with_its_name():
    with pytest.raises(ModelError, match="the quantisation 'exl3' is not known"):
        built(model(block={"quant_method": "exl3"}))


# Engines and their versions.


def test_an_engine_that_does_not_list_the_model_is_left_out_and_named():
    found = built(model(model_type="smollm3"))
    assert {"vllm"} == set(offered(model(model_type="smollm3")))
    assert "tensorrt_llm: its sources do not list model_type 'smollm3'" in found.notes


def test_a_model_that_nobody_lists_is_left_to_transformers():
    found = built(model(model_type="brand_new"))
    assert {"vllm", "sglang"} == set(offered(model(model_type="brand_new")))
    assert any("it runs if transformers has it" in note for note in found.notes)
    assert any("model_type 'brand_new' is not known" in note for note in found.notes)


def test_the_version_of_the_engine_is_heard():
    old = built(model(block=NVFP4), engines=(Engine.VLLM,), engine_version="0.9.0")
    assert "0.9.0" == old.document["engine_version"]
    capabilities = {entry["requires"]["compute_capability"] for entry in old.document["profiles"]}
    assert {">=8.0"} == capabilities


@pytest.mark.parametrize(
    ("config", "version", "told"),
    [
        ({"model_type": "qwen3_next"}, "0.10.1", "vllm 0.10.1: model_type 'qwen3_next' needs >=0"),
        ({"quantization_config": NVFP4}, "0.7.0", "vllm 0.7.0: a checkpoint stored as nvfp4 mod"),
    ],
)
def test_a_version_too_old_is_an_error_that_says_what_is_needed(config, version, told):
    config = {"model_type": "llama"} | config
    if config["model_type"] == "qwen3_next":
        config |= {"linear_num_key_heads": 16, "linear_num_value_heads": 32}
        config |= {"linear_key_head_dim": 128, "linear_value_head_dim": 128}
    with pytest.raises(ModelError, match=told):
        built(model(**config), engines=(Engine.VLLM,), engine_version=version)


def test_what_a_profile_requires_of_its_engine_is_a_requirement():
    requires = [entry["requires"] for entry in built(model(block=FP8_BLOCKS)).document["profiles"]]
    assert {"vllm>=0.14", "sglang>=0.4.3", "tensorrt_llm>=1.0"} == {
        each["engine"] for each in requires
    }


# Layouts.


def test_tensor_parallel_sizes_are_those_that_divide():
    assert [(1, 1), (2, 1), (4, 1), (8, 1)] == layouts()
    assert [(1, 1), (2, 1)] == layouts(max_tp=2)


def test_what_tp_does_not_divide_is_cut_into_stages():
    # 28 heads: 8 GPUs are tp 4 x pp 2 (Qwen2.5 7B).
    uneven = model(num_attention_heads=28, num_key_value_heads=4, hidden_size=3584)
    assert [(1, 1), (2, 1), (4, 1), (4, 2)] == layouts(uneven)


def test_more_nodes_are_more_stages():
    assert [(1, 1), (2, 1), (4, 1), (8, 1), (8, 2), (8, 3)] == layouts(max_nodes=3)


def test_an_engine_without_pipelines_for_the_model_has_none():
    config = {"model_type": "olmo2"}
    assert (8, 2) in layouts(model(**config), max_nodes=2)
    assert (8, 2) not in layouts(model(**config), engine=Engine.SGLANG, max_nodes=2)


def test_weights_that_no_known_gpu_holds_are_left_out():
    large = model(num_hidden_layers=1130)  # 247 billion parameters: 460 GiB
    assert [(2, 1), (4, 1), (8, 1)] == layouts(large, precisions=(Precision.BF16,))


def test_bitsandbytes_is_served_on_one_gpu_by_vllm():
    block = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    assert [(1, 1), (1, 2), (1, 4), (1, 8)] == layouts(model(block=block))


def test_lora_profiles_are_built_when_they_are_wanted():
    plain, both = manifest(), manifest(lora=True)
    assert not any(profile.lora for profile in plain.profiles)
    assert 2 * len(plain.profiles) == len(both.profiles)
    assert len(plain.profiles) == sum(profile.lora for profile in both.profiles)


# The document.


def test_ids_are_the_hashes_of_the_tags_and_nims_own_where_the_tags_are():
    profiles = {profile.name: profile for profile in manifest().profiles}
    assert all(profile.id == profile.computed_id for profile in profiles.values())
    # What NIM 1.8 prints for several models.
    nims = "4f904d571fe60ff24695b5ee2aa42da58cb460787a968f1e8a09f5a7e862728d"
    assert nims == profiles["vllm-bf16-tp1-pp1"].id


def test_the_memory_that_was_worked_out_stands_in_the_manifest():
    (entry,) = built(engines=(Engine.VLLM,), precisions=(Precision.BF16,), max_tp=1).document[
        "profiles"
    ]
    # 15.0 GiB of weights and 16 of KV cache, in 92 % of the GPU, with what the engine holds beside.
    assert 35.8 == entry["requires"]["estimated_memory_gib_per_gpu"]


def test_a_name_is_the_first_checkpoints_or_ones_own():
    assert "m" == manifest().model
    assert "org/mine" == manifest(name="org/mine").model


def test_checkpoints_of_one_model_go_together():
    found = manifest(model("plain"), model("eight", FP8_BLOCKS), model("four", NVFP4))
    assert ["eight", "four", "plain"] == [each.name for each in found.checkpoints]
    served = {(str(p.engine), str(p.precision)): p.checkpoint for p in found.profiles}
    assert "eight" == served["vllm", "fp8"]  # and not made of the plain one on load
    assert ("plain", "four") == (served["vllm", "bf16"], served["sglang", "nvfp4"])
    for profile in found.profiles:
        own = next(each for each in found.checkpoints if each.name == profile.checkpoint)
        assert own.shape is found.shape_of(profile)


def test_two_checkpoints_of_one_format_have_names_apart():
    found = manifest(model("blocks", FP8_BLOCKS), model("whole", {"quant_method": "fp8"}), max_tp=1)
    names = [profile.name for profile in found.profiles]
    assert {"vllm-fp8-tp1-pp1-blocks", "vllm-fp8-tp1-pp1-whole"} <= set(names)
    assert len(names) == len(set(names))


def test_checkpoints_of_two_models_are_refused():
    with pytest.raises(ModelError, match=r"not of the same model as models/m: hidden_size 2048"):
        built(model(), model("other", hidden_size=2048))


def test_two_checkpoints_of_one_name_are_refused():
    with pytest.raises(ModelError, match="another checkpoint is called m too"):
        built(model(), model())


def test_a_manifest_to_begin_with_keeps_its_profiles():
    tuned = {"id": "tuned", "tags": {"llm_engine": "vllm", "gpu": "h100", "tp": "1"}}
    same = {"id": "s", "tags": {"llm_engine": "vllm", "precision": "bf16", "tp": "1", "pp": "1"}}
    same["tags"] |= {"feat_lora": "false", "nim_workspace_hash_v1": "a" * 64}
    base = {"model": "org/m", "sources": ["here"], "profiles": [tuned, same]}
    document = build_manifest([model()], VLLM, base).document
    assert ("org/m", ["here"]) == (document["model"], document["sources"])
    assert [tuned, same] == document["profiles"][:2]
    names = [profile.name for profile in manifest_of(document, "test").profiles]
    assert "vllm-bf16-tp1-pp1" not in names  # `same` is it, under another id
    assert "vllm-bf16-tp2-pp1" in names


def test_exact_bytes_of_a_checkpoint_stand_in_the_manifest(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(LLAMA_8B))
    index = {"metadata": {"total_size": 16_060_522_496}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    document = build_manifest([read_model(tmp_path)]).document
    (checkpoint,) = manifest_of(document, "test").checkpoints
    assert 16_060_522_496 == checkpoint.shape.checkpoint_bytes
    assert (tmp_path.name, str(tmp_path)) == (checkpoint.name, checkpoint.path)


# Every recorded model.


def recorded(row):
    shape, asked = read_config(row["config"])
    return Model(row["model"].replace("/", "--"), row["model"], asked, shape=shape)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["model"])
def test_what_was_read_of_a_config_makes_the_same_shape(row):
    shape, asked = read_config(row["config"])
    again, same = read_config(asked)
    assert (shape.replace(notes=()), asked) == (again.replace(notes=()), same)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row["model"] != UNSERVED], ids=lambda row: row["model"]
)
def test_every_recorded_model_has_a_manifest_that_holds(row):
    found = recorded(row)
    document = build_manifest([found]).document
    text = to_yaml(document)
    assert () == check_manifest(text)
    assert text == to_yaml(to_document(read_tree(to_json(document), "json"))[0])
    in_v1, notes = to_v1(document)
    assert () == notes
    assert document == to_document(read_tree(to_yaml(in_v1), "v1"))[0]
    manifest = parse_manifest(text)
    assert manifest.profiles == parse_manifest(to_yaml(in_v1)).profiles
    for board in BOARDS:
        gpu = mock_inventory(f"1x{board}").gpus[0]
        runs = [each for each in manifest.profiles if _runs(each, found.shape, gpu)]
        for count in (1, 2, 4, 8):
            chosen = select(manifest, mock_inventory(f"{count}x{board}")).selected
            here = [each for each in runs if each.gpus_needed <= count]
            assert (chosen.profile in here) if chosen else not here, (count, board)


def _runs(profile, shape, gpu):
    """Whether a profile runs on enough such GPUs, by the tables and the budget alone."""
    capability, stored = str(gpu.compute_capability), stored_as(shape)
    served_as = {profile.precision}
    if profile.precision is Precision.BF16:
        served_as.add(Precision.FP16)  # where there is no BF16
    listed = any(
        (way.engine, way.stored) == (profile.engine, stored)
        and way.precision in served_as
        and capability in SpecifierSet(way.capability)
        for way in FORMATS
    )
    if not listed or capability not in SpecifierSet(profile.requires.compute_capability or ""):
        return False
    tp, pp, precision = profile.tp, profile.pp, profile.precision
    if any(indivisible(shape, profile.engine, tp, pp, precision=precision)):
        return False
    budget = memory_budget(shape, Serving(profile.engine, None, precision, tp=tp, pp=pp), gpu)
    return budget is None or fits(budget)


def test_the_profiles_of_every_recorded_model_are_those_that_were_reviewed():
    """`python -m tests.authoring.test_build > tests/corpus/built.json` after a change that is meant."""
    kept = json.loads((MODELS_FILE.parent.parent / "built.json").read_text(encoding="utf-8"))
    assert kept == profiles_of_all()


def profiles_of_all():
    """Model -> engine and precision -> layouts, `tp` or `tp x pp`."""
    found = {}
    for row in ROWS:
        if row["model"] != UNSERVED:
            made = found.setdefault(row["model"], {})
            for entry in build_manifest([recorded(row)]).document["profiles"]:
                tags = entry["tags"]
                layout = tags["tp"] if tags["pp"] == "1" else f"{tags['tp']}x{tags['pp']}"
                capability = entry["requires"].get("compute_capability", "any")
                key = f"{tags['llm_engine']} {tags['precision']} {capability}"
                made[key] = f"{made.get(key, '')} {layout}".strip()
    return found


def test_a_recorded_model_that_nobody_serves_says_so():
    (row,) = (row for row in ROWS if row["model"] == UNSERVED)
    with pytest.raises(ModelError, match="exl3"):
        build_manifest([recorded(row)])


if __name__ == "__main__":
    print(json.dumps(profiles_of_all(), indent=1, ensure_ascii=False))
