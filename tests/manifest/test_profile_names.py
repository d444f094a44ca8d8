"""Every name is read by the grammar, and printed back as it was."""

import pytest

from nimprofile.manifest.profile_names import describe, parse_name

HASH = "b84343a5f0204e11c83c4e0dce9626d4795db4b7f251375b3d321dc0d8c19d46"

# (name, form, tags): the names NIM's images, documents and release notes have.
NAMES = [
    (
        "tensorrt_llm-A100-fp16-tp2-latency",
        "llm",
        "llm_engine=tensorrt_llm gpu=A100 precision=fp16 tp=2 profile=latency feat_lora=false",
    ),
    (
        "tensorrt_llm-h100_nvl-fp8-tp4-pp1-latency",
        "llm",
        (
            "llm_engine=tensorrt_llm gpu=h100_nvl precision=fp8 tp=4 pp=1 profile=latency "
            "feat_lora=false"
        ),
    ),
    (
        "tensorrt_llm-l40s-bf16-tp2-throughput-lora",
        "llm",
        "llm_engine=tensorrt_llm gpu=l40s precision=bf16 tp=2 profile=throughput feat_lora=true",
    ),
    (
        "tensorrt_llm-h200-bf16-tp1-pp1-throughput-lora-lora",
        "llm",
        (
            "llm_engine=tensorrt_llm gpu=h200 precision=bf16 tp=1 pp=1 profile=throughput-lora "
            "feat_lora=true"
        ),
    ),
    ("vllm-fp16-tp8-lora", "llm", "llm_engine=vllm precision=fp16 tp=8 feat_lora=true"),
    (
        "tensorrt_llm-trtllm_buildable-bf16-tp8-pp2",
        "llm",
        "llm_engine=tensorrt_llm trtllm_buildable=true precision=bf16 tp=8 pp=2 feat_lora=false",
    ),
    ("tensorrt_llm-local_build", "llm", "llm_engine=tensorrt_llm trtllm_buildable=true"),
    (
        "tensorrt_llm-l40s-fp8-tp4-pp1-latency-26b9:10de-4",
        "llm",
        (
            "llm_engine=tensorrt_llm gpu=l40s precision=fp8 tp=4 pp=1 profile=latency "
            "gpu_device=26b9:10de number_of_gpus=4 feat_lora=false"
        ),
    ),
    ("vllm", "llm", "llm_engine=vllm"),
    ("tensorrt_llm", "llm", "llm_engine=tensorrt_llm"),
    ("sglang", "llm", "llm_engine=sglang"),
    (
        f"vllm-bf16-tp2-pp1-{HASH}",
        "llm",
        f"llm_engine=vllm precision=bf16 tp=2 pp=1 nim_workspace_hash_v1={HASH} feat_lora=false",
    ),
    (
        f"vllm-bf16-tp2-pp1-lora-32-{HASH}",
        "llm",
        (
            "llm_engine=vllm precision=bf16 tp=2 pp=1 feat_lora=true feat_lora_max_rank=32 "
            f"nim_workspace_hash_v1={HASH}"
        ),
    ),
    (
        f"tensorrt_llm-h100_nvl-fp8-tp2-pp1-throughput-2321:10de-{HASH}-4",
        "llm",
        (
            "llm_engine=tensorrt_llm gpu=h100_nvl precision=fp8 tp=2 pp=1 profile=throughput "
            f"gpu_device=2321:10de nim_workspace_hash_v1={HASH} number_of_gpus=4 feat_lora=false"
        ),
    ),
    (
        f"tensorrt_llm-rtx6000_blackwell_sv-fp8-tp1-pp1-throughput-pytorch-2bb5:10de-{HASH}-1-true",
        "llm",
        (
            "llm_engine=tensorrt_llm gpu=rtx6000_blackwell_sv precision=fp8 tp=1 pp=1 "
            "profile=throughput backend=pytorch gpu_device=2bb5:10de "
            f"nim_workspace_hash_v1={HASH} number_of_gpus=1 runtime_optimization=true feat_lora=false"
        ),
    ),
    (
        "tensorrt_llm-l40s-bf16-tp4-pp1-latency-pytorch-26b9",
        "llm",
        (
            "llm_engine=tensorrt_llm gpu=l40s precision=bf16 tp=4 pp=1 profile=latency "
            "backend=pytorch gpu_device=26b9 feat_lora=false"
        ),
    ),
    (
        "vllm-bf16-tp1-pp1-feat_lora-63.0",
        "llm",
        "llm_engine=vllm precision=bf16 tp=1 pp=1 feat_lora=true min_vram_per_device_gb=63.0",
    ),
    (
        "vllm-int4-tp1-pp1-32.0",
        "llm",
        "llm_engine=vllm precision=int4 tp=1 pp=1 min_vram_per_device_gb=32.0 feat_lora=false",
    ),
    ("vllm-tp1-pp1", "llm", "llm_engine=vllm tp=1 pp=1"),
    (
        "vllm-nvidia-h200-fp8-tp1-pp1-42.0",
        "llm",
        (
            "llm_engine=vllm gpu=nvidia-h200 precision=fp8 tp=1 pp=1 min_vram_per_device_gb=42.0 "
            "feat_lora=false"
        ),
    ),
    (
        "vllm-nvfp4-tp1-pp1-fallback-1-48gib",
        "llm",
        "llm_engine=vllm precision=nvfp4 tp=1 pp=1 feat_lora=false",
    ),
    ("trtllm-fp8-tp1", "llm", "llm_engine=tensorrt_llm precision=fp8 tp=1 feat_lora=false"),
    ("h100-fp16-tp1-throughput", "hardware", "gpu=h100 precision=fp16 tp=1 profile=throughput"),
    ("h100-hbm3-80gb-fp8-tp1", "hardware", "gpu=h100-hbm3-80gb precision=fp8 tp=1"),
    ("fp16-tp1", "hardware", "precision=fp16 tp=1"),
    (
        "l4-fp8-tensorrt-tensorrt",
        "retriever",
        "gpu=l4 precision=fp8 backend=tensorrt model_type=tensorrt",
    ),
    ("fp16-onnx-onnx", "retriever", "precision=fp16 backend=onnx model_type=onnx"),
    ("model_type:onnx|precision:fp16", "pairs", "model_type=onnx precision=fp16"),
    ("type=bert", "pairs", "type=bert"),
    ("gpu_device:20b2:10de|tp:2", "pairs", "gpu_device=20b2:10de tp=2"),
    (
        "feat_lora:false|llm_engine:vllm|pp:1|tp:4|trtllm_buildable:false",
        "pairs",
        "feat_lora=false llm_engine=vllm pp=1 tp=4 trtllm_buildable=false",
    ),
    ("{'bs': 'default', 'mode': 'str'}", "pairs", "bs=default mode=str"),
    ("{}", "pairs", ""),
    ("70b-trt-engine", "free", ""),
    ("", "free", ""),
    ("my engine", "free", ""),
    ("h100-fp16-tp0", "free", ""),
    ("h100-fp16-tp1-cheap", "free", ""),
    ("a:1|a:2", "free", ""),
    ("a:1|b", "free", ""),
    ("a:1|b=2", "free", ""),
]


