"""Does each server get the command that its own documentation describes?

`tests/corpus/plans.json` keeps the plan of every server for every case, to be read beside the pages
that the files of `nimprofile/engines` name. `PYTHONPATH=.:tests python tests/test_engines.py` writes
it anew.
"""

import json

import pytest

from nimprofile import (
    ComputeCapability,
    Gpu,
    Inventory,
    LaunchError,
    MigInstance,
    Request,
    RequestError,
    Server,
    Serving,
    Setup,
    job_of,
    launch_plan,
    mock_inventory,
    parse_manifest,
    select,
)
from nimprofile.launch.server_spec import server_spec
from tests.support.paths import CORPUS

PLANS = CORPUS / "plans.json"

LLAMA = """{model_type: llama, hidden_size: 4096, intermediate_size: 14336, num_hidden_layers: 32,
    num_attention_heads: 32, num_key_value_heads: 8, vocab_size: 128256,
    max_position_embeddings: 131072, torch_dtype: bfloat16%s}"""
STORED = {
    "bf16": "",
    "fp16": "",
    "fp8": ", quantization_config: {quant_method: modelopt, quant_algo: FP8}",
    "nvfp4": ", quantization_config: {quant_method: modelopt, quant_algo: NVFP4, group_size: 16}",
}
ADAPTERS = (("german", "/adapters/german"), ("legal", "/adapters/legal"))
LORA = Setup(peft_source="/adapters", adapters=ADAPTERS, max_lora_rank=32, max_loras=4)
CASES = {
    "tp1": ({"tp": "1"}, "1xh100", {}, Setup()),
    "tp2": ({"tp": "2"}, "2xh100", {}, Setup()),
    "tp8": ({"tp": "8"}, "8xh100", {}, Setup()),
    "fp8": ({"precision": "fp8"}, "1xh100", {}, Setup()),
    "nvfp4": ({"precision": "nvfp4"}, "1xb200", {}, Setup()),
    "lora": ({"feat_lora": "true"}, "1xh100", {}, LORA),
    "long context": ({}, "1xh100", {"max_model_len": 131072, "kv_cache_dtype": "fp8"}, Setup()),
    "latency": ({"profile": "latency"}, "1xh100", {}, Setup()),
    "throughput": ({"profile": "throughput"}, "1xh100", {}, Setup()),
    "fp8 on load": ({"precision": "fp8", "checkpoint": "it"}, "1xh100", {}, Setup()),
    "all that is asked": (
        {"pp": "2"},
        "2xh100",
        {"memory_fraction": 0.8, "max_num_batched_tokens": 4096, "max_num_seqs": 64, "eager": True},
        Setup(
            served_name="my-llama",
            host="::1",
            port=9000,
            folder="/run/serving",
            trust_remote_code=True,
            image="registry.example/llm:1",
            cache="/var/cache/models",
            user="1000:1000",
        ),
    ),
}


def manifest_of(engine, tags):
    return parse_manifest(manifest_text(engine, tags))


PATHS = {"fp8": "hf://nvidia/Llama-3.1-8B-Instruct-FP8"}
PATHS["nvfp4"] = "hf://nvidia/Llama-3.1-8B-Instruct-NVFP4"
BF16 = "hf://meta-llama/Llama-3.1-8B-Instruct"
EXTRA = {
    Server.VLLM: ("--seed", "7"),
    Server.SGLANG: ("--random-seed", "7"),
    Server.TENSORRT_LLM: ("--log_level", "warning"),
    Server.TRITON: ("--log-verbose", "1"),
    Server.NIM: ("--seed", "7"),
}


def manifest_text(engine, tags):
    tags = {"llm_engine": engine, "precision": "bf16", "tp": "1", "pp": "1"} | tags
    precision = "bf16" if "checkpoint" in tags else tags["precision"]
    return f"""\
schema_version: '2.0'
model: meta/llama-3.1-8b-instruct
checkpoints:
- name: it
  path: {PATHS.get(precision, BF16)}
  model_shape: {LLAMA % STORED[precision]}
profiles:
- id: '{"0123456789abcdef" * 4}'
  tags: {json.dumps(tags)}
"""


