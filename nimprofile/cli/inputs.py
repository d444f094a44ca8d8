"""What do the arguments and the environment stand for?"""

from __future__ import annotations

import os

from nimprofile.base.errors import (
    GpuMissingError,
    ModelError,
    NimProfileError,
    NoGpuError,
    RequestError,
)
from nimprofile.cli.console import tell, watched

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from nimprofile.authoring.build import Wanted
    from nimprofile.engines.serving import Serving
    from nimprofile.hardware.inventory import Inventory
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.model.checkpoint import Model
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.fit import Verdict
    from nimprofile.selection.request import Request

CONTAINER_MANIFESTS = (
    "/opt/nim/etc/default/model_manifest.yaml",
    "/etc/nim/config/model_manifest.yaml",
)
"""Where NIM images keep their manifest: LLM 1.3 and later, then 1.0-1.1 and VLM."""

MOST_GPUS = 64
"""Of one machine, as far as profiles are built for it."""

SLOW_BYTES = 16 << 20
"""A manifest above this takes about a second to read."""


class UsageError(NimProfileError):
    """Flags that each can be read but do not go together."""


def judge(args: argparse.Namespace) -> tuple[Manifest, Decision]:
    """Read the manifest and the machine that were asked for, and decide."""
    from nimprofile.selection.decision import select
    from nimprofile.selection.preference import prefer

    request = _request(args)
    if not args.model and args.inventory == "-" and request.manifest_path == "-":
        raise UsageError("only one of --manifest and --inventory can be standard input")
    policy = args.policy
    if args.prefer is not None:
        try:
            policy = prefer(args.prefer, policy)
        except RequestError as error:
            raise UsageError(str(error)) from None
    models = models_of(args)
    if models:
        inventory = inventory_of(args)
        manifest = _built(args, models, request, len(inventory.offered))
    else:
        manifest = open_manifest(_manifest_path(request))
        inventory = inventory_of(args)
    _any_offered(inventory)
    engines = {profile.engine for profile in manifest.profiles if profile.engine}
    if args.engine_version is not None and len(engines & set(args.engine or engines)) > 1:
        raise UsageError("--engine-version is that of one engine: name it with --engine")
    return manifest, select(manifest, inventory, request, policy)


def open_manifest(path: str) -> Manifest:
    """Read a manifest, and say so when it takes a while."""
    from nimprofile.manifest.reader import load_manifest

    if os.path.isfile(path) and os.path.getsize(path) > SLOW_BYTES and watched():
        tell([f"reading {path}, {os.path.getsize(path) >> 20} MiB …"])
    return load_manifest(path)


def models_of(args: argparse.Namespace) -> list[str]:
    """The models to build a manifest of; none where there is a manifest.

    A model that is not here is where the weights of a variable's manifest are.
    """
    from nimprofile.base.environment import model_in

    if args.manifest is not None:
        return []
    named = bool(os.environ.get("NIM_MANIFEST_PATH", "").strip())
    if args.model:
        return args.model if not named or any(map(os.path.exists, args.model)) else []
    if named or any(map(os.path.exists, CONTAINER_MANIFESTS)):
        return []
    model = model_in(os.environ)
    return [model] if model is not None and os.path.isdir(model) else []


def _built(args: argparse.Namespace, models: list[str], request: Request, gpus: int) -> Manifest:
    """The manifest of these models, built for what is asked and so many GPUs."""
    from nimprofile.authoring.build import build_manifest
    from nimprofile.manifest.reader import manifest_of
    from nimprofile.model.checkpoint import read_model

    wanted = wanted_of(args).replace(lora=request.lora)
    wanted = wanted.replace(max_tp=max(wanted.max_tp, min(gpus, MOST_GPUS)))
    for path in models:
        if not os.path.exists(path):
            problem = "no such directory here; a model that is not here needs its --manifest"
            raise ModelError(problem, source=path)
    found = [read_model(path) for path in models]
    # Where the weights are must mean the same wherever the server is started.
    found = [model.replace(path=os.path.abspath(model.path)) for model in found]
    built = build_manifest(found, wanted)
    tell(f"note: {note}" for note in built.notes)
    return manifest_of(built.document, models[0])


