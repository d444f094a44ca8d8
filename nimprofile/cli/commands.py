"""What select, list, explain, memory, gpus, policies and engines do."""

from __future__ import annotations

import argparse

from nimprofile.base.errors import InventoryError
from nimprofile.cli.console import print_json, style_of_stdout, tell
from nimprofile.cli.exit_codes import BAD_INPUT, NO_GPU, NOTHING_RUNS, SELECTED
from nimprofile.cli.inputs import UsageError, inventory_of, judge, weigh

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nimprofile.hardware.inventory import Inventory
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile import Profile
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.warnings import DecisionWarning


def run_select(args: argparse.Namespace) -> int:
    decision = judge(args)[1]
    if args.format == "json":
        from nimprofile.report.to_json import decision_to_dict

        print_json(decision_to_dict(decision))
    _warn(decision.warnings, decision.inventory)
    chosen = decision.selected
    if chosen is None:
        from nimprofile.report.text import nothing_runs

        tell([nothing_runs(decision)])
        return NOTHING_RUNS if decision.pinned is None else BAD_INPUT
    match args.format:
        case "text":
            from nimprofile.report.text import select_text

            print(select_text(decision, style_of_stdout()))
        case "id":
            print(chosen.profile.id)
        case "name":
            print(chosen.profile.name)
        case "env":
            here = args.gpus is None and args.inventory is None  # the engine will run right here
            devices = _cuda(decision.inventory, chosen.gpus) if here else {}
            _print_exports({"NIM_MODEL_PROFILE": chosen.profile.id, **devices})
        case "cuda":
            _print_exports(_cuda(decision.inventory, chosen.gpus))
    return SELECTED


def _cuda(inventory: Inventory, gpus: tuple[int, ...]) -> dict[str, str]:
    from nimprofile.hardware.visible_devices import cuda_devices

    devices = cuda_devices(inventory, gpus)
    if devices is None:
        raise InventoryError("a MIG instance whose UUID is unknown cannot be named to CUDA")
    return devices.environ


def _print_exports(variables: dict[str, str]) -> None:
    from shlex import quote

    for name, value in variables.items():
        print(f"export {name}={quote(value)}")


def run_list(args: argparse.Namespace) -> int:
    if args.nim and args.format == "json":
        raise UsageError("--nim is a layout of its own; leave --json out")
    decision = judge(args)[1]
    _warn_of_machine(decision)
    if decision.pinned is not None and decision.selected is None:
        from nimprofile.report.text import nothing_runs

        tell([nothing_runs(decision)])
    if args.nim:
        from nimprofile.report.nim_listing import nim_listing

        print(nim_listing(decision, None if args.nim == "auto" else args.nim), end="")
    elif args.format == "json":
        from nimprofile.report.to_json import decision_to_dict

        print_json(decision_to_dict(decision))
    else:
        from nimprofile.report.text import list_text

        print(list_text(decision, style_of_stdout()))
    return SELECTED


def run_explain(args: argparse.Namespace) -> int:
    from nimprofile.report.explain import explain_decision, explain_profile
    from nimprofile.report.to_json import decision_to_dict, explanation_to_dict

    manifest, decision = judge(args)
    if args.story_of is None:
        if args.format == "json":
            print_json(decision_to_dict(decision))
        else:
            print(explain_decision(decision, style_of_stdout()))
        return SELECTED
    _warn_of_machine(decision)
    verdict = decision.verdict(_named(args.story_of, manifest))
    if decision.pinned is not None and decision.pinned.profile.id == verdict.profile.id:
        verdict = decision.pinned
    if args.format == "json":
        print_json(explanation_to_dict(decision, verdict))
    else:
        print(explain_profile(decision, verdict, style_of_stdout()))
    return SELECTED


def _named(text: str, manifest: Manifest) -> Profile:
    """A profile by id, by name, or by the beginning of an id when only one begins so."""
    from nimprofile.selection.request import Pin, find_pin

    starts = [profile for profile in manifest.profiles if profile.id.startswith(text)]
    return starts[0] if len(starts) == 1 else find_pin(Pin(text, "PROFILE"), manifest)


def run_memory(args: argparse.Namespace) -> int:
    from nimprofile.report.memory_json import memory_to_dict
    from nimprofile.report.memory_report import MemoryReport
    from nimprofile.report.memory_text import memory_text

    manifest, decision, verdict = weigh(args)
    model = manifest.model or manifest.source
    report = MemoryReport(decision, verdict, manifest.shape_of(verdict.profile))
    if args.format == "json":
        print_json({"model": model, **memory_to_dict(report)})
    else:
        print(memory_text(decision, report, model, style_of_stdout()))
    return SELECTED if report.fits else NOTHING_RUNS


def run_gpus(args: argparse.Namespace) -> int:
    if args.known:
        if any(value is not None for value in (args.gpus, args.inventory, args.record)):
            raise UsageError(
                "--known prints the catalogue; leave --gpus, --inventory and --record out"
            )
        from nimprofile.hardware.catalog import products

        if args.format == "json":
            from nimprofile.report.to_json import product_to_dict

            print_json([product_to_dict(product) for product in products()])
        else:
            from nimprofile.report.tables import products_text

            print(products_text(products(), style_of_stdout()))
        return SELECTED
    inventory = inventory_of(args)
    if args.record is not None:
        from nimprofile.hardware.inventory_file import record

        record(inventory, args.record)
        if args.record != "-":
            tell([f"nimprofile: recorded {len(inventory.gpus)} GPUs in {args.record}"])
    elif args.format == "json":
        print_json(inventory.to_dict())
    else:
        from nimprofile.hardware.describe import machine_messages
        from nimprofile.report.tables import gpus_text

        style = style_of_stdout()
        print(gpus_text(inventory, style))
        if not style.columns:
            tell(machine_messages(inventory))
    return SELECTED if inventory.offered or not inventory.gpus else NO_GPU


def run_policies(args: argparse.Namespace) -> int:
    from nimprofile.selection.policies import POLICIES

    if args.format == "json":
        from nimprofile.report.to_json import policy_to_dict

        print_json([policy_to_dict(policy) for policy in POLICIES.values()])
    else:
        from nimprofile.report.tables import policies_text

        print(policies_text(POLICIES.values(), style_of_stdout()))
    return SELECTED


def run_engines(args: argparse.Namespace) -> int:
    from nimprofile.base.enums import Engine

    engines = tuple(dict.fromkeys(args.engine or Engine))
    if args.format == "json":
        from nimprofile.report.to_json import engine_to_dict

        print_json([engine_to_dict(engine) for engine in engines])
    else:
        from nimprofile.report.tables import engines_text

        print(engines_text(engines, style_of_stdout()))
    return SELECTED


def _warn(warnings: Iterable[DecisionWarning], inventory: Inventory) -> None:
    tell(f"warning: {warning}" for warning in warnings)
    tell(f"note: {remark}" for remark in inventory.remarks)


def _warn_of_machine(decision: Decision) -> None:
    """What a list of profiles does not say: which GPUs are not there for any of them."""
    from nimprofile.selection.warnings import missing_warnings

    _warn(missing_warnings(decision), decision.inventory)
