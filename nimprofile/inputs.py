"""What do the arguments and the environment stand for?"""

from __future__ import annotations

import os

from nimprofile.errors import GpuMissingError, NimProfileError, NoGpuError, RequestError
from nimprofile.talk import tell, watched

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from nimprofile.decision import Decision
    from nimprofile.dialects import Manifest
    from nimprofile.inventory import Inventory
    from nimprofile.request import Request

CONTAINER_MANIFESTS = (
    "/opt/nim/etc/default/model_manifest.yaml",
    "/etc/nim/config/model_manifest.yaml",
)
"""Where NIM images keep their manifest: LLM 1.3 and later, then 1.0-1.1 and VLM."""

SLOW_BYTES = 16 << 20
"""A manifest above this takes about a second to read."""


class UsageError(NimProfileError):
    """Flags that each can be read but do not go together."""


def judge(args: argparse.Namespace) -> tuple[Manifest, Decision]:
    """Read the manifest and the machine that were asked for, and decide."""
    from nimprofile.decision import select
    from nimprofile.manifest import load_manifest
    from nimprofile.rank import prefer

    request = _request(args)
    if args.inventory == "-" and request.manifest_path == "-":
        raise UsageError("only one of --manifest and --inventory can be standard input")
    policy = args.policy
    if args.prefer is not None:
        try:
            policy = prefer(args.prefer, policy)
        except RequestError as error:
            raise UsageError(str(error)) from None
    path = _manifest_path(request)
    if os.path.isfile(path) and os.path.getsize(path) > SLOW_BYTES and watched():
        tell([f"reading {path}, {os.path.getsize(path) >> 20} MiB …"])
    manifest = load_manifest(path)
    inventory = inventory_of(args)
    if not inventory.offered:
        reasons = [f"\n  GPU {gpu.index}: {gpu.unavailable}" for gpu in inventory.unavailable]
        found = "none can be used" if reasons else "the inventory has none"
        raise NoGpuError(f"no GPU could be read: {found}" + "".join(reasons))
    return manifest, select(manifest, inventory, request, policy)


def _request(args: argparse.Namespace) -> Request:
    """NIM's variables, each beaten by its flag."""
    from nimprofile.request import Request

    # A variable that a flag replaces is not read: its value may be the very mistake.
    flags = {
        "NIM_MODEL_PROFILE": args.profile,
        "NIM_TAGS_SELECTOR": args.tags,
        "NIM_PEFT_SOURCE": args.lora,
        "NIM_RELAX_MEM_CONSTRAINTS": args.relax_memory,
        "NIM_MANIFEST_ALLOW_UNSAFE": args.allow_unsafe,
        "NIM_ALLOW_NVFP4_EMULATION": args.allow_nvfp4_emulation,
        "NIM_MANIFEST_PATH": args.manifest,
    }
    environ = {name: value for name, value in os.environ.items() if flags.get(name) is None}
    request = Request.from_env(environ)
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
    }
    return request.replace(**{name: value for name, value in chosen.items() if value is not None})


def _manifest_path(request: Request) -> str:
    if request.manifest_path is not None:
        return request.manifest_path
    for path in CONTAINER_MANIFESTS:
        if os.path.exists(path):
            return path
    from nimprofile.manifest import bundled_manifests

    raise UsageError(
        "no manifest: name one with --manifest or NIM_MANIFEST_PATH, a file or a bundled name:\n  "
        + "\n  ".join(bundled_manifests())
    )


def inventory_of(args: argparse.Namespace) -> Inventory:
    """The machine that was described, saved, or is this one; with as many GPUs as expected."""
    inventory = _machine(args)
    if args.expect_gpus is not None and args.expect_gpus != len(inventory.offered):
        from nimprofile.words import unexpected_message

        raise GpuMissingError(unexpected_message(args.expect_gpus, inventory))
    return inventory


def _machine(args: argparse.Namespace) -> Inventory:
    if args.gpus is not None:
        from nimprofile.catalog import mock_inventory

        return mock_inventory(args.gpus)
    if args.inventory is not None:
        from nimprofile.inventory_json import load_inventory

        return load_inventory(args.inventory)
    from nimprofile.discovery import discover

    def on_wait() -> None:
        if watched():
            tell([f"reading the GPUs, for {args.nvml_timeout:g} s at most …"])

    return discover(timeout=args.nvml_timeout, on_wait=on_wait)
