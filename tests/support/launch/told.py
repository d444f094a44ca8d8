"""What a server is told, read back from whatever was printed for it: commands, files, documents.

Each reading is that of the engine's own parser as its page describes it, and shares nothing with
the code that writes.
"""

import argparse
import json
import shlex
from typing import NamedTuple

from tests.support.launch.cluster_rules import containers

NAMES = ("model", "tp", "pp", "dp", "quantization", "dtype", "context", "fraction", "cache")


class Told(NamedTuple):
    """What a server is told; None is what it is not told."""

    model: str | None = None
    tp: int = 1
    pp: int = 1
    dp: int = 1
    quantization: str | None = None
    dtype: str | None = None
    context: str | None = None
    fraction: float | None = None
    cache: str | None = None
    profile: str | None = None


FLAGS = {
    "vllm": {
        "model": ("--model",),
        "tp": ("--tensor-parallel-size", "-tp"),
        "pp": ("--pipeline-parallel-size", "-pp"),
        "dp": ("--data-parallel-size", "-dp"),
        "quantization": ("--quantization", "-q"),
        "dtype": ("--dtype",),
        "context": ("--max-model-len",),
        "fraction": ("--gpu-memory-utilization",),
        "cache": ("--kv-cache-dtype",),
    },
    "sglang": {
        "model": ("--model-path", "--model"),
        "tp": ("--tp-size", "--tensor-parallel-size"),
        "pp": ("--pp-size", "--pipeline-parallel-size"),
        "dp": ("--dp-size", "--data-parallel-size"),
        "quantization": ("--quantization",),
        "dtype": ("--dtype",),
        "context": ("--context-length",),
        "fraction": ("--mem-fraction-static",),
        "cache": ("--kv-cache-dtype",),
    },
    "tensorrt_llm": {
        "tp": ("--tp_size", "--tensor_parallel_size"),
        "pp": ("--pp_size", "--pipeline_parallel_size"),
        "context": ("--max_seq_len",),
        "fraction": ("--kv_cache_free_gpu_memory_fraction", "--free_gpu_memory_fraction"),
        "cache": ("--kv_cache_dtype",),
        "file": ("--extra_llm_api_options", "--config"),
    },
}
TYPES = {"tp": int, "pp": int, "dp": int, "fraction": float}


def _flags(engine, words):
    """The values of the flags of an engine, the last of each name, and the words beside them."""
    if engine == "vllm":
        words = [_dashed(word) for word in words]
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=engine != "tensorrt_llm")
    for name, flags in FLAGS[engine].items():
        parser.add_argument(*flags, dest=name, type=TYPES.get(name, str))
    found, rest = parser.parse_known_args(words)
    return {name: value for name, value in vars(found).items() if value is not None}, rest


def _dashed(word):
    name, equals, value = word.partition("=")
    return name.replace("_", "-") + equals + value if word.startswith("--") else word


def told_by_words(argv, env, texts):
    """What a command says, with its variables and the texts of its files."""
    argv = [*argv]
    match argv[0]:
        case "vllm":
            values, _ = _flags("vllm", argv[3:])
            return Told(**{"model": argv[2], **values})
        case "sglang" | "python3":
            return Told(**_flags("sglang", argv[1:])[0])
        case "trtllm-serve":
            return _told_by_trtllm(argv, texts)
        case "tritonserver":
            (fields,) = [_json(text) for text in texts if '"model"' in text]
            (config,) = [text for text in texts if "backend:" in text]
            assert 'backend: "vllm"' in config
            assert "KIND_MODEL" in config
            return told_by_fields(fields)
        case _:
            return told_by_nim(argv, env)


def _told_by_trtllm(argv, texts):
    values, _ = _flags("tensorrt_llm", argv[2:])
    named = values.pop("file", None)
    (options,) = [_json(text) for text in texts] if named else [{}]
    cache = options.get("kv_cache_config", {})
    in_file = {
        "dtype": options.get("dtype"),
        "fraction": cache.get("free_gpu_memory_fraction"),
        "cache": cache.get("dtype"),
    }
    for name, value in in_file.items():
        assert value is None or values.get(name, value) == value, "the two say the same"
    in_file = {name: value for name, value in in_file.items() if value is not None}
    return Told(**{"model": argv[1], **in_file, **values})


FIELDS = {
    "model": "model",
    "tp": "tensor_parallel_size",
    "pp": "pipeline_parallel_size",
    "dp": "data_parallel_size",
    "quantization": "quantization",
    "dtype": "dtype",
    "context": "max_model_len",
    "fraction": "gpu_memory_utilization",
    "cache": "kv_cache_dtype",
}


