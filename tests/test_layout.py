"""The tests mirror the package: a test file for each module, helpers in `tests/support`."""

import ast
from collections import Counter
from pathlib import PurePosixPath

import pytest

from tests.support.paths import ROOT

PACKAGE, TESTS = ROOT / "nimprofile", ROOT / "tests"
SUPPORT = ("tests.support", "tests.tools", "tests.benchmarks")
ELSEWHERE = {
    # Tables and plain records: what reads them has the tests.
    "base/errors.py": "test_package.py",
    "base/web/faults.py": "base/web/test_client.py",
    "doctor/checks.py": "doctor/test_examination.py",
    "doctor/problems.py": "doctor/test_start.py",
    "doctor/files/folders.py": "doctor/files/test_cache.py",
    "doctor/files/walk.py": "doctor/files/test_leftovers.py",
    "engines/facts/nim.py": "engines/memory/test_recorded_runs.py",
    "engines/facts/sglang.py": "engines/test_support.py",
    "engines/facts/tensorrt_llm.py": "engines/test_support.py",
    "engines/facts/vllm.py": "engines/test_support.py",
    "engines/serving.py": "selection/test_request.py",
    "engines/spec.py": "seams/test_engine.py",
    "base/spec_registry.py": "seams/test_engine.py",
    "cli/selection_options.py": "cli/test_options.py",
    "cli/production/arguments.py": "cli/test_arguments.py",
    "cli/starting/judged.py": "cli/test_launch_commands.py",
    "launch/job.py": "launch/test_planning.py",
    "launch/plan.py": "launch/test_planning.py",
    "manifest/manifest.py": "manifest/test_reader.py",
    "model/shape.py": "model/test_architectures.py",
    # Tested with the module that they are a part of.
    "hardware/nvml/listed_gpus.py": "hardware/test_visible_devices.py",
    "authoring/engine_match.py": "authoring/test_build.py",
    "authoring/findings.py": "authoring/test_lint.py",
    "authoring/identity_rules.py": "authoring/test_lint.py",
    "authoring/lint_rules.py": "authoring/test_lint.py",
    "authoring/need_rules.py": "authoring/test_lint.py",
    "authoring/tag_rules.py": "authoring/test_lint.py",
    "model/architectures/decoder_families.py": "model/test_architectures.py",
    "model/architectures/decoders.py": "model/test_architectures.py",
    "model/architectures/deepseek_v4.py": "model/test_architectures.py",
    "model/architectures/encoders.py": "model/test_architectures.py",
    "model/architectures/hybrids.py": "model/test_architectures.py",
    "model/architectures/layers.py": "model/test_architectures.py",
    "model/architectures/registry.py": "model/test_architectures.py",
    "model/config_fields.py": "model/test_architectures.py",
    "model/quantization.py": "model/test_checkpoint.py",
    "manifest/dialects/registry.py": "seams/test_dialect.py",
    "manifest/dialects/spec.py": "seams/test_dialect.py",
    "cli/manifests/arguments.py": "cli/test_arguments.py",
    "cli/manifests/building.py": "cli/manifests/test_actions.py",
    "cli/manifests/changes.py": "cli/manifests/test_actions.py",
    "selection/verdict.py": "selection/test_fit.py",
    "report/memory_json.py": "cli/test_memory_command.py",
    "report/memory_report.py": "cli/test_memory_command.py",
    "report/memory_text.py": "cli/test_memory_command.py",
    "cli/reference/tables.py": "cli/test_commands.py",
    "report/schemas/advisories.py": "report/schemas/test_catalogue.py",
    "report/schemas/decision.py": "report/schemas/test_catalogue.py",
    "report/schemas/errors.py": "cli/parsing/test_failures.py",
    "lock/edits.py": "lock/test_drift.py",
    "report/production/lock.py": "cli/production/test_check.py",
    "report/schemas/lock.py": "report/schemas/test_catalogue.py",
    "report/schemas/inventory.py": "report/schemas/test_catalogue.py",
    "report/schemas/memory.py": "report/schemas/test_catalogue.py",
    "report/schemas/terms.py": "report/schemas/test_catalogue.py",
    "report/manifests.py": "cli/manifests/test_actions.py",
    "engines/memory/components.py": "engines/memory/test_budget.py",
    "launch/judged/on_load.py": "launch/judged/test_served_facts.py",
    "cli/production/verify_options.py": "cli/production/test_verify.py",
    "report/production/verification.py": "cli/production/test_verify.py",
    "report/schemas/verification.py": "cli/production/test_verify.py",
    "report/schemas/load.py": "report/production/test_load.py",
    "verify/load/load_report.py": "verify/load/test_plausible.py",
    "launch/servers/ranks.py": "launch/deploy/test_multinode.py",
    "verify/servers/interview.py": "verify/servers/test_asking.py",
    "verify/servers/nim.py": "verify/servers/test_asking.py",
    "verify/servers/openai_models.py": "verify/servers/test_asking.py",
    "verify/servers/sglang.py": "verify/servers/test_asking.py",
    "verify/servers/tensorrt_llm.py": "verify/servers/test_asking.py",
    "verify/servers/told.py": "verify/servers/test_asking.py",
    "verify/servers/triton.py": "verify/servers/test_asking.py",
    "verify/servers/vllm.py": "verify/servers/test_asking.py",
    # Tables of lines, which the reader reads.
    "verify/logs/common.py": "verify/logs/test_reader.py",
    "verify/logs/nim.py": "verify/logs/test_reader.py",
    "verify/logs/patterns.py": "verify/logs/test_reader.py",
    "verify/logs/sglang.py": "verify/logs/test_reader.py",
    "verify/logs/tensorrt_llm.py": "verify/logs/test_reader.py",
    "verify/logs/triton.py": "verify/logs/test_reader.py",
    "verify/logs/vllm.py": "verify/logs/test_reader.py",
}
"""The modules without a test file of their name, and the file that has their tests."""