def plan_for(server, case="tp1", *, manifest=None, engine=None, **more):
    """The plan of a case, some of its setup or serving different."""
    tags, machine, serving, setup = CASES[case]
    fields = {name: value for name, value in more.items() if name in Setup._fields}
    serving = serving | {name: value for name, value in more.items() if name not in fields}
    manifest = manifest or manifest_of(engine or server_spec(server).runs[-2:][0], tags)
    request = Request(lora=case == "lora", serving=Serving(**serving))
    decision = select(manifest, mock_inventory(machine), request)
    assert decision.selected is not None, decision.rejected
    return launch_plan(decision, manifest, setup.replace(server=server, **fields))


def golden(server, case):
    """The plan of a case, with an argument of the server's own where all is asked."""
    if case == "fp8 on load" and server is Server.TENSORRT_LLM:
        with pytest.raises(LaunchError) as caught:
            plan_for(server, case)
        return str(caught.value)
    extra = EXTRA[server] if case == "all that is asked" else ()
    return plan_for(server, case, extra=extra).to_dict()


@pytest.mark.parametrize("server", tuple(Server))
@pytest.mark.parametrize("case", CASES)
def test_the_plan_is_the_one_that_was_reviewed(server, case):
    reviewed = json.loads(PLANS.read_text(encoding="utf-8"))
    assert reviewed[server][case] == golden(server, case)


@pytest.mark.parametrize(
    ("version", "flag"),
    [("0.33.0", "fp8_per_tensor"), ("0.31.0", "fp8_per_tensor"), ("0.30.2", "fp8")],
)
def test_vllm_is_told_to_quantise_in_the_words_of_its_version(version, flag):
    argv = plan_for(Server.VLLM, manifest=on_load("vllm"), engine_version=version).argv
    assert flag == argv[argv.index("--quantization") + 1]


def test_sglang_is_told_to_quantise():
    argv = plan_for(Server.SGLANG, manifest=on_load("sglang")).argv
    assert "fp8" == argv[argv.index("--quantization") + 1]


def test_tensorrt_llm_quantises_nothing_and_says_what_would_do():
    with pytest.raises(LaunchError) as caught:
        plan_for(Server.TENSORRT_LLM, manifest=on_load("tensorrt_llm"))
    assert (
        "tensorrt_llm makes no fp8 of a 16-bit checkpoint, which tensorrt_llm-fp8-tp1-pp1 wants: "
        "name one stored so with --model, let NIM find it with --server nim, or select for "
        "another engine, as with --server vllm"
    ) == str(caught.value)


def on_load(engine):
    """A manifest of an FP8 profile whose checkpoint is BF16."""
    return manifest_of(engine, {"precision": "fp8", "checkpoint": "it"})


def test_a_checkpoint_in_another_format_is_not_started():
    text = manifest_text("vllm", {"precision": "fp8"}).replace(STORED["fp8"], STORED["nvfp4"])
    with pytest.raises(
        LaunchError, match="wants fp8 weights, and the checkpoint is stored as nvfp4"
    ):
        plan_for(Server.VLLM, manifest=parse_manifest(text))


def test_a_checkpoint_nobody_knows_is_left_to_the_engine():
    argv = plan_for(Server.VLLM, "fp8", model="acme/llama-fp8").argv
    assert "acme/llama-fp8" == argv[2]
    assert "--quantization" not in argv


@pytest.mark.parametrize(("server", "flag"), [(Server.VLLM, "--dtype"), (Server.SGLANG, "--dtype")])
def test_weights_of_16_bits_are_served_in_the_precision_of_the_profile(server, flag):
    argv = plan_for(server, "tp1").argv
    assert "bfloat16" == argv[argv.index(flag) + 1]


def test_a_quantised_model_computes_in_float16_where_there_is_no_bf16():
    text = manifest_text("vllm", {"precision": "fp8"})
    manifest = parse_manifest(text + "  requires: {compute_capability: '>=7.5'}\n")
    decision = select(
        manifest, mock_inventory("1xt4"), Request(serving=Serving(max_model_len=2048))
    )
    argv = launch_plan(decision, manifest).argv
    assert "float16" == argv[argv.index("--dtype") + 1]


def test_a_full_context_that_does_not_fit_is_cut_when_the_operator_lets_it():
    manifest = manifest_of("vllm", {})
    request = Request(relax_memory=True)
    plan = launch_plan(select(manifest, mock_inventory("1xl4"), request), manifest)
    assert "31232" == plan.argv[plan.argv.index("--max-model-len") + 1]
    assert ("the full context does not fit, so it is cut to 31,232 tokens",) == plan.notes


