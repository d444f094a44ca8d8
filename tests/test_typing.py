"""What type checkers and editors see of the package is what it is."""

import ast
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import textwrap
from importlib.util import find_spec

import pytest

import nimprofile
import nimprofile.testing
from nimprofile import Request, Setup
from tests.support.pages import blocks_of, pages_with
from tests.support.paths import ROOT

EVERY_NAME = f"""
from nimprofile import {", ".join(nimprofile.__all__)}
import nimprofile.testing as kit

request = Request(pin="abc", tags={{"precision": "fp8"}}, engines=(Engine.VLLM,), lora=True)
assert request.pin is not None
source: str = request.pin.source
setup = Setup(server="vllm", port=9000)
server: Server | None = setup.server
other: Request = request.replace(lora=False)
with kit.FakeNvml("1xt4"):
    inventory: Inventory = discover()
"""

WRONG = {
    "a text for an inventory": 'select(load_manifest("m"), "2xl40s")',
    "a field there is none of": "Request(pinned='abc')",
    "a fourth value by place": "Gpu(0, None, None, None)",
    "a change of a frozen value": "Gpu(0).index = 1",
    "a change of a mapping inside": 'Profile("a", "b", {}).tags["tp"] = "2"',
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The Python of each page as one program, as a reader would have it in a file."""
    folder = tmp_path_factory.mktemp("programs")
    for page in pages_with("python"):
        program = "\n".join(blocks_of(page, "python"))
        (folder / f"{page.stem.replace('-', '_')}.py").write_text(program, encoding="utf-8")
    (folder / "every_name.py").write_text(EVERY_NAME, encoding="utf-8")
    return folder


def _mypy(folder, *files):
    (folder / "mypy.ini").write_text(
        "[mypy]\nstrict = True\nfollow_imports = silent\n"  # as of what is installed
        "[mypy-pynvml]\nignore_missing_imports = True\n"  # it comes without types
    )
    command = [sys.executable, "-m", "mypy", "--cache-dir", folder / "cache", *files]
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_mypy_accepts_every_python_block_of_the_pages(programs):
    files = sorted(path.name for path in programs.glob("*.py"))
    done = _mypy(programs, *files)
    assert f"Success: no issues found in {len(files)} source files\n" == done.stdout, done.stderr


def test_mypy_refuses_what_would_not_work(programs):
    lines = [*EVERY_NAME.splitlines()[:2], *WRONG.values()]
    (programs / "wrong.py").write_text("\n".join(lines), encoding="utf-8")
    done = _mypy(programs, "wrong.py")
    (programs / "wrong.py").unlink()
    reported = {
        int(line) for line in re.findall(r"^wrong\.py:(\d+): error:", done.stdout, re.MULTILINE)
    }
    assert set(range(3, 3 + len(WRONG))) == reported, done.stdout


@pytest.mark.skipif(find_spec("basedpyright") is None, reason="basedpyright is of the extra `dev`")
def test_pyright_accepts_every_python_block_of_the_pages(programs):
    path = os.pathsep.join([str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    # pynvml comes without types, and one of the programs imports all names to no purpose.
    unheeded = {"reportMissingTypeStubs": False, "reportUnusedImport": False}
    config = {"typeCheckingMode": "strict", **unheeded}
    (programs / "pyrightconfig.json").write_text(json.dumps(config))
    done = subprocess.run(
        [sys.executable, "-m", "basedpyright", "--pythonpath", sys.executable],
        cwd=programs,
        env=os.environ | {"PYTHONPATH": path.strip(os.pathsep)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert "0 errors, 0 warnings, 0 notes\n" == done.stdout, done.stderr


def _typed_names(module):
    """Name -> the module that type checkers find it in, of the imports under TYPE_CHECKING."""
    tree = ast.parse(inspect.getsource(module))
    (block,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    names = {}
    for node in block.body:
        for alias in node.names:
            assert alias.asname == alias.name, f"{alias.name} is not handed on"
            names[alias.name] = node.module
    return names


@pytest.mark.parametrize("module", [nimprofile, nimprofile.testing], ids=lambda m: m.__name__)
def test_type_checkers_and_programs_find_the_same_names_in_the_same_modules(module):
    served = {name: f"{module.__name__}.{home}" for name, home in module._MODULE_OF.items()}
    assert served == _typed_names(module)
    assert set(served) == set(module.__all__) - {"__version__"}


@pytest.mark.parametrize("name", sorted(nimprofile._MODULE_OF))
def test_a_public_name_is_the_one_of_its_module(name):
    home = importlib.import_module(f"nimprofile.{nimprofile._MODULE_OF[name]}")
    assert getattr(home, name) is getattr(nimprofile, name)


@pytest.mark.parametrize("cls", [Request, Setup])
def test_a_constructor_written_out_for_type_checkers_has_the_fields_of_the_class(cls):
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    fields = {
        node.target.id: (ast.unparse(node.annotation), ast.unparse(node.value))
        for node in body.body
        if isinstance(node, ast.AnnAssign) and node.value is not None
    }
    (block,) = (node for node in body.body if isinstance(node, ast.If))
    given = block.body[0].args
    defaults = [*given.defaults, *given.kw_defaults]
    taken = {
        argument.arg: (ast.unparse(argument.annotation), ast.unparse(default))
        for argument, default in zip([*given.args[1:], *given.kwonlyargs], defaults, strict=True)
    }
    assert [*fields] == [*taken] == [*cls._fields]
    assert [*cls.__match_args__] == [argument.arg for argument in given.args[1:]]
    for name, (annotation, default) in fields.items():
        assert default == taken[name][1]
        assert set(annotation.split(" | ")) <= set(taken[name][0].split(" | ")), name
