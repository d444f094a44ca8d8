"""The types of options: how a value is read, and the message for one that cannot be."""

from __future__ import annotations

import argparse

from nimprofile.base.errors import RequestError
from nimprofile.base.printable import quoted
from nimprofile.base.units import parse_tokens

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.base.enums import Engine, Precision, Server
    from nimprofile.manifest.profile_conditions import Condition


def policy(text: str) -> str:
    """The name of a policy, or `auto`."""
    from nimprofile.selection.policies import AUTO, find_policy

    try:
        return text if text == AUTO else find_policy(text).name
    except RequestError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def count(text: str) -> int:
    """A number of GPUs."""
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and int(text)):
        raise argparse.ArgumentTypeError(f"{quoted(text)} is no number of GPUs")
    return int(text)


def number(text: str) -> int:
    """A number of requests, of replicas or the like."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text)):
        raise argparse.ArgumentTypeError(
            f"{quoted(text)} is no number above 0 and below 1,000,000,000"
        )
    return int(text)


def tokens(text: str) -> int:
    """A number of tokens, `8k` and `8K` too."""
    try:
        return parse_tokens(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def context(text: str) -> int | str:
    """A number of tokens, or `auto` in any case."""
    if text.lower() == "auto":
        return "auto"
    try:
        return tokens(text)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{error}; auto is the longest that fits") from None


def port(text: str) -> int:
    """A port to listen on."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise argparse.ArgumentTypeError(f"{quoted(text)} is no port from 1 to 65535")
    return int(text)


def fraction(text: str) -> float:
    """A fraction of a GPU."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is no fraction above 0 and up to 1")
    return value


def version(text: str) -> str:
    """A version, as `packaging` reads it."""
    from packaging.version import InvalidVersion, Version

    try:
        Version(text)
    except InvalidVersion:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is no version such as 0.19.0") from None
    return text


def precision(text: str) -> Precision:
    """A precision."""
    from nimprofile.base.enums import Precision

    try:
        return Precision(text.lower())
    except ValueError:
        known = ", ".join(Precision)
        raise argparse.ArgumentTypeError(
            f"{quoted(text)} is not a precision; known: {known}"
        ) from None


def seconds(text: str) -> float:
    """A number of seconds."""
    from nimprofile.hardware.discovery import MAX_NVML_TIMEOUT

    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MAX_NVML_TIMEOUT:
        raise argparse.ArgumentTypeError(
            f"{quoted(text)} is no number of seconds up to {MAX_NVML_TIMEOUT}"
        )
    return value


def user(text: str) -> tuple[int, int | None]:
    """The numbers of a user and perhaps of a group, `1000` or `1000:1000`, as `docker run -u`."""
    numbers = text.split(":")
    if len(numbers) > 2 or not all(
        number.isascii() and number.isdigit() and len(number) <= 10 and int(number) < 1 << 32
        for number in numbers
    ):
        raise argparse.ArgumentTypeError(
            f"{quoted(text)} is no user by number, as 1000, or with a group, as 1000:1000"
        )
    return int(numbers[0]), int(numbers[1]) if len(numbers) == 2 else None


def chain(text: str) -> str:
    """A chain of criteria that a policy can take."""
    from nimprofile.selection.policies import DEFAULT, find_policy
    from nimprofile.selection.ranking.preference import prefer

    try:
        prefer(text, find_policy(DEFAULT))
    except RequestError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("--prefer: ")) from None
    return text


def tags(text: str) -> tuple[tuple[str, str], ...]:
    """Conditions on tags."""
    from nimprofile.manifest.profile_conditions import parse_tags

    try:
        return parse_tags(text, "")
    except RequestError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def conditions(text: str) -> tuple[Condition, ...]:
    """Conditions on what runs."""
    from nimprofile.manifest.profile_conditions import parse_conditions

    try:
        return parse_conditions(text)
    except RequestError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def server(text: str) -> Server:
    """A server's name, an engine's in any spelling."""
    from nimprofile.base.enums import Server

    server = Server.known(text)
    if server is None:
        known = ", ".join(Server)
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not a server; known: {known}")
    return server


def engine(text: str) -> Engine:
    """An engine's name in any spelling."""
    from nimprofile.base.enums import parse_engine

    try:
        return parse_engine(text, "")
    except RequestError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
