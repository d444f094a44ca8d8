"""The JSON Schemas in docs are those of the models, and the reader agrees with them."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from nimprofile import ManifestError, bundled_manifests, parse_manifest
from nimprofile.authoring.json_schema import manifest_schema
from tests.support.paths import DOCS

GOOD = {"id": "a", "tags": {"tp": "1"}}
SHAPE = {
    "parameters": 8_030_261_248,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "max_position_embeddings": 131_072,
}


def test_the_schema_in_docs_is_the_one_of_the_models():
    kept = json.loads((DOCS / "manifest.schema.json").read_text(encoding="utf-8"))
    assert manifest_schema() == kept


@pytest.mark.parametrize("path", bundled_manifests().values(), ids=bundled_manifests())
def test_every_bundled_manifest_is_valid(path):
    jsonschema.validate(yaml.safe_load(Path(path).read_text(encoding="utf-8")), manifest_schema())


@pytest.mark.parametrize(
    "document",
    [
        {"profiles": [GOOD]},
        {"profiles": [GOOD | {"requires": {"driver": ">=550", "memory_gib_per_gpu": 20.5}}]},
        {"profiles": [GOOD | {"name": "mine", "workspace": {"files": {}}}]},
        {"profiles": [GOOD], "model": "a/b", "model_shape": SHAPE, "schema_version": "2.0"},
        {"profiles": [GOOD | {"somebody": "else's"}], "and": "this"},
        {"profiles": []},
        {"profiles": {}},
        {"profiles": ["text"]},
        {"profiles": [{"id": "", "tags": {}}]},
        {"profiles": [{"tags": {}}]},
        {"profiles": [{"id": "a"}]},
        {"profiles": [{"id": "a", "tags": ["tp"]}]},
        {"profiles": [{"id": "a", "tags": {"tp": {"deep": "1"}}}]},
        {"profiles": [GOOD | {"requires": {"drivr": ">=550"}}]},
        {"profiles": [GOOD | {"requires": {"memory_gib_per_gpu": 0}}]},
        {"profiles": [GOOD], "model_shape": SHAPE | {"head_dim": 0}},
        {"profiles": [GOOD], "model_shape": {"parameters": 1}},
        {"profiles": [GOOD], "model_shape": SHAPE | {"heads": 1}},
    ],
    ids=lambda document: json.dumps(document)[:70],
)
def test_the_reader_takes_what_the_schema_takes(document):
    validator = jsonschema.Draft202012Validator(manifest_schema())
    try:
        parse_manifest(json.dumps(document))
        read = True
    except ManifestError:
        read = False
    assert validator.is_valid(document) is read
