"""GPUs, catalogue, policies and engines as tables.

On a terminal there are aligned columns, bars and colour; in a pipe, plain lines with tabs.
"""

from __future__ import annotations

from itertools import combinations

from nimprofile.base.units import format_gpus
from nimprofile.hardware.describe import machine_messages
from nimprofile.report.style import Style, bar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from nimprofile.base.enums import Engine
    from nimprofile.hardware.catalog import Product
    from nimprofile.hardware.inventory import Gpu, Inventory
    from nimprofile.selection.rank import Policy


def gpus_text(inventory: Inventory, style: Style) -> str:
    """The inventory as a table, with what is wrong and how GPUs are connected below it."""
    if not style.columns:
        return "\n".join(style.table([_plain_row(gpu) for gpu in inventory.gpus]))
    lines = _fitting(inventory, style)
    for at, gpu in enumerate(inventory.gpus, 1):
        colour = "31" if gpu.unavailable else "33" if gpu.health_issues else ""
        lines[at] = style.paint(lines[at], colour) if colour else lines[at]
    lines.append(f"driver {inventory.driver_version or '?'}, CUDA {inventory.cuda_version or '?'}")
    return "\n".join([*lines, *_links(inventory, style), *machine_messages(inventory)])


def _plain_row(gpu: Gpu) -> tuple[str, ...]:
    return (
        str(gpu.index),
        gpu.name or "?",
        gpu.device_id or "?",
        figure_text(gpu.memory_total_mib),
        figure_text(gpu.memory_free_mib),
        figure_text(gpu.compute_capability),
        _state(gpu),
        gpu.uuid or "?",
    )


def _fitting(inventory: Inventory, style: Style) -> list[str]:
    """The table with as many columns as the terminal is wide, the dispensable ones left out."""
    shown = list(_COLUMNS)
    while True:
        rows = [list(shown)]
        rows += [[_COLUMNS[heading][0](gpu) for heading in shown] for gpu in inventory.gpus]
        lines = list(style.table(rows))
        spare = [heading for heading in shown if _COLUMNS[heading][1]]
        if not spare or max(map(len, lines)) <= style.width:
            return lines
        shown.remove(max(spare, key=lambda heading: _COLUMNS[heading][1]))


def _memory(gpu: Gpu) -> str:
    return f"{figure_text(gpu.memory_free_mib):>7} / {figure_text(gpu.memory_total_mib):>7}"


def _in_use(gpu: Gpu) -> str:
    free = gpu.free_fraction
    return "   ?" if free is None else f"{100 * (1 - free):3.0f} %"


def _bar(gpu: Gpu) -> str:
    free = gpu.free_fraction
    return bar(None if free is None else 1 - free)


def _busy(gpu: Gpu) -> str:
    return "   ?" if gpu.utilization_percent is None else f"{gpu.utilization_percent:3} %"


def _state(gpu: Gpu) -> str:
    """One or two words; the sentences are below the table, and in JSON."""
    if gpu.unavailable is not None:
        return "unavailable"
    if gpu.mig_enabled:
        return "split by MIG"
    parts = ["ailing" if gpu.health_issues else "ok"]
    parts += ["unified memory"] if gpu.unified_memory else []
    parts += [f"part of GPU {gpu.mig.board}"] if gpu.mig is not None else []
    return ", ".join(parts)


_COLUMNS: dict[str, tuple[Callable[[Gpu], str], int]] = {
    "GPU": (lambda gpu: str(gpu.index), 0),
    "name": (lambda gpu: gpu.name or "?", 0),
    "free / total MiB": (_memory, 0),
    "in use": (_in_use, 4),
    "memory in use": (_bar, 3),
    "busy": (_busy, 5),
    "device": (lambda gpu: (gpu.device_id or "?").partition(":")[0], 7),
    "cc": (lambda gpu: figure_text(gpu.compute_capability), 6),
    "bus": (lambda gpu: (gpu.pci_bus_id or "?").removeprefix("00000000:"), 8),
    "state": (_state, 0),
    "UUID": (lambda gpu: gpu.uuid or "?", 9),
}
"""Each column's text, and how soon it is left out on a narrow terminal; 0 is never."""


def _links(inventory: Inventory, style: Style) -> Iterator[str]:
    """How GPUs are joined: a line when all alike, else a matrix as in `nvidia-smi topo -m`."""
    links = {connection.gpus: connection.link for connection in inventory.connections}
    if not links:
        return
    indices = sorted({index for pair in links for index in pair})
    kinds = {links.get(pair) for pair in combinations(indices, 2)}
    if len(kinds) == 1:
        yield f"{format_gpus(tuple(indices))}: joined by {kinds.pop()}"
        return
    rows = [("", *map(str, indices))]
    for row in indices:
        cells = (
            "-" if at == row else links.get((min(row, at), max(row, at)), "?") for at in indices
        )
        rows.append((f"GPU {row}", *cells))
    yield from style.table(rows)


def products_text(products: Iterable[Product], style: Style) -> str:
    """The catalogue as a table."""
    rows = [("name for --gpus", "product", "PCI ids", "MiB", "capability")]
    rows += [
        (
            product.short,
            product.name,
            ",".join(id.partition(":")[0] for id in product.device_ids) or "-",
            figure_text(product.memory_mib),
            str(product.compute_capability),
        )
        for product in products
    ]
    return "\n".join(style.table(rows if style.columns else rows[1:]))


def policies_text(policies: Iterable[Policy], style: Style) -> str:
    """Every policy and its chain."""
    lines: list[str] = []
    for policy in policies:
        lines += [style.paint(policy.name, "1") + f": {policy.about}"]
        lines += [f"  {criterion.name}: {criterion.prefers}" for criterion in policy.criteria]
        if policy.uniform_gpus:
            lines.append("  (rejects everything when GPUs of several products are visible)")
        if not policy.empty_gpu_gate:
            lines.append("  (does not want a GPU nearly empty)")
    return "\n".join(lines)


def engines_text(engines: Sequence[Engine], style: Style) -> str:
    """What each engine serves: kinds of checkpoints, then kinds of models."""
    from nimprofile.engines.spec import spec_of

    rows = [("engine", "stored as", "served in", "capability", "versions", "source")]
    rows += [
        (
            str(way.engine),
            way.stored,
            str(way.precision) + (f", tp {way.most_tp} at most" if way.most_tp else ""),
            way.capability,
            way.versions or "any",
            way.source,
        )
        for engine in sorted(set(engines), key=lambda engine: -len(spec_of(engine).formats))
        for way in spec_of(engine).formats
    ]
    lines = [*style.table(rows if style.columns else rows[1:]), ""]
    for engine in engines:
        by_version: dict[str, list[str]] = {}
        for model_type, row in sorted(spec_of(engine).models.items()):
            needs = [row.versions, f"GPUs {row.capability}" if row.capability else ""]
            needs.append("" if row.pp else "no pp")
            by_version.setdefault(", ".join(filter(None, needs)) or "any", []).append(model_type)
        kinds = [(f"{engine} {needs}", " ".join(types)) for needs, types in by_version.items()]
        lines += style.table(kinds)
    return "\n".join(lines)


def figure_text(value: object) -> str:
    """A figure, or a question mark where there is none."""
    return "?" if value is None else str(value)
