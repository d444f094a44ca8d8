"""The commands select, list, explain, memory and gpus."""

from __future__ import annotations

import os

from nimprofile.base.errors import InventoryError
from nimprofile.base.printable import a_dozen, sentence
from nimprofile.cli.console import print_json, put, show, tell
from nimprofile.cli.exit_codes import DONE, NO_GPU, NOTHING_RUNS, code_of_nothing
from nimprofile.cli.inputs import inventory_of, judge, open_manifest, require_gpu, served
from nimprofile.cli.parsing.parser import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from nimprofile.cli import arguments as records
    from nimprofile.hardware.inventory import Inventory
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.model.checkpoint import Model
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.verdict import Verdict
    from nimprofile.selection.warnings import DecisionWarning


def run_select(arguments: records.SelectArguments) -> int:
    """Print the profile that would run; exit by whether there is one."""
    manifest, decision = judge(arguments.machine, arguments.selection)
    if decision.request.require:
        from nimprofile.launch.judged.required import keep_required_by_variable

        keep_required_by_variable(decision, os.environ)
    if arguments.launchable:
        from nimprofile.cli.launch_options import SERVER_OF_THE_ENGINE, setup_of
        from nimprofile.launch.planning import launchable

        setup = setup_of(arguments.selection, SERVER_OF_THE_ENGINE)
        decision = launchable(decision, manifest, setup, complete=True)
    if arguments.format == "json":
        from nimprofile.report.to_json import decision_to_dict

        print_json(decision_to_dict(decision))
    _warn(decision.warnings, decision)
    if (chosen := decision.selected) is None:
        from nimprofile.report.text import nothing_runs

        tell(nothing_runs(decision).split("\n"))
        return code_of_nothing(decision)
    match arguments.format:
        case "text":
            from nimprofile.report.text import select_blocks

            show(select_blocks(decision), arguments.color)
        case "id":
            put(chosen.profile.id)
        case "name":
            put(chosen.profile.name)
        case "env":
            runs_here = arguments.machine.gpus is None and arguments.machine.inventory is None
            devices = _cuda(decision.inventory, chosen.gpus) if runs_here else {}
            _print_exports({"NIM_MODEL_PROFILE": chosen.profile.id, **devices})
        case "cuda":
            _print_exports(_cuda(decision.inventory, chosen.gpus))
    return DONE


def _cuda(inventory: Inventory, gpus: tuple[int, ...]) -> dict[str, str]:
    from nimprofile.hardware.visible_devices import cuda_devices

    devices = cuda_devices(inventory, gpus)
    if devices is None:
        raise InventoryError("a MIG instance whose UUID is unknown cannot be named to CUDA")
    return devices.environ


def _print_exports(variables: dict[str, str]) -> None:
    from nimprofile.base.formats.shell_words import shell_variable

    for name, value in variables.items():
        put(shell_variable(name, value))


def run_list(arguments: records.ListArguments) -> int:
    """Print every profile by grade, whatever becomes of the selection."""
    if arguments.nim and arguments.format == "json":
        raise UsageError("--nim is a layout of its own; leave --json out")
    decision = judge(arguments.machine, arguments.selection)[1]
    _warn_of_machine(decision)
    if decision.pinned is not None and decision.selected is None:
        from nimprofile.report.text import nothing_runs

        tell(nothing_runs(decision).split("\n"))
    if arguments.nim:
        from nimprofile.report.nim_listing import nim_listing
        from nimprofile.report.text import policy_note

        put(nim_listing(decision, None if arguments.nim == "auto" else arguments.nim), end="")
        tell(policy_note(decision))
    elif arguments.format == "json":
        from nimprofile.report.to_json import decision_to_dict

        print_json(decision_to_dict(decision))
    else:
        from nimprofile.report.tables import list_blocks
        from nimprofile.report.text import policy_note

        if not show(list_blocks(decision), arguments.color):
            tell(policy_note(decision))
    return DONE


