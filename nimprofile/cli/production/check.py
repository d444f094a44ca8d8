"""The command `check`, and the comparison that `exec --lock` makes before a start."""

from __future__ import annotations

from nimprofile.base.errors import DriftError, PinError
from nimprofile.base.printable import quoted
from nimprofile.cli.console import print_json, show
from nimprofile.cli.exit_codes import DONE, NOT_AS_REQUIRED
from nimprofile.cli.launch_commands import tell_of
from nimprofile.cli.launch_options import server_options
from nimprofile.cli.options import add_format
from nimprofile.cli.parsing.parser import UsageError
from nimprofile.cli.production.arguments import CheckArguments
from nimprofile.cli.production.lock import (
    chosen,
    judged_here,
    launchable_option,
    startable,
    starts,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from logging import Logger
    from typing import NoReturn

    from nimprofile.cli.starting.judged import Judged
    from nimprofile.lock.drift import Drift
    from nimprofile.lock.record import Lock
    from nimprofile.selection.decision import Decision


def check_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile check`."""
    group = parser.add_argument_group("lock")
    group.add_argument(
        "--lock",
        required=True,
        metavar="FILE",
        help="the lock that `nimprofile lock` wrote; its words are read before these (no default)",
    )
    group.add_argument(
        "--strict",
        action="store_true",
        help="exit with 5 also where something has moved that does not change what is started "
        "(default: that is a note)",
    )
    launchable_option(group)
    server_options(parser)
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=CheckArguments, locked=None)


def run_check(arguments: CheckArguments) -> int:
    """Say whether the same would be started today; exit by that."""
    from nimprofile.report.production.lock import drift_blocks, drift_to_dict

    lock = arguments.locked
    if lock is None:
        raise UsageError("--lock names the file of a lock")
    found = _compared(arguments, lock)
    if arguments.format == "json":
        print_json(drift_to_dict(found, arguments.lock))
    else:
        show(drift_blocks(found, arguments.lock), arguments.color)
    as_locked = found.unchanged if arguments.strict else not found.drifted
    return DONE if as_locked else NOT_AS_REQUIRED


def _compared(arguments: CheckArguments, lock: Lock) -> Drift:
    try:
        today = judged_here(arguments, started=starts(arguments))
    except PinError as error:
        return lost_pin(lock, error)
    decision, notes = chosen(today, arguments)
    tell_of(decision, notes)
    return _drift(lock, decision, today)


def _drift(lock: Lock, decision: Decision, today: Judged) -> Drift:
    """What has moved since the lock, what follows `--` included."""
    from nimprofile.lock.drift import drift
    from nimprofile.lock.edits import argument_edits

    found = drift(lock, decision, today.manifest, today.setup)
    return found.replace(causes=(*found.causes, *argument_edits(lock.words, today.setup.extra)))


def lost_pin(lock: Lock, error: PinError) -> Drift:
    """The drift of a lock whose pin is in the manifest no more; another pin is raised as it is."""
    from nimprofile.lock.drift import gone

    pin = lock.wishes.get("pin")
    if pin is None or quoted(pin) not in str(error):
        raise error
    # What follows the semicolon announces a list of other profiles, which a drift does not have.
    return gone(lock, f"is gone: {error.args[0].partition(';')[0].rstrip(':')}")


def refuse_lost_pin(lock: Lock, error: PinError, path: str) -> NoReturn:
    """Raise DriftError for a lock whose pin is in the manifest no more; another error as it is."""
    _refuse(lost_pin(lock, error), path)


def require_as_locked(lock: Lock, today: Judged, path: str, log: Logger) -> None:
    """Compare before a start: log what has moved.

    Raises DriftError where something else would be started.
    """
    from logging import INFO, WARNING

    from nimprofile.report.production.lock import drift_lines

    found = _drift(lock, startable(today)[0], today)
    if found.drifted:
        _refuse(found, path)
    for line in drift_lines(found, path):
        log.log(INFO if found.unchanged else WARNING, line)


def _refuse(found: Drift, path: str) -> NoReturn:
    from nimprofile.report.production.lock import drift_lines

    first, *others = drift_lines(found, path)
    raise DriftError(f"nothing is started: {first}", *others)
