"""nimprofile: an open, explainable selector of model-serving profiles for NVIDIA GPUs.

    import os
    from nimprofile import Request, load_inventory, load_manifest, select

    decision = select(load_manifest(path), load_inventory("box.json"), Request.from_env(os.environ))

Names are imported when first used, so that `import nimprofile` costs an entrypoint nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.adapters import with_adapters
    from nimprofile.architectures import shape_from_config
    from nimprofile.budget import Budget, memory_budget
    from nimprofile.build import Wanted, build_manifest
    from nimprofile.catalog import mock_inventory, products
    from nimprofile.decision import Decision, select
    from nimprofile.deploy import Rendered, deployed
    from nimprofile.dialects import Manifest
    from nimprofile.discovery import discover
    from nimprofile.engines import launch_plan
    from nimprofile.errors import (
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
    from nimprofile.fit import Verdict
    from nimprofile.host import Host
    from nimprofile.inventory import Connection, Gpu, Inventory, Link, MigInstance
    from nimprofile.inventory_json import (
        dump_inventory,
        load_inventory,
        parse_inventory,
        scrubbed,
    )
    from nimprofile.job import Job, job_of
    from nimprofile.lint import check_manifest
    from nimprofile.lint_rules import Finding
    from nimprofile.manifest import (
        bundled_manifests,
        load_manifest,
        manifest_of,
        parse_manifest,
    )
    from nimprofile.manifest_text import to_json, to_yaml
    from nimprofile.model import ModelShape, plain_shape
    from nimprofile.model_files import Model, load_model, read_model
    from nimprofile.plan import LaunchPlan, PlanFile, Server
    from nimprofile.profile import Engine, Objective, Precision, Profile, Requires
    from nimprofile.rank import POLICIES, Criterion, Policy, prefer
    from nimprofile.report import decision_to_dict
    from nimprofile.request import Pin, Request, Serving
    from nimprofile.server_setup import Setup
    from nimprofile.values import ComputeCapability
    from nimprofile.visibility import CudaDevices, cuda_devices
    from nimprofile.words import message, remedy

__version__ = "0.1.0"

_HOME = {
    "architectures": ("shape_from_config",),
    "budget": ("Budget", "memory_budget"),
    "build": ("Wanted", "build_manifest"),
    "catalog": ("mock_inventory", "products"),
    "decision": ("Decision", "select"),
    "discovery": ("discover",),
    "errors": (
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
    "deploy": ("Rendered", "deployed"),
    "engines": ("launch_plan",),
    "fit": ("Verdict",),
    "inventory": ("Connection", "Gpu", "Inventory", "Link", "MigInstance"),
    "host": ("Host",),
    "inventory_json": ("dump_inventory", "load_inventory", "parse_inventory", "scrubbed"),
    "dialects": ("Manifest",),
    "adapters": ("with_adapters",),
    "job": ("Job", "job_of"),
    "server_setup": ("Setup",),
    "lint": ("check_manifest",),
    "lint_rules": ("Finding",),
    "manifest": ("bundled_manifests", "load_manifest", "manifest_of", "parse_manifest"),
    "manifest_text": ("to_json", "to_yaml"),
    "model": ("ModelShape", "plain_shape"),
    "model_files": ("Model", "load_model", "read_model"),
    "plan": ("LaunchPlan", "PlanFile", "Server"),
    "profile": ("Engine", "Objective", "Precision", "Profile", "Requires"),
    "rank": ("POLICIES", "Criterion", "Policy", "prefer"),
    "report": ("decision_to_dict",),
    "request": ("Pin", "Request", "Serving"),
    "values": ("ComputeCapability",),
    "visibility": ("CudaDevices", "cuda_devices"),
    "words": ("message", "remedy"),
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