def wanted_of(args: argparse.Namespace) -> Wanted:
    """What to build, by the flags that are there."""
    from nimprofile.authoring.build import EVERYTHING

    engines = tuple(dict.fromkeys(args.engine or ()))
    if args.engine_version is not None and len(engines) != 1:
        raise UsageError("--engine-version is that of one engine: name it with --engine")
    chosen = {
        "engines": engines or None,
        "precisions": None if (found := getattr(args, "precision", None)) is None else tuple(found),
        **{name: getattr(args, name, None) for name in _BUILD_FLAGS},
    }
    return EVERYTHING.replace(**{key: each for key, each in chosen.items() if each is not None})


_BUILD_FLAGS = ("engine_version", "max_tp", "max_nodes", "lora", "name")


def _request(args: argparse.Namespace) -> Request:
    """NIM's variables, each beaten by its flag."""
    from nimprofile.selection.request import Request

    flags = {
        "NIM_MODEL_PROFILE": args.profile,
        "NIM_TAGS_SELECTOR": args.tags,
        "NIM_PEFT_SOURCE": args.lora,
        "NIM_RELAX_MEM_CONSTRAINTS": args.relax_memory,
        "NIM_MANIFEST_ALLOW_UNSAFE": args.allow_unsafe,
        "NIM_ALLOW_NVFP4_EMULATION": args.allow_nvfp4_emulation,
        "NIM_MANIFEST_PATH": args.manifest,
        "NIM_MAX_MODEL_LEN": args.max_model_len,
        "NIM_MAX_NUM_SEQS": args.max_num_seqs,
        "NIM_DISABLE_CUDA_GRAPH": args.eager,
    }
    request = Request.from_env(unflagged(flags))
    serving = _serving(args, request.serving)
    if args.profile is not None:
        request = request.pinned(args.profile, "--profile")
    chosen = {
        "tags": args.tags,
        "engines": None if args.engine is None else tuple(args.engine),
        "lora": args.lora,
        "relax_memory": args.relax_memory,
        "allow_unsafe": args.allow_unsafe,
        "allow_nvfp4_emulation": args.allow_nvfp4_emulation,
        "empty_gpu_gate": args.empty_gpu_gate,
        "uniform_gpus": args.uniform_gpus,
        "manifest_path": args.manifest,
        "serving": serving,
    }
    return request.replace(**{name: value for name, value in chosen.items() if value is not None})


def unflagged(flags: Mapping[str, object]) -> dict[str, str]:
    """The environment but for what a flag replaces, whose value may be the very mistake.

    Args:
        flags: variable -> the flag's value; None where it was not given.
    """
    return {name: value for name, value in os.environ.items() if flags.get(name) is None}


def _serving(args: argparse.Namespace, serving: Serving) -> Serving:
    """How the engine will be started, by its flags."""
    flags = {name: getattr(args, name, None) for name in _SERVING_FLAGS}
    return serving.replace(**{name: value for name, value in flags.items() if value is not None})


_SERVING_FLAGS = (
    *("engine_version", "max_model_len", "kv_cache_dtype", "concurrency", "memory_fraction"),
    *("max_num_batched_tokens", "max_num_seqs", "speculative_tokens", "eager"),
)


def weigh(args: argparse.Namespace) -> tuple[Manifest, Decision, Verdict]:
    """Read the model and the machine that were asked for, and judge one profile."""
    from nimprofile.manifest.reader import load_manifest
    from nimprofile.model.checkpoint import is_model, read_model
    from nimprofile.selection.decision import select
    from nimprofile.selection.request import Pin, Request, find_pin

    if args.inventory == "-" and args.model == "-":
        raise UsageError("only one of the model and --inventory can be standard input")
    request = Request(empty_gpu_gate=False)
    request = request.replace(serving=_serving(args, request.serving))
    inventory = inventory_of(args)
    _any_offered(inventory)
    if is_model(args.model):
        if args.profile is not None:
            raise UsageError("--profile is for a manifest; a model has --tp, --pp and --precision")
        manifest = _manifest_of(args, read_model(args.model), inventory)
        decision = select(manifest, inventory, request, args.policy)
        return manifest, decision, decision.verdict(manifest.profiles[0])
    manifest = load_manifest(args.model)
    decision = select(manifest, inventory, request, args.policy)
    if args.profile is None:
        return manifest, decision, _weighed(args, decision)
    pin = Pin(args.profile, "--profile")
    return manifest, decision, decision.verdict(find_pin(pin, manifest))