def run_explain(arguments: records.ExplainArguments) -> int:
    """Print the reasons behind one profile, or behind the whole decision."""
    from nimprofile.report.explain import explain_decision, explain_profile
    from nimprofile.report.to_json import decision_to_dict, explanation_to_dict
    from nimprofile.selection.request import Pin, find_pin

    manifest, decision = judge(arguments.machine, arguments.selection)
    if arguments.subject is None:
        if arguments.format == "json":
            print_json(decision_to_dict(decision))
        else:
            show(explain_decision(decision), arguments.color)
        return DONE
    _warn_of_machine(decision)
    subject = find_pin(Pin(arguments.subject, "PROFILE"), manifest)
    verdict, pinned = decision.verdict(subject), decision.pinned
    if pinned is not None and pinned.profile.id == verdict.profile.id:
        verdict = pinned
    if arguments.format == "json":
        print_json(explanation_to_dict(decision, verdict, manifest))
    else:
        show(explain_profile(decision, verdict, manifest), arguments.color)
    return DONE


def run_memory(arguments: records.MemoryArguments) -> int:
    """Print what each GPU would hold; exit by whether it fits."""
    from nimprofile.report.memory_json import memory_to_dict
    from nimprofile.report.memory_report import MemoryReport
    from nimprofile.report.memory_text import memory_blocks

    manifest, decision, verdict = _weigh(arguments)
    if verdict is None:
        return _not_in_manifest(arguments)
    model = manifest.model or manifest.source
    report = MemoryReport(decision, verdict, manifest.shape_of(verdict.profile))
    if arguments.format == "json":
        print_json(memory_to_dict(report, model))
    else:
        show(memory_blocks(decision, report, model), arguments.color)
    return DONE if report.fits else NOTHING_RUNS


def _not_in_manifest(arguments: records.MemoryArguments) -> int:
    """Say, in the words of `select`, that no profile is as the flags describe it."""
    from nimprofile.report.text import NOT_IN_MANIFEST

    asked = ", ".join(f"{key}={value}" for key, value in _described_by(arguments).items())
    why = f"{NOT_IN_MANIFEST}: no profile of this manifest has {asked}."
    if arguments.format == "json":
        from nimprofile.cli.parsing.failures import failure_of_nothing

        print_json(failure_of_nothing(why, NOTHING_RUNS), message=True)
    tell([why])
    return NOTHING_RUNS


def _weigh(arguments: records.MemoryArguments) -> tuple[Manifest, Decision, Verdict | None]:
    """Read the model and the machine that were asked for; judge one profile, if there is one."""
    from nimprofile.engines.serving import Serving
    from nimprofile.manifest.reader import bundled_path
    from nimprofile.model.checkpoint import is_model, read_model
    from nimprofile.selection.decision import select
    from nimprofile.selection.request import Pin, Request, find_pin

    path, policy = arguments.model, arguments.policy
    if arguments.machine.inventory == "-" and path == "-":
        raise UsageError("only one of the model and --inventory can be standard input")
    serving = served(Serving(), arguments.serving).replace(
        concurrency=arguments.concurrency, speculative_tokens=arguments.speculative_tokens
    )
    request = Request(empty_gpu_gate=False, serving=serving)
    inventory = inventory_of(arguments.machine)
    require_gpu(inventory)
    if bundled_path(path) is None and is_model(path):
        if arguments.profile is not None:
            raise UsageError("--profile is for a manifest; a model has --tp, --pp and --precision")
        manifest = _manifest_of(arguments, read_model(path), inventory)
        decision = select(manifest, inventory, request, policy)
        return manifest, decision, decision.verdict(manifest.profiles[0])
    manifest = open_manifest(path)
    decision = select(manifest, inventory, request, policy)
    if arguments.profile is None:
        return manifest, decision, _described(arguments, decision)
    pin = Pin(arguments.profile, "--profile")
    return manifest, decision, decision.verdict(find_pin(pin, manifest))


