"""What a server is told is what was judged, whatever names the weights; else it is refused."""

import json

import pytest

from nimprofile import (
    ComputeCapability,
    LaunchError,
    Request,
    Server,
    Serving,
    Setup,
    job_of,
    launch_plan,
    load_manifest,
    mock_inventory,
    parse_manifest,
    select,
)
from tests.support.launch.cases import LLAMA, manifest_of, on_load, plan_for, value_after
from tests.support.model_configs import LLAMA_8B

TAGS_ALONE = "profiles:\n- id: a\n  name: one\n  tags: {llm_engine: %s, precision: %s, tp: '1'}\n"
H100 = mock_inventory("1xh100")
FP8 = {"quantization_config": {"quant_method": "modelopt", "quant_algo": "FP8"}}


def folder_with(tmp_path, config):
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return str(folder)


def planned(manifest, setup, machine="1xh100", **serving):
    decision = select(manifest, mock_inventory(machine), Request(serving=Serving(**serving)))
    assert decision.selected is not None, decision.rejected
    return launch_plan(decision, manifest, setup)


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
@pytest.mark.parametrize("model", [None, "acme/llama", "hf://acme/llama", "hf://meta-llama/x"])
def test_weights_that_a_repository_names_are_quantised_as_they_were_judged(engine, model):
    argv = plan_for(None, manifest=on_load(engine), model=model).argv
    assert value_after(argv, "--quantization").startswith("fp8")


def test_what_is_taken_to_be_known_of_a_repository_is_noted():
    notes = plan_for(None, manifest=on_load("vllm"), model="acme/llama").notes
    assert (
        "nothing says how acme/llama is stored: it is taken to be stored as "
        "hf://meta-llama/Llama-3.1-8B-Instruct, which was judged; --model with its directory "
        "reads it"
    ) == notes[0]


def test_the_manifests_own_repository_by_another_spelling_is_not_guessed_at():
    notes = plan_for(Server.VLLM, model="meta-llama/Llama-3.1-8B-Instruct").notes
    assert () == notes


def test_a_directory_is_served_as_it_is_stored(tmp_path):
    folder = folder_with(tmp_path, LLAMA_8B | FP8)
    plan = plan_for(None, manifest=on_load("vllm"), model=folder)
    assert "--quantization" not in plan.argv
    assert () == plan.notes


def test_a_directory_that_is_not_quantised_is_quantised_on_load(tmp_path):
    stored_so = manifest_of("vllm", {"precision": "fp8"})
    plan = plan_for(None, manifest=stored_so, model=folder_with(tmp_path, LLAMA_8B))
    assert "fp8_per_tensor" == value_after(plan.argv, "--quantization")


def test_a_precision_made_on_load_is_noted():
    (note,) = plan_for(None, manifest=on_load("sglang")).notes
    assert (
        "sglang quantises the 16-bit weights to fp8 as it loads them, which changes its accuracy; "
        "--tags precision=bf16 asks for them as they are"
    ) == note


@pytest.mark.parametrize("precision", ["fp8", "nvfp4", "int4_awq", "mxfp4"])
def test_a_repository_of_which_nothing_is_known_is_refused_below_16_bits(precision):
    manifest = parse_manifest(TAGS_ALONE % ("vllm", precision))
    with pytest.raises(LaunchError) as caught:
        planned(manifest, Setup(model="acme/llama"), "1xb200")
    assert (
        f"nothing says how acme/llama is stored, and one was judged in {precision}: name its "
        "directory with --model, or build its manifest with `nimprofile manifest build CONFIG.json "
        "--path NAME`"
    ) == str(caught.value)


def test_a_repository_of_which_nothing_is_known_is_served_in_16_bits():
    manifest = parse_manifest(TAGS_ALONE % ("vllm", "bf16"))
    argv = planned(manifest, Setup(model="acme/llama")).argv
    assert "bfloat16" == value_after(argv, "--dtype")


def test_five_figures_do_not_say_how_a_checkpoint_is_stored():
    shape = (
        "model_shape: {parameters: 8030261248, num_hidden_layers: 32, num_key_value_heads: 8, "
        "head_dim: 128, max_position_embeddings: 131072}\n"
    )
    manifest = parse_manifest(shape + TAGS_ALONE % ("vllm", "fp8"))
    with pytest.raises(LaunchError, match="nothing says how acme/llama is stored"):
        planned(manifest, Setup(model="acme/llama"))


def test_what_no_engine_makes_of_the_manifests_checkpoint_asks_how_another_is_stored():
    manifest = manifest_of("vllm", {"precision": "nvfp4", "checkpoint": "it"})
    with pytest.raises(LaunchError, match="wants: if it is stored in nvfp4, name its directory"):
        planned(manifest, Setup(model="acme/llama-nvfp4"), "1xb200")


