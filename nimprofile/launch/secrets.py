"""Keys, tokens and passwords among the arguments of a server."""

from __future__ import annotations

import re
from shlex import join, split

from nimprofile.base.environment import PASSTHROUGH
from nimprofile.engines.arguments import is_flag

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SECRET = re.compile(
    r"--?([\w.-]*[._-])?(api[._-]?key|(hf|auth|access|ngc)[._-]token|token|password|passwd|secret)"
    r"|--[\w-]*restricted-(api|protocol)",
    re.IGNORECASE,
)

_SECRETS = ("--api-key", "--admin-api-key", "--hf-token")
"""Flags of which the engines' parsers accept a beginning, such as `--api-k`."""

_INSIDE = re.compile(
    r"((api|admin|access)[-_]?key|(hf|auth)[-_]?token|password|passwd|secret)[\"']?\s*[=:]",
    re.IGNORECASE,
)
"""A key or a password inside a longer value, such as JSON."""


_WORDS = f"{PASSTHROUGH}="
"""The variable of arguments, as `docker run -e` has it; its value is a line of shell words."""


def secret_flags(arguments: Iterable[str]) -> list[str]:
    """The flags whose value is a key, a token or a password; never the value."""
    flags, last = [], "an argument"
    for argument in arguments:
        flag, _, value = argument.partition("=")
        if is_flag(argument):
            last = flag
        if _is_secret(flag) or _INSIDE.search(value if is_flag(argument) else argument):
            flags.append(last)
    return flags


def _is_secret(flag: str) -> bool:
    if _SECRET.fullmatch(flag) is not None:
        return True
    return len(flag) > 4 and any(name.startswith(flag) for name in _SECRETS)


def secret_variables(variables: Iterable[tuple[str, str]]) -> list[str]:
    """The variables whose value has a password in an address; never the value."""
    return [name for name, value in variables if _IN_ADDRESS.search(value)]


_IN_ADDRESS = re.compile(r"://[^/@\s]*:[^/@\s]*@")


def redacted(arguments: Sequence[str]) -> list[str]:
    """The same arguments with stars for whatever may be a secret."""
    shown: list[str] = []
    hide = False
    for argument in arguments:
        if argument.startswith(_WORDS):
            shown.append(_WORDS + join(redacted(split(argument.removeprefix(_WORDS)))))
            continue
        if argument.startswith("NIM_") and _IN_ADDRESS.search(argument):
            shown.append(f"{argument.partition('=')[0]}=***")
            continue
        flag, equals, value = argument.partition("=")
        if not is_flag(argument):
            shown.append("***" if hide or _INSIDE.search(argument) else argument)
            continue
        secret = _is_secret(flag)
        hide = secret and not equals
        shown.append(f"{flag}=***" if equals and (secret or _INSIDE.search(value)) else argument)
    return shown
