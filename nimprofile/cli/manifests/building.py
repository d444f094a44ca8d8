"""`nimprofile manifest build`: the manifest of a model."""

from __future__ import annotations

from nimprofile.base.errors import ManifestError
from nimprofile.cli import argument_types as read
from nimprofile.cli.console import counted, tell, write_text
from nimprofile.cli.exit_codes import DONE
from nimprofile.cli.inputs import document_of, wanted_of
from nimprofile.cli.manifests.arguments import BuildArguments
from nimprofile.cli.options import add_format
from nimprofile.cli.parsing.parser import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from nimprofile.authoring.writer import Document
    from nimprofile.model.checkpoint import Model


def build_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile manifest build`."""
    parser.add_argument(
        "models",
        nargs="+",
        metavar="PATH_OR_CONFIG",
        help="a model's directory or config.json; several are checkpoints of one model",
    )
    add = parser.add_argument_group("profiles").add_argument
    add(
        "--engine",
        action="append",
        type=read.engine,
        metavar="ENGINE",
        help="profiles for this engine; repeatable (default: every engine that serves the model)",
    )
    add(
        "--engine-version",
        type=read.version,
        metavar="VERSION",
        help="profiles for this version of the one engine that --engine names, such as 0.19.0 "
        "(default: the newest that is known)",
    )
    add(
        "--precision",
        action="append",
        type=read.precision,
        metavar="PRECISION",
        help="profiles of this precision, such as fp8; repeatable (default: every precision that "
        "the checkpoint can be served in)",
    )
    add(
        "--max-tp",
        type=read.count,
        default=8,
        metavar="N",
        help="profiles of at most N GPUs of a node (default: %(default)s)",
    )
    add(
        "--max-nodes",
        type=read.count,
        default=1,
        metavar="N",
        help="profiles of at most N nodes (default: %(default)s)",
    )
    add(
        "--lora",
        action="store_true",
        help="profiles that serve LoRA adapters too (default: none of those)",
    )
    add(
        "--profiles",
        metavar="FILE",
        help="take over the profiles of this manifest as they are (default: none)",
    )
    add = parser.add_argument_group("model").add_argument
    add("--name", metavar="NAME", help="what to call the model (default: after its directory)")
    add(
        "--path",
        dest="paths",
        action="append",
        metavar="PATH",
        help="where an engine will find the checkpoint; given once for each (default: where it is "
        "here)",
    )
    add_output(parser, "yaml", "json")
    parser.set_defaults(arguments=BuildArguments)


def build(arguments: BuildArguments) -> int:
    """Write the manifest of a model."""
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


def add_output(parser: argparse.ArgumentParser, *formats: str) -> None:
    """Add the options of a file that is written, with its formats if there are several."""
    group = add_format(parser, *formats) if formats else parser.add_argument_group("output")
    group.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write it to this new file (default: standard output)",
    )
    group.add_argument(
        "--force",
        action="store_true",
        help="--output may overwrite a file that is there (default: it may not)",
    )
