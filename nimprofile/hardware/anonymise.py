"""An inventory without what identifies the machine it was read on."""

from __future__ import annotations

import re

from nimprofile.base.expect import expect
from nimprofile.hardware.conditions import Condition, Kind
from nimprofile.hardware.inventory import AN_INVENTORY, Gpu, Inventory


def scrubbed(inventory: Inventory) -> Inventory:
    """The same machine with made-up UUIDs; serial numbers and host names are never read.

    What is said of it loses UUIDs, paths, and the values of variables.
    """
    expect("scrubbed: inventory", inventory, Inventory, hint=AN_INVENTORY)
    return inventory.replace(
        gpus=tuple(
            gpu.replace(
                uuid=None if gpu.uuid is None else _made_up_uuid(gpu),
                health_issues=tuple(map(_anonymous, gpu.health_issues)),
                unavailable=None if gpu.unavailable is None else _anonymous(gpu.unavailable),
            )
            for gpu in inventory.gpus
        ),
        remarks=tuple(map(_anonymous, inventory.remarks)),
    )


def _made_up_uuid(gpu: Gpu) -> str:
    return f"{'MIG' if gpu.mig else 'GPU'}-00000000-0000-0000-0000-{gpu.index:012x}"


_UUID = re.compile(
    r"\b(?:(?:GPU|MIG)-[0-9a-f-]{4,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE
)
_PATH = re.compile(r"/(?!dev/)\S+")


def _anonymous(text: str) -> str:
    """A condition whose texts of others name nothing; any other text likewise."""
    if not isinstance(text, Condition):
        return _PATH.sub("<path>", _UUID.sub("<UUID>", text))
    if text.kind is Kind.HIDDEN:
        return text.with_figures(value=None, doubt=None)
    texts = {name: value for name, value in text.figures.items() if isinstance(value, str)}
    return text.with_figures(**{name: _anonymous(value) for name, value in texts.items()})
