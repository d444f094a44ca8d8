"""Inventories read from JSON files and NIM printouts, and written to JSON.

A well-formed file is read without pydantic (`inventory_values`). What that leaves is read by
pydantic, which checks the very records that the rest of the package uses and words what is wrong.
"""

from __future__ import annotations

import json
from functools import cache

from nimprofile.base.errors import InventoryError, ManifestError
from nimprofile.base.expect import expect, expect_path, expect_text
from nimprofile.base.formats.text_files import read_stdin, read_text
from nimprofile.base.printable import clipped, quoted
from nimprofile.hardware.inventory import AN_INVENTORY, INVENTORY_VERSION, Gpu, Inventory
from nimprofile.hardware.inventory_values import inventory_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any

    from pydantic import TypeAdapter, ValidationError

    from nimprofile.base.formats.nim_printout import ListedGpu
    from nimprofile.base.record import Record

NON_FREE_PERCENT = 6
"""Memory in use of a GPU that NIM lists as non-free: it does so from about 5 % on."""


@cache
def inventory_adapter() -> TypeAdapter[Inventory]:
    """The pydantic adapter of `Inventory`; its `json_schema()` is the file format."""
    from pydantic import TypeAdapter

    return TypeAdapter(Inventory)


def load_inventory(path: str | os.PathLike[str]) -> Inventory:
    """Read an inventory from a file, or from standard input (`-`).

    The file is what `nimprofile gpus --json` writes, or a NIM `list-model-profiles` printout, whose
    SYSTEM INFO names the GPUs. Raises InventoryError.
    """
    name = expect_path("load_inventory: path", path)
    try:
        if name == "-":
            text, name = read_stdin("inventory"), "<stdin>"
        else:
            text = read_text(name, what="inventory")
    except ManifestError as error:
        raise InventoryError(str(error)) from None
    return parse_inventory(text, name)


def parse_inventory(text: str, source: str = "<string>") -> Inventory:
    """Read an inventory from its text.

    `null` or an absent key is unknown, not zero. A key that is nearly one of ours is an error, so
    that a misspelling does not become "unknown"; any other key is a note and is passed over.

    Raises InventoryError, with a place such as `gpus[0].memory_total_mib`.
    """
    expect_text("parse_inventory: text", text, hint="load_inventory(path) reads a file")
    expect_text("parse_inventory: source", source)
    if (listing := _listing_in(text)) is not None:
        return _remarked(_from_listing(listing, source))
    from nimprofile.base.formats.json_reader import JsonError, read_json

    try:
        data = read_json(text, unique=True)
    except JsonError as error:
        where = source if error.line is None else f"{source}:{error.line}"
        raise InventoryError(f"{where}: {error.problem}") from None
    if not isinstance(data, dict) or "gpus" not in data:
        failed = isinstance(data, dict) and "error" in data
        instead = "; this is the error of a command that printed none" if failed else ""
        raise InventoryError(f"{source}: an inventory is an object with a list `gpus`{instead}")
    _check_version(data.pop("schema_version", None), source)
    _refuse_misspellings(data, Inventory, source, "")
    if isinstance(data["gpus"], list):
        for at, gpu in enumerate(data["gpus"]):
            if isinstance(gpu, dict):
                gpu.setdefault("index", at)
                _refuse_misspellings(gpu, Gpu, source, f"gpus[{at}].")
    inventory = inventory_from(data)
    return _remarked(_validated(data, source) if inventory is None else inventory)


def _remarked(inventory: Inventory) -> Inventory:
    """The inventory with a remark on each board of which the file says what cannot go together."""
    from nimprofile.hardware.identity import remarks_on

    told = [one for one in remarks_on(inventory.gpus) if one not in inventory.remarks]
    return inventory.replace(remarks=(*told, *inventory.remarks)) if told else inventory


def _check_version(version: object, source: str) -> None:
    """Refuse a form that is not ours; a file without a version is one of before there were any."""
    major = INVENTORY_VERSION.partition(".")[0]
    if version is not None and (type(version) is not str or version.partition(".")[0] != major):
        problem = f"schema_version {quoted(version)} is not one that is read here; {major}.x is"
        raise InventoryError(f"{source}: {problem}")


def _listing_in(text: str) -> str | None:
    """The printout that a text is, out of its JSON lines; None when it is none."""
    if text.lstrip()[:1] == "{" and '"message"' not in text:
        return None  # one JSON object, as nearly every inventory is
    from nimprofile.base.formats.nim_printout import is_listing, unwrap_json_lines

    lines = unwrap_json_lines(text)
    return lines if lines.lstrip()[:1] != "{" and is_listing(lines) else None


def _validated(data: dict[str, Any], source: str) -> Inventory:
    """The inventory as pydantic reads it, or what pydantic finds wrong as InventoryError."""
    from pydantic import ValidationError

    try:
        return inventory_adapter().validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        raise InventoryError(_problems_of(error, source)) from None


