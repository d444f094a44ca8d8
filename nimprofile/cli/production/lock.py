"""The command `lock`: a decision put on record in a file."""

from __future__ import annotations

import os

from nimprofile.base.errors import LockError
from nimprofile.base.formats.text_files import descriptor_of
from nimprofile.cli.console import OverwriteError, print_json, show, tell, write_text
from nimprofile.cli.exit_codes import DONE
from nimprofile.cli.launch_commands import nothing, refuse_secrets, tell_of
from nimprofile.cli.launch_options import server_options
from nimprofile.cli.options import add_format
from nimprofile.cli.parsing.parser import UsageError
from nimprofile.cli.production.arguments import LockArguments
from nimprofile.cli.starting.judged import judged

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from nimprofile.cli.options import Group
    from nimprofile.cli.production.arguments import CheckArguments
    from nimprofile.cli.starting.judged import Judged
    from nimprofile.lock.record import Lock
    from nimprofile.selection.decision import Decision


def lock_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile lock`."""
    launchable_option(parser.add_argument_group("lock"))
    server_options(parser)
    output = add_format(parser, "text", "json")
    output.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write the lock to this new file (default: print it)",
    )
    output.add_argument(
        "--update",
        action="store_true",
        help="write the file anew where it is there already, and print what changes; without "
        "options of the selection and the server those of the lock count (default: an existing "
        "file is left as it is)",
    )
    output.add_argument(
        "--uuids",
        action="store_true",
        help="record the UUIDs of the GPUs too, so that other GPUs of the same product are a "
        "change (default: their products and counts)",
    )
    parser.set_defaults(arguments=LockArguments)


def launchable_option(group: Group) -> None:
    """Add the option that makes what would be started count."""
    group.add_argument(
        "--launchable",
        action="store_true",
        help="the choice is what `launch` would start from what is here, as it is where --server, "
        "--image or words after -- describe a server (default: what `select` says)",
    )


def run_lock(arguments: LockArguments) -> int:
    """Put the decision on record; exit by whether there is one."""
    from nimprofile.lock.edits import lock_edits
    from nimprofile.lock.making import lock_of
    from nimprofile.report.production.lock import lock_to_dict, update_blocks

    path = arguments.output
    to_file = path is not None and path != "-"
    if arguments.update and not to_file:
        raise UsageError("--update writes a lock anew: name its file with -o FILE")
    found = judged_here(arguments)
    decision, notes = chosen(found, arguments)
    if decision is not found.decision:
        notes = (*notes, *_started_instead(found))
    if decision.selected is None:
        return nothing(decision, arguments.format)
    _require_manifest(found)
    lock = lock_of(
        decision, found.manifest, found.setup, words=arguments.words, uuids=arguments.uuids
    )
    text = _text(lock, found)
    tell_of(decision, notes)
    before = _there(path, update=arguments.update) if path is not None and to_file else None
    edits = () if before is None else lock_edits(before, lock)
    same = before is not None and before.replace(written_by=lock.written_by) == lock
    if to_file and not same:
        write_text(text, path, force=arguments.update)
    if arguments.format == "json":
        print_json(
            lock_to_dict(lock, path if to_file else None, edits, written=to_file and not same)
        )
    elif not to_file:
        write_text(text, None)
    elif edits:
        show(update_blocks(edits), arguments.color)
    if to_file:
        done = "nothing changes, and it is left as it is" if same else "written"
        tell([f"nimprofile: {path}: {done}: {lock.choice.name}"])
    return DONE


def judged_here(arguments: LockArguments | CheckArguments, *, started: bool = True) -> Judged:
    """The decision of today; of this machine the engines that are installed count."""
    machine = arguments.machine
    described = machine.gpus is not None or machine.inventory is not None
    here = not described and arguments.server.image is None
    return judged(arguments, here=here, assumed=False, started=started)


def chosen(
    found: Judged, arguments: LockArguments | CheckArguments
) -> tuple[Decision, tuple[str, ...]]:
    """The decision that counts, and what to note of it.

    It is what `select` says, or what `launch` would start where that is asked for.
    """
    return startable(found) if starts(arguments) else (found.best, ())


def _started_instead(found: Judged) -> Iterator[str]:
    """What `launch` would start from what is here, where that is another profile."""
    decision = found.decision
    if decision.selected is not None and decision.passed_over:
        yield (
            f"from what is here {decision.selected.profile.title} would be started, which "
            f"--launchable locks: {decision.passed_over[0].problem}"
        )


def starts(arguments: LockArguments | CheckArguments) -> bool:
    """Whether what would be started counts: it is asked for, or a server is described."""
    server = arguments.server
    named = (server.kind, server.image, *server.extra)
    return arguments.launchable or any(word is not None for word in named)


def startable(found: Judged) -> tuple[Decision, tuple[str, ...]]:
    """The decision of what can be started from what is here, and what to note of it.

    Where that is nothing, as on a machine that has neither the weights nor the engines, it is the
    decision alone.
    """
    decision = found.decision
    if decision.selected is None and decision.passed_over and not decision.required_in_vain:
        problem = decision.passed_over[0].problem
        return found.best, (f"nothing can be started from what is here: {problem}",)
    return decision, ()


def _require_manifest(found: Judged) -> None:
    """Refuse a manifest that `check` could not read again."""
    path = found.best.request.manifest_path
    if path is not None and (path == "-" or descriptor_of(path) is not None):
        raise UsageError(
            "a lock is checked against its manifest again: name a file with --manifest"
        )


def _text(lock: Lock, found: Judged) -> str:
    """The text of a lock that has no secret, and that can be read again. Raises LockError."""
    from nimprofile.base.secrets.output import concealed
    from nimprofile.lock.reader import parse_lock
    from nimprofile.lock.text import lock_text

    refuse_secrets(found.setup, None)
    text = lock_text(lock)
    parse_lock(text, "the lock")
    starred = concealed(text)
    if starred != text:
        lines = zip(text.splitlines(), starred.splitlines(), strict=False)
        line = next((b for a, b in lines if a != b), "")
        raise UsageError(
            f"the lock would have a secret, which a file does not keep: {line.strip()}"
        )
    return text


def _there(path: str, *, update: bool) -> Lock | None:
    """The lock that is there; None without one. Raises OverwriteError, LockError."""
    from nimprofile.lock.reader import load_lock

    if not os.path.lexists(path):
        return None
    if not update:
        problem = "is there already; --update prints what changes, and writes it anew"
        raise OverwriteError(f"{path}: {problem}")
    if not os.path.isfile(path):
        raise LockError("only a regular file is written anew", source=path)
    return load_lock(path)
