"""The command `verify`: what runs, held against a lock and conditions."""

from __future__ import annotations

import os

from nimprofile.base.errors import ManifestError, NimProfileError, NothingToldError
from nimprofile.base.printable import a_dozen, quoted
from nimprofile.cli.console import print_json, show, tell, watched
from nimprofile.cli.exit_codes import DONE, NOT_AS_REQUIRED
from nimprofile.cli.parsing.parser import UsageError
from nimprofile.cli.production.load import check_load, measured
from nimprofile.verify.expectation import (
    Expectation,
    expectation_of_conditions,
    expectation_of_lock,
)
from nimprofile.verify.following import STANDARD_INPUT, Deadline, log_parts
from nimprofile.verify.gathering import Gathering
from nimprofile.verify.implied import implied
from nimprofile.verify.judgement import verification_of
from nimprofile.verify.observation import Fact, Observation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from nimprofile.cli.production.load import Loads
    from nimprofile.cli.production.verify_options import VerifyArguments
    from nimprofile.lock.record import Lock
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.report.blocks import Block
    from nimprofile.selection.decision import Decision
    from nimprofile.verify.indirect import Neighbour
    from nimprofile.verify.judgement import Verification
    from nimprofile.verify.servers.told import Told


def run_verify(arguments: VerifyArguments) -> int:
    """Print what is proven, contradicted and not observable; exit by that."""
    from nimprofile.report.production.verification import verification_to_dict

    lock = _lock(arguments)
    expectation = _expectation(arguments, lock)
    manifest, neighbours, notes = _manifest(arguments, lock)
    seen, more, served = _seen(arguments, _gpu_names(arguments, lock))
    loads = _loads(arguments)
    if expectation.demands and not seen and not loads.judged:
        told = (f"note: {note}" for note in (*notes, *more))
        raise NothingToldError("nothing that was looked at tells what runs", *told)
    verification = verification_of(expectation, seen, implied(seen, manifest or served))
    if neighbours:
        from nimprofile.verify.indirect import borne_out

        verification = borne_out(verification, neighbours)
    verification = verification.replace(notes=(*notes, *more, *verification.notes))
    tell(a_dozen((f"note: {note}" for note in verification.notes), "verify --json"))
    if arguments.format == "json":
        report = verification_to_dict(
            verification, expectation, loads.judged, strict=arguments.strict
        )
        print_json(report, message=True)
    else:
        show(_blocks(verification, expectation, loads), arguments.color)
    if loads.signal is not None:
        return 128 + loads.signal  # as a shell reports it
    held = (verification, *loads.judged)
    return DONE if all(each.holds(strict=arguments.strict) for each in held) else NOT_AS_REQUIRED


def _blocks(verification: Verification, expectation: Expectation, loads: Loads) -> Iterator[Block]:
    """The report for people; where only results were read, nothing is said of a server."""
    from nimprofile.report.production.load import load_blocks
    from nimprofile.report.production.verification import verification_blocks

    if verification.judgements or verification.seen or not loads.judged:
        yield from verification_blocks(verification, expectation)
    for load in loads.judged:
        yield from load_blocks(load)


def _loads(arguments: VerifyArguments) -> Loads:
    """What was measured under load, by us or by another program."""
    from nimprofile.verify.servers.asking import KEY, key_in

    key = key_in(os.environ, arguments.api_key_variable or KEY) if arguments.smoke else None
    return measured(arguments, tuple(dict.fromkeys(arguments.urls or ())), key)


def _lock(arguments: VerifyArguments) -> Lock | None:
    """The lock that is named; UsageError where nothing is expected, or nothing is looked at."""
    check_load(arguments, arguments.urls or ())
    if not arguments.logs and not arguments.urls and not arguments.results:
        raise UsageError("verify needs what the server says: its log (--logs) or address (--url)")
    if (arguments.logs or ()).count(STANDARD_INPUT) + (arguments.manifest == "-") > 1:
        raise UsageError("only one of --manifest and --logs can be standard input")
    if arguments.lock is None:
        if not arguments.require and not arguments.smoke and not arguments.results:
            raise UsageError("verify needs what is expected: --lock FILE, or --require CONDITION")
        return None
    from nimprofile.lock.reader import load_lock

    return load_lock(arguments.lock)


def _gpu_names(arguments: VerifyArguments, lock: Lock | None) -> tuple[str, ...]:
    """The names of the GPUs that `--gpus` has, else of those of the lock."""
    if arguments.machine.gpus is not None:
        from nimprofile.cli.inputs import inventory_of

        names = (gpu.name for gpu in inventory_of(arguments.machine).gpus)
        return tuple(dict.fromkeys(name for name in names if name is not None))
    return () if lock is None else tuple(product.name for product in lock.machine.gpus)


def _expectation(arguments: VerifyArguments, lock: Lock | None) -> Expectation:
    """What the lock and the conditions demand together."""
    required = expectation_of_conditions(arguments.require or ())
    if lock is None:
        return required
    locked = expectation_of_lock(lock)
    return locked.replace(demands=(*locked.demands, *required.demands))


def _manifest(
    arguments: VerifyArguments, lock: Lock | None
) -> tuple[Manifest | None, tuple[Neighbour, ...], tuple[str, ...]]:
    """The manifest that is selected from, what its profiles would show, and notes.

    That of a lock may be elsewhere; then a note says what is not known for it.
    """
    from nimprofile.verify.indirect import neighbours_of

    if lock is None:
        if arguments.manifest is None:
            return None, (), ()
        manifest, decision = _judged(arguments)
        return manifest, () if decision is None else neighbours_of(decision), ()
    try:
        manifest, decision = _judged_again(lock, arguments)
    except NimProfileError as error:
        if arguments.manifest is not None:
            raise
        note = "what other profiles would show is not known, for the lock's words cannot be read"
        return None, (), (f"{note} again here: {' '.join(str(error).split())}",)
    notes: tuple[str, ...] = ()
    from nimprofile.lock.digests import manifest_digest

    if manifest_digest(manifest) != lock.manifest.sha256:
        notes = (f"{manifest.source} is not the manifest that the lock was made of",)
    return manifest, neighbours_of(decision), notes