def _weighed(args: argparse.Namespace, decision: Decision) -> Verdict:
    """The best profile that the flags describe: one that runs, else the nearest on enough GPUs."""
    from nimprofile.selection.fit import GRADES

    wanted = {key: getattr(args, key) for key in ("engine", "precision", "tp", "pp")}
    described = [
        verdict
        for verdict in (*decision.ranked, *decision.rejected)
        if all(value in {None, getattr(verdict.profile, key)} for key, value in wanted.items())
    ]
    if not described:
        flags = " ".join(f"--{key} {value}" for key, value in wanted.items() if value is not None)
        raise UsageError(f"no profile of this manifest has {flags}; `nimprofile list` shows them")

    def distance(verdict: Verdict) -> tuple[bool, int, int]:
        missing = any(reason.kind in {"gpu_count", "gpu"} for reason in verdict.reasons)
        return missing, GRADES.index(verdict.grade), len(verdict.reasons)

    return min(described, key=distance)


def _manifest_of(args: argparse.Namespace, model: Model, inventory: Inventory) -> Manifest:
    """The one profile that the flags describe."""
    from nimprofile.base.enums import Engine
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile_tags import profile_from_tags
    from nimprofile.model.quantization import own_precision

    pp = args.pp or 1
    tags = {
        "llm_engine": str(args.engine or Engine.VLLM),
        "precision": str(args.precision or own_precision(model.shape)),
        "tp": str(args.tp or max(1, len(inventory.offered) // pp)),
        "pp": str(pp),
    }
    name = f"{tags['llm_engine']}-{tags['precision']}-tp{tags['tp']}-pp{pp}"
    profile = profile_from_tags(name, tags, name=name)
    return Manifest((profile,), model=model.name, model_shape=model.shape, source=args.model)


def _any_offered(inventory: Inventory) -> None:
    if not inventory.offered:
        reasons = [f"\n  GPU {gpu.index}: {gpu.unavailable}" for gpu in inventory.unavailable]
        found = "none can be used" if reasons else "the inventory has none"
        raise NoGpuError(f"no GPU could be read: {found}" + "".join(reasons))


def _manifest_path(request: Request) -> str:
    if request.manifest_path is not None:
        return request.manifest_path
    for path in CONTAINER_MANIFESTS:
        if os.path.exists(path):
            return path
    from nimprofile.base.environment import model_in
    from nimprofile.manifest.reader import bundled_manifests

    model = model_in(os.environ)
    told = f" ({model} is no directory here, of which one could be built)" if model else ""
    raise UsageError(
        f"no manifest{told}: name one with --manifest or NIM_MANIFEST_PATH, a file or a bundled "
        "name:\n  " + "\n  ".join(bundled_manifests())
    )


def inventory_of(args: argparse.Namespace) -> Inventory:
    """The machine that was described, saved, or is this one; with as many GPUs as expected."""
    inventory = _machine(args)
    if args.expect_gpus is not None and args.expect_gpus != len(inventory.offered):
        from nimprofile.selection.messages import unexpected_message

        raise GpuMissingError(unexpected_message(args.expect_gpus, inventory))
    return inventory


def _machine(args: argparse.Namespace) -> Inventory:
    if args.gpus is not None:
        from nimprofile.hardware.catalog import mock_inventory

        return mock_inventory(args.gpus)
    if args.inventory is not None:
        from nimprofile.hardware.inventory_file import load_inventory

        return load_inventory(args.inventory)
    from nimprofile.hardware.discovery import NVML_TIMEOUT, discover

    timeout = NVML_TIMEOUT if args.nvml_timeout is None else args.nvml_timeout

    def on_wait() -> None:
        if watched():
            tell([f"reading the GPUs, for {timeout:g} s at most …"])

    return discover(timeout=timeout, on_wait=on_wait)
