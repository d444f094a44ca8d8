"""Mutate what mutmut leaves alone: tables and lambdas at module level, and properties.

mutmut changes the bodies of plain functions. The order of preference, the floors of the precisions
and the lists of rules are tables, and the grade is a property; here each of them is changed in one
place, in a copy of the project, and the tests that guard them must notice.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).parents[2]
FILES = (
    "nimprofile/engines/compute_floors.py",
    "nimprofile/selection/fit.py",
    "nimprofile/selection/policies.py",
    "nimprofile/selection/ranking/criteria.py",
    "nimprofile/selection/ranking/generation.py",
    "nimprofile/selection/ranking/preference.py",
    "nimprofile/selection/rank.py",
    "nimprofile/selection/rules.py",
)
TESTS = (
    "tests/selection",
    "tests/engines/test_compute_floors.py",
    "tests/seams/test_criterion.py",
    "tests/seams/test_rule.py",
    "tests/laws/selection/test_links.py",
)
WORKERS = 2


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """(what was changed, the changed source), one change at a time."""
    count = sum(1 for _ in changes(ast.parse(source)))
    for number in range(count):
        tree = ast.parse(source)  # a fresh one: a change is made in place
        label, change = next(c for at, c in enumerate(changes(tree)) if at == number)
        change()
        yield label, ast.unparse(ast.fix_missing_locations(tree))


Change = tuple[str, Callable[[], object]]


def changes(tree: ast.Module) -> Iterator[Change]:
    """What can be changed in a tree, and the function that does it."""
    for statement in tree.body:
        for node in _unmutated(statement):
            for what, change in _of(node):
                yield f"{getattr(node, 'lineno', statement.lineno)}: {what}", change


def _unmutated(statement: ast.stmt) -> Iterator[ast.AST]:
    """The parts that mutmut does not change, type-checking blocks and docstrings aside."""
    match statement:
        case ast.ClassDef():
            for inner in statement.body:
                if isinstance(inner, ast.FunctionDef) and inner.decorator_list:
                    yield from (node for line in inner.body[1:] for node in ast.walk(line))
        case ast.Assign(targets=[ast.Name("TYPE_CHECKING")]):
            return
        case ast.Assign() | ast.AnnAssign() if statement.value is not None:
            yield from ast.walk(statement.value)


def _of(node: ast.AST) -> Iterator[Change]:  # noqa: C901 - a case a kind of change
    match node:
        case ast.Call(func=ast.Name(id=name)) if name.startswith(("_by_", "_chain")):
            yield from _swaps(node.args, name)
        case ast.Call(func=ast.Name("_at_least"), args=[ast.Constant(value=str(floor))]):
            major, minor = map(int, floor.split("."))
            yield _set(node.args[0], "value", f"{major}.{minor + 1}", f"{floor} one higher")
        case ast.Tuple() if len(node.elts) > 1 and not _is_text(node.elts[0]):
            yield from _swaps(node.elts, "tuple")
            yield from _drops(node.elts, "tuple")
        case ast.Dict():
            for at, key in enumerate(node.keys):
                yield f"dict without {ast.unparse(key)}", lambda at=at: _drop_entry(node, at)
        case ast.Constant(value=bool(value)):
            yield _set(node, "value", not value, f"{value} turned round")
        case ast.UnaryOp(op=ast.Not()):  # made `not not x`: of the same type, the other way round
            inner = ast.UnaryOp(ast.Not(), node.operand)
            yield _set(node, "operand", inner, "not turned round")
        case ast.UnaryOp(op=ast.USub()):
            yield _set(node, "op", ast.UAdd(), "sign turned round")
        case ast.BoolOp(op=ast.Or()):
            yield _set(node, "op", ast.And(), "or made and")
        case ast.Compare(ops=[ast.In()]):
            yield _set(node, "ops", [ast.NotIn()], "in turned round")


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant)


def _swaps(items: list, name: str) -> Iterator[Change]:
    for at in range(len(items) - 1):
        yield f"{name}: {at + 1} and {at + 2} swapped", lambda at=at: _swap(items, at)


def _drops(items: list, name: str) -> Iterator[Change]:
    for at in range(len(items)):
        yield f"{name}: without number {at + 1}", lambda at=at: items.pop(at)


def _swap(items: list, at: int) -> None:
    items[at], items[at + 1] = items[at + 1], items[at]


def _drop_entry(node: ast.Dict, at: int) -> None:
    del node.keys[at], node.values[at]


def _set(node: ast.AST, field: str, value: object, what: str) -> Change:
    return f"{what} in {ast.unparse(node)}", lambda: setattr(node, field, value)


def copy_project(to: str) -> Path:
    for name in ("nimprofile", "tests", "manifests"):
        shutil.copytree(ROOT / name, Path(to) / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", to)
    return Path(to)


def is_killed(project: Path, file: str, source: str) -> bool:
    original = (project / file).read_text("utf-8")
    try:
        (project / file).write_text(source, "utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *TESTS],
            cwd=project,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_PROFILE": "mutation"},
            capture_output=True,
            check=False,
            timeout=120,
        )
    finally:
        (project / file).write_text(original, "utf-8")
    return done.returncode != 0


def main() -> int:
    with tempfile.TemporaryDirectory() as work:
        free: Queue[Path] = Queue()
        for number in range(WORKERS):
            free.put(copy_project(f"{work}/{number}"))

        def judge(file: str, label: str, source: str) -> tuple[str, str, bool]:
            project = free.get()
            try:
                return file, label, is_killed(project, file, source)
            finally:
                free.put(project)

        for file in FILES:
            if is_killed(free.queue[0], file, (ROOT / file).read_text("utf-8")):
                print("the tests fail without any change", file=sys.stderr)
                return 1
        jobs = [
            (file, label, source)
            for file in FILES
            for label, source in mutants((ROOT / file).read_text("utf-8"))
        ]
        with ThreadPoolExecutor(WORKERS) as pool:
            judged = list(pool.map(lambda job: judge(*job), jobs))
    print(f"{'file':36} {'changes':>8} {'killed':>8}")
    for file in FILES:
        verdicts = [killed for name, _, killed in judged if name == file]
        print(f"{file:36} {len(verdicts):8} {sum(verdicts):8}")
    for file, label, killed in judged:
        if not killed:
            print(f"survived: {file}:{label}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