def _judged(arguments: VerifyArguments) -> tuple[Manifest, Decision | None]:
    """The manifest that is named, and its profiles on the machine, if that is named too."""
    from nimprofile.cli.inputs import inventory_of, open_manifest, served
    from nimprofile.engines.serving import Serving
    from nimprofile.selection.decision import select
    from nimprofile.selection.request import Request

    manifest = open_manifest(arguments.manifest or "")
    machine = arguments.machine
    if machine.gpus is None and machine.inventory is None:
        return manifest, None
    request = Request(serving=served(Serving(), arguments.serving))
    return manifest, select(manifest, inventory_of(machine), request)


def _judged_again(lock: Lock, arguments: VerifyArguments) -> tuple[Manifest, Decision]:
    """The lock's words on the lock's machine, or on the one that is named."""
    from nimprofile.cli.arguments import divided, read_arguments
    from nimprofile.cli.inputs import judge
    from nimprofile.cli.main import build_parser

    locked, after = divided(lock.words)
    words = ["lock", *locked]
    if arguments.manifest is not None:
        words += ["--manifest", arguments.manifest]
    given = {"extra": after, "words": lock.words}
    again: Any = read_arguments(build_parser("lock"), words, given)[1]
    machine = arguments.machine
    if machine.gpus is None and machine.inventory is None:
        machine = machine.replace(gpus=_products(lock))
    manifest, decision = judge(machine, again.selection, again.server.extra)
    return manifest, decision


def _products(lock: Lock) -> tuple[str, ...]:
    """The locked machine as `--gpus` has it."""
    from nimprofile.hardware.catalog import product_by_id, product_spelled

    specs = []
    for locked in lock.machine.gpus:
        product = product_by_id(locked.pci_device) or product_spelled(locked.name)
        specs.append(f"{locked.count}x{locked.name if product is None else product.short}")
    return tuple(specs)


def _seen(
    arguments: VerifyArguments, gpus: Sequence[str]
) -> tuple[tuple[Observation, ...], tuple[str, ...], Manifest | None]:
    """What the logs and the servers told, notes on it, and the manifest that a NIM serves."""
    deadline = Deadline(arguments.wait)
    gathering, manifest = Gathering(), None
    notes: list[str] = []
    for name in dict.fromkeys(arguments.logs or ()):
        _read(name, deadline, gathering)
        if not gathering.has(_source_of(name)):
            notes.append(f"{quoted(name)}: no line of it is one that a server's start is known by")
    for url in dict.fromkeys(arguments.urls or ()):
        told = _asked(url, arguments, deadline)
        for observation in told.observations:
            gathering.add(observation)
        notes += told.notes
        if told.manifest is not None:
            manifest = _served(told.manifest, told.address, notes)
    seen = [*gathering.settled(gpus)]
    if arguments.wait is not None:
        seen += _not_ready(arguments, gathering)
    if gathering.left_out:
        notes.append(f"{gathering.left_out:,} lines more told something, which is too many")
    return tuple(seen), tuple(notes), manifest


def _served(text: str, address: str, notes: list[str]) -> Manifest | None:
    """The manifest that a NIM serves; None, and a note, where it cannot be read."""
    from nimprofile.manifest.reader import parse_manifest

    try:
        return parse_manifest(text, f"{address}/v1/manifest")
    except ManifestError as error:
        notes.append(f"the manifest that the server has cannot be read: {error}")
        return None


def _read(name: str, deadline: Deadline, gathering: Gathering) -> None:
    """Read a log; while there is time, until its server is ready or has failed."""
    from nimprofile.verify.logs.lines import lines_of
    from nimprofile.verify.logs.reader import observations

    if deadline.left and watched():
        tell([f"following {quoted(name)}, for {deadline.left:.0f} s at most …"])
    source = _source_of(name)
    for observation in observations(lines_of(log_parts(name, deadline)), source):
        gathering.add(observation)
        if deadline.seconds is not None and gathering.over(source):
            return


def _source_of(name: str) -> str:
    """What observations call a log."""
    return "<stdin>" if name == STANDARD_INPUT else name


def _not_ready(arguments: VerifyArguments, gathering: Gathering) -> Iterator[Observation]:
    """That time was up, of each log whose server did not come up by then."""
    for source in map(_source_of, arguments.logs or ()):
        if not gathering.over(source):
            text = "no line says that the server is ready"
            place = f"after {arguments.wait:g} s"
            yield Observation(Fact.READY, False, source, place=place, text=text)


def _asked(url: str, arguments: VerifyArguments, deadline: Deadline) -> Told:
    """What a server told; while there is time, asked again until it is ready."""
    from nimprofile.base.web.faults import WebError
    from nimprofile.verify.servers.asking import KEY, key_in, observations_of

    key = key_in(os.environ, arguments.api_key_variable or KEY)
    if deadline.left and watched():
        tell([f"asking {quoted(url)}, for {deadline.left:.0f} s at most …"])
    while True:
        try:
            told = observations_of(url, environ=os.environ, key=key)
        except WebError:
            if not deadline.pause():
                raise
            continue
        ready = any(each.fact is Fact.READY and each.value is True for each in told.observations)
        if ready or not deadline.pause():
            return told
