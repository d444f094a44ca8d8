"""The schema of an inventory, made of the classes that hold one.

`nimprofile schema inventory > docs/inventory.schema.json` writes the page's copy.
"""

from __future__ import annotations

from nimprofile.hardware.inventory import INVENTORY_VERSION
from nimprofile.hardware.inventory_file import inventory_adapter
from nimprofile.report.schemas.terms import described, version_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.report.schemas.terms import Schema


def inventory_schema() -> Schema:
    """The JSON Schema of an inventory, as it is printed and as it is read."""
    made = described(inventory_adapter().json_schema())
    version = version_of(INVENTORY_VERSION)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **made,
        "properties": {"schema_version": version, **made["properties"]},
    }