def test_nothing_selected_is_nothing_to_start():
    manifest = manifest_of("vllm", {"tp": "8"})
    with pytest.raises(LaunchError, match="no profile was selected"):
        launch_plan(select(manifest, mock_inventory("1xl4")), manifest)


def test_a_server_that_does_not_run_the_profile_says_which_engine_it_does():
    with pytest.raises(LaunchError) as caught:
        plan_for(Server.TRITON, engine="sglang")
    assert (
        "sglang-bf16-tp1-pp1 is a profile of sglang, which triton does not run; --engine vllm "
        "selects among those it does"
    ) == str(caught.value)


def test_a_profile_of_no_engine_is_not_started():
    with pytest.raises(LaunchError, match="names no engine that is known: --server nim starts it"):
        plan_for(
            None,
            manifest=parse_manifest(
                "profiles:\n- id: a\n  tags: {model_type: onnx, precision: fp16}\n"
            ),
        )


def test_weights_nobody_names_are_asked_for():
    text = manifest_text("vllm", {}).replace("  path: hf://meta-llama/Llama-3.1-8B-Instruct\n", "")
    with pytest.raises(LaunchError, match="nobody says where the weights of vllm-bf16-tp1-pp1 are"):
        plan_for(Server.VLLM, manifest=parse_manifest(text))


@pytest.mark.parametrize("path", ["ngc://nim/meta/llama", "s3://bucket/llama"])
def test_weights_that_an_engine_is_not_known_to_read_are_refused(path):
    text = manifest_text("vllm", {}).replace("hf://meta-llama/Llama-3.1-8B-Instruct", path)
    with pytest.raises(LaunchError, match="vllm is not known to read"):
        plan_for(Server.VLLM, manifest=parse_manifest(text))


def test_the_checkpoint_of_the_profile_is_the_one_that_is_served():
    entry = "- name: it\n  path: hf://meta-llama/Llama-3.1-8B-Instruct"
    other = f"- name: other\n  path: hf://acme/other\n  model_shape: {LLAMA % ''}\n"
    text = manifest_text("vllm", {"checkpoint": "it"}).replace(entry, other + entry)
    assert (
        "meta-llama/Llama-3.1-8B-Instruct"
        == plan_for(Server.VLLM, manifest=parse_manifest(text)).argv[2]
    )


# vLLM, and what changed in it


@pytest.mark.parametrize("extra", [("--model", "acme/other"), ("--model=acme/other",)])
def test_a_model_after_the_dashes_takes_the_place_of_ours(extra):
    plan = plan_for(Server.VLLM, extra=(*extra, "--seed", "7"))
    assert ("vllm", "serve", "acme/other", "--host") == plan.argv[:4]
    assert ("--seed", "7") == plan.argv[-2:]
    assert "--model" not in plan.argv
    instead = "instead of meta-llama/Llama-3.1-8B-Instruct"
    assert (
        f"your --model acme/other {instead} changes what was selected: the model",
    ) == plan.notes


def test_vllm_runs_no_more_requests_in_a_step_than_tokens():
    with pytest.raises(LaunchError, match="no more requests in a step than tokens: 512 > 256"):
        plan_for(Server.VLLM, max_num_seqs=512, max_num_batched_tokens=256)
    argv = plan_for(Server.VLLM, "latency", engine_version="0.16.0", max_num_seqs=4096).argv
    assert "4096" == value_after(argv, "--max-num-batched-tokens")


def test_a_cache_that_a_version_has_not_is_refused():
    with pytest.raises(LaunchError, match=r"vLLM 0\.17\.0 has no NVFP4 KV cache"):
        plan_for(Server.VLLM, kv_cache_dtype="nvfp4", engine_version="0.17.0")
    with pytest.raises(LaunchError, match="wants GPUs of compute capability 10"):
        plan_for(Server.SGLANG, kv_cache_dtype="nvfp4")


def test_a_context_beyond_the_models_is_noted():
    notes = plan_for(Server.VLLM, max_model_len=200_000, kv_cache_dtype="fp8").notes
    told = "the model's longest context is 131,072 tokens, and engines refuse 200,000"
    assert (told,) == notes


