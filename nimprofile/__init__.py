"""nimprofile: an open, explainable selector of model-serving profiles for NVIDIA GPUs.

    import os
    from nimprofile import Request, load_inventory, load_manifest, select

    decision = select(load_manifest(path), load_inventory("box.json"), Request.from_env(os.environ))

Names are imported when first used, so that `import nimprofile` costs an entrypoint nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.authoring.build import Wanted, build_manifest
    from nimprofile.authoring.lint import check_manifest
    from nimprofile.authoring.lint_rules import Finding
    from nimprofile.authoring.writer import to_json, to_yaml
    from nimprofile.base.errors import (
        GpuMissingError,
        InventoryError,
        LaunchError,
        ManifestError,
        ModelError,
        NimProfileError,
        NoGpuError,
        NotStartedError,
        PinError,
        RequestError,
        UnknownGpuError,
    )
    from nimprofile.base.units import ComputeCapability
    from nimprofile.engines.memory.budget import Budget, memory_budget
    from nimprofile.hardware.catalog import mock_inventory, products
    from nimprofile.hardware.discovery import discover
    from nimprofile.hardware.host import Host
    from nimprofile.hardware.inventory import Connection, Gpu, Inventory, Link, MigInstance
    from nimprofile.hardware.inventory_file import (
        dump_inventory,
        load_inventory,
        parse_inventory,
        scrubbed,
    )
    from nimprofile.hardware.visible_devices import CudaDevices, cuda_devices
    from nimprofile.launch.deploy import Rendered, deployed
    from nimprofile.launch.job import Job, job_of
    from nimprofile.launch.lora_adapters import with_adapters
    from nimprofile.launch.plan import LaunchPlan, PlanFile, Server
    from nimprofile.launch.servers import launch_plan
    from nimprofile.launch.setup import Setup
    from nimprofile.manifest.dialects import Manifest
    from nimprofile.manifest.profile import Engine, Objective, Precision, Profile, Requires
    from nimprofile.manifest.reader import (
        bundled_manifests,
        load_manifest,
        manifest_of,
        parse_manifest,
    )
    from nimprofile.model.architectures.registry import shape_from_config
    from nimprofile.model.checkpoint import Model, load_model, read_model
    from nimprofile.model.shape import ModelShape, plain_shape
    from nimprofile.report.to_json import decision_to_dict
    from nimprofile.selection.decision import Decision, select
    from nimprofile.selection.fit import Verdict
    from nimprofile.selection.messages import message, remedy
    from nimprofile.selection.rank import POLICIES, Criterion, Policy, prefer
    from nimprofile.selection.request import Pin, Request, Serving

__version__ = "0.1.0"

_HOME = {
    "model.architectures.registry": ("shape_from_config",),
    "engines.memory.budget": ("Budget", "memory_budget"),
    "authoring.build": ("Wanted", "build_manifest"),
    "hardware.catalog": ("mock_inventory", "products"),
    "selection.decision": ("Decision", "select"),
    "hardware.discovery": ("discover",),
    "base.errors": (
        "GpuMissingError",
        "InventoryError",
        "LaunchError",
        "ManifestError",
        "ModelError",
        "NimProfileError",
        "NoGpuError",
        "NotStartedError",
        "PinError",
        "RequestError",
        "UnknownGpuError",
    ),
    "launch.deploy": ("Rendered", "deployed"),
    "launch.servers": ("launch_plan",),
    "selection.fit": ("Verdict",),
    "hardware.inventory": ("Connection", "Gpu", "Inventory", "Link", "MigInstance"),
    "hardware.host": ("Host",),
    "hardware.inventory_file": ("dump_inventory", "load_inventory", "parse_inventory", "scrubbed"),
    "manifest.dialects": ("Manifest",),
    "launch.lora_adapters": ("with_adapters",),
    "launch.job": ("Job", "job_of"),
    "launch.setup": ("Setup",),
    "authoring.lint": ("check_manifest",),
    "authoring.lint_rules": ("Finding",),
    "manifest.reader": ("bundled_manifests", "load_manifest", "manifest_of", "parse_manifest"),
    "authoring.writer": ("to_json", "to_yaml"),
    "model.shape": ("ModelShape", "plain_shape"),
    "model.checkpoint": ("Model", "load_model", "read_model"),
    "launch.plan": ("LaunchPlan", "PlanFile", "Server"),
    "manifest.profile": ("Engine", "Objective", "Precision", "Profile", "Requires"),
    "selection.rank": ("POLICIES", "Criterion", "Policy", "prefer"),
    "report.to_json": ("decision_to_dict",),
    "selection.request": ("Pin", "Request", "Serving"),
    "base.units": ("ComputeCapability",),
    "hardware.visible_devices": ("CudaDevices", "cuda_devices"),
    "selection.messages": ("message", "remedy"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [  # noqa: PLE0604 - the names above, once
    "__version__",
    *sorted(_MODULE_OF),
]


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