def dump_inventory(inventory: Inventory) -> dict[str, Any]:
    """An inventory as plain JSON values; `parse_inventory` of them is the same inventory."""
    expect("dump_inventory: inventory", inventory, Inventory, hint=AN_INVENTORY)
    return inventory.to_dict()


def capture(inventory: Inventory) -> dict[str, Any]:
    """A capture of a machine that may be shown to anybody, as plain JSON values."""
    from nimprofile.hardware.anonymise import scrubbed

    return dump_inventory(scrubbed(inventory))


def record(inventory: Inventory, path: str) -> None:
    """Write a capture of a machine to a new file.

    Raises InventoryError when there is such a file already, or it cannot be written.
    """
    from nimprofile.base.formats.written_files import write_file
    from nimprofile.base.secrets.output import has_secret

    text = json.dumps(capture(inventory), indent=2) + "\n"
    if has_secret(text):
        raise InventoryError(f"{path}: would have a secret of this command line or environment")
    try:
        write_file(path, text, named=True)
    except FileExistsError:
        raise InventoryError(f"{path}: is there already; name a new file") from None
    except OSError as error:
        raise InventoryError(f"{path}: cannot be written: {error.strerror}") from None


def _refuse_misspellings(
    data: dict[str, object], record: type[Record], source: str, place: str
) -> None:
    """Refuse a key that is nearly one of the record's and is not there under its own name."""
    known = record._fields
    unknown = data.keys() - set(known)
    if not unknown:
        return
    from nimprofile.base.names.nearest import nearest

    absent = [name for name in known if name not in data]
    for key in unknown:
        if near := nearest(key, absent, least=0.8):
            raise InventoryError(f"{source}: {place}{key}: unknown key; did you mean {near[0]}?")


_MUST_BE = {
    "tuple_type": "must be a list",
    "dataclass_type": "must be an object",
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "bool_type": "must be true or false",
}
"""What pydantic finds wrong, in the words of JSON."""


def _problems_of(error: ValidationError, source: str) -> str:
    """The first three things that pydantic finds wrong, each with its place."""
    from nimprofile.base.formats.yaml_reader import place

    problems = []
    for detail in error.errors(include_url=False)[:3]:
        where = place(detail["loc"])
        problem = detail["msg"].removeprefix("Value error, ")
        if detail["type"] in _MUST_BE:
            found = clipped(json.dumps(detail["input"]), 60)
            problem = f"{_MUST_BE[detail['type']]}, but is {found}"
        problems.append(f"{where}: {problem}" if where else problem)
    return f"{source}: " + "; ".join(problems)


def _from_listing(text: str, source: str) -> Inventory:
    """SYSTEM INFO has PCI ids, names and the share of memory in use; the catalogue has the rest."""
    from nimprofile.base.formats.nim_printout import read_listing
    from nimprofile.base.gpu_ids import normalise_gpu_name
    from nimprofile.hardware.identity import implied_cpu, product_of

    try:
        _, listed = read_listing(text, source=source)
    except ManifestError as error:
        raise InventoryError(str(error)) from None
    if not listed:
        raise InventoryError(f"{source}: a printout without GPUs (no SYSTEM INFO)")
    gpus = []
    try:
        for entry in listed:
            name = _without_short_name(entry)
            gpu = Gpu(entry.index, name, device_id=entry.device_id)
            product = product_of(gpu)
            # A MIG instance has its board's PCI id, a name of its own and less memory.
            whole = product and normalise_gpu_name(name) in product.spellings
            total = product.memory_mib if product and whole and not product.unified_memory else None
            free = None if total is None else _free_mib(entry, total)
            gpus.append(
                Gpu(
                    entry.index,
                    name,
                    device_id=entry.device_id,
                    memory_total_mib=total,
                    memory_free_mib=free,
                    compute_capability=product.compute_capability if product else None,
                    unified_memory=bool(product and product.unified_memory),
                )
            )
    except ValueError as error:
        raise InventoryError(f"{source}: {error}") from None
    return Inventory(tuple(gpus), cpu_architecture=implied_cpu(gpus))


def _without_short_name(entry: ListedGpu) -> str:
    """The name of a GPU without the short name that NIM 1.x prints behind it in brackets.

    A bracket is taken off where it is a product's short name, or where a known product's name is
    left: `Orin (nvgpu)` is a name as it is.
    """
    from nimprofile.hardware.catalog import products
    from nimprofile.hardware.identity import product_of

    name, bracket, short = entry.name.rstrip(")").rpartition(" (")
    if not (bracket and entry.name.endswith(")")) or product_of(Gpu(0, entry.name)):
        return entry.name
    printed = any(short == product.listing_name for product in products())
    return name if printed or product_of(Gpu(0, name)) else entry.name


def _free_mib(entry: ListedGpu, total: int) -> int | None:
    """Free memory by the share in use."""
    used = entry.used_percent
    if not entry.free:
        used = max(used or 0, NON_FREE_PERCENT)
    return None if used is None else int(total * (100 - used) / 100)
