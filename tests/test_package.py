"""Is the package's surface whole, lazy and honest about what it raises?"""

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys

import pytest

import nimprofile
from nimprofile.base import errors
from nimprofile.base.errors import ManifestError


@pytest.mark.parametrize("name", nimprofile.__all__)
def test_every_public_name_is_there(name):
    assert getattr(nimprofile, name) is not None
    assert name in dir(nimprofile)


def test_the_version_is_one():
    assert re.fullmatch(r"\d+\.\d+\.\d+", nimprofile.__version__)


def test_a_name_that_is_not_public_is_not_there():
    with pytest.raises(AttributeError, match="module 'nimprofile' has no attribute 'selekt'"):
        _ = nimprofile.selekt


def test_a_name_is_imported_when_it_is_first_used(monkeypatch):
    monkeypatch.delitem(vars(nimprofile), "select", raising=False)
    assert "select" not in vars(nimprofile)
    selected = nimprofile.select
    assert selected is vars(nimprofile)["select"]


def test_every_module_says_what_it_holds():
    for module in pkgutil.walk_packages(nimprofile.__path__, "nimprofile."):
        if module.ispkg or module.name == "nimprofile.__main__" or ".testing.shim" in module.name:
            continue
        doc = inspect.getdoc(importlib.import_module(module.name)) or ""
        first = doc.partition("\n\n")[0]
        assert first, module.name
        assert "?" not in first, f"{module.name}: a plain statement of what the module holds"


def test_the_package_is_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "nimprofile", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"nimprofile {nimprofile.__version__}\n" == done.stdout


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.ManifestError, ValueError),
        (errors.InventoryError, ValueError),
        (errors.UnknownGpuError, errors.InventoryError),
        (errors.RequestError, ValueError),
        (errors.PinError, errors.RequestError),
        (errors.NoGpuError, RuntimeError),
    ],
)
def test_every_error_is_ours_and_the_builtin_it_is_like(error, builtin):
    assert issubclass(error, errors.NimProfileError)
    assert issubclass(error, builtin)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({}, "wrong"),
        ({"source": "m.yaml"}, "m.yaml: wrong"),
        ({"source": "m.yaml", "line": 3}, "m.yaml:3: wrong"),
        ({"place": "a.b"}, "a.b: wrong"),
        ({"source": "m.yaml", "place": "a.b", "line": 3}, "m.yaml:3: a.b: wrong"),
    ],
)
def test_a_manifest_error_says_file_line_place_and_problem(where, message):
    error = ManifestError("wrong", **where)
    assert (message, "wrong") == (str(error), error.problem)
    assert where == {key: value for key in where if (value := getattr(error, key)) is not None}
