"""Random machines whose driver fails, hangs or crashes at random, read twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

from nimprofile.testing import FakeNvml, Fault, hanging, lost
from nimprofile.testing.fake_functions import SYMBOLS, about_a_gpu
from tests.tools.attack.shots import Ending, Shot, bare_environment, fire, problems, with_driver

BOARDS = ("h100", "a100", "l40s", "t4", "b200", "rtx4090")
CODES = (1, 2, 3, 4, 6, 9, 10, 13, 15, 16, 18, 25, 28, 999, 12345)
TIMEOUT = 2.0
"""Seconds that the commands give to the driver."""

GRACE = 4.0
"""Seconds more that they may take: to start, to end what hangs, and on a busy machine."""


def faulty(random: Random, folder: Path) -> tuple[Shot, list[str]]:
    """A machine read by `gpus`, and by `select` twice, and what is wrong with what they say."""
    count = random.choice((1, 2, 4, 8))
    faults = [_fault(random, count) for _ in range(random.choice((1, 1, 2, 3)))]
    fake = FakeNvml(f"{count}x{random.choice(BOARDS)}", *faults)
    environ = with_driver(bare_environment(folder), fake)
    wait = ["--nvml-timeout", str(TIMEOUT), "--json"]
    manifest = ["--manifest", random.choice(("llama-3.1-8b-instruct", "llama-3.1-70b-instruct"))]
    read, select = (
        Shot(argv, folder, environ) for argv in (["gpus", *wait], ["select", *manifest, *wait])
    )
    seen, once, again = fire(read), fire(select), fire(select)
    wrong = [*_wrong_reading(read, seen, count, faults)]
    wrong += [problem for ending in (once, again) for problem in problems(select, ending)]
    if _always_the_same(faults) and _selected(once) != _selected(again):
        wrong.append(f"the same selection twice differs: {_selected(once)}, {_selected(again)}")
    return read, [f"{count} GPUs with {faults}: {problem}" for problem in wrong]


def _fault(random: Random, count: int) -> Fault:
    kind = random.random()
    gpu = random.randrange(count)
    if kind < 0.1:
        return lost(gpu, after=random.choice((0, 1, 5)))
    if kind < 0.2:
        return hanging(gpu, after=random.choice((0, 1, 5)))
    if kind < 0.25:
        return Fault("dlopen", "missing")
    call = random.choice(["*", *SYMBOLS])
    outcome = random.choice((*CODES[:4], *CODES, "crash", "crash", "hang", "slow", "missing"))
    if outcome == "missing":
        return Fault(call, outcome)
    about = call == "*" or about_a_gpu(call)
    return Fault(
        call,
        outcome,
        random.choice((None, gpu)) if about else None,
        after=random.choice((0, 0, 1, 5)),
        times=random.choice((None, None, 1)),
        delay=random.random() / 4,
    )


def _wrong_reading(shot: Shot, ending: Ending, count: int, faults: list[Fault]) -> Iterator[str]:
    yield from problems(shot, ending, {0, 4})
    if ending.seconds > TIMEOUT + GRACE:
        yield f"{ending.seconds:.1f} s with a limit of {TIMEOUT} s"
    if ending.code != 0:
        return
    gpus = json.loads(ending.out)["gpus"]
    if [gpu["index"] for gpu in gpus] != [*range(count)]:
        yield f"GPUs {[gpu['index'] for gpu in gpus]} were read"
    stopped = [fault for fault in faults if fault.outcome in {"crash", "hang"}]
    if len(stopped) == len(faults) and all(fault.gpu is not None for fault in stopped):
        well = {*range(count)} - {fault.gpu for fault in stopped}
        usable = {gpu["index"] for gpu in gpus if not gpu.get("unavailable")}
        if not well <= usable:
            yield f"GPUs {sorted(well - usable)} are well and were not read"


def _always_the_same(faults: list[Fault]) -> bool:
    """Whether no fault depends on how the calls about several GPUs are ordered, or on the clock."""
    return all(fault.gpu is not None and fault.outcome != "slow" for fault in faults)


def _selected(ending: Ending) -> object:
    try:
        chosen = json.loads(ending.out)["selected"]
    except (ValueError, KeyError):
        return ending.code
    return ending.code, chosen and (chosen["id"], chosen["gpus"])
