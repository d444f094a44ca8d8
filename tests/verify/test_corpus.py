"""Every public listing and log is held to its own case; the page has the counts."""

from nimprofile.verify.judgement import Outcome
from tests.support.cases import PATHS
from tests.support.paths import DOCS
from tests.tools.memory_runs import RUNS
from tests.tools.verify_figures import ENGINE_LOGS, NIM_LOGS, of_case, of_run, rows, tables


def contradicted(found):
    return {each.demand.about for each in found.of(Outcome.CONTRADICTED)}


def test_the_page_has_the_counts_of_every_case():
    page = (DOCS / "verify.md").read_text(encoding="utf-8")
    for table in tables():
        assert table in page


def test_every_case_and_every_log_is_held_to_something():
    assert len(PATHS) + len(RUNS) == len([*rows()])
    assert {path.name[:3] for path in PATHS} >= NIM_LOGS.keys()
    assert {run["id"] for run in RUNS} >= ENGINE_LOGS.keys()


def test_no_log_of_a_nim_contradicts_the_profile_that_its_source_names():
    found = {path.stem: of_case(path) for path in PATHS}
    # These two say why nothing started: no profile was found, and the GPU has no BF16.
    failed = ("056-issue-nim-anywhere-5-titan-rtx", "065-a2f-3d-2.0.0-rtx4070-laptop")
    assert {name: {"ready"} for name in failed} == {
        name: contradicted(each) for name, each in found.items() if each and contradicted(each)
    }


def test_no_log_of_an_engine_contradicts_its_flags_but_those_that_say_why_it_failed():
    failed = [run for run in RUNS if contradicted(of_run(run))]
    assert {"ready"} == set().union(*(contradicted(of_run(run)) for run in failed))
    assert set() == {run["id"] for run in failed if run["outcome"] == "ok"}


def test_a_log_that_is_an_excerpt_proves_what_it_tells():
    whole = [of_run(run) for run in RUNS[1:16] if run["outcome"] == "ok"]
    assert {2, 3} == {len(found.of(Outcome.PROVEN)) for found in whole}
