"""One manifest in every dialect there is."""

import pytest

from nimprofile import ManifestError
from nimprofile.manifest.reader import parse_manifest

ID_1 = "03fdb4d11f01be10c31b00e7c0540e2835e89a0079b483ad2dd3c25c8cc29b61"
ID_2 = "092ed4213624e774d24cdaf84e3b6222839bab2008a21d3c214ab46626366f90"

V1 = f"""\
{ID_1}:
  model: meta/llama3-70b-instruct
  release: '1.0.0'
  tags: {{feat_lora_max_rank: '32', gpu: L40S, gpu_device: 26b5:10de, llm_engine: tensorrt_llm,
         pp: '1', precision: fp16, profile: throughput, tp: '8'}}
  container_url: nvcr.io/nim/meta/llama3-70b-instruct:1.0.0
  workspace: !workspace
    components:
    - dst: trtllm_engine
      src:
        repo_id: ngc://nim/meta/llama3-70b-instruct:hf
        files: [!name 'LICENSE.txt', !name 'checksums.blake3']
{ID_2}:
  tags: {{llm_engine: vllm, tp: '4'}}
"""

V2 = f"""\
schema_version: 2.0.0
profile_selection_criteria: auto
model: meta/llama-3.1-8b-instruct
profiles:
  - id: {ID_1}
    tags: {{llm_engine: tensorrt_llm, precision: fp8, profile: latency, tp: "2", gpu: H100,
           gpu_device: 2330:10de, feat_lora: "false"}}
    workspace:
      files:
        engine: {{uri: "ngc://org/team/model:1?file=engine.bin"}}
  - id: {ID_2}
    tags:
      llm_engine: vllm
      precision: bf16
      tp: 1
      min_vram_per_device_gb: "33.0"
"""

METADATA = {
    "profiles": [
        {
            "profile_id": ID_1,
            "gpu": ["h100", "h100_nvl"],
            "gpu_device": ["2330:10de", "2321:10de"],
            "inference_backend": "trtllm",
            "tensor_parallel_size": 4,
            "pipeline_parallel_size": 1,
            "precision": "fp8",
            "min_vram_per_device_gb": 80.0,
            "feat_lora": False,
            "buildable_profile": True,
            "throughput": {"tokens": 1},
        },
        {"profile_id": ID_2},
    ],
    "features": {"a": 1},
    "related_urls": [],
}

LISTING = f"""\
SYSTEM INFO
- Free GPUs:
  -  [2330:10de] (0) NVIDIA H100 80GB HBM3 (H100 80GB) [current utilization: 0%]
MODEL PROFILES
- Compatible with system and runnable:
  - {ID_1} (tensorrt_llm-h100-fp8-tp2-pp1-latency)
- Incompatible with system:
    - {ID_2} (vllm-bf16-tp1-pp1-33.0) [requires >=33 GB/gpu, try --max-model-len=84992 to reduce \
to >=28 GB/gpu]
"""


def error_of(text, source="m.yaml"):
    with pytest.raises(ManifestError) as caught:
        parse_manifest(text, source)
    return caught.value
