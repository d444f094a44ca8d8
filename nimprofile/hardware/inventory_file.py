"""How is an inventory read from JSON, and written to it?

pydantic checks the very dataclasses that the rest of the package uses; it is imported here and
where the manifest's JSON Schema is made, and nowhere on the way of a plain `select`.
"""

from __future__ import annotations

import json
from dataclasses import fields
from functools import cache

from pydantic import TypeAdapter, ValidationError

from nimprofile.base.errors import InventoryError, ManifestError
from nimprofile.base.expect import expect, expect_path, expect_text
from nimprofile.base.gpu_ids import normalise_gpu_name
from nimprofile.base.nim_printout import is_listing, read_listing, unwrap_json_lines
from nimprofile.base.text_files import read_stdin, read_text
from nimprofile.base.yaml_reader import place
from nimprofile.hardware.anonymise import scrubbed
from nimprofile.hardware.catalog import product_of
from nimprofile.hardware.inventory import AN_INVENTORY, Gpu, Inventory

NON_FREE_PERCENT = 6

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any

    from nimprofile.base.nim_printout import ListedGpu


@cache
def inventory_adapter() -> TypeAdapter[Inventory]:
    """The pydantic adapter of `Inventory`; its `json_schema()` is the file format."""
    return TypeAdapter(Inventory)


def load_inventory(path: str | os.PathLike[str]) -> Inventory:
    """Read an inventory from a file, or from standard input (`-`).

    The file is what `nimprofile gpus --json` writes, or a NIM `list-model-profiles` printout, whose
    SYSTEM INFO names the GPUs. Raises InventoryError.
    """
    name = expect_path("load_inventory: path", path)
    try:
        if name == "-":
            text, name = read_stdin(), "<stdin>"
        else:
            text = read_text(name, what="inventory")
    except ManifestError as error:
        raise InventoryError(
            str(error).replace("which no manifest is", "which no inventory is")
        ) from None
    return parse_inventory(text, name)


def parse_inventory(text: str, source: str = "<string>") -> Inventory:
    """Read an inventory from its text.

    `null` or an absent key is unknown, not zero. A key that is nearly one of ours is an error,
    lest a slip of the pen become "unknown"; any other key is somebody's note and is passed over.

    Raises InventoryError, with a place such as `gpus[0].memory_total_mib`.
    """
    expect_text("parse_inventory: text", text, hint="load_inventory(path) reads a file")
    expect_text("parse_inventory: source", source)
    lines = unwrap_json_lines(text)
    if lines.lstrip()[:1] != "{" and is_listing(lines):
        return _from_listing(lines, source)
    try:
        data = json.loads(text, object_pairs_hook=_unique)
        json.dumps(data, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except json.JSONDecodeError as error:
        raise InventoryError(f"{source}:{error.lineno}: not JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise InventoryError(f"{source}: not JSON: {error}") from None
    if not isinstance(data, dict) or "gpus" not in data:
        raise InventoryError(f"{source}: an inventory is an object with a list `gpus`")
    _refuse_slips(data, Inventory, source, "")
    if isinstance(data["gpus"], list):
        for at, gpu in enumerate(data["gpus"]):
            if isinstance(gpu, dict):
                gpu.setdefault("index", at)
                _refuse_slips(gpu, Gpu, source, f"gpus[{at}].")
    try:
        return inventory_adapter().validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        raise InventoryError(_first_problem(error, source)) from None


def dump_inventory(inventory: Inventory) -> dict[str, Any]:
    """An inventory as plain JSON values; `parse_inventory` of them is the same inventory."""
    expect("dump_inventory: inventory", inventory, Inventory, hint=AN_INVENTORY)
    return inventory.to_dict()


def record(inventory: Inventory, path: str) -> None:
    """Write a capture of a machine that may be shown to anybody, to a new file or to `-`.

    Raises InventoryError when there is such a file already, or it cannot be written.
    """
    text = json.dumps(dump_inventory(scrubbed(inventory)), indent=2) + "\n"
    if path == "-":
        print(text, end="")
        return
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InventoryError(f"{path}: is there already; name a new file") from None
    except OSError as error:
        raise InventoryError(f"{path}: cannot be written: {error.strerror}") from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    unique = dict(pairs)
    if len(unique) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {repeated!r} stands twice in one object")
    return unique


def _refuse_slips(data: dict[str, object], type_: type, source: str, place: str) -> None:
    from difflib import get_close_matches

    known = [field.name for field in fields(type_)]
    for key in data.keys() - set(known):
        if near := get_close_matches(key, [name for name in known if name not in data], 1, 0.8):
            raise InventoryError(f"{source}: {place}{key}: unknown key; did you mean {near[0]}?")


_MUST_BE = {
    "tuple_type": "must be a list",
    "dataclass_type": "must be an object",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
}
"""What pydantic finds wrong, in the words of JSON."""


def _first_problem(error: ValidationError, source: str) -> str:
    problems = []
    for detail in error.errors(include_url=False)[:3]:
        where = place(detail["loc"])
        problem = detail["msg"].removeprefix("Value error, ")
        if detail["type"] in _MUST_BE:
            problem = f"{_MUST_BE[detail['type']]}, but is {json.dumps(detail['input'])[:60]}"
        problems.append(f"{where}: {problem}" if where else problem)
    return f"{source}: " + "; ".join(problems)


def _from_listing(text: str, source: str) -> Inventory:
    """SYSTEM INFO has PCI ids, names and the share of memory in use; the catalogue has the rest."""
    try:
        _, listed = read_listing(text, source=source)
    except ManifestError as error:
        raise InventoryError(str(error)) from None
    if not listed:
        raise InventoryError(f"{source}: a printout without GPUs (no SYSTEM INFO)")
    gpus = []
    try:
        for entry in listed:
            gpu = Gpu(entry.index, entry.name, device_id=entry.device_id)
            product = product_of(gpu)
            # A MIG instance has its board's PCI id, a name of its own and less memory.
            whole = product and normalise_gpu_name(entry.name) in product.spellings
            total = product.memory_mib if product and whole and not product.unified_memory else None
            free = None if total is None else _free_mib(entry, total)
            gpus.append(
                Gpu(
                    entry.index,
                    entry.name,
                    device_id=entry.device_id,
                    memory_total_mib=total,
                    memory_free_mib=free,
                    compute_capability=product.compute_capability if product else None,
                    unified_memory=bool(product and product.unified_memory),
                )
            )
    except ValueError as error:
        raise InventoryError(f"{source}: {error}") from None
    return Inventory(tuple(gpus))


def _free_mib(entry: ListedGpu, total: int) -> int | None:
    """Free memory by the share in use; NIM calls a GPU non-free from about 5 % in use on."""
    used = entry.used_percent
    if not entry.free:
        used = max(used or 0, NON_FREE_PERCENT)
    return None if used is None else int(total * (100 - used) / 100)
