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


ON_A_STREAM = re.compile(
    r"print|os\.write|os\.writev|logging\.basicConfig"
    r"|(sys\.)?(std(out|err)|__std(out|err)__|displayhook|excepthook)"
)

MENTIONS = {
    "nimprofile/cli/console.py": "the door itself",
    "nimprofile/cli/processes/last_door.py": "where the door cannot be imported",
    "nimprofile/__main__.py": "where not even the last door can be imported",
    "nimprofile/cli/production/progress.py": "a line is written over on the terminal",
    "nimprofile/cli/parsing/parser.py": "argparse names the stream for its help",
    "nimprofile/cli/reference/completion.py": "a shell is answered, and nobody else",
    "nimprofile/report/startup_log.py": "the log of `exec`, whose formatters use `message_line`",
    "nimprofile/base/formats/written_files.py": "files",
    "nimprofile/hardware/nvml/reader.py": "the pipe to the parent",
    "nimprofile/doctor/bounded.py": "a process in which standard error is taken down for the parent",
}
"""Modules that mention a standard stream or write to a descriptor, and why they do."""


def _of_streams(tree):
    """The lines that print, mention a standard stream, or write to a descriptor."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            if ON_A_STREAM.fullmatch(ast.unparse(node)):
                yield node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module in {"sys", "os"}:
            names = (f"{'os.' * (node.module == 'os')}{alias.name}" for alias in node.names)
            if any(map(ON_A_STREAM.fullmatch, names)):
                yield node.lineno


def _trees():
    for path in (ROOT / "nimprofile").rglob("*.py"):
        name = path.relative_to(ROOT)
        if "testing" not in name.parts:
            yield name.as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def test_text_leaves_the_program_by_one_door():
    assert {*MENTIONS} == {name for name, tree in _trees() if [*_of_streams(tree)]}


@pytest.mark.parametrize(
    "line",
    [
        *("print(1)", "sys.stdout.write('')", "sys.stdout.writelines([])", "os.write(1, b'')"),
        *("json.dump(1, sys.stderr)", "logging.StreamHandler(sys.stderr)", "write = print"),
        *("from sys import stdout", "from os import write as put", "sys.__stderr__.write('')"),
        *("sys.stdout.buffer.write(b'')", "logging.basicConfig()"),
    ],
)
def test_what_would_go_around_the_door_is_seen(line):
    assert [1] == [*dict.fromkeys(_of_streams(ast.parse(line)))]


NOT_FOR_MESSAGES = re.compile(r"(_?MOST(_\w+)?|SHORT\w*|_SHOWN|MAX_EXPRESSION)")
"""Names of how many things are named, of a length of a key, and of a search that is bounded."""


def _cut(tree):
    """Texts of which as much is taken as a message has: `text[:60]`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            end = node.slice.upper
            long = isinstance(end, ast.Constant) and end.value in range(31, 1000)
            named = isinstance(end, ast.Name) and end.id.isupper()
            if node.slice.lower is None and (
                long or (named and not NOT_FOR_MESSAGES.fullmatch(end.id))
            ):
                yield ast.unparse(node)


def test_values_are_clipped_for_a_message_in_one_place():
    """Of a secret that is cut, the half that is left would not be known for one."""
    assert {} == {name: found for name, tree in _trees() if (found := [*_cut(tree)])}
    assert ["a[:60]", "a[:LONGEST]"] == [*_cut(ast.parse("a[:60], a[:LONGEST], a[:2], a[3:60]"))]