@pytest.mark.parametrize(
    ("server", "image", "version"),
    [
        (Server.VLLM, "vllm/vllm-openai:v0.12.0", "0.12.0"),
        (Server.VLLM, "registry.example:5000/vllm:0.12.0-cuda", "0.12.0"),
        (Server.VLLM, "vllm/vllm-openai:latest", None),
        (Server.VLLM, "registry.example:5000/vllm", None),
        (Server.SGLANG, "lmsysorg/sglang:v0.5.9", "0.5.9"),
        (Server.TENSORRT_LLM, "nvcr.io/nvidia/tensorrt-llm/release:1.3.0rc7", "1.3.0rc7"),
        (Server.TRITON, "nvcr.io/nvidia/tritonserver:26.03-vllm-python-py3", "0.17.1"),
        (Server.TRITON, "nvcr.io/nvidia/tritonserver:24.05-vllm-python-py3", None),
        (Server.NIM, "nvcr.io/nim/meta/llama:2.0.12", None),
    ],
)
def test_an_images_tag_says_which_version_it_has(server, image, version):
    assert version == server_spec(server).engine_in_image(image)


def test_a_version_that_is_guessed_is_noted():
    notes = plan_for(Server.VLLM, image="acme/vllm:mine").notes
    assert notes[0].startswith("the flags are those of vllm 0.33.0, the newest known")
    assert () == plan_for(Server.VLLM, image="acme/vllm:mine", engine_version="0.33.0").notes


def test_adapters_that_no_directory_holds_are_noted():
    notes = plan_for(Server.VLLM, "lora", adapters=()).notes
    assert ("no adapter is served at the start: none lies in /adapters",) == notes


@pytest.mark.parametrize("name", ["a,b", "a=b", "-a", "a b", ""])
def test_an_adapter_whose_name_would_be_read_as_more_is_refused(name):
    with pytest.raises(RequestError, match="would be read as something else: rename it"):
        Setup(adapters=((name, "/adapters/x"),))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"server": "foo"}, "'foo' is not a server; known: vllm, sglang"),
        ({"port": 0}, "0 is no port from 1 to 65535"),
        ({"port": "x"}, "'x' is no port"),
        ({"host": ""}, "'' is no address to listen on"),
        ({"host": "::1 x"}, "'::1 x' is no address"),
    ],
)
def test_a_setup_that_cannot_be_is_refused(fields, said):
    with pytest.raises(RequestError, match=said):
        Setup(**fields)


def test_weights_of_ones_own_are_told_to_a_nim():
    text = manifest_text("vllm", {}).replace(
        "hf://meta-llama/Llama-3.1-8B-Instruct", "/models/mine"
    )
    argv = plan_for(Server.NIM, manifest=parse_manifest(text)).argv
    assert "NIM_MODEL_PATH=/models/mine" in argv
    assert "/models/mine:/models/mine:ro" in argv


# SGLang, and what changed in it


def value_after(argv, flag):
    return argv[argv.index(flag) + 1]


@pytest.mark.parametrize(
    ("version", "start"),
    [
        ("0.5.23", ("sglang", "serve", "--model-path")),
        ("0.5.10", ("sglang", "serve", "--model-path")),
        ("0.5.9", ("python3", "-m", "sglang.launch_server")),
    ],
)
def test_sglang_starts_as_its_version_recommends(version, start):
    assert start == plan_for(Server.SGLANG, engine_version=version).argv[:3]


@pytest.mark.parametrize(
    ("version", "path"), [("0.4.10.post2", "/health"), ("0.4.10", "/health_generate")]
)
def test_sglang_is_asked_where_the_answer_means_that_it_serves(version, path):
    assert path == plan_for(Server.SGLANG, engine_version=version).health


@pytest.mark.parametrize(
    ("version", "dtype", "word"),
    [
        ("0.5.23", "nvfp4", "nvfp4"),
        ("0.5.15", "nvfp4", "fp4_e2m1"),
        ("0.5.23", "fp8", "fp8_e4m3"),
        ("0.5.23", "bf16", "bf16"),
        ("0.5.4", "bf16", "auto"),
    ],
)
def test_sglangs_kv_cache_is_named_as_its_version_does(version, dtype, word):
    manifest = manifest_of("sglang", {"precision": "nvfp4"})
    argv = plan_for(
        Server.SGLANG, "nvfp4", manifest=manifest, engine_version=version, kv_cache_dtype=dtype
    ).argv
    assert word == value_after(argv, "--kv-cache-dtype")