def _described_by(arguments: records.MemoryArguments) -> dict[str, object]:
    """What the flags say of the profile."""
    wanted = {key: getattr(arguments, key) for key in ("engine", "precision", "tp", "pp")}
    return {key: value for key, value in wanted.items() if value is not None}


def _described(arguments: records.MemoryArguments, decision: Decision) -> Verdict | None:
    """The best profile that the flags describe: one that runs, else the nearest on enough GPUs."""
    from nimprofile.selection.verdict import GRADES

    wanted = _described_by(arguments)
    described = [
        verdict
        for verdict in (*decision.ranked, *decision.rejected)
        if all(value == getattr(verdict.profile, key) for key, value in wanted.items())
    ]

    def distance(verdict: Verdict) -> tuple[bool, int, int]:
        missing = any(reason.kind in {"gpu_count", "gpu"} for reason in verdict.reasons)
        return missing, GRADES.index(verdict.grade), len(verdict.reasons)

    return min(described, key=distance, default=None)


def _manifest_of(
    arguments: records.MemoryArguments, model: Model, inventory: Inventory
) -> Manifest:
    """The one profile that the flags describe."""
    from nimprofile.base.enums import Engine
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile_tags import profile_from_tags
    from nimprofile.model.quantization import own_precision

    pp = arguments.pp or 1
    tags = {
        "llm_engine": str(arguments.engine or Engine.VLLM),
        "precision": str(arguments.precision or own_precision(model.shape)),
        "tp": str(arguments.tp or max(1, len(inventory.offered) // pp)),
        "pp": str(pp),
    }
    name = f"{tags['llm_engine']}-{tags['precision']}-tp{tags['tp']}-pp{pp}"
    profile = profile_from_tags(name, tags, name=name)
    return Manifest((profile,), model=model.name, model_shape=model.shape, source=arguments.model)


def run_gpus(arguments: records.GpusArguments) -> int:
    """Print or record the machine, or print the catalogue of products."""
    if arguments.known:
        machine = arguments.machine
        if any(value is not None for value in (machine.gpus, machine.inventory, arguments.record)):
            raise UsageError(
                "--known prints the catalogue; leave --gpus, --inventory and --record out"
            )
        from nimprofile.hardware.catalog import products

        if arguments.format == "json":
            from nimprofile.report.to_json import product_to_dict

            print_json([product_to_dict(product) for product in products()])
        else:
            from nimprofile.report.tables import products_blocks

            show(products_blocks(products()), arguments.color)
        return DONE
    inventory = inventory_of(arguments.machine)
    if arguments.record is not None:
        from nimprofile.hardware.inventory_file import capture, record

        if arguments.record == "-":
            print_json(capture(inventory))
        else:
            record(inventory, arguments.record)
            tell([f"nimprofile: recorded {len(inventory.gpus)} GPUs in {arguments.record}"])
    elif arguments.format == "json":
        print_json(inventory.to_dict())
    else:
        from nimprofile.report.tables import gpus_blocks

        if not show(gpus_blocks(inventory), arguments.color):
            from nimprofile.hardware.describe import machine_messages

            tell(machine_messages(inventory))
    return DONE if inventory.offered or not inventory.gpus else NO_GPU


def _warn(warnings: Iterable[DecisionWarning], decision: Decision) -> None:
    tell(f"warning: {warning}" for warning in a_dozen(warnings, "gpus"))
    remarks = a_dozen(map(sentence, decision.inventory.remarks), "gpus")
    tell(f"note: {note}" for note in (*remarks, *a_dozen(decision.request.notes, "variables")))


def _warn_of_machine(decision: Decision) -> None:
    """Report what a list of profiles does not show: lost GPUs, vain wishes and known issues."""
    from nimprofile.selection.warnings import NEVER_MET, Advised, NewerNim, missing_warnings

    shown = (*NEVER_MET, NewerNim, Advised)
    others = (warning for warning in decision.warnings if isinstance(warning, shown))
    _warn((*missing_warnings(decision), *others), decision)
