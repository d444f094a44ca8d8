"""How the time of some work grows with the size of what it is given, as a ratio of two sizes."""

import gc
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO

from nimprofile.cli.main import main
from tests.support.command_line import Terminal

Work = Callable[[], object]

TIMES = 8
"""How much larger the larger input is."""

MOST = 24
"""How much longer it may take.

Eight times for work in proportion to the size, about ten for sorting; 64 for work that looks at
every pair. What a busy machine adds is far below the difference.
"""

TRIES = 4


def grows_with_the_square(work_of: Callable[[int], Work], size: int) -> str:
    """How much longer the work on an input of eight times the size takes; "" when that is right.

    Time is that of the processor, the best of several. Each input is made before it is timed.

    Args:
        work_of: the work on an input of a size.
        size: the smaller size; large enough that the square of it is seen beside fixed costs.
    """
    small, large = work_of(size), work_of(size * TIMES)
    small()  # what is imported or compiled once
    gc.disable()  # or what other tests have left behind is looked at, at any time
    try:
        base = max(_pass_of_a_loop(), min(_taken(small) for _ in range(3)))
        for _ in range(TRIES):
            factor = _taken(large) / base
            if factor <= MOST:
                return ""
            if factor > TIMES**2:
                break
    finally:
        gc.enable()
    return f"{TIMES} times the size takes {factor:.0f} times as long"


def _taken(work: Work) -> float:
    start = time.process_time()
    work()
    return max(time.process_time() - start, 1e-9)


def _pass_of_a_loop() -> float:
    """A time that is too short to compare: about that of one line of output."""
    return min(_taken(lambda: sum(range(40_000))) for _ in range(3))


def command(*arguments: str, stream: type[StringIO] = StringIO) -> Work:
    """A command in this process, whatever it answers; what it prints is dropped."""

    def run() -> None:
        with redirect_stdout(stream()), redirect_stderr(stream()):
            main(list(arguments))

    return run


def on_a_terminal(*arguments: str) -> Work:
    """A command whose streams are a terminal."""
    return command(*arguments, stream=Terminal)