def test_sglang_is_told_what_to_make_room_for_where_no_adapter_is_there_at_the_start():
    argv = plan_for(Server.SGLANG, "lora", adapters=(), max_lora_rank=None).argv
    assert "32" == value_after(argv, "--max-lora-rank")
    assert "all" == value_after(argv, "--lora-target-modules")
    assert "--lora-paths" not in argv
    argv = plan_for(Server.SGLANG, "lora", engine_version="0.4.9").argv
    assert "--enable-lora" not in argv
    assert "german=/adapters/german" == value_after(argv, "--lora-paths")


def test_sglang_takes_no_colon_in_a_name():
    with pytest.raises(LaunchError, match="SGLang takes no colon in a served name"):
        plan_for(Server.SGLANG, served_name="llama:8b")


def test_a_beginning_of_a_flag_is_the_flag_to_sglang():
    notes = plan_for(Server.SGLANG, extra=("--tp", "4", "--context-len=4096")).notes
    assert [
        "your --tp-size 4 instead of 1 changes what was selected: tensor parallelism",
        "your --context-length 4096 changes what was selected: the longest context, and memory",
    ] == list(notes)


# TensorRT-LLM, and what changed in it


def test_tensorrt_llm_is_told_the_served_name_once_it_has_a_flag_for_it():
    argv = plan_for(Server.TENSORRT_LLM, served_name="llama", engine_version="1.3.0rc7").argv
    assert "llama" == value_after(argv, "--served_model_name")
    plan = plan_for(Server.TENSORRT_LLM, served_name="llama", engine_version="1.3.0rc6")
    assert "--served_model_name" not in plan.argv
    assert "trtllm-serve 1.3.0rc6 has no flag for the served name llama" in plan.notes[0]


def test_tensorrt_llm_has_its_cache_in_the_file_and_nowhere_else():
    plan = plan_for(Server.TENSORRT_LLM, memory_fraction=0.8, kv_cache_dtype="fp8")
    cache = json.loads(plan.files[0].text)["kv_cache_config"]
    assert {"dtype": "fp8", "free_gpu_memory_fraction": 0.8} == cache
    assert not any("fraction" in word for word in plan.argv)


def test_tensorrt_llm_is_told_the_modules_where_no_adapter_is_there_at_the_start():
    plan = plan_for(Server.TENSORRT_LLM, "lora", adapters=())
    lora = json.loads(plan.files[0].text)["lora_config"]
    assert ["attn_q", "attn_k", "attn_v"] == lora["lora_target_modules"]
    assert "lora_dir" not in lora


def test_tensorrt_llm_converts_what_is_stored_otherwise():
    manifest = parse_manifest(manifest_text("tensorrt_llm", {"precision": "fp16"}))
    plan = plan_for(Server.TENSORRT_LLM, manifest=manifest)
    assert {"dtype": "float16"} == json.loads(plan.files[0].text)


# Triton


def test_triton_runs_a_version_of_vllm_that_its_newest_image_has():
    assert "0.24.0" == job_for_server(Server.TRITON).version
    assert "0.33.0" == job_for_server(Server.VLLM).version


def job_for_server(server):
    manifest = manifest_of("vllm", {})
    return job_of(select(manifest, mock_inventory("1xh100")), manifest, Setup(server=server))


def test_triton_has_the_layout_that_its_backend_documents():
    plan = plan_for(Server.TRITON, "lora")
    root = "./model_repository/meta-llama-3.1-8b-instruct"
    assert [f"{root}/config.pbtxt", f"{root}/1/model.json", f"{root}/1/multi_lora.json"] == [
        file.path for file in plan.files
    ]
    assert 'backend: "vllm"' in plan.files[0].text
    assert "KIND_MODEL" in plan.files[0].text
    assert dict(ADAPTERS) == json.loads(plan.files[2].text)
    model = json.loads(plan.files[1].text)
    assert (True, 32) == (model["enable_lora"], model["max_lora_rank"])


# NIM


def test_nim_needs_an_image_where_the_model_has_no_name_in_the_catalogue():
    text = manifest_text("vllm", {}).replace("meta/llama-3.1-8b-instruct", "my-llama")
    with pytest.raises(LaunchError, match="nobody says which NIM serves my-llama: name its image"):
        plan_for(Server.NIM, manifest=parse_manifest(text))


