"""The NVIDIA GPU products that are known, and their names.

The facts are in `gpus.json`, every row with its source. Nothing is ever guessed from part of a
name: a PCI id or a whole spelling finds a product, or nothing does.
"""

from __future__ import annotations

import os
import re
from functools import cache

from nimprofile.base.errors import UnknownGpuError
from nimprofile.base.expect import expect_text
from nimprofile.base.gpu_ids import normalise_gpu_name, parse_device_id
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.base.units import MIB, ComputeCapability, shared_mib
from nimprofile.hardware.inventory import MOST_GPUS, Gpu, Inventory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from dataclasses import KW_ONLY
    from typing import Any


class Product(Record):
    """One board as it is sold.

    Attributes:
        short: NIM's spelling, or one in its style: `h100`, `a100_sxm4_40gb`, `l40s`.
        name: what NVML calls it.
        device_ids: PCI ids as `device:vendor`, the usual one first.
        spellings: every normalised spelling, `short` and `name` included.
        memory_mib: total memory a real board reports; None when no reading was found.
        compute_capability: of the chip.
        unified_memory: it has no memory of its own.
        listing_name: what NIM 1.x prints in brackets after the name, for the few that have one.
        architecture: `Hopper`.
        cpu_architecture: of the only CPU that this board comes with, `aarch64` for a GH200; None
            for one that is put into machines of several kinds.
        sources: where these facts are from, URLs.
    """

    short: str
    name: str
    device_ids: tuple[str, ...]
    _: KW_ONLY
    spellings: frozenset[str]
    memory_mib: int | None
    compute_capability: ComputeCapability
    unified_memory: bool
    listing_name: str | None
    architecture: str
    cpu_architecture: str | None
    sources: tuple[str, ...]


@cache
def products() -> tuple[Product, ...]:
    """Every product of the catalogue, in its order."""
    return tuple(_product(at) for at in range(len(_rows())))


@cache
def _rows() -> list[dict[str, Any]]:
    import json

    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gpus.json")
    with open(path, encoding="utf-8") as file:
        rows: list[dict[str, Any]] = json.load(file)
    return rows


@cache
def _product(at: int) -> Product:
    """The product of a row, made when it is asked for: a command asks for a few of some hundred."""
    row = _rows()[at]
    return Product(
        row["short"],
        row["name"],
        tuple(f"{id}:10de" for id in row["device_ids"]),
        spellings=_spellings()[at],
        memory_mib=row["memory_mib"],
        compute_capability=ComputeCapability.parse(row["compute_capability"]),
        unified_memory=row["unified"],
        listing_name=row.get("listing_name"),
        architecture=row["architecture"],
        cpu_architecture=row.get("cpu_architecture"),
        sources=tuple(row["sources"]),
    )


@cache
def _spellings() -> list[frozenset[str]]:
    """The spellings of each row: its short name, its aliases, and its name where that is its own.

    A name that boards share (`NVIDIA GeForce RTX 3080`), or that is another's short name
    (`NVIDIA H100` is what the 94 GB board says), says nothing.
    """
    rows = _rows()
    names = [normalise_gpu_name(row["name"]) for row in rows]
    shorts = {normalise_gpu_name(row["short"]): row["short"] for row in rows}
    shared = {name for at, name in enumerate(names) if name in names[:at]}
    return [
        frozenset(map(normalise_gpu_name, (row["short"], *row["aliases"])))
        | (
            {name}
            if name not in shared and shorts.get(name, row["short"]) == row["short"]
            else set()
        )
        for row, name in zip(rows, names, strict=True)
    ]


@cache
def _by_device() -> dict[str, int]:
    return {f"{id}:10de": at for at, row in enumerate(_rows()) for id in row["device_ids"]}


@cache
def _by_name() -> dict[str, list[int]]:
    """The rows that a spelling, or a name which boards share, may mean."""
    rows: dict[str, list[int]] = {}
    for at, own in enumerate(_spellings()):
        for name in own | {normalise_gpu_name(_rows()[at]["name"])}:
            rows.setdefault(name, []).append(at)
    return rows


@cache
def _by_spelling() -> dict[str, int]:
    return {spelling: at for at, own in enumerate(_spellings()) for spelling in own}


def product_by_id(device_id: str | None) -> Product | None:
    """The product with this PCI id; None when there is none."""
    at = None if device_id is None else _by_device().get(device_id)
    return None if at is None else _product(at)


def product_spelled(name: str) -> Product | None:
    """The product that this spelling means and no other; None when there is none."""
    at = _by_spelling().get(normalise_gpu_name(name))
    return None if at is None else _product(at)


def products_named(name: str) -> list[Product]:
    """The products that this may be a spelling of, or the name that NVML has for several."""
    return [_product(at) for at in _by_name().get(normalise_gpu_name(name), [])]


