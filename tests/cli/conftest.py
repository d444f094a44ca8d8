"""Fixtures of the tests of the command line: a manifest, a busy machine, and `run`."""

import pytest

from nimprofile.cli.main import main
from tests.support.command_line import BUSY, MANIFEST
from tests.support.schemas import check_printed


@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "manifest.yaml"
    path.write_text(MANIFEST, encoding="utf-8")
    return str(path)


@pytest.fixture
def busy(tmp_path):
    path = tmp_path / "busy.json"
    path.write_text(BUSY, encoding="utf-8")
    return str(path)


@pytest.fixture
def run(capsys):
    """Run a command line; its exit code, what it printed and what it wrote to standard error.

    JSON of which there is a schema is held to it.
    """

    def run(*argv):
        code = main([str(word) for word in argv])
        out, err = capsys.readouterr()
        check_printed(argv, out)
        return code, out, err

    return run


@pytest.fixture
def select_id(run, manifest):
    """The id that `select` prints with these options more."""

    def select_id(*options, gpus="2xh100"):
        code, out, err = run(
            "select", "--manifest", manifest, "--gpus", gpus, "--format", "id", *options
        )
        assert 0 == code, err
        return out.strip()

    return select_id


@pytest.fixture
def select_with(run, manifest, monkeypatch):
    """The exit code of `select` with these variables set, but for those that are None."""

    def select_with(variables, *options):
        for name, value in ({"NIM_MANIFEST_PATH": manifest} | variables).items():
            if value is not None:
                monkeypatch.setenv(name, value)
        return run("select", *options)[0]

    return select_with
