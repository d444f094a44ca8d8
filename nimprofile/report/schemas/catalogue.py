"""The schemas by the names that `nimprofile schema` takes."""

from __future__ import annotations

from nimprofile.report.schemas.terms import document, mapping, text, texts, whole

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.report.schemas.terms import Schema

SCHEMAS = (
    "decision",
    "explanation",
    "memory",
    "launch",
    "inventory",
    "manifest",
    "doctor",
    "advisories",
    "error",
)
"""What there is a schema of."""


def schema_of(name: str) -> Schema:
    """The JSON Schema of this name; KeyError without one."""
    match name:
        case "decision":
            from nimprofile.report.schemas.decision import decision_schema

            made = decision_schema()
        case "explanation":
            from nimprofile.report.schemas.decision import explanation_schema

            made = explanation_schema()
        case "inventory":
            from nimprofile.report.schemas.inventory import inventory_schema

            made = inventory_schema()
        case "memory":
            from nimprofile.report.schemas.memory import memory_schema

            made = memory_schema()
        case "launch":
            made = _launch()
        case "manifest":
            from nimprofile.authoring.json_schema import manifest_schema

            made = manifest_schema()
        case "doctor":
            from nimprofile.report.production.doctor import doctor_schema

            made = doctor_schema()
        case "advisories":
            from nimprofile.report.schemas.advisories import advisories_schema

            made = advisories_schema()
        case "error":
            from nimprofile.report.schemas.errors import error_schema

            made = error_schema()
        case _:
            raise KeyError(name)
    return made


def _launch() -> Schema:
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
