"""Every public listing and start-up log we know of: names, ids, grades, orders and selections.

A case is one file of `corpus/cases`; its `why` says what it is there for. Where a listing and we
disagree on purpose, the row names a heading of `docs/conformance.md`.
"""

import json
import re

import pytest

from nimprofile import (
    Inventory,
    Manifest,
    Pin,
    Request,
    Serving,
    mock_inventory,
    parse_manifest,
    plain_shape,
    select,
)
from nimprofile.manifest.profile_names import describe, parse_name
from nimprofile.selection.request import parse_tags
from tests.support.paths import CORPUS, DOCS

CASES = sorted((CORPUS / "cases").glob("*.json"))
CONFORMANCE = DOCS / "conformance.md"


def _load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def _rows(key=lambda row: True):
    return [
        pytest.param(row, id=f"{path.stem[:3]}-{number}")
        for path in CASES
        for number, row in enumerate(_load(path)["profiles"])
        if key(row)
    ]


def _known_tags(row):
    return "tags" in row and row.get("tags_complete", True)


def _id(row, number):
    """A row whose id the source cuts short or leaves out gets one that nothing else has."""
    return row["id"] or f"{row.get('id_prefix', '')}{number:056x}"[:64]


def _manifest(case):
    """The case as a printout, and what has no name in it as a manifest of tags."""
    named = [
        f"- {_id(row, number)} ({row['name']}) {row.get('requirement', '')}".rstrip()
        for number, row in enumerate(case["profiles"])
        if row["name"] and "|" not in row["name"]
    ]
    tagged = [
        {
            "id": _id(row, number),
            "name": row["name"],
            "tags": row.get("tags", {}),
            "requires": {"memory_gib_per_gpu": row["requires_bytes"] / 2**30}
            if "requires_bytes" in row
            else {},
        }
        for number, row in enumerate(case["profiles"])
        if not row["name"] or "|" in row["name"]
    ]
    profiles = ()
    if named:
        text = "MODEL PROFILES\n- Compatible with system and runnable:\n" + "\n".join(named)
        profiles += parse_manifest(text).profiles
    if tagged:
        profiles += parse_manifest(json.dumps({"profiles": tagged})).profiles
    shape = plain_shape(**case["model_shape"]) if "model_shape" in case else None
    return Manifest(profiles, model_shape=shape)


def _machine(machine):
    inventory = mock_inventory(machine["gpus"])
    gpus = list(inventory.gpus)
    for at, used in enumerate(machine.get("used_percent", [])):
        total = gpus[at].memory_total_mib
        gpus[at] = gpus[at].replace(memory_free_mib=total * (100 - used) // 100)
    for at, free in enumerate(machine.get("free_mib", [])):
        gpus[at] = gpus[at].replace(memory_free_mib=free)
    if machine.get("unknown_memory"):
        gpus = [gpu.replace(memory_total_mib=None, memory_free_mib=None) for gpu in gpus]
    return Inventory(tuple(gpus))


def _decide(case, machine=None, *, pin=None):
    wishes = case.get("request", {})
    request = Request(
        pin=None if pin is None else Pin(pin),
        tags=parse_tags(wishes.get("tags", ""), "case"),
        relax_memory=wishes.get("relax_memory", False),
        allow_unsafe=wishes.get("allow_unsafe", False),
        serving=Serving(max_model_len=wishes.get("max_model_len")),
    )
    machine = _machine(machine or case["machine"])
    return select(_manifest(case), machine, request, case["policy"])


def _having(key):
    cases = [(path, _load(path)) for path in CASES]
    return [pytest.param(case, id=path.stem) for path, case in cases if key(case)]


def test_the_corpus_is_whole():
    assert len(CASES) >= 80
    assert all(_load(path)["source"] for path in CASES)


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


@pytest.mark.parametrize("case", _having(lambda case: "machine" in case and case["profiles"]))
def test_every_grade_agrees_or_the_docs_say_why_not(case):
    decision = _decide(case)
    grades = {v.profile.id: v.grade for v in (*decision.ranked, *decision.rejected)}
    for number, row in enumerate(case["profiles"]):
        if "listed" not in row:
            continue
        agrees = row["listed"] == grades[_id(row, number)]
        assert agrees is ("disagreement" not in row), (row, grades[_id(row, number)])


def _is_as_expected(case, expected):
    """Whether we select what the source says: nothing, a profile, or one with these tags."""
    if expected is None:
        return not case["profiles"] or _decide(case).selected is None
    if "profile" not in expected:
        chosen = _decide(case).selected
        tags = {"llm_engine": expected["engine"]} if "engine" in expected else expected["tags"]
        return chosen is not None and tags.items() <= chosen.profile.tags.items()
    number = expected["profile"]
    id_ = _id(case["profiles"][number], number)
    decision = _decide(case, pin=id_ if expected["pinned"] else None)
    return decision.selected is not None and id_ == decision.selected.profile.id


@pytest.mark.parametrize("case", _having(lambda case: "selected" in case))
def test_every_selection_agrees_or_the_docs_say_why_not(case):
    expected = case["selected"]
    agrees = _is_as_expected(case, expected)
    assert agrees is ("disagreement" not in (expected or {})), expected


@pytest.mark.parametrize("case", _having(lambda case: "selections" in case))
def test_every_table_of_hardware_and_profile_is_reproduced(case):
    for selection in case["selections"]:
        decision = _decide(case, {"gpus": selection["gpus"]})
        assert selection["name"] == decision.selected.profile.name, selection


@pytest.mark.parametrize("case", _having(lambda case: case.get("ordered")))
def test_every_listing_order_is_the_order_of_its_policy(case):
    decision = _decide(case)
    for grade in ("runnable", "low memory"):
        for lora in (False, True):
            ours = [
                verdict.profile.name
                for verdict in (*decision.ranked, *decision.rejected)
                if verdict.grade == grade and bool(verdict.profile.lora) is lora
            ]
            listed = [
                row["name"]
                for row in case["profiles"]
                if row.get("listed") == grade
                and (parse_name(row["name"]).tags.get("feat_lora") == "true") is lora
            ]
            assert listed == ours or not listed


@pytest.mark.parametrize(
    "case", _having(lambda case: any("gpus" in row for row in case["profiles"]))
)
def test_every_profile_runs_on_the_gpus_the_log_names(case):
    decision = _decide(case)
    for number, row in enumerate(case["profiles"]):
        if "gpus" in row:
            verdict = next(v for v in decision.ranked if v.profile.id == _id(row, number))
            assert tuple(row["gpus"]) == verdict.gpus


def _printable(case):
    """Whether the case has log lines, and names to print between them."""
    names = [row["name"] for row in case["profiles"]]
    return "log" in case and any(names) and not any("|" in name for name in names if name)


@pytest.mark.parametrize("case", _having(_printable))
def test_every_printed_line_is_read(case):
    """The verbatim lines around the profiles stop no reader."""
    rows = {_id(row, n): row["name"] for n, row in enumerate(case["profiles"]) if row["name"]}
    printed = [f"- {id_} ({name})" for id_, name in rows.items()]
    text = "\n".join([*case["log"], "- Incompatible with system:", *printed, ""])
    assert rows.keys() <= {profile.id for profile in parse_manifest(text).profiles}


def test_every_disagreement_has_its_paragraph():
    used = {
        part["disagreement"]
        for path in CASES
        for case in [_load(path)]
        for part in (*case["profiles"], case.get("selected") or {})
        if "disagreement" in part
    }
    explained = set(
        re.findall(r"^## `([a-z-]+)`", CONFORMANCE.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert used == explained
