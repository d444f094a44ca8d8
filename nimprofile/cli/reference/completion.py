"""`nimprofile completion`, and what a shell is answered when it asks for completions.

argcomplete asks the parser itself for commands, options and choices; here are the values that it
cannot know: those that a manifest, the catalogue or the tables of the package have.
"""

from __future__ import annotations

import re

from nimprofile.cli.arguments import CompletionArguments
from nimprofile.cli.console import put
from nimprofile.cli.exit_codes import DONE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable
    from typing import Any, TypeAlias

    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile import Profile

    Completer: TypeAlias = Callable[..., Iterable[str]]

SHELLS = ("bash", "zsh", "fish", "tcsh")

MOST_BYTES = 4 << 20
"""A manifest above this takes longer to read than a person waits for a completion."""


def completion_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile completion`."""
    parser.add_argument(
        "shell", metavar="SHELL", choices=SHELLS, help=f"one of {', '.join(SHELLS)}"
    )
    parser.set_defaults(arguments=CompletionArguments)


def run_completion(arguments: CompletionArguments) -> int:
    """Print the script that a shell reads."""
    from argcomplete.shell_integration import shellcode

    if arguments.shell == "tcsh":  # argcomplete's own asks for a program that it does not install
        put(TCSH)
    else:
        put(shellcode(["nimprofile"], shell=arguments.shell))
    return DONE


TCSH = "complete nimprofile 'p@*@`env _ARGCOMPLETE=1 _ARGCOMPLETE_SHELL=tcsh nimprofile`@'"
"""tcsh gives the line in the variable COMMAND_LINE, and takes words from standard output."""


def complete() -> None:
    """Answer the shell that asks by the variables of argcomplete, and leave."""
    import os
    import sys

    import argcomplete

    from nimprofile.cli.main import build_parser

    parser, answer = build_parser(), None
    _teach(parser)
    if (line := os.environ.get("COMMAND_LINE")) and os.environ.get("_ARGCOMPLETE_SHELL") == "tcsh":
        answer = sys.stdout
        asked = {"COMP_LINE": line, "COMP_POINT": str(len(line.encode())), "_ARGCOMPLETE_IFS": "\n"}
        os.environ.update(asked)
    argcomplete.autocomplete(parser, always_complete_options=False, output_stream=answer)


def _teach(parser: argparse.ArgumentParser) -> None:
    """Tell argcomplete what completes the values of each argument."""
    for action in parser._actions:  # noqa: SLF001 - there is no other way to all of them
        completer = VALUES.get(action.dest)
        if completer is not None and action.choices is None and action.nargs != 0:
            action.completer = completer  # type: ignore[attr-defined]
        if action.dest in {"command", "action"}:
            for inner in dict(action.choices or {}).values():
                _teach(inner)


def _manifests(prefix: str, **_: Any) -> list[str]:
    """Bundled names, and files."""
    from argcomplete.completers import FilesCompleter

    from nimprofile.manifest.reader import bundled_manifests

    return [*bundled_manifests(), *FilesCompleter()(prefix)]


def _boards(prefix: str, **_: Any) -> list[str]:
    """Boards of the catalogue, behind the number that is there and the machines before a comma."""
    from nimprofile.hardware.catalog import products

    before, comma, last = prefix.rpartition(",")
    number = re.match(r"\d+x?", last)
    count = "" if number is None else f"{number[0].rstrip('x')}x"
    return [f"{before}{comma}{count}{product.short}" for product in products()]


def _policies(**_: Any) -> list[str]:
    from nimprofile.selection.policies import policy_names

    return [*policy_names()]


def _engines(**_: Any) -> list[str]:
    from nimprofile.base.enums import Engine

    return [*Engine]


def _precisions(**_: Any) -> list[str]:
    from nimprofile.base.enums import Precision

    return [*Precision]


def _servers(**_: Any) -> list[str]:
    from nimprofile.base.enums import Server

    return [*Server]


def _profiles(prefix: str, parsed_args: Any, **_: Any) -> list[str]:
    """Names of the manifest's profiles, or their ids where one has begun."""
    profiles = _profiles_of(parsed_args)
    names = [profile.name for profile in profiles if profile.name.startswith(prefix)]
    return names or [profile.id for profile in profiles]


def _criteria(prefix: str, **_: Any) -> list[str]:
    """The criteria of every policy, behind those before a comma."""
    from nimprofile.selection.policies import POLICIES

    policies = POLICIES.values()
    known = dict.fromkeys(criterion.name for policy in policies for criterion in policy.criteria)
    return _behind_a_comma(prefix, known)


def _tags(prefix: str, parsed_args: Any, **_: Any) -> list[str]:
    """Tags of the manifest's profiles with their values, behind those before a comma."""
    profiles = _profiles_of(parsed_args)
    pairs = dict.fromkeys(
        f"{tag}={value}" for profile in profiles for tag, value in profile.tags.items()
    )
    return _behind_a_comma(prefix, pairs)


def _requirements(prefix: str, parsed_args: Any, **_: Any) -> list[str]:
    """What `--require` takes: keys that every manifest has, and the values of this one's tags."""
    from nimprofile.manifest.profile_conditions import our_tag

    profiles = _profiles_of(parsed_args)
    pairs = dict.fromkeys(
        pair
        for profile in profiles
        for tag, value in profile.tags.items()
        for pair in (f"{tag}={value}", f"{our_tag(tag)}={value}")
    )
    pairs |= dict.fromkeys(f"name={profile.name}" for profile in profiles)
    known = {pair.partition("=")[0] for pair in pairs}
    keys = [f"{key}=" for key in REQUIRED_KEYS if key not in known]
    return _behind_a_comma(prefix, (*pairs, *keys))


REQUIRED_KEYS = (
    *("precision", "tp", "pp", "engine", "objective", "lora"),
    *("max_model_len", "name", "id"),
)
"""What `--require` reads of any profile, whatever its tags are; docs/selection.md lists them."""


def _contexts(**_: Any) -> list[str]:
    """The only length that is a word."""
    return ["auto"]


def _behind_a_comma(prefix: str, values: Iterable[str]) -> list[str]:
    """The values, each behind what stands before the last comma of the word so far."""
    before, comma, _last = prefix.rpartition(",")
    return [f"{before}{comma}{value}" for value in values]


def _profiles_of(arguments: Any) -> tuple[Profile, ...]:
    manifest = _manifest_of(arguments)
    return () if manifest is None else manifest.profiles


def _manifest_of(arguments: Any) -> Manifest | None:
    """The manifest that the words so far, the environment or the image name, if it can be read."""
    import os

    from nimprofile.base.errors import NimProfileError
    from nimprofile.cli.inputs import CONTAINER_MANIFESTS
    from nimprofile.manifest.reader import load_manifest, load_text

    named = [getattr(arguments, name, None) for name in ("manifest", "model")]
    named += [os.environ.get("NIM_MANIFEST_PATH"), *CONTAINER_MANIFESTS]
    for path in named:
        if path and path != "-":
            try:
                if not os.path.isdir(path) and len(load_text(path)[1]) <= MOST_BYTES:
                    return load_manifest(path)
            except NimProfileError:
                continue
    return None


def _advisories(**_: Any) -> list[str]:
    from nimprofile.selection.advisories.advisory import known_advisories

    return [known.id for known in known_advisories()]


VALUES: dict[str, Completer] = {
    "manifest": _manifests,
    "manifests": _manifests,
    "old": _manifests,
    "new": _manifests,
    "model": _manifests,
    "gpus": _boards,
    "policy": _policies,
    "engine": _engines,
    "precision": _precisions,
    "kind": _servers,
    "prefer": _criteria,
    "profile": _profiles,
    "subject": _profiles,
    "tags": _tags,
    "require": _requirements,
    "max_model_len": _contexts,
    "advisory": _advisories,
}
"""Where an argument's value is put -> what completes it; the others are files, or numbers."""
