"""A lock of made-up figures, for tests that read, write and compare locks."""

from nimprofile.lock.record import (
    Expected,
    Lock,
    LockedChoice,
    LockedCriterion,
    LockedGate,
    LockedMachine,
    LockedManifest,
    LockedProduct,
    LockedWeights,
)


def make_lock(**changes):
    """A lock of a profile for eight GPUs, but for these fields."""
    choice = LockedChoice(
        "e" * 64,
        "vllm-fp8-tp8-pp1",
        {"llm_engine": "vllm", "precision": "fp8", "tp": "8", "pp": "1"},
        engine="vllm",
        engine_version="0.26.0",
        precision="fp8",
        objective=None,
        tp=8,
        pp=1,
        lora=False,
        gpus=8,
        max_model_len=131072,
        kv_cache_dtype="auto",
        pinned_by=None,
        deciding=LockedCriterion(
            "tp", "more GPUs", "vllm-fp8-tp4-pp1", better="8 GPUs", worse="4 GPUs"
        ),
        gates=(LockedGate("GPU count", "tp 8 × pp 1: 8 of one product"),),
    )
    machine = LockedMachine(
        (LockedProduct("NVIDIA H100 80GB HBM3", 8, 81559, pci_device="2330:10de"),),
        0,
        driver="580.65.06",
        cuda="13.0",
        cpu_architecture="x86_64",
    )
    lock = Lock(
        LockedManifest(
            "model_manifest.yaml", "a" * 64, model="acme/m", release="release 2.0.6", profiles=3
        ),
        machine,
        choice,
        words=("--manifest", "model_manifest.yaml", "--max-model-len", "131072"),
        wishes={"max_model_len": "131072"},
        policy="nim-2.0",
        policy_origin=", from release 2.0.6",
        written_by="0.1.0",
        image="nvcr.io/nim/acme/m:2.0.6",
        image_digest="sha256:" + "b" * 64,
        weights=(LockedWeights("/models/m", "c" * 64, None),),
        expected=Expected(
            weights_bytes=9_000_000_000,
            kv_cache_bytes=60_000_000_000,
            kv_cache_tokens=3_000_000,
            memory_bytes=20_000_000_000,
            source="estimated from the model's shape",
        ),
    )
    return lock.replace(**changes)
