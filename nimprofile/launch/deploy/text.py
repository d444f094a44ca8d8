"""How are documents written as YAML that every reader takes for what they are?"""

from __future__ import annotations

import re

import yaml

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    Document = dict[str, Any]

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*")
"""Texts that no version of YAML takes for anything else, once its words are left to PyYAML."""


_BOOLEANS = frozenset("yYnN")
"""What YAML 1.1 has for booleans beside the words that PyYAML knows."""


class _Dumper(yaml.SafeDumper):
    """Every text that could be anything else stands in quotes: YAML 1.1 and 1.2 differ in which."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - as PyYAML calls it
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style: str | None = '"'
    if "\n" in text:
        style = "|"  # PyYAML quotes what a block does not keep as it is
    elif _PLAIN.fullmatch(text) and text not in _BOOLEANS:
        style = None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def to_yaml(documents: Iterable[Document], comments: Sequence[str] = ()) -> str:
    """Documents with a line of dashes between them, after comments."""
    head = "".join(f"# {_printable(line)}\n" for line in comments)
    return head + yaml.dump_all(
        documents,
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
        width=1 << 20,
    )


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