def _modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE)
        if not path.name.startswith("__") and "shim" not in module.parts:
            yield module.as_posix()


def _test_files(folder=TESTS):
    return sorted(folder.rglob("test_*.py"))


def _mirror(module):
    """Where the tests of a module are by its name; those of the strategies are one file."""
    path = PurePosixPath(module)
    if path.parent.name == "strategies":
        return "testing/test_strategies.py"
    return str(path.parent / f"test_{path.name}")


@pytest.mark.parametrize("module", [*_modules()])
def test_every_module_has_a_test_file_of_its_name_or_one_that_is_named_here(module):
    own = (TESTS / _mirror(module)).exists()
    missing = f"neither tests/{_mirror(module)} nor an entry of the table above"
    assert own != (module in ELSEWHERE), "take it off the table: it has its own" if own else missing
    assert own or (TESTS / ELSEWHERE[module]).exists()


def test_what_is_named_here_is_there():
    assert set() == ELSEWHERE.keys() - {*_modules()}


@pytest.mark.parametrize("file", _test_files(), ids=lambda path: str(path.relative_to(TESTS)))
def test_a_test_file_imports_no_other(file):
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    imported = [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    own = [name for name in imported if name.startswith(("tests", "test_", "conftest"))]
    assert [] == [name for name in own if not name.startswith(SUPPORT)]


def test_a_folder_of_the_package_has_at_most_a_dozen_modules():
    files = [path for path in PACKAGE.rglob("*.py") if not path.name.startswith("__")]
    folders = Counter(path.parent.relative_to(PACKAGE).as_posix() for path in files)
    assert {} == {folder: count for folder, count in folders.items() if count > 12}


def test_a_module_of_more_than_300_lines_is_a_table_and_says_so():
    long = {
        path.relative_to(PACKAGE).as_posix(): ast.get_docstring(ast.parse(text)) or ""
        for path in PACKAGE.rglob("*.py")
        if (text := path.read_text(encoding="utf-8")).count("\n") > 300
    }
    assert {} == {name: doc for name, doc in long.items() if "table" not in doc}


def test_a_folder_has_at_most_a_dozen_files():
    files = [
        path for path in TESTS.rglob("*.py") if path.name not in {"__init__.py", "conftest.py"}
    ]
    folders = Counter(path.parent.relative_to(TESTS).as_posix() for path in files)
    assert {} == {folder: count for folder, count in folders.items() if count > 12}