@pytest.mark.parametrize(
    ("model", "variable", "mount"),
    [
        ("acme/llama", "hf://acme/llama", None),
        ("ngc://acme/llama", "ngc://acme/llama", None),
        ("/models/llama", "/models/llama", "/models/llama:/models/llama:ro"),
    ],
)
def test_nim_is_told_of_a_model_of_ones_own(model, variable, mount):
    argv = plan_for(Server.NIM, model=model).argv
    assert f"NIM_MODEL_PATH={variable}" in argv
    assert mount is None or mount in argv


def test_a_path_with_a_colon_is_not_handed_to_docker():
    with pytest.raises(LaunchError, match="takes no path with a colon: /models:/etc"):
        plan_for(Server.NIM, model="/models:/etc")


def test_arguments_that_override_a_pinned_nim_are_noted():
    notes = plan_for(Server.NIM, extra=("--tensor-parallel-size", "4")).notes
    assert "your --tensor-parallel-size 4 changes what was selected: tensor parallelism" in notes


def mig(uuid):
    """A board of one MIG instance, which is all that CUDA would see of it."""
    instance = Gpu(
        1,
        "NVIDIA H100 80GB HBM3 MIG 2g.20gb",
        uuid=uuid,
        memory_total_mib=20096,
        memory_free_mib=20096,
        compute_capability=ComputeCapability.parse("9.0"),
        mig=MigInstance(0),
    )
    return Inventory((Gpu(0, "NVIDIA H100 80GB HBM3", mig_enabled=True), instance))


def plan_on_mig(uuid, server=None, **serving):
    manifest = manifest_of("vllm", {})
    request = Request(serving=Serving(max_model_len=2048, **serving))
    return launch_plan(select(manifest, mig(uuid), request), manifest, Setup(server=server))


def test_a_mig_instance_is_named_to_docker_by_its_uuid():
    argv = plan_on_mig("MIG-2", Server.NIM).argv
    assert '"device=MIG-2"' == argv[argv.index("--gpus") + 1]


def test_a_mig_instance_without_a_name_is_not_started():
    with pytest.raises(LaunchError, match="a MIG instance whose UUID is unknown cannot be named"):
        plan_on_mig(None)


def test_a_mig_instance_is_shown_by_its_uuid_where_vllm_reads_one():
    assert {"CUDA_VISIBLE_DEVICES": "MIG-2"} == plan_on_mig("MIG-2").environ
    with pytest.raises(LaunchError, match=r"vLLM 0\.23\.0 takes no MIG instance by its UUID"):
        plan_on_mig("MIG-2", engine_version="0.23.0")


# The environment


def test_nims_variables_are_read():
    setup = Setup.from_env(
        {
            "NIM_MODEL_PATH": "/models/a",
            "NIM_MODEL_NAME": "/models/b",
            "NIM_SERVED_MODEL_NAME": "a",
            "NIM_SERVER_PORT": "9000",
            "NIM_PEFT_SOURCE": "/adapters",
            "NIM_MAX_LORA_RANK": "64",
            "NIM_MAX_GPU_LORAS": "4",
            "NIM_MAX_CPU_LORAS": "8",
            "NIM_PASSTHROUGH_ARGS": "--seed 7 --name 'a b'",
        }
    )
    expected = Setup(
        model="/models/a",
        served_name="a",
        port=9000,
        peft_source="/adapters",
        max_lora_rank=64,
        max_loras=4,
        max_cpu_loras=8,
        passthrough=("--seed", "7", "--name", "a b"),
    )
    assert expected == setup
    assert (
        "/models/b" == Setup.from_env({"NIM_MODEL_NAME": "/models/b", "NIM_MODEL_PATH": " "}).model
    )


@pytest.mark.parametrize("value", ["0", "-1", "65536", "http", "８０"])
def test_a_port_that_is_none_is_said(value):
    with pytest.raises(
        RequestError, match=r"NIM_SERVER_PORT: '.*' is not a whole number from 1 to"
    ):
        Setup.from_env({"NIM_SERVER_PORT": value})


def plans():
    return {str(server): {case: golden(server, case) for case in CASES} for server in Server}


if __name__ == "__main__":
    print(json.dumps(plans(), indent=1))
