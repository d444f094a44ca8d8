"""`nimprofile manifest diff`: two manifests compared, on a machine too if one is named."""

from __future__ import annotations

from nimprofile.cli import argument_types as read
from nimprofile.cli.console import print_json, show
from nimprofile.cli.exit_codes import DONE
from nimprofile.cli.inputs import inventory_of, open_manifest
from nimprofile.cli.manifests.arguments import DiffArguments
from nimprofile.cli.options import add_format, machine_options
from nimprofile.cli.parsing.parser import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

ANY_MANIFEST = "a manifest: a file, - for standard input, or a bundled name"


def diff_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile manifest diff`."""
    parser.add_argument("old", metavar="OLD", help=ANY_MANIFEST)
    parser.add_argument(
        "new", metavar="NEW", help="what to compare it with: a file, or a bundled name"
    )
    machine_options(parser)
    add = parser.add_argument_group("selection").add_argument
    add(
        "--policy",
        type=read.policy,
        metavar="POLICY",
        help="the order among candidates; `policies` explains each (default: auto, for each the "
        "one of its NIM)",
    )
    add(
        "--engine",
        action="append",
        type=read.engine,
        metavar="ENGINE",
        help="only profiles of this engine; repeatable (default: every engine)",
    )
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=DiffArguments)


def show_changes(arguments: DiffArguments) -> int:
    """Print what changed, and what becomes of the selection on the machine that is named."""
    from nimprofile.authoring.diff import diff, selection_change
    from nimprofile.report.manifests import diff_blocks, diff_to_dict
    from nimprofile.selection.policies import AUTO
    from nimprofile.selection.request import Request

    machine = arguments.machine
    if (arguments.old, arguments.new, machine.inventory).count("-") > 1:
        raise UsageError("only one of the manifests and --inventory can be standard input")
    named = machine.gpus is not None or machine.inventory is not None
    if not named and any((arguments.policy, arguments.engine, machine.expect_gpus)):
        raise UsageError("--policy, --engine and --expect-gpus are about a machine: add --gpus")
    old, new = open_manifest(arguments.old), open_manifest(arguments.new)
    selection = None
    if named:
        request = Request(engines=arguments.engine)
        policy = arguments.policy or AUTO
        selection = selection_change(old, new, inventory_of(machine), request, policy)
    changes = diff(old, new)
    if arguments.format == "json":
        print_json(diff_to_dict(changes, selection))
    else:
        show(diff_blocks(changes, selection), arguments.color)
    return DONE
