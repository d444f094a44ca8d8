"""`SECURITY.md` names tests that are there; the bill of materials and the licences are whole."""

import ast
import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import pytest

from tests.support.paths import ROOT
from tests.tools import dependencies

PAGE = (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_every_promise_names_tests_that_are_there():
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "`tests/" in line]
    named = [re.findall(r"`(tests/[\w/.]+)`", row) for row in rows]
    assert len(rows) >= 8
    assert [] == [path for paths in named for path in paths if not (ROOT / path).exists()]


def imported(tree):
    """The modules that are imported anywhere in a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


NETWORK = {
    *("socket", "ssl", "urllib", "http", "ftplib", "smtplib", "xmlrpc", "asyncio"),
    *("requests", "urllib3"),
}
RUNNING = {"eval", "exec", "compile", "__import__"}


def test_one_module_opens_connections_and_none_runs_what_it_reads():
    talking, running = set(), set()
    for path in (ROOT / "nimprofile").rglob("*.py"):
        tree, name = ast.parse(path.read_text(encoding="utf-8")), str(path.relative_to(ROOT))
        modules = {
            module.partition(".")[0] for module in imported(tree) if module != "urllib.parse"
        }
        if NETWORK & modules:
            talking.add(name)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in {"connect", "urlopen", "system"}:
                running.add(name)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RUNNING:
                running.add(name)
    binds_the_port_it_asks_about = "nimprofile/launch/preflight.py"
    assert {binds_the_port_it_asks_about, "nimprofile/base/web/exchange.py"} == talking
    assert set() == running


def test_a_report_is_private_and_names_nobody():
    assert "*Report a vulnerability*" in PAGE
    assert "@" not in PAGE


def test_the_page_is_in_the_source_distribution():
    assert '"SECURITY.md"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def printed(capsys, what):
    dependencies.main([what])
    return capsys.readouterr().out


def test_the_bill_has_the_package_and_all_that_it_needs(capsys):
    bill = json.loads(printed(capsys, "materials"))
    assert ("CycloneDX", "1.6", 1) == (bill["bomFormat"], bill["specVersion"], bill["version"])
    assert "nimprofile" == bill["metadata"]["component"]["name"]
    names = {part["name"] for part in bill["components"]}
    assert {"argcomplete", "nvidia-ml-py", "pydantic", "pydantic-core", "rich"} <= names
    assert "nimprofile" not in names
    assert "pytest" not in names, "what only the tests need is not installed with the package"


def test_the_bill_is_a_graph_of_its_own_parts(capsys):
    bill = json.loads(printed(capsys, "materials"))
    parts = [bill["metadata"]["component"], *bill["components"]]
    refs = [part["bom-ref"] for part in parts]
    assert len(refs) == len(set(refs))
    assert set(refs) == {row["ref"] for row in bill["dependencies"]}
    for row in bill["dependencies"]:
        assert set(row["dependsOn"]) <= set(refs)
    for part in parts:
        assert part["purl"] == f"pkg:pypi/{part['name']}@{part['version']}"
        ((kind, stated),) = part["licenses"][0].items()
        assert stated
        assert kind in {"license", "expression"}


def test_the_bill_is_the_same_each_time(capsys):
    assert printed(capsys, "materials") == printed(capsys, "materials")


def test_every_dependency_states_a_licence_that_lets_it_be_used_with_this_one(capsys):
    permissive = re.compile(
        r"(Apache-2\.0|MIT|BSD[\w-]*|PSF-2\.0|CC0-1\.0|CNRI-Python|[ ]|OR|AND)+"
    )
    rows = [line.split("  ") for line in printed(capsys, "licences").splitlines()]
    assert len(rows) > len(dependencies.project()["dependencies"])
    assert [] == [row for row in rows if not permissive.fullmatch(row[-1])]


class Package:
    """A distribution that states a licence."""

    def __init__(self, classifiers=(), **fields):
        self.metadata = self
        self.fields, self.classifiers = fields, classifiers

    def get(self, name):
        return self.fields.get(name.replace("-", "_"))

    def get_all(self, name):
        return [*self.classifiers]


MIT = "License :: OSI Approved :: MIT License"


@pytest.mark.parametrize(
    ("package", "licence"),
    [
        (Package(License_Expression="MIT OR Apache-2.0", License="x"), "MIT OR Apache-2.0"),
        (Package(License="MIT"), "MIT"),
        (Package(License="Apache Software License"), "Apache-2.0"),
        (Package([MIT], License="Permission is hereby granted …\nfree of charge"), "MIT"),
        (Package(["Topic :: Utilities", MIT]), "MIT"),
        (Package(), "not stated"),
    ],
)
def test_a_licence_is_that_which_a_package_states(package, licence):
    assert licence == dependencies.licence(package)


def test_what_is_not_installed_is_said_with_the_fix(monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(dependencies, "distribution", missing)
    with pytest.raises(SystemExit, match=r"^\S+ is not installed: pip install -e \. brings it$"):
        dependencies.dependencies()


def test_a_python_without_the_packages_of_this_project_is_told_what_to_do():
    done = subprocess.run(
        [sys.executable, "-S", "-m", "tests.tools.dependencies", "materials"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert 1 == done.returncode
    fix = f"packaging is not installed for {sys.executable}: pip install -e '.[dev]' brings it\n"
    assert fix == done.stderr


def test_a_requirement_for_another_platform_is_not_needed():
    requirements = ["a; python_version < '3'", "b[c]>=1", "d; extra == 'e'"]
    assert [("b", {"c"})] == [*dependencies.needed(requirements, ())]
    assert [("b", {"c"}), ("d", set())] == [*dependencies.needed(requirements, {"e"})]


def test_the_targets_print_them_and_nothing_else():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for what in ("materials", "licences"):
        assert f"\n{what}: ## " in makefile
        assert f"\t@$(PYTHON) -m tests.tools.dependencies {what}\n" in makefile
    done = subprocess.run(
        [sys.executable, "-m", "tests.tools.dependencies", "neither"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (1, "") == (done.returncode, done.stdout)
    assert "materials|licences" in done.stderr
