"""The schemas by the names that `nimprofile schema` takes."""

from __future__ import annotations

from nimprofile.report.schemas.terms import document, mapping, text, texts, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.report.schemas.terms import Schema

_HOME = {
    "decision": ("report.schemas.decision", "decision_schema"),
    "explanation": ("report.schemas.decision", "explanation_schema"),
    "memory": ("report.schemas.memory", "memory_schema"),
    "launch": ("report.schemas.catalogue", "launch_schema"),
    "lock": ("report.schemas.lock", "lock_schema"),
    "drift": ("report.schemas.lock", "drift_schema"),
    "inventory": ("report.schemas.inventory", "inventory_schema"),
    "manifest": ("authoring.json_schema", "manifest_schema"),
    "doctor": ("report.production.doctor", "doctor_schema"),
    "advisories": ("report.schemas.advisories", "advisories_schema"),
    "verification": ("report.schemas.verification", "verification_schema"),
    "error": ("report.schemas.errors", "error_schema"),
}
"""A name -> the module that has its schema, and what makes it there."""

SCHEMAS = tuple(_HOME)
"""What there is a schema of."""


def schema_of(name: str) -> Schema:
    """The JSON Schema of this name; KeyError without one."""
    from importlib import import_module

    module, function = _HOME[name]
    made: Schema = getattr(import_module(f"nimprofile.{module}"), function)()
    return made


def launch_schema() -> Schema:
    """The JSON Schema of a plan."""
    from nimprofile.launch.plan import PLAN_VERSION

    return document(
        "LaunchPlan",
        "Everything that starts a server, without any key or token: `nimprofile launch --json`.",
        PLAN_VERSION,
        server=text("what is started"),
        argv=texts("the program and its arguments, unquoted"),
        env=mapping("variables to set, beside those that are there", {"type": "string"}),
        files=mapping("files to write before, each path with its text", {"type": "string"}),
        port=whole("the port of its HTTP interface", 1),
        health=text("the path on that port which answers 200 once requests are served"),
        notes=texts("what the operator should know, in sentences"),
    )
