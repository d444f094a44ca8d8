"""What a command line writes, run in this process with variables of its own."""

import contextlib
import io
import os
from unittest import mock

from nimprofile.cli.main import main
from nimprofile.cli.parsing.parser import HelpPrinted


def written(argv, **variables):
    """The exit code of a command line, all that it wrote, and what it became."""
    streams = io.StringIO()
    became = mock.Mock(side_effect=HelpPrinted)  # which ends a command line with 0
    clean = {name: value for name, value in os.environ.items() if not name.startswith("NIM_")}
    with (
        mock.patch.dict(os.environ, clean | variables, clear=True),
        mock.patch("os.execvpe", became),
        mock.patch("nimprofile.launch.preflight.port_problem", return_value=None),
        mock.patch("signal.signal"),
        mock.patch("signal.pthread_sigmask"),
        contextlib.redirect_stdout(streams),
        contextlib.redirect_stderr(streams),
    ):
        code = main(argv)
    return code, streams.getvalue(), became
