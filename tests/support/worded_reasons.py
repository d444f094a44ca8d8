"""Every kind of reason, with its sentence and what would have to change."""

from nimprofile.base.enums import Engine, Precision
from nimprofile.base.units import MIB, ComputeCapability
from nimprofile.selection.reasons import (
    AdvisedAgainst,
    CapabilityTooLow,
    CapabilityUnmet,
    ContextTooLong,
    CudaTooOld,
    DriverTooOld,
    EngineUnavailable,
    EngineVersionUnmet,
    GpuNotEmpty,
    LoraMismatch,
    MigAlone,
    MixedGpus,
    NotDefault,
    NotDivisible,
    PrecisionUnknown,
    RequirementUnmet,
    TagMismatch,
    TooFewGpus,
    TooLittleFree,
    TooLittleMemory,
    WrongCpu,
    WrongGpu,
)
from tests.support.builders import gib

CC = ComputeCapability.parse

WORDED = [
    (
        EngineUnavailable("sglang", ("vllm", "tensorrt_llm")),
        "engine sglang is not here; here: vllm, tensorrt_llm",
        "a container that has sglang (see --engine)",
    ),
    (
        EngineUnavailable("vllm", ()),
        "engine vllm is not here; here: none",
        "a container that has vllm (see --engine)",
    ),
    (
        EngineUnavailable("llama.cpp", ("vllm",)),
        f"engine llama.cpp is not known; known: {', '.join(Engine)}",
        "correct the tag llm_engine=llama.cpp",
    ),
    (
        PrecisionUnknown("fp6"),
        f"precision fp6 is not known; known: {', '.join(Precision)}",
        "correct the tag precision=fp6, or pin the profile with --allow-unsafe",
    ),
    (
        WrongGpu(("h100", "2330:10de"), "Tesla T4", (0,)),
        "made for h100 / 2330:10de; GPU 0 is Tesla T4",
        "GPUs of product h100 / 2330:10de",
    ),
    (
        WrongGpu(("h100",), "Tesla T4", (0, 1, 3)),
        "made for h100; GPUs 0-1,3 are Tesla T4",
        "GPUs of product h100",
    ),
    (
        WrongCpu("x86_64", "aarch64"),
        "a compiled plan for machines of x86_64, which does not load on aarch64",
        "a machine of x86_64, or a profile that is no compiled plan, such as ONNX",
    ),
    (
        NotDefault("mode", "all", "str"),
        "unasked this NIM takes mode=all; the profile has mode=str",
        "ask for mode=str (--tags, NIM_TAGS_SELECTOR)",
    ),
    (TooFewGpus(1, 0, "GPU"), "needs 1 GPU; there is none", "1 GPU"),
    (TooFewGpus(4, 0, "GPU"), "needs 4 GPUs; there is none", "4 GPUs"),
    (
        TooFewGpus(2, 1, "Tesla T4"),
        "needs 2 GPUs of one product; there is 1 × Tesla T4",
        "1 more Tesla T4",
    ),
    (
        TooFewGpus(8, 2, "Tesla T4"),
        "needs 8 GPUs of one product; there are 2 × Tesla T4",
        "6 more Tesla T4",
    ),
    (
        MixedGpus(("NVIDIA L40S", "Tesla T4")),
        "GPUs of 2 products are visible: NVIDIA L40S, Tesla T4",
        "hide all but one product from the container (NVIDIA L40S, Tesla T4), or --no-uniform-gpus",
    ),
    (
        CapabilityTooLow("fp8", CC("8.9"), CC("8.6"), gpus=(1,)),
        "fp8 needs compute capability 8.9; GPU 1 has 8.6",
        "GPUs of compute capability 8.9 or higher",
    ),
    (
        CapabilityTooLow("nvfp4", CC("10.0"), CC("9.0"), gpus=(0, 1)),
        "nvfp4 needs compute capability 10.0; GPUs 0-1 have 9.0",
        "GPUs of compute capability 10.0 or higher (or --allow-nvfp4-emulation)",
    ),
    (
        CapabilityTooLow("nvfp4", CC("10.0"), CC("8.0"), gpus=(0,)),
        "nvfp4 needs compute capability 10.0; GPU 0 has 8.0",
        "GPUs of compute capability 10.0 or higher (or --allow-nvfp4-emulation)",
    ),
    (
        CapabilityTooLow("nvfp4", CC("10.0"), CC("7.5"), gpus=(0,)),
        "nvfp4 needs compute capability 10.0; GPU 0 has 7.5",
        "GPUs of compute capability 10.0 or higher",
    ),
    (
        CapabilityUnmet(">=8.9,<12", CC("12.0"), (2,)),
        "requires compute capability >=8.9,<12; GPU 2 has 12.0",
        "GPUs of compute capability >=8.9,<12",
    ),
    (
        TooLittleMemory(gib(33), gib(24), "tag min_vram_per_device_gb", gpus=(0,)),
        (
            "needs at least 33.0 GiB per GPU (tag min_vram_per_device_gb); "
            "GPU 0 has 24.0 GiB in total, 9.0 GiB too little"
        ),
        "9.0 GiB more memory per GPU; or another profile, of higher tp or lower precision",
    ),
    (
        ContextTooLong(gib(33), gib(31), 84992, source="estimated", gpus=(0, 1)),
        (
            "the full context needs 33.0 GiB per GPU (estimated); "
            "GPUs 0-1 have 31.0 GiB each in total, 2.0 GiB too little; 84992 tokens fit"
        ),
        (
            "a context of 84992 tokens or less (--max-model-len 84992), "
            "or 2.0 GiB more memory per GPU"
        ),
    ),
    (
        ContextTooLong(gib(33), gib(31), None, source="estimated", gpus=(0,), asked=256),
        (
            "a context of 256 tokens needs 33.0 GiB per GPU (estimated); "
            "GPU 0 has 31.0 GiB in total, 2.0 GiB too little"
        ),
        (
            "2.0 GiB more memory per GPU, or this profile, pinned, "
            "with a shorter context (--profile, --max-model-len)"
        ),
    ),
    (
        NotDivisible("attention heads", 40, "tp", divisor=16),
        "40 attention heads cannot be divided by tp 16",
        "another tp: one that divides 40 attention heads",
    ),
    (
        ContextTooLong(gib(33), gib(31), None, source="the listing", gpus=(0,)),
        (
            "the full context needs 33.0 GiB per GPU (the listing); "
            "GPU 0 has 31.0 GiB in total, 2.0 GiB too little"
        ),
        (
            "2.0 GiB more memory per GPU, or this profile, pinned, "
            "with a shorter context (--profile, --max-model-len)"
        ),
    ),
    (
        TooLittleFree(gib(20), gib(15.5), "estimated", gpus=(0,)),
        "needs 20.0 GiB free per GPU (estimated); GPU 0 has 15.5 GiB free, 4.5 GiB too little",
        "free 4.5 GiB on GPU 0",
    ),
    (
        TooLittleFree(1000 * MIB, 999 * MIB, "estimated", gpus=(0, 2)),
        "needs 1.0 GiB free per GPU (estimated); GPUs 0,2 have 1.0 GiB each free, 1 MiB too little",
        "free 1 MiB on each of GPUs 0,2",
    ),
    (
        TooLittleMemory(1000 * MIB + 1, 1000 * MIB, "estimated", gpus=(0,)),
        "needs at least 1.0 GiB per GPU (estimated); GPU 0 has 1.0 GiB in total, 1 MiB too little",
        "1 MiB more memory per GPU; or another profile, of higher tp or lower precision",
    ),
    (
        GpuNotEmpty(29846, 32607, 0.95, gpus=(0,)),
        "GPU 0 is not empty: 29846 of 32607 MiB free, 91.5 %; 95 % must be",
        "free 1.2 GiB on GPU 0, or --no-empty-gpu-gate",
    ),
    (
        GpuNotEmpty(949, 1000, 0.95, gpus=(0, 1)),
        "GPUs 0-1 are not empty: 949 of 1000 MiB each free, 94.9 %; 95 % must be",
        "free 1 MiB on each of GPUs 0-1, or --no-empty-gpu-gate",
    ),
    (
        MigAlone(2, (1,)),
        "needs 2 GPUs together; GPU 1 is a MIG instance, which work alone",
        "2 whole GPUs (MIG mode off), or a profile of tp 1 and pp 1",
    ),
    (
        MigAlone(4, (0, 1)),
        "needs 4 GPUs together; GPUs 0-1 are MIG instances, which work alone",
        "4 whole GPUs (MIG mode off), or a profile of tp 1 and pp 1",
    ),
    (
        DriverTooOld(">=550", "535.104.05"),
        "requires driver >=550; this one is 535.104.05",
        "a driver >=550",
    ),
    (
        CudaTooOld(">=12.4", "12.2"),
        "requires CUDA >=12.4; this driver serves 12.2",
        "a driver that serves CUDA >=12.4",
    ),
    (
        EngineVersionUnmet("vllm>=0.10.1", "0.9.2"),
        "requires vllm>=0.10.1; this one is 0.9.2",
        "vllm>=0.10.1 (see --engine-version)",
    ),
    (
        LoraMismatch(True),
        "is not known to serve LoRA adapters, and adapters are wanted",
        "take the adapters away (NIM_PEFT_SOURCE, --lora)",
    ),
    (
        LoraMismatch(False),
        "serves LoRA adapters, and none are wanted",
        "ask for adapters (--lora, NIM_PEFT_SOURCE)",
    ),
    (
        TagMismatch("precision", "fp8", "bf16"),
        "the selector wants precision=fp8; the profile has precision=bf16",
        "take precision=fp8 out of the selector (--tags, NIM_TAGS_SELECTOR)",
    ),
    (
        TagMismatch("mode", "str", None),
        "the selector wants mode=str; the profile has no tag mode",
        "take mode=str out of the selector (--tags, NIM_TAGS_SELECTOR)",
    ),
    (
        TagMismatch("tp", "2", "1", by="NIM_TENSOR_PARALLEL_SIZE"),
        "NIM_TENSOR_PARALLEL_SIZE wants tp=2; the profile has tp=1",
        "take NIM_TENSOR_PARALLEL_SIZE=2 away",
    ),
    (
        AdvisedAgainst("nim-1.5-hang", "hangs at start"),
        "known issue: hangs at start (advisory nim-1.5-hang); such profiles are to be avoided",
        "leave out --avoid-advised, and do as `nimprofile advisories nim-1.5-hang` says",
    ),
    (
        RequirementUnmet("tp", ">=", "4", have="2"),
        "tp>=4 is required; the profile has tp=2",
        "take tp>=4 out of what is required (--require)",
    ),
    (
        RequirementUnmet("objective", "=", "latency", have=None),
        "objective=latency is required; the profile has no objective",
        "take objective=latency out of what is required (--require)",
    ),
]
IDS = [f"{type(reason).__name__}-{at}" for at, (reason, _, _) in enumerate(WORDED)]
