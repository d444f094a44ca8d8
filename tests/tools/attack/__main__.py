"""Attack the program at random: `python -m tests.tools.attack`, or `make attack`.

Four parts: command lines with random options and variables, damaged files, signals at random
moments, and machines whose driver fails. Each trial is made of its number alone, so that
`python -m tests.tools.attack lines --seed 7 --first 123 --count 1` repeats one. What is wrong is
printed with how to repeat it, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.tools.attack.command_lines import command_lines
from tests.tools.attack.faulty_machines import faulty
from tests.tools.attack.hostile_files import hostile_files
from tests.tools.attack.shots import Shot, fire, problems
from tests.tools.attack.signals import signalled


class Outcome(NamedTuple):
    """What one trial came to."""

    number: int
    runs: Counter[str]
    wrong: list[str]


def _shots(make: Callable[[Random, Path], Iterator[Shot]]) -> Trial:
    def trial(random: Random, folder: Path) -> tuple[Counter[str], list[str]]:
        runs, wrong = Counter[str](), []
        for shot in make(random, folder):
            ending = fire(shot)
            runs[str(ending.code)] += 1
            wrong += [f"{shot}\n    {problem}" for problem in problems(shot, ending)]
        return runs, wrong

    return trial


def _judged(attack: Callable[[Random, Path], tuple[Shot, list[str]]]) -> Trial:
    def trial(random: Random, folder: Path) -> tuple[Counter[str], list[str]]:
        shot, wrong = attack(random, folder)
        runs = Counter({"wrong" if wrong else "as promised": 1})
        return runs, [f"{shot.argv}\n    {problem}" for problem in wrong]

    return trial


Trial = Callable[[Random, Path], tuple[Counter[str], list[str]]]
PARTS: dict[str, tuple[Trial, int]] = {
    "lines": (_shots(command_lines), 5_000),
    "files": (_shots(hostile_files), 1_000),
    "signals": (_judged(signalled), 200),
    "machines": (_judged(faulty), 300),
}
"""Each part, and its trials in `make attack`."""


def attempt(part: str, seed: int, number: int) -> Outcome:
    """One trial, in a folder of its own that is removed afterwards."""
    trial, _ = PARTS[part]
    folder = Path(tempfile.mkdtemp(prefix="attack-"))
    try:
        runs, wrong = trial(Random(f"{part} {seed} {number}"), folder)
    finally:
        shutil.rmtree(folder)
    return Outcome(number, runs, wrong)


def attack(part: str, seed: int, numbers: range, processes: int) -> Iterator[Outcome]:
    """Every trial of a part, some of them side by side."""
    with ProcessPoolExecutor(processes) as pool:
        tasks = (pool.submit(attempt, part, seed, number) for number in numbers)
        for task in [*tasks]:
            yield task.result()


def main() -> int:
    """Attack as the command line says, and print what came of it."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.attack", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all of them by default")
    parser.add_argument("--seed", type=int, default=None, help="of all trials; the time by default")
    parser.add_argument("--first", type=int, default=0, help="number of the first trial")
    parser.add_argument("--count", type=int, default=None, help="trials of each part")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    asked = parser.parse_args()
    seed = int(time.time()) if asked.seed is None else asked.seed
    wrong = 0
    for part in asked.parts or PARTS:
        count = PARTS[part][1] if asked.count is None else asked.count
        begun = time.monotonic()
        runs = Counter[str]()
        for outcome in attack(part, seed, range(asked.first, asked.first + count), asked.processes):
            runs += outcome.runs
            wrong += len(outcome.wrong)
            for problem in outcome.wrong:
                print(f"{part} --seed {seed} --first {outcome.number} --count 1: {problem}")
        endings = ", ".join(f"{code}: {times}" for code, times in sorted(runs.items()))
        seconds = time.monotonic() - begun
        print(f"{part}: {count:,} trials, {runs.total():,} runs in {seconds:.0f} s; {endings}")
        sys.stdout.flush()
    print(f"seed {seed}: {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
