"""nimprofile: an open, explainable selector of model-serving profiles for NVIDIA GPUs.

    import os
    from nimprofile import Request, load_inventory, load_manifest, select

    decision = select(load_manifest(path), load_inventory("box.json"), Request.from_env(os.environ))

Names are imported when first used, by a table of their modules, so that `import nimprofile` costs
an entrypoint nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # `as` says to type checkers that a name is ours to hand on
    from nimprofile.authoring.build import Wanted as Wanted, build_manifest as build_manifest
    from nimprofile.authoring.findings import Finding as Finding
    from nimprofile.authoring.lint import check_manifest as check_manifest
    from nimprofile.authoring.writer import to_json as to_json, to_yaml as to_yaml
    from nimprofile.base.enums import (
        Engine as Engine,
        Objective as Objective,
        Precision as Precision,
        Server as Server,
    )
    from nimprofile.base.errors import (
        GpuMissingError as GpuMissingError,
        InventoryError as InventoryError,
        LaunchError as LaunchError,
        LockError as LockError,
        ManifestError as ManifestError,
        ModelError as ModelError,
        NimProfileError as NimProfileError,
        NoGpuError as NoGpuError,
        NotStartedError as NotStartedError,
        PinError as PinError,
        RequestError as RequestError,
        RequirementError as RequirementError,
        ResultsError as ResultsError,
        UnknownGpuError as UnknownGpuError,
    )
    from nimprofile.base.units import ComputeCapability as ComputeCapability
    from nimprofile.engines.memory.budget import Budget as Budget
    from nimprofile.engines.memory.estimate import memory_budget as memory_budget
    from nimprofile.engines.serving import Serving as Serving
    from nimprofile.hardware.anonymise import scrubbed as scrubbed
    from nimprofile.hardware.catalog import mock_inventory as mock_inventory, products as products
    from nimprofile.hardware.discovery import discover as discover
    from nimprofile.hardware.host import Host as Host
    from nimprofile.hardware.inventory import (
        Connection as Connection,
        Gpu as Gpu,
        Inventory as Inventory,
        Link as Link,
        MigInstance as MigInstance,
    )
    from nimprofile.hardware.inventory_file import (
        dump_inventory as dump_inventory,
        load_inventory as load_inventory,
        parse_inventory as parse_inventory,
    )
    from nimprofile.hardware.visible_devices import (
        CudaDevices as CudaDevices,
        cuda_devices as cuda_devices,
    )
    from nimprofile.launch.deploy.documents import Rendered as Rendered, deployed as deployed
    from nimprofile.launch.job import Job as Job
    from nimprofile.launch.lora_adapters import with_adapters as with_adapters
    from nimprofile.launch.plan import LaunchPlan as LaunchPlan, PlanFile as PlanFile
    from nimprofile.launch.planning import (
        job_of as job_of,
        launch_plan as launch_plan,
        launchable as launchable,
    )
    from nimprofile.launch.setup import Setup as Setup
    from nimprofile.lock.drift import Drift as Drift, drift as drift
    from nimprofile.lock.making import lock_of as lock_of
    from nimprofile.lock.reader import load_lock as load_lock, parse_lock as parse_lock
    from nimprofile.lock.record import Lock as Lock
    from nimprofile.lock.text import lock_text as lock_text
    from nimprofile.manifest.manifest import Manifest as Manifest
    from nimprofile.manifest.profile import Profile as Profile, Requires as Requires
    from nimprofile.manifest.profile_conditions import Condition as Condition
    from nimprofile.manifest.reader import (
        bundled_manifests as bundled_manifests,
        load_manifest as load_manifest,
        manifest_of as manifest_of,
        parse_manifest as parse_manifest,
    )
    from nimprofile.model.checkpoint import (
        Model as Model,
        load_model as load_model,
        read_model as read_model,
    )
    from nimprofile.model.shape import ModelShape as ModelShape, plain_shape as plain_shape
    from nimprofile.model.shape_reader import shape_from_config as shape_from_config
    from nimprofile.report.to_json import decision_to_dict as decision_to_dict
    from nimprofile.selection.advisories.advisory import (
        Advisory as Advisory,
        known_advisories as known_advisories,
    )
    from nimprofile.selection.decision import Decision as Decision, select as select
    from nimprofile.selection.messages import message as message
    from nimprofile.selection.policies import POLICIES as POLICIES
    from nimprofile.selection.rank import Criterion as Criterion, Policy as Policy
    from nimprofile.selection.ranking.preference import prefer as prefer
    from nimprofile.selection.remedies import remedy as remedy
    from nimprofile.selection.request import Pin as Pin, Request as Request
    from nimprofile.selection.verdict import Verdict as Verdict
    from nimprofile.verify.expectation import (
        Expectation as Expectation,
        expectation_of_conditions as expectation_of_conditions,
        expectation_of_lock as expectation_of_lock,
    )
    from nimprofile.verify.gathering import observations_in as observations_in
    from nimprofile.verify.judgement import (
        Judgement as Judgement,
        Verification as Verification,
        verification_of as verification_of,
    )
    from nimprofile.verify.load.goals import (
        Goals as Goals,
        JudgedLoad as JudgedLoad,
        judge_load as judge_load,
    )
    from nimprofile.verify.load.load_report import LoadReport as LoadReport, Spread as Spread
    from nimprofile.verify.load.results.reader import read_results as read_results
    from nimprofile.verify.observation import Fact as Fact, Observation as Observation

__version__ = "0.1.0"

_HOME = {
    "base.enums": (
        "Engine",
        "Objective",
        "Precision",
        "Server",
    ),
    "base.errors": (
        "GpuMissingError",
        "InventoryError",
        "LaunchError",
        "LockError",
        "ManifestError",
        "ModelError",
        "NimProfileError",
        "NoGpuError",
        "NotStartedError",
        "PinError",
        "RequestError",
        "RequirementError",
        "ResultsError",
        "UnknownGpuError",
    ),
    "base.units": ("ComputeCapability",),
    "hardware.anonymise": ("scrubbed",),
    "hardware.catalog": (
        "mock_inventory",
        "products",
    ),
    "hardware.discovery": ("discover",),
    "hardware.host": ("Host",),
    "hardware.inventory": (
        "Connection",
        "Gpu",
        "Inventory",
        "Link",
        "MigInstance",
    ),
    "hardware.inventory_file": (
        "dump_inventory",
        "load_inventory",
        "parse_inventory",
    ),
    "hardware.visible_devices": (
        "CudaDevices",
        "cuda_devices",
    ),
    "model.checkpoint": (
        "Model",
        "load_model",
        "read_model",
    ),
    "model.shape": (
        "ModelShape",
        "plain_shape",
    ),
    "model.shape_reader": ("shape_from_config",),
    "manifest.manifest": ("Manifest",),
    "manifest.profile": (
        "Profile",
        "Requires",
    ),
    "manifest.profile_conditions": ("Condition",),
    "manifest.reader": (
        "bundled_manifests",
        "load_manifest",
        "manifest_of",
        "parse_manifest",
    ),
    "engines.memory.budget": ("Budget",),
    "engines.memory.estimate": ("memory_budget",),
    "engines.serving": ("Serving",),
    "selection.advisories.advisory": (
        "Advisory",
        "known_advisories",
    ),
    "selection.decision": (
        "Decision",
        "select",
    ),
    "selection.verdict": ("Verdict",),
    "verify.load.goals": (
        "Goals",
        "JudgedLoad",
        "judge_load",
    ),
    "verify.load.load_report": (
        "LoadReport",
        "Spread",
    ),
    "verify.load.results.reader": ("read_results",),
    "verify.expectation": (
        "Expectation",
        "expectation_of_conditions",
        "expectation_of_lock",
    ),
    "verify.gathering": ("observations_in",),
    "verify.judgement": (
        "Judgement",
        "Verification",
        "verification_of",
    ),
    "verify.observation": (
        "Fact",
        "Observation",
    ),
    "selection.messages": ("message",),
    "selection.policies": ("POLICIES",),
    "selection.ranking.preference": ("prefer",),
    "selection.rank": (
        "Criterion",
        "Policy",
    ),
    "selection.remedies": ("remedy",),
    "selection.request": (
        "Pin",
        "Request",
    ),
    "authoring.build": (
        "Wanted",
        "build_manifest",
    ),
    "authoring.lint": ("check_manifest",),
    "authoring.findings": ("Finding",),
    "authoring.writer": (
        "to_json",
        "to_yaml",
    ),
    "launch.deploy.documents": (
        "Rendered",
        "deployed",
    ),
    "launch.job": ("Job",),
    "launch.lora_adapters": ("with_adapters",),
    "launch.plan": (
        "LaunchPlan",
        "PlanFile",
    ),
    "launch.planning": (
        "job_of",
        "launch_plan",
        "launchable",
    ),
    "launch.setup": ("Setup",),
    "lock.drift": (
        "Drift",
        "drift",
    ),
    "lock.making": ("lock_of",),
    "lock.reader": (
        "load_lock",
        "parse_lock",
    ),
    "lock.record": ("Lock",),
    "lock.text": ("lock_text",),
    "report.to_json": ("decision_to_dict",),
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
