"""The program: `python -m nimprofile`, and the script `nimprofile`."""

from __future__ import annotations

import gc
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def entry() -> NoReturn:
    """Run the command line of this process and leave with its exit code.

    A command lives for some 50 ms, a fifth of which the interpreter would spend looking for garbage
    and taking itself apart. So the collector rests, and once everything is written the process
    ends at once; not where a debugger or a profiler watches, which has its own work to do at the end.
    """
    gc.disable()
    from nimprofile.cli.main import main

    code = main()
    if sys.gettrace() is not None or sys.getprofile() is not None:
        sys.exit(code)
    import atexit
    import os

    from nimprofile.cli.console import flush_what_can_be

    atexit._run_exitfuncs()  # noqa: SLF001 - as multiprocessing does before it leaves like this
    flush_what_can_be()
    os._exit(code)  # noqa: SLF001 - the way to leave without the teardown


if __name__ == "__main__":
    entry()
