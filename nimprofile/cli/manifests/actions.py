"""The actions of `nimprofile manifest` that read or write a manifest of yours."""

from __future__ import annotations

from nimprofile.base.errors import ManifestError
from nimprofile.cli.arguments import SchemaArguments
from nimprofile.cli.console import counted, print_json, show, tell, write_text
from nimprofile.cli.exit_codes import BAD_INPUT, DONE
from nimprofile.cli.inputs import document_of, open_manifest
from nimprofile.cli.manifests import arguments as records, building, changes
from nimprofile.cli.manifests.changes import ANY_MANIFEST
from nimprofile.cli.manifests.listing import list_bundled, list_options
from nimprofile.cli.options import add_command, add_format
from nimprofile.cli.parsing.parser import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from nimprofile.authoring.findings import Finding
    from nimprofile.cli.options import Command


def _check_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("manifests", nargs="+", metavar="FILE", help=ANY_MANIFEST)
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=records.CheckArguments)


def _check(arguments: records.CheckArguments) -> int:
    from nimprofile.report.manifests import findings_blocks

    if arguments.manifests.count("-") > 1:
        raise UsageError("only one of the manifests can be standard input")
    reports = []
    for path in arguments.manifests:
        source, findings = _findings(path)
        wrong = sum(finding.severity == "error" for finding in findings)
        reports.append(
            {
                "source": source,
                "errors": wrong,
                "warnings": len(findings) - wrong,
                "findings": [finding.to_dict() for finding in findings],
            }
        )
        if arguments.format == "text":
            if findings:
                show(findings_blocks(source, findings), arguments.color)
            warnings = counted(len(findings) - wrong, "warning")
            tell([f"{source}: {counted(wrong, 'error')}, {warnings}"])
    if arguments.format == "json":
        print_json(reports if len(reports) > 1 else reports[0])
    return BAD_INPUT if any(report["errors"] for report in reports) else DONE


def _findings(path: str) -> tuple[str, tuple[Finding, ...]]:
    """What to call a manifest, and what is wrong with it; that it cannot be read, too."""
    from nimprofile.authoring.findings import ERROR, Finding
    from nimprofile.authoring.lint import check_manifest
    from nimprofile.manifest.reader import load_text

    try:
        source, text = load_text(path)
    except ManifestError as error:
        return error.source, (
            Finding(ERROR, "unreadable", "", problem=error.problem, suggestion="", line=error.line),
        )
    return source, check_manifest(text, source)


def _show_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("manifest", metavar="FILE", help=ANY_MANIFEST)
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=records.ShowArguments)


def _show(arguments: records.ShowArguments) -> int:
    from nimprofile.report.manifests import manifest_blocks, manifest_to_dict

    manifest = open_manifest(arguments.manifest)
    if arguments.format == "json":
        print_json(manifest_to_dict(manifest))
    else:
        show(manifest_blocks(manifest), arguments.color)
    return DONE


def _convert_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("manifest", metavar="FILE", help=ANY_MANIFEST)
    parser.add_argument(
        "--to",
        choices=("v1", "v2", "json"),
        required=True,
        help="the form to write: schema v1 or v2, or v2 as JSON; it has no default",
    )
    building.add_output(parser)
    parser.set_defaults(arguments=records.ConvertArguments)


def _convert(arguments: records.ConvertArguments) -> int:
    from nimprofile.authoring.writer import to_json, to_v1, to_yaml

    document = document_of(arguments.manifest)
    if arguments.to == "v1":
        document, notes = to_v1(document)
        tell(f"note: {note}" for note in notes)
    text = to_json(document) if arguments.to == "json" else to_yaml(document)
    write_text(text, arguments.output, force=arguments.force)
    return DONE


def _schema_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "of",
        nargs="?",
        metavar="NAME",
        choices=("manifest", "inventory"),
        default="manifest",
        help="manifest or inventory (default: manifest); `nimprofile schema` has more",
    )
    parser.set_defaults(arguments=SchemaArguments)


def _schema(arguments: SchemaArguments) -> int:
    from nimprofile.cli.reference.tables import run_schema

    return run_schema(arguments)


_ACTIONS: dict[str, Command] = {
    "list": (
        list_bundled,
        "print the manifests that come with this package",
        "nimprofile manifest list",
        list_options,
    ),
    "build": (
        building.build,
        "write the manifest of a model: the profiles that make sense, and what each requires",
        "nimprofile manifest build ./my-model -o my-model.yaml",
        building.build_options,
    ),
    "check": (
        _check,
        "say what is wrong with manifests, or likely to be; exit 3 when there are errors",
        "nimprofile manifest check model_manifest.yaml",
        _check_options,
    ),
    "show": (
        _show,
        "print a manifest's head and its profiles",
        "nimprofile manifest show llama-3.1-8b-instruct",
        _show_options,
    ),
    "convert": (
        _convert,
        "write a manifest in another form",
        "nimprofile manifest convert my-model.yaml --to v1",
        _convert_options,
    ),
    "schema": (
        _schema,
        "print the JSON Schema of a manifest, or of an inventory",
        "nimprofile manifest schema > manifest.schema.json",
        _schema_options,
    ),
    "diff": (
        changes.show_changes,
        "print what changed between two manifests, and what becomes of the selection",
        "nimprofile manifest diff old.yaml new.yaml --gpus 8xh100",
        changes.diff_options,
    ),
}


def manifest_options(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `nimprofile manifest`, each with its options."""
    actions = parser.add_subparsers(
        dest="action", required=True, metavar="ACTION", prog=parser.prog, title="actions"
    )
    for name, (run, help, example, options) in _ACTIONS.items():
        options(add_command(actions, name, run, help, example))
