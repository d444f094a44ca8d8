"""Every public listing and start-up log we know of: names, ids, grades, orders and selections.

A case is one file of `corpus/cases`; its `why` says what it is there for. Where a listing and we
disagree on purpose, the row names a heading of `docs/conformance.md`.
"""

import json
import re

import pytest

from nimprofile import parse_manifest
from nimprofile.manifest.profile_names import describe, parse_name
from tests.support.cases import (
    FORMS,
    PATHS,
    decide,
    disagreement,
    grades_of,
    id_of,
    load,
    orders_of,
    selections_of,
    selects_as,
)
from tests.support.paths import DOCS
from tests.tools.conformance_figures import table

CONFORMANCE = DOCS / "conformance.md"


def _rows(key=lambda row: True):
    return [
        pytest.param(row, id=f"{path.stem[:3]}-{number}")
        for path in PATHS
        for number, row in enumerate(load(path)["profiles"])
        if key(row)
    ]


def _known_tags(row):
    return "tags" in row and row.get("tags_complete", True)


def _having(key):
    cases = [(path, load(path)) for path in PATHS]
    return [pytest.param(case, id=path.stem) for path, case in cases if key(case)]


def test_the_corpus_is_whole():
    assert len(PATHS) >= 80
    assert all(load(path)["source"] for path in PATHS)


@pytest.mark.parametrize("row", _rows(lambda row: row["name"]))
def test_every_name_is_read_and_printed_back(row):
    name = parse_name(row["name"])
    assert row["name"] == name.text
    for key, value in name.tags.items():
        if "tags" in row:
            assert row["tags"][key].lower() == value.lower(), key


@pytest.mark.parametrize("row", _rows(_known_tags))
def test_every_id_whose_tags_are_known_is_computed(row):
    text = json.dumps({"profiles": [{"id": "x", "tags": row["tags"]}]})
    assert (row["id"] or row["computed_id"]) == parse_manifest(text).profiles[0].computed_id


OLDER_SPELLINGS = {
    "tensorrt_llm-a100-bf16-tp4-throughput",  # 1.2 does not print pp
    "type=bert",  # BioNeMo writes = for :
    "l4-fp8-tensorrt-tensorrt",  # retriever 1.3 prints values only
    "fp16-onnx-onnx",
}
"""Names whose form cannot be told from their tags."""


@pytest.mark.parametrize(
    "row",
    _rows(lambda row: row["name"] and _known_tags(row) and row["name"] not in OLDER_SPELLINGS),
)
def test_the_tags_are_described_as_they_were_printed(row):
    assert row["name"] == describe(row["tags"])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", _having(lambda case: "machine" in case and case["profiles"]))
def test_every_grade_agrees_or_the_docs_say_why_not(case, form):
    for row, listed, ours in grades_of(case, form=form):
        assert (listed == ours) is (disagreement(row, form) is None), (row, ours)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", _having(selections_of))
def test_every_selection_agrees_or_the_docs_say_why_not(case, form):
    for expected in selections_of(case):
        agrees = selects_as(case, expected, form=form)
        # That nothing is selected is said of the rows.
        parts = case["profiles"] if expected is None else [expected]
        assert agrees is not any(disagreement(part, form) for part in parts), expected


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", _having(lambda case: case.get("ordered")))
def test_every_listing_order_is_the_order_of_its_policy(case, form):
    for listed, ours in orders_of(case, form=form):
        assert listed == ours


@pytest.mark.parametrize(
    "case", _having(lambda case: any("gpus" in row for row in case["profiles"]))
)
def test_every_profile_runs_on_the_gpus_the_log_names(case):
    decision = decide(case)
    for number, row in enumerate(case["profiles"]):
        if "gpus" in row:
            verdict = next(v for v in decision.ranked if v.profile.id == id_of(row, number))
            assert tuple(row["gpus"]) == verdict.gpus


def _printable(case):
    """Whether the case has log lines, and names to print between them."""
    names = [row["name"] for row in case["profiles"]]
    return "log" in case and any(names) and not any("|" in name for name in names if name)


@pytest.mark.parametrize("case", _having(_printable))
def test_every_printed_line_is_read(case):
    """The verbatim lines around the profiles stop no reader."""
    rows = {id_of(row, n): row["name"] for n, row in enumerate(case["profiles"]) if row["name"]}
    printed = [f"- {id_} ({name})" for id_, name in rows.items()]
    text = "\n".join([*case["log"], "- Incompatible with system:", *printed, ""])
    assert rows.keys() <= {profile.id for profile in parse_manifest(text).profiles}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("case", _having(lambda case: "machine" in case and case["profiles"]))
def test_auto_takes_the_generation_or_the_docs_say_why_not(case, form):
    """Or the documented chain, where nothing tells which NIM it is."""
    decision = decide(case, form=form, policy="auto")
    agrees = decision.policy.name in {case["policy"], "nim"}
    assert agrees is ("auto_disagreement" not in case), decision.policy_origin


def test_every_disagreement_has_its_paragraph():
    used = {
        part[key]
        for path in PATHS
        for case in [load(path)]
        for part in (case, *case["profiles"], *(each or {} for each in selections_of(case)))
        for key in ("disagreement", "disagreement_from_tags", "auto_disagreement")
        if key in part
    }
    explained = set(
        re.findall(r"^## `([a-z-]+)`", CONFORMANCE.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert used == explained


def test_the_figures_by_generation_are_those_of_the_cases():
    assert table() in CONFORMANCE.read_text(encoding="utf-8")