def told_by_fields(fields):
    """What a `model.json` says to vLLM."""
    found = {name: fields[field] for name, field in FIELDS.items() if field in fields}
    return Told(**found | ({"context": str(found["context"])} if "context" in found else {}))


def told_by_nim(args, env):
    """What a NIM's variables say, and the arguments for its engine."""
    fractions = {env[name] for name in FRACTIONS if name in env}
    of_env = {
        "profile": env.get("NIM_MODEL_PROFILE"),
        "context": env.get("NIM_MAX_MODEL_LEN"),
        "model": env.get("NIM_MODEL_PATH"),
        "fraction": float(fractions.pop()) if fractions else None,
    }
    assert not fractions, "they all say the same"
    # LLM 2.0.11 "advanced-configuration": the arguments after the image win, then those of the
    # variable, then other variables. Whichever engine is inside reads them as it does.
    passed = shlex.split(env.get("NIM_PASSTHROUGH_ARGS", ""))
    for engine in FLAGS:
        values, _ = _flags(engine, [*passed, *args])
        values.pop("file", None)
        of_env |= values
    return Told(**of_env)


FRACTIONS = ("NIM_KVCACHE_PERCENT", "NIM_GPU_MEM_FRACTION", "NIM_GPU_MEMORY_UTILIZATION")


def _json(text):
    return json.loads(text)


def told_by_plan(plan):
    """What a plan says; `docker run` is read as Docker reads it."""
    texts = [file.text for file in plan.files]
    argv, env = [*plan.argv], dict(plan.env)
    if argv[0] == "docker":
        argv, env = inside_docker(argv)
    return told_by_words(argv or ["nim"], env, texts)


WITH_VALUES = {
    *("--gpus", "--shm-size", "-p", "-u", "-v", "-e", "--ulimit", "--entrypoint"),
}


def inside_docker(argv):
    """The words that run in the container, and its variables."""
    env, entrypoint, at = {}, [], 2
    while argv[at].startswith("-"):
        if argv[at] in WITH_VALUES:
            if argv[at] == "-e" and "=" in argv[at + 1]:
                name, _, value = argv[at + 1].partition("=")
                env[name] = value
            if argv[at] == "--entrypoint":
                entrypoint = [argv[at + 1]]
            at += 1
        at += 1
    return [*entrypoint, *argv[at + 1 :]], env


def told_by_target(target, value):
    """What a rendered document says, and the GPUs it asks for."""
    argv, env, texts, gpus = started_by_target(target, value)
    return told_by_words(argv or ["nim"], env, texts), gpus


def started_by_target(target, value):
    """The words, variables and files that a rendered document starts a server with, and its GPUs.

    The number of GPUs is None where a shell names them (`docker`).
    """
    if target == "docker":
        argv, env = inside_docker(value["argv"])
        return argv, env, [*value["files"].values()], None
    objects = value if isinstance(value, list) else [value]
    if target == "compose":
        (service,) = objects[0]["services"].values()
        texts = [config["content"] for config in objects[0].get("configs", {}).values()]
        words = [*service.get("entrypoint", ()), *service.get("command", ())]
        (devices,) = service["deploy"]["resources"]["reservations"]["devices"]
        return words, service.get("environment", {}), texts, len(devices["device_ids"])
    if target == "nim-operator":
        (service,) = [each for each in objects if each["kind"] == "NIMService"]
        spec = service["spec"]
        env = {each["name"]: each["value"] for each in spec.get("env", ())}
        env["NIM_MODEL_PROFILE"] = spec["storage"]["nimCache"]["profile"]
        nodes = spec.get("multiNode", {}).get("parallelism", {}).get("pipeline", 1)
        return ["nim", *spec.get("args", ())], env, (), nodes * _limit(spec)
    texts = [text for each in objects for text in each.get("data", {}).values()]
    (thing,) = [each for each in objects if each["kind"] not in _BESIDE]
    nodes = thing["spec"].get("leaderWorkerTemplate", {}).get("size", 1)
    container = containers(thing)[0]
    env = {each["name"]: each["value"] for each in container.get("env", ()) if "value" in each}
    words = [*container.get("command", ()), *container.get("args", ())]
    if "ray" in " ".join(words[:3]) and "vllm" in words:
        words = words[words.index("vllm") :]
    elif words[:1] == ["nim-serve-ray"]:
        words = ["nim"]
    return words, env, texts, nodes * _limit(container)


_BESIDE = {"PersistentVolumeClaim", "ConfigMap", "Service"}


def _limit(thing):
    (count,) = thing["resources"]["limits"].values()
    return int(count)
