"""The actions of `nimprofile manifest` that read or write a manifest of yours."""

from __future__ import annotations

from nimprofile.base.errors import ManifestError
from nimprofile.cli import argument_types as read
from nimprofile.cli.arguments import SchemaArguments
from nimprofile.cli.console import counted, print_json, show, tell, write_text
from nimprofile.cli.exit_codes import BAD_INPUT, DONE
from nimprofile.cli.inputs import document_of, open_manifest, wanted_of
from nimprofile.cli.manifests import arguments as records, changes
from nimprofile.cli.manifests.changes import ANY_MANIFEST
from nimprofile.cli.manifests.listing import list_bundled, list_options
from nimprofile.cli.options import add_command, add_format
from nimprofile.cli.parsing.parser import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from nimprofile.authoring.findings import Finding
    from nimprofile.authoring.writer import Document
    from nimprofile.cli.options import Command
    from nimprofile.model.checkpoint import Model


def _build_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "models",
        nargs="+",
        metavar="PATH_OR_CONFIG",
        help="a model's directory or config.json; several are checkpoints of one model",
    )
    add = parser.add_argument
    add(
        "--engine",
        action="append",
        type=read.engine,
        help="for this engine; repeatable",
    )
    add("--engine-version", type=read.version, metavar="VERSION", help="of the one engine: 0.19.0")
    add(
        "--precision",
        action="append",
        type=read.precision,
        help="only this one; repeatable (default: all that the checkpoint can be served in)",
    )
    add("--max-tp", type=read.count, default=8, metavar="N", help="GPUs of a node (default: 8)")
    add("--max-nodes", type=read.count, default=1, metavar="N", help="nodes (default: 1)")
    add("--lora", action="store_true", help="also profiles that serve LoRA adapters")
    add("--name", help="the model's (default: the directory's)")
    add("--profiles", metavar="FILE", help="a manifest whose profiles are taken as they are")
    add(
        "--path",
        dest="paths",
        action="append",
        metavar="PATH",
        help="where an engine finds the checkpoint; one for each (default: as it is given here)",
    )
    _output(parser)
    add_format(parser, "yaml", "json")
    parser.set_defaults(arguments=records.BuildArguments)


def _build(arguments: records.BuildArguments) -> int:
    from nimprofile.authoring.build import build_manifest
    from nimprofile.authoring.writer import to_json, to_yaml
    from nimprofile.manifest.reader import manifest_of
    from nimprofile.model.checkpoint import read_model

    wanted = wanted_of(arguments.engine, arguments.engine_version).replace(
        precisions=arguments.precision,
        max_tp=arguments.max_tp,
        max_nodes=arguments.max_nodes,
        lora=arguments.lora,
        name=arguments.name,
    )
    models = [read_model(path) for path in arguments.models]
    if (paths := arguments.paths) is not None:
        if len(paths) != len(models):
            raise UsageError(f"--path is one for each checkpoint: {len(models)}, not {len(paths)}")
        models = [model.replace(path=path) for model, path in zip(models, paths, strict=True)]
    base = None if arguments.profiles is None else _base(arguments.profiles, models[0])
    built = build_manifest(models, wanted, base)
    manifest = manifest_of(built.document, arguments.models[0])
    tell(f"note: {note}" for note in built.notes)
    write = to_json if arguments.format == "json" else to_yaml
    write_text(write(built.document), arguments.output, force=arguments.force)
    tell([f"nimprofile: {counted(len(manifest.profiles), 'profile')} of {manifest.model}"])
    return DONE


def _base(path: str, model: Model) -> Document:
    """The manifest to begin with; it must be one of the same model, as far as it says."""
    document = document_of(path)
    for block in (document, *(document.get("checkpoints") or ())):
        fields = block.get("model_shape")
        if isinstance(fields, dict) and "hidden_size" in fields:
            here, there = fields["hidden_size"], model.shape.hidden_size
            if there and here != there:
                problem = f"not of the same model as {model.path}: hidden_size {here}, not {there}"
                raise ManifestError(problem, source=path)
    return document


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
        "--to", choices=("v1", "v2", "json"), required=True, help="the form; json is v2 as JSON"
    )
    _output(parser)
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
    parser.add_argument("of", nargs="?", choices=("manifest", "inventory"), default="manifest")
    parser.set_defaults(arguments=SchemaArguments)


def _schema(arguments: SchemaArguments) -> int:
    from nimprofile.cli.reference.tables import run_schema

    return run_schema(arguments)


def _output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write to this new file (default: standard output)"
    )
    parser.add_argument(
        "--force", action="store_true", help="let --output overwrite a file that is there"
    )


_ACTIONS: dict[str, Command] = {
    "list": (
        list_bundled,
        "print the manifests that come with this package",
        "nimprofile manifest list",
        list_options,
    ),
    "build": (
        _build,
        "write the manifest of a model: the profiles that make sense, and what each requires",
        "nimprofile manifest build ./my-model -o my-model.yaml",
        _build_options,
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
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, (run, help, example, options) in _ACTIONS.items():
        options(add_command(actions, name, run, help, example))
