"""The commands `policies`, `engines`, `variables` and `schema`."""

from __future__ import annotations

from nimprofile.cli import argument_types as read
from nimprofile.cli.arguments import (
    EnginesArguments,
    PoliciesArguments,
    SchemaArguments,
    VariablesArguments,
)
from nimprofile.cli.console import print_json, show
from nimprofile.cli.exit_codes import BAD_INPUT, DONE
from nimprofile.cli.options import add_format
from nimprofile.report.schemas.catalogue import SCHEMAS, schema_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse


def policies_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile policies`."""
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=PoliciesArguments)


def engines_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile engines`."""
    add_format(parser, "text", "json").add_argument(
        "--engine",
        action="append",
        type=read.engine,
        metavar="ENGINE",
        help="print this engine only; repeatable (default: every engine)",
    )
    parser.set_defaults(arguments=EnginesArguments)


def variables_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile variables`."""
    add_format(parser, "text", "json").add_argument(
        "--all",
        action="store_true",
        help="print the variables that are not set too (default: those that are set)",
    )
    parser.set_defaults(arguments=VariablesArguments)


def schema_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile schema`."""
    parser.add_argument("of", metavar="NAME", choices=SCHEMAS, help=f"one of {', '.join(SCHEMAS)}")
    parser.set_defaults(arguments=SchemaArguments)


def run_policies(arguments: PoliciesArguments) -> int:
    """Print every ranking policy."""
    from nimprofile.selection.policies import POLICIES

    if arguments.format == "json":
        from nimprofile.report.to_json import AUTO_AS_JSON, policy_to_dict

        print_json([AUTO_AS_JSON, *map(policy_to_dict, POLICIES.values())])
    else:
        from nimprofile.report.tables import policies_blocks

        show(policies_blocks(POLICIES.values()), arguments.color)
    return DONE


def run_engines(arguments: EnginesArguments) -> int:
    """Print what each engine serves."""
    from nimprofile.base.enums import Engine

    engines = tuple(dict.fromkeys(arguments.engine or Engine))
    if arguments.format == "json":
        from nimprofile.report.to_json import engine_to_dict

        print_json([engine_to_dict(engine) for engine in engines])
    else:
        from nimprofile.report.tables import engines_blocks

        show(engines_blocks(engines), arguments.color)
    return DONE


def run_variables(arguments: VariablesArguments) -> int:
    """Print what becomes of NIM's variables in the environment, or of all there are.

    The exit code is that of the commands which refuse one of them.
    """
    import os

    from nimprofile.base.variables.notes import CONTAINER, SetVariable, set_variables
    from nimprofile.base.variables.table import VARIABLES
    from nimprofile.cli.reference.unreadable import unreadable_variables

    unreadable = unreadable_variables(os.environ)
    here = {each.name: each for each in set_variables(os.environ, unreadable)}
    known = {
        name: here.get(name) or SetVariable(name, variable.use, variable.how or CONTAINER)
        for name, variable in VARIABLES.items()
        if arguments.all or name in here
    }
    listed = (known | {name: each for name, each in here.items() if name not in known}).values()
    if arguments.format == "json":
        from nimprofile.report.to_json import variable_to_dict

        rows = ((each, VARIABLES.get(each.name), each.name in here) for each in listed)
        print_json([variable_to_dict(each, row, is_set=is_set) for each, row, is_set in rows])
    else:
        from nimprofile.report.tables import variables_blocks

        show(variables_blocks(listed), arguments.color)
    return BAD_INPUT if unreadable else DONE


def run_schema(arguments: SchemaArguments) -> int:
    """Print a JSON Schema."""
    print_json(schema_of(arguments.of))
    return DONE
