"""Writers of YAML: manifests for people to edit, and documents that all readers read alike."""

from __future__ import annotations

import re

import yaml

from nimprofile.base.printable import printable, printable_yaml

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    Document = dict[str, Any]

SHORT_ITEM = 40
"""A list whose items all have fewer characters is written in one line."""


class FlowMapping(dict[str, object]):
    """A mapping that is written in one line."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - as PyYAML calls it
        """Write everything out: our reader wants no aliases."""
        return True


class _ManifestDumper(_Dumper):
    """Printable texts as PyYAML writes them, short lists and `FlowMapping`s in one line."""


def _flow_mapping(dumper: yaml.SafeDumper, mapping: FlowMapping) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", mapping, flow_style=True)


def _short_list(dumper: yaml.SafeDumper, values: list[object]) -> yaml.Node:
    short = all(
        not isinstance(value, dict | list) and len(str(value)) < SHORT_ITEM for value in values
    )
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=short)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = None if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_ManifestDumper.add_representer(str, _text)
_ManifestDumper.add_representer(FlowMapping, _flow_mapping)
_ManifestDumper.add_representer(list, _short_list)


class _QuotingDumper(_Dumper):
    """Texts that YAML 1.1 or 1.2 could take for another type in quotes."""


_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
"""Texts that no version of YAML takes for another type; PyYAML knows the words such as `no`."""

_BOOLEANS = frozenset("yYnN")
"""Booleans of YAML 1.1 that PyYAML does not know."""


def _quoted_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style: str | None = '"'
    if "\n" in text and text.replace("\n", "").isprintable():
        style = "|"  # PyYAML quotes what a block does not keep as it is
    elif _PLAIN.fullmatch(text) and text not in _BOOLEANS:
        style = None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_QuotingDumper.add_representer(str, _quoted_text)


def manifest_yaml(document: object) -> str:
    """A manifest as YAML."""
    return _dumped([document], _ManifestDumper)


def deployment_yaml(documents: Iterable[Document], comments: Sequence[str] = ()) -> str:
    """Documents with a line of dashes between them, after comments."""
    head = "".join(f"# {printable(line)}\n" for line in comments)
    return head + _dumped(documents, _QuotingDumper)


def _dumped(documents: Iterable[object], dumper: type[_Dumper]) -> str:
    text = yaml.dump_all(
        documents, Dumper=dumper, sort_keys=False, allow_unicode=True, width=1 << 20
    )
    return printable_yaml(text)  # the texts that it changes are in double quotes
