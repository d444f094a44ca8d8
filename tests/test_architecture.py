"""The page on architecture shows the layers of the import contract, and places that exist."""

import ast
import re
import tomllib

import pytest

from tests.support.paths import DOCS, ROOT

PAGE = (DOCS / "architecture.md").read_text(encoding="utf-8")
LAYERS = re.search(r"## Layers\n(.*?)\n## ", PAGE, re.DOTALL)[1]
PLACES = re.search(r"## Where to find it\n(.*?)\n## ", PAGE, re.DOTALL)[1]


def test_the_page_shows_the_layers_of_the_contract_in_their_order():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if each["type"] == "layers"]
    assert contract["exhaustive"]
    shown = [
        re.findall(r"`(\w+)`", cell)
        for cell in re.findall(r"^\| (`[^|]*) \|", LAYERS, re.MULTILINE)
    ]
    assert [layer.split(" | ") for layer in contract["layers"]] == shown


def test_the_page_names_every_folder():
    folders = {path.parent.name for path in (ROOT / "nimprofile").glob("*/__init__.py")}
    assert folders <= set(re.findall(r"`(\w+)`", LAYERS))


@pytest.mark.parametrize("row", [line for line in PLACES.splitlines() if line.startswith("| ")][2:])
def test_every_place_the_page_names_is_there(row):
    named = re.findall(r"`([^`]+)`", row.split(" | ")[-1])
    package = ROOT / "nimprofile"
    paths = [package / name for name in named if "/" in name]
    beside = [paths[-1].parent / name for name in named if name.endswith(".py") and "/" not in name]
    assert paths
    assert all(path.exists() for path in (*paths, *beside))
    files = [file for path in paths for file in (path.glob("*.py") if path.is_dir() else [path])]
    texts = [file.read_text(encoding="utf-8") for file in files]
    for name in filter(str.isidentifier, named):
        assert any(
            re.search(rf"^ *(def |class )?{name}\b", text, re.MULTILINE) for text in texts
        ), name


def _written_to_a_stream(tree):
    """The lines that print, or write to a standard stream."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            name = ast.unparse(node)
            if name == "print" or re.fullmatch(r"(sys\.)?std(out|err)(\.buffer)?\.write", name):
                yield node.lineno


def test_text_leaves_the_program_by_one_door():
    paths = [
        path
        for path in (ROOT / "nimprofile").rglob("*.py")
        if "testing" not in path.relative_to(ROOT).parts
    ]
    printing = {
        str(path.relative_to(ROOT))
        for path in paths
        if [*_written_to_a_stream(ast.parse(path.read_text(encoding="utf-8")))]
    }
    # The last door is for where not even the first can be imported.
    last = "nimprofile/cli/processes/last_door.py"
    assert {"nimprofile/cli/console.py", last} == printing
