"""Launch cases shared by tests: manifests of one model, what is asked for, and the plans of each server."""

import json

import pytest

from nimprofile import (
    ComputeCapability,
    Gpu,
    Inventory,
    LaunchError,
    MigInstance,
    Request,
    Server,
    Serving,
    Setup,
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
    fields = {"host": "127.0.0.1"} if extra and server is Server.TENSORRT_LLM else {}  # no IPv6
    plan = plan_for(server, case, extra=extra, **fields).to_dict()
    return {key: value for key, value in plan.items() if key != "schema_version"}


def on_load(engine):
    """A manifest of an FP8 profile whose checkpoint is BF16."""
    return manifest_of(engine, {"precision": "fp8", "checkpoint": "it"})


def value_after(argv, flag):
    return argv[argv.index(flag) + 1]


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
