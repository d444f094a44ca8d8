"""What the schemas are made of: objects, texts, numbers and lists, and the records of the package.

An object lists every key that is printed, and all of them are required: a figure that is not known
is null. What reads our JSON must pass over keys that it does not know, so no schema forbids more.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    Schema: TypeAlias = dict[str, Any]


def document(title: str, description: str, version: str, **properties: Schema) -> Schema:
    """The schema of a whole output, which says its own version first."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **obj(description, schema_version=version_of(version), **properties),
    }


def version_of(version: str) -> Schema:
    """The version of an output: `1.4` has what `1.0` has, and more keys."""
    major = version.partition(".")[0]
    return {
        "type": "string",
        "pattern": rf"^{major}\.[0-9]+$",
        "description": f"the version of this form, {version} as it is described here; the number "
        "after the dot grows when keys are added, the one before it when a key changes or goes",
    }


def obj(description: str, **properties: Schema) -> Schema:
    """An object with these keys."""
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(properties),
    }


def mapping(description: str, values: Schema) -> Schema:
    """An object whose keys are data."""
    return {"type": "object", "description": description, "additionalProperties": values}


def text(description: str, *choices: str) -> Schema:
    """A text; one of the choices where there are some."""
    return {
        "type": "string",
        "description": description,
        **({"enum": list(choices)} if choices else {}),
    }


def whole(description: str, least: int = 0) -> Schema:
    """A whole number."""
    return {"type": "integer", "minimum": least, "description": description}


def number(description: str) -> Schema:
    """A number that need not be whole."""
    return {"type": "number", "description": description}


def truth(description: str) -> Schema:
    """True or false."""
    return {"type": "boolean", "description": description}


def several(description: str, items: Schema) -> Schema:
    """A list."""
    return {"type": "array", "description": description, "items": items}


def texts(description: str) -> Schema:
    """A list of texts."""
    return several(description, {"type": "string"})


def indices(description: str) -> Schema:
    """A list of the indices of GPUs."""
    return several(description, {"type": "integer", "minimum": 0})


def or_null(schema: Schema) -> Schema:
    """The same, or null."""
    described = {"description": schema["description"]} if "description" in schema else {}
    inner = {key: value for key, value in schema.items() if key != "description"}
    return {**described, "anyOf": [inner, {"type": "null"}]}


def ref(name: str, description: str = "") -> Schema:
    """What `$defs` has under this name."""
    found = {"$ref": f"#/$defs/{name}"}
    return {"description": description, **found} if description else found


def of_record(kind: Any, /, **more: Schema) -> tuple[Schema, Schema]:
    """The schema of a record as `to_dict` prints it, and the definitions that it refers to.

    Args:
        kind: the class of the record; its docstring describes it and its fields.
        more: keys that are printed before those of its fields.
    """
    from pydantic import TypeAdapter

    made = described(TypeAdapter(kind).json_schema())
    definitions = made.pop("$defs", {})
    for schema in (made, *definitions.values()):
        _print_all(schema)
    made["properties"] = {**more, **made["properties"]}
    made["required"] = list(made["properties"])
    return made, definitions


def _print_all(schema: Schema) -> None:
    """Require every key: what is printed has the fields with defaults too."""
    properties = schema.get("properties")
    if properties is None:
        return
    schema["required"] = list(properties)
    for value in properties.values():
        value.pop("default", None)


def described(schema: Schema) -> Schema:
    """A schema of pydantic with the meaning of every field, which the docstrings have."""
    for part in (schema, *schema.get("$defs", {}).values()):
        summary, _, attributes = part.get("description", "").partition("\n\nAttributes:\n")
        if summary:
            part["description"] = _one_line(summary)
        meanings = dict(_meanings(attributes))
        for name, value in part.get("properties", {}).items():
            value.pop("title", None)
            if name in meanings:
                value["description"] = meanings[name]
    return schema


def _meanings(attributes: str) -> list[tuple[str, str]]:
    """The fields of an `Attributes:` section, each with what stands behind it."""
    found = re.findall(r"^ {4}(\w+(?:, \w+)*): (.*(?:\n {8}.*)*)", attributes, re.MULTILINE)
    return [(name, _one_line(words)) for names, words in found for name in names.split(", ")]


def _one_line(words: str) -> str:
    return " ".join(words.split())