@pytest.mark.parametrize(
    ("engine", "version", "said"),
    [
        ("sglang", "0.4.1", "sglang 0.4.1 makes no fp8 of a 16-bit checkpoint; sglang >=0.4.3"),
        ("vllm", "0.13.0", None),
    ],
)
def test_a_version_makes_what_its_own_rows_say(engine, version, said):
    if said is None:
        argv = plan_for(None, manifest=on_load(engine), engine_version=version).argv
        assert "fp8" == value_after(argv, "--quantization")
        return
    with pytest.raises(LaunchError, match=said):
        plan_for(None, manifest=on_load(engine), engine_version=version)


def test_a_version_reads_what_its_own_rows_say():
    manifest = manifest_of("vllm", {"precision": "nvfp4"})
    with pytest.raises(
        LaunchError, match=r"vllm 0\.7\.0 serves no checkpoint stored as nvfp4 modelopt"
    ):
        planned(manifest, Setup(), "1xb200", engine_version="0.7.0")


def on_turing(decision):
    """The same decision, had its GPUs been of compute capability 7.5."""
    turing = ComputeCapability.parse("7.5")
    inventory = decision.inventory
    gpus = tuple(gpu.replace(compute_capability=turing) for gpu in inventory.gpus)
    return decision.replace(inventory=inventory.replace(gpus=gpus))


def test_quantising_on_load_wants_the_gpus_that_this_version_does_it_on():
    manifest = on_load("vllm")
    request = Request(serving=Serving(engine_version="0.13.0"))
    decision = on_turing(select(manifest, mock_inventory("1xh100"), request))
    with pytest.raises(LaunchError) as caught:
        launch_plan(decision, manifest)
    assert (
        "vllm 0.13.0 makes fp8 of a 16-bit checkpoint on compute capability >=8.0, and NVIDIA H100 "
        "80GB HBM3 has 7.5: select another profile (--engine, --tags)"
    ) == str(caught.value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"hidden_size": 8192}, "hidden_size 8192, not 4096"),
        ({"num_hidden_layers": 80}, "80 layers, not 32"),
        ({"model_type": "qwen3"}, "architecture 'qwen3', not 'llama'"),
    ],
)
def test_weights_of_another_model_are_refused(tmp_path, changed, said):
    with pytest.raises(LaunchError, match=f"is another model than the one that was judged: {said}"):
        plan_for(Server.VLLM, model=folder_with(tmp_path, LLAMA_8B | changed))


def test_a_tuned_model_may_have_more_words(tmp_path):
    folder = folder_with(tmp_path, LLAMA_8B | {"vocab_size": 128264})
    assert folder == plan_for(Server.VLLM, model=folder).argv[2]


def test_an_engine_that_holds_the_whole_checkpoint_first_was_not_judged_so(tmp_path):
    stored_so = manifest_of("sglang", {"precision": "fp8"})
    with pytest.raises(LaunchError, match=r"would first hold all of .* in 16 bits"):
        plan_for(None, manifest=stored_so, model=folder_with(tmp_path, LLAMA_8B))


# A NIM, which is not known to quantise

NIM = Setup(Server.NIM, image="nvcr.io/nim/acme/llama:2.0.12")


def test_a_nim_is_given_no_16_bit_weights_for_a_narrower_profile(tmp_path):
    folder = folder_with(tmp_path, LLAMA_8B)
    with pytest.raises(LaunchError) as caught:
        planned(on_load("vllm"), NIM.replace(model=folder))
    assert str(caught.value).endswith(
        "wants fp8 weights, and the checkpoint is stored as 16 bits: name another with --model, or "
        "select a 16-bit profile (--tags precision=bf16); nothing says that a NIM quantises "
        "weights as it loads them"
    )


def test_a_nim_takes_16_bit_weights_for_a_16_bit_profile_and_its_own_for_any(tmp_path):
    folder = folder_with(tmp_path, LLAMA_8B)
    wide = manifest_of("vllm", {"precision": "bf16"})
    assert folder == planned(wide, NIM.replace(model=folder)).argv[-2].partition("=")[2]
    assert "docker" == planned(on_load("vllm"), NIM).argv[0]


@pytest.mark.parametrize("text", [None, TAGS_ALONE % ("vllm", "fp8")])
def test_what_a_nim_makes_of_weights_that_nobody_saw_is_noted(text):
    manifest = on_load("vllm") if text is None else parse_manifest(text)
    notes = planned(manifest, NIM.replace(model="me/tuned")).notes
    said = "nothing says that me/tuned is stored so, nor that a NIM quantises weights as it loads"
    assert 1 == sum(said in note for note in notes)


# Ranks


PIPELINE = "profiles:\n- id: a\n  tags: {llm_engine: vllm, precision: bf16, pp: '2'}\n"


