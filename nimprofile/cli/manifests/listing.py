"""`nimprofile manifest list`: the manifests that come with this package."""

from __future__ import annotations

from nimprofile.cli.console import print_json, show
from nimprofile.cli.exit_codes import DONE
from nimprofile.cli.manifests.arguments import BundledArguments
from nimprofile.cli.options import add_format

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable
    from typing import Any

    from nimprofile.manifest.manifest import Manifest


def list_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile manifest list`."""
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=BundledArguments)


def list_bundled(arguments: BundledArguments) -> int:
    """Print the name that --manifest takes for each bundled manifest, and what it holds."""
    from nimprofile.manifest.reader import bundled_manifests, load_manifest
    from nimprofile.report.blocks import Column, Table

    rows = [
        bundled_to_dict(name, load_manifest(path)) for name, path in bundled_manifests().items()
    ]
    if arguments.format == "json":
        print_json(rows)
        return DONE
    columns = (
        Column("name"),
        Column("model"),
        Column("engines", wraps=True),
        Column("precisions", wraps=True),
        Column("profiles", figures=True),
    )
    show([Table(columns, [_row(row) for row in rows], headed=True)], arguments.color)
    return DONE


def bundled_to_dict(name: str, manifest: Manifest) -> dict[str, Any]:
    """A bundled manifest as plain JSON values: its name, model and source, and what it offers."""
    return {
        "name": name,
        "model": manifest.model,
        "engines": _distinct(profile.engine for profile in manifest.profiles),
        "precisions": _distinct(profile.precision for profile in manifest.profiles),
        "profiles": len(manifest.profiles),
        "path": manifest.source,
    }


def _distinct(values: Iterable[object]) -> list[str]:
    return list(dict.fromkeys(str(value) for value in values if value is not None))


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    listed = (", ".join(row[key]) or "-" for key in ("engines", "precisions"))
    return (row["name"], row["model"] or "-", *listed, str(row["profiles"]))
