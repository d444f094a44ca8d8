"""What commands print is held to its JSON Schema, in which every key that is printed must be."""

import json
from functools import cache

import jsonschema

from nimprofile.report.schemas.catalogue import schema_of

PRINTED = {
    "select": "decision",
    "list": "decision",
    "memory": "memory",
    "launch": "launch",
    "doctor": "doctor",
    "advisories": "advisories",
    "verify": "verification",
    "lock": "lock",
    "check": "drift",
}
"""Commands -> what they print with --json."""


def closed(schema):
    """The same schema with no key more than it names, in every object that names some."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        inner["additionalProperties"] = False
    return inner


@cache
def validator(name):
    """What validates against the schema of this name, and against what it names alone."""
    return jsonschema.Draft202012Validator(closed(schema_of(name)))


def check(name, value):
    """Fail with what is wrong first, and where, unless the value is as its schema says."""
    errors = sorted(validator(name).iter_errors(value), key=lambda error: list(error.path))
    wrong = [f"{error.json_path}: {error.message[:300]}" for error in errors[:3]]
    assert not wrong, f"nimprofile/report/schemas describes what a {name} prints: {wrong}"


def check_printed(argv, out):
    """Check what a command line printed, if it is JSON of which there is a schema."""
    words = [str(word) for word in argv]
    if "--json" not in words[: words.index("--") if "--" in words else None] or not out:
        return
    value = json.loads(out)
    name = PRINTED.get(words[0])
    if isinstance(value, dict) and "error" in value:
        name = "error"
    elif words[0] == "explain":
        name = "decision" if "ranked" in value else "explanation"
    elif words[0] == "gpus" and "--known" not in words:
        name = "inventory"
    if name is not None:
        check(name, value)