@pytest.mark.parametrize(
    ("gpus", "tp", "devices"), [(2, 1, "0,1"), (3, 1, "0,1"), (4, 2, "0,1,2,3"), (5, 2, "0,1,2,3")]
)
def test_stages_without_tensor_parallelism_divide_the_gpus_among_them(gpus, tp, devices):
    plan = planned(parse_manifest(PIPELINE), Setup(model="acme/llama"), f"{gpus}xl40s")
    assert str(tp) == value_after(plan.argv, "--tensor-parallel-size")
    assert "2" == value_after(plan.argv, "--pipeline-parallel-size")
    assert devices == plan.environ["CUDA_VISIBLE_DEVICES"]


def test_a_verdict_on_too_few_gpus_is_not_started():
    manifest = manifest_of("vllm", {"tp": "2"})
    decision = select(manifest, mock_inventory("2xh100"))
    fewer = decision.selected.replace(gpus=(0,))
    with pytest.raises(LaunchError, match="takes 2 GPUs, and it was judged on 1: no switch makes"):
        launch_plan(decision.replace(selected=fewer, ranked=(fewer,)), manifest)


def test_a_job_has_a_gpu_for_every_rank():
    manifest = manifest_of("vllm", {"tp": "2"})
    job = job_of(select(manifest, mock_inventory("2xh100")), manifest, Setup())
    with pytest.raises(AssertionError, match="every rank has its GPU"):
        job.replace(gpus=job.gpus[:1])


# The longest context


def test_weights_that_were_not_judged_are_told_the_context_that_was(tmp_path):
    longer = folder_with(tmp_path, LLAMA_8B | {"max_position_embeddings": 1_000_000})
    for model in ("acme/llama", longer):
        argv = plan_for(Server.VLLM, model=model).argv
        assert "131072" == value_after(argv, "--max-model-len")


def test_weights_with_a_shorter_context_keep_it(tmp_path):
    shorter = folder_with(tmp_path, LLAMA_8B | {"max_position_embeddings": 8192})
    assert "--max-model-len" not in plan_for(Server.VLLM, model=shorter).argv


# The dtype


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_below_8_0_16_bits_are_float16(precision):
    manifest = parse_manifest(TAGS_ALONE % ("vllm", precision))
    decision = on_turing(select(manifest, mock_inventory("1xl4")))
    plan = launch_plan(decision, manifest, Setup(model="acme/llama"))
    assert "float16" == value_after(plan.argv, "--dtype")


def test_below_8_0_another_engine_serves_what_tensorrt_llms_own_server_does_not():
    tags = {"precision": "bf16", "tp": "2", "trtllm_buildable": "true"}
    manifest = manifest_of("tensorrt_llm", tags)
    request = Request(serving=Serving(max_model_len=2048))
    decision = select(manifest, mock_inventory("2xt4"), request)
    with pytest.raises(LaunchError) as caught:
        launch_plan(decision, manifest)
    assert (
        "tensorrt_llm 1.2.1 serves 16-bit weights on compute capability >=8.0, and Tesla T4 has "
        "7.5: select another profile (--engine, --tags)"
    ) == str(caught.value)
    nim = Setup(Server.NIM, image="nvcr.io/nim/acme/llama:1.8.5")
    assert launch_plan(decision, manifest, nim).argv[0] == "docker"


def test_a_model_that_refuses_fp16_is_not_started_where_there_is_no_bf16(tmp_path):
    manifest = parse_manifest(TAGS_ALONE % ("vllm", "fp16"))
    folder = folder_with(tmp_path, LLAMA_8B | {"model_type": "gemma2"})
    with pytest.raises(LaunchError, match=r"on compute capability >=8\.0, and Tesla T4 has 7\.5"):
        planned(manifest, Setup(model=folder), "1xt4")


def test_quantised_weights_want_the_gpus_that_their_format_does():
    decision = on_turing(select(on_fp8 := manifest_of("vllm", {"precision": "fp8"}), H100))
    with pytest.raises(LaunchError, match=r"serves weights stored as fp8 modelopt on .* >=8\.0"):
        launch_plan(decision, on_fp8)


# The library and the command line


def test_a_directory_beside_the_manifest_is_found_by_the_library(tmp_path, monkeypatch):
    (tmp_path / "llama").mkdir()
    text = f"""\
checkpoints:
- name: llama
  path: llama
  model_shape: {LLAMA % ""}
{TAGS_ALONE % ("vllm", "bf16")}"""
    (tmp_path / "manifest.yaml").write_text(text, encoding="utf-8")
    monkeypatch.chdir("/")
    manifest = load_manifest(tmp_path / "manifest.yaml")
    assert str(tmp_path / "llama") == planned(manifest, Setup()).argv[2]
    monkeypatch.chdir(tmp_path)
    here = parse_manifest(text)
    assert str(tmp_path / "llama") == planned(here, Setup()).argv[2]


def test_a_relative_directory_of_the_operators_is_found_and_read(tmp_path, monkeypatch):
    folder = folder_with(tmp_path, LLAMA_8B | FP8)
    monkeypatch.chdir(tmp_path)
    plan = plan_for(None, manifest=on_load("vllm"), model="weights")
    assert folder == plan.argv[2]
    assert "--quantization" not in plan.argv
