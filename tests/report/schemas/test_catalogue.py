"""There is a JSON Schema of everything that is printed for programs, and it is true and complete."""

import json

import jsonschema
import pytest

from nimprofile import Request, Setup, launch_plan, load_manifest, mock_inventory, select
from nimprofile.report.schemas.catalogue import SCHEMAS, schema_of
from nimprofile.report.to_json import decision_to_dict, explanation_to_dict, reason_to_dict
from nimprofile.selection.reasons import Reason
from tests.support.cases import PATHS, decide, load
from tests.support.paths import DOCS
from tests.support.schemas import check, closed
from tests.support.worded_reasons import IDS, WORDED

OURS = [name for name in SCHEMAS if name != "manifest"]
"""All but that of NIM's own manifests, most of whose keys are NIM's."""


def parts(schema):
    """Every schema in a schema, with the path to it."""
    yield "", schema
    for key in ("properties", "$defs"):
        for name, part in schema.get(key, {}).items():
            yield from ((f"/{name}{path}", inner) for path, inner in parts(part))
    inner = [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else [])]
    for part in inner:
        yield from parts(part)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name):
    jsonschema.Draft202012Validator.check_schema(schema_of(name))


@pytest.mark.parametrize("name", OURS)
def test_every_key_has_a_meaning(name):
    silent = [
        f"{path}/{key}"
        for path, part in parts(schema_of(name))
        for key, value in part.get("properties", {}).items()
        if "description" not in value and "$ref" not in value
        if not any("$ref" in choice for choice in value.get("anyOf", ()))
    ]
    assert [] == silent


@pytest.mark.parametrize("name", OURS)
def test_a_key_in_bytes_says_so(name):
    figures = [
        value
        for _, part in parts(schema_of(name))
        for key, value in part.get("properties", {}).items()
        if key.endswith("_bytes") and "anyOf" in value and "$ref" not in str(value)
        if "string" not in str(value) and "object" not in str(value)
    ]
    assert [] == [value for value in figures if "bytes" not in value["description"]]


@pytest.mark.parametrize("name", OURS)
def test_a_form_has_its_version_first(name):
    properties = schema_of(name)["properties"]
    assert "schema_version" == next(iter(properties))
    assert r"^1\.[0-9]+$" == properties["schema_version"]["pattern"]


@pytest.mark.parametrize("name", OURS)
def test_what_is_printed_may_gain_keys(name):
    """So no part forbids keys that it does not name."""
    assert [] == [
        path for path, part in parts(schema_of(name)) if part.get("additionalProperties") is False
    ]


def test_there_is_no_schema_of_another_name():
    with pytest.raises(KeyError):
        schema_of("policy")


@pytest.mark.parametrize("machine", ["8xh100", "1xt4", "2xl40s,1xt4", "1xgb10", "1xh100"])
@pytest.mark.parametrize("name", ["llama-3.1-8b-instruct", "nemotron-3-nano", "gpt-oss-120b"])
def test_a_decision_and_its_explanations_are_as_their_schemas_say(name, machine):
    decision = select(load_manifest(name), mock_inventory(machine))
    check("decision", json.loads(json.dumps(decision_to_dict(decision))))
    for verdict in (*decision.ranked[:3], *decision.rejected[:5]):
        check("explanation", json.loads(json.dumps(explanation_to_dict(decision, verdict))))


@pytest.mark.parametrize(
    "case", [pytest.param(case, id=p.stem) for p in PATHS if "machine" in (case := load(p))]
)
def test_the_decision_of_every_case_is_as_its_schema_says(case):
    decision = decide(case)
    check("decision", json.loads(json.dumps(decision_to_dict(decision))))


def test_a_plan_is_as_its_schema_says():
    manifest = load_manifest("nemotron-3-nano")
    decision = select(manifest, mock_inventory("1xl40s"), Request())
    plan = launch_plan(decision, manifest, Setup(server="nim"))
    check("launch", json.loads(json.dumps(plan.to_dict())))


@pytest.mark.parametrize("reason", [reason for reason, _, _ in WORDED], ids=IDS)
def test_every_kind_of_reason_is_as_its_schema_says(reason):
    schema = closed(schema_of("decision"))
    found = {"$ref": f"#/$defs/{type(reason).__name__}", "$defs": schema["$defs"]}
    jsonschema.Draft202012Validator(found).validate(json.loads(json.dumps(reason_to_dict(reason))))


def test_every_kind_of_reason_is_described():
    kinds = {kind.__name__ for kind in Reason.__args__}
    assert kinds <= schema_of("decision")["$defs"].keys()
    assert kinds <= schema_of("memory")["$defs"].keys()


def test_a_key_that_is_not_described_is_found():
    decision = decision_to_dict(select(load_manifest("gpt-oss-120b"), mock_inventory("1xh100")))
    with pytest.raises(AssertionError, match=r"what a decision prints: .*colour"):
        check("decision", decision | {"colour": "blue"})


def test_the_schema_of_inventories_in_docs_is_the_one_of_the_classes():
    kept = json.loads((DOCS / "inventory.schema.json").read_text(encoding="utf-8"))
    assert schema_of("inventory") == kept


@pytest.mark.parametrize("machine", ["2xh100,1xgb10", "8xb200", "1xt4"])
def test_every_inventory_we_write_is_as_its_schema_says(machine):
    check("inventory", mock_inventory(machine).to_dict())


def test_an_inventory_of_before_there_were_versions_is_as_its_schema_says():
    older = mock_inventory("1xt4").to_dict()
    del older["schema_version"]
    check("inventory", older)