def told_by_size(name: str) -> list[Product]:
    """The products that have this name, where only their memory tells them apart.

    They are boards of known memory, of which one has no PCI id of its own.
    """
    return [_product(at) for at in _sizes().get(normalise_gpu_name(name), [])]


@cache
def _sizes() -> dict[str, list[int]]:
    by_name: dict[str, list[int]] = {}
    for at, row in enumerate(_rows()):
        if row["memory_mib"] is not None:
            by_name.setdefault(normalise_gpu_name(row["name"]), []).append(at)
    return {
        name: rows
        for name, rows in by_name.items()
        if len(rows) > 1 and not all(_rows()[at]["device_ids"] for at in rows)
    }


def known_product(name: str) -> Product | None:
    """The product of that name in any of its spellings, or of that PCI id; None for any other."""
    at = _by_spelling().get(normalise_gpu_name(name))
    if at is None:
        try:
            at = _by_device().get(parse_device_id(name))
        except ValueError:  # not a PCI id; then it was a name, and an unknown one
            return None
    return None if at is None else _product(at)


def find_product(name: str) -> Product:
    """The product of that name in any of its spellings, or of that PCI id.

    Raises UnknownGpuError, which lists near names, when there is none or more than one.
    """
    if (product := known_product(name)) is not None:
        return product
    wanted = normalise_gpu_name(name)
    family = {
        product.short: None
        for product in products()
        if wanted
        and any(wanted in s for s in (*product.spellings, normalise_gpu_name(product.name)))
    }
    if len(wanted) > 1 and family:
        raise UnknownGpuError(f"{quoted(name)} is several GPUs; did you mean {_listed(family)}?")
    from nimprofile.base.names.nearest import nearest

    near = {
        _product(_by_spelling()[s]).short: None
        for s in nearest(wanted, _by_spelling(), 6, least=0.5)
    }
    if wanted[:1].isdigit() and wanted.lstrip("0123456789*") in _by_spelling():
        raise UnknownGpuError(
            f"{quoted(name)} is not a number of GPUs; write 8xh100 for eight of h100"
        )
    hint = f"did you mean {_listed(near)}?" if near else "`nimprofile gpus --known` lists all"
    raise UnknownGpuError(f"{quoted(name)} is not a known GPU; {hint}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(list(names)[:8])


def mock_inventory(spec: str) -> Inventory:
    """The machine that a description such as `8xh100`, `h100x8`, `h100:8` or `4xl40s,1xt4` means.

    Its GPUs are idle: all memory is free. A product whose memory is not published is left
    unknown. Raises UnknownGpuError or InventoryError's message for what cannot be read.
    """
    expect_text("mock_inventory: spec", spec, hint='such as "8xh100"')
    gpus: list[Gpu] = []
    cpus: list[str] = []
    for part in spec.split(","):
        count, name = _counted(part.strip())
        if not name:
            raise UnknownGpuError(
                f"{quoted(spec)} is not a list of GPUs such as 8xh100 or 4xl40s,1xt4"
            )
        if len(count) > 4 or not 0 < int(count) <= MOST_GPUS - len(gpus):
            raise UnknownGpuError(f"{quoted(part.strip())}: a machine has 1 to {MOST_GPUS} GPUs")
        product = find_product(name)
        cpus += [] if product.cpu_architecture is None else [product.cpu_architecture]
        gpus += [
            Gpu(
                index=len(gpus) + at,
                name=product.name,
                device_id=product.device_ids[0] if product.device_ids else None,
                memory_total_mib=usable_mib(product),
                memory_free_mib=usable_mib(product),
                compute_capability=product.compute_capability,
                unified_memory=product.unified_memory,
                architecture=product.architecture,
            )
            for at in range(int(count))
        ]
    return Inventory(tuple(gpus), cpu_architecture=cpus[0] if cpus else None)


def _counted(part: str) -> tuple[str, str]:
    """The number and the name in `8xh100`, `8XH100`, `h100x8` and `h100:8`; of a name alone, 1."""
    first = re.fullmatch(r"([0-9]+)\s*[xX×]\s*(.*)", part, re.DOTALL)
    if first is not None:
        return first[1], first[2]
    before = part.rstrip("0123456789")
    count, before = part[len(before) :], before.rstrip()
    name = before[:-1].rstrip()
    if not 0 < len(count) <= 4 or before[-1:] not in _BEFORE_COUNT:
        return "1", part
    known = before[-1:] == ":" or normalise_gpu_name(name) in _by_spelling()
    return (count, name) if known else ("1", part)


_BEFORE_COUNT = frozenset(":xX×")


def usable_mib(product: Product) -> int | None:
    """The total memory that counts as the GPU's; None where it is not published.

    The catalogue has the whole of a unified memory, of which the GPU gets its share.
    """
    if product.memory_mib is None or not product.unified_memory:
        return product.memory_mib
    return shared_mib(product.memory_mib * MIB)