@pytest.mark.parametrize(
    ("name", "form", "tags"), NAMES, ids=[row[0][:40] or "empty" for row in NAMES]
)
def test_a_name_is_read_by_the_grammar(name, form, tags):
    parsed = parse_name(name)
    expected = dict(pair.split("=", 1) for pair in tags.split())
    assert (form, expected) == (parsed.form, parsed.tags)


@pytest.mark.parametrize("name", [row[0] for row in NAMES], ids=lambda name: name[:40] or "empty")
def test_a_name_is_printed_back_as_it_was(name):
    assert name == parse_name(name).text


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("vllm-fp8-tp1-5", [("", "5")]),
        ("vllm-fp8-tp1-lora-5", [("feat_lora", "lora"), ("feat_lora_max_rank", "5")]),
        ("vllm-fp8-tp1-true", [("", "true")]),
        ("vllm-fp8-tp1-tp2", [("", "tp2")]),
        ("vllm-fp8-tp1-2330:1002", [("", "2330:1002")]),
        ("vllm-fp8-tp1-1000", [("gpu_device", "1000")]),
        ("vllm-fp8-tp1-33.", [("", "33.")]),
        ("vllm-fp8-tp1-latency-lora-x", [("profile", "latency"), ("feat_lora", "lora"), ("", "x")]),
        ("vllm-fp8-tp1-tp1234", [("", "tp1234")]),
    ],
)
def test_a_part_without_known_meaning_is_kept_and_means_nothing(name, parts):
    parsed = parse_name(name)
    assert parts == list(parsed.parts[3:])
    assert name == parsed.text


def test_a_name_without_tp_does_not_say_that_it_has_no_lora():
    assert {"llm_engine": "vllm", "precision": "fp8"} == parse_name("vllm-fp8").tags


# Describing tags.


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ("", ""),
        ("llm_engine=vllm", "vllm"),
        ("tp=4", "tp4"),
        ("tp=4 pp=2", "tp4"),
        ("llm_engine=vllm precision=bf16 tp=4", "vllm-bf16-tp4"),
        ("llm_engine=vllm precision=bf16 tp=4 feat_lora=true", "vllm-bf16-tp4-lora"),
        (
            (
                "llm_engine=tensorrt_llm gpu=H100 gpu_device=2330:10de precision=fp8 tp=8 "
                "profile=latency"
            ),
            "tensorrt_llm-h100-fp8-tp8-latency",
        ),
        (
            "llm_engine=tensorrt_llm trtllm_buildable=true precision=bf16 tp=1 pp=1 feat_lora=true",
            "tensorrt_llm-trtllm_buildable-bf16-tp1-pp1-lora",
        ),
        ("llm_engine=vllm trtllm_buildable=false tp=1", "vllm-tp1"),
        (
            "llm_engine=vllm precision=fp8 tp=1 pp=1 feat_lora=true min_vram_per_device_gb=27.0",
            "vllm-fp8-tp1-pp1-feat_lora-27.0",
        ),
        (
            (
                "feat_lora=true feat_lora_max_rank=32 llm_engine=vllm nim_workspace_hash_v1=abc "
                "pp=1 precision=bf16 tp=2"
            ),
            "vllm-bf16-tp2-pp1-lora-32-abc",
        ),
        (
            (
                "llm_engine=tensorrt_llm gpu=l40s gpu_device=26b9:10de number_of_gpus=4 pp=1 "
                "precision=fp8 profile=latency tp=4"
            ),
            "tensorrt_llm-l40s-fp8-tp4-pp1-latency-26b9:10de-4",
        ),
        ("precision=fp16 model_type=onnx", "model_type:onnx|precision:fp16"),
        ("gpu=h100 precision=fp16 tp=1 profile=throughput", "h100-fp16-tp1-throughput"),
    ],
)
def test_tags_are_described_as_nim_describes_them(tags, name):
    assert name == describe(dict(pair.split("=", 1) for pair in tags.split()))


def test_the_order_of_the_tags_does_not_matter():
    tags = {"tp": "2", "number_of_gpus": "2", "llm_engine": "vllm", "backend": "pytorch"}
    assert describe(tags) == describe(dict(reversed(tags.items())))
