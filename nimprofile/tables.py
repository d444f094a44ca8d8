"""How do the GPUs, the catalogue and the policies read as tables?

On a terminal there are aligned columns, bars and colour; in a pipe, plain lines with tabs.
"""

from __future__ import annotations

from nimprofile.record import Record
from nimprofile.values import format_indices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nimprofile.catalog import Product
    from nimprofile.inventory import Gpu, Inventory
    from nimprofile.rank import Policy

BAR = 16
"""Characters of a memory bar."""


class Style(Record):
    """How to write: `columns` for a terminal, `colour` when it may have colour."""

    columns: bool = False
    colour: bool = False

    def paint(self, text: str, code: str) -> str:
        """The text in an SGR colour, or as it is."""
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour else text

    def table(self, rows: Sequence[Sequence[str]]) -> Iterator[str]:
        """Rows aligned on a terminal, separated by tabs in a pipe."""
        if not self.columns:
            yield from ("\t".join(row) for row in rows)
            return
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            yield "  ".join(cells).rstrip()


def gpus_text(inventory: Inventory, style: Style) -> str:
    """The inventory as a table, with what is wrong and how GPUs are connected below it."""
    if not style.columns:
        return "\n".join(style.table([_plain_row(gpu) for gpu in inventory.gpus]))
    rows = [_HEADINGS]
    rows += [_row(gpu) for gpu in inventory.gpus]
    lines = list(style.table(rows))
    for at, gpu in enumerate(inventory.gpus, 1):
        colour = "31" if gpu.unavailable else "33" if gpu.health_issues else ""
        lines[at] = style.paint(lines[at], colour) if colour else lines[at]
    lines.append(f"driver {inventory.driver_version or '?'}, CUDA {inventory.cuda_version or '?'}")
    for gpu in inventory.gpus:
        problems = (gpu.unavailable, *gpu.health_issues)
        lines += [f"GPU {gpu.index}: {problem}" for problem in problems if problem]
    return "\n".join(
        [*lines, *_links(inventory, style), *(f"note: {note}" for note in inventory.remarks)]
    )


_HEADINGS: tuple[str, ...] = (
    *("GPU", "name", "free / total MiB", "in use", "", "busy", "PCI id", "cc", "state"),
)


def _plain_row(gpu: Gpu) -> tuple[str, ...]:
    return (
        str(gpu.index),
        gpu.name or "?",
        gpu.device_id or "?",
        known(gpu.memory_total_mib),
        known(gpu.memory_free_mib),
        known(gpu.compute_capability),
        _state(gpu),
        gpu.uuid or "?",
    )


def _row(gpu: Gpu) -> tuple[str, ...]:
    free = gpu.free_fraction
    busy = gpu.utilization_percent
    return (
        str(gpu.index),
        gpu.name or "?",
        f"{known(gpu.memory_free_mib):>7} / {known(gpu.memory_total_mib):>7}",
        bar(None if free is None else 1 - free),
        "?" if free is None else f"{100 * (1 - free):3.0f} %",
        "?" if busy is None else f"{busy:3} %",
        (gpu.device_id or "?").partition(":")[0],
        known(gpu.compute_capability),
        _state(gpu),
    )


def bar(fraction: float | None) -> str:
    """A fraction as a bar, to an eighth of a character; dots when it is unknown."""
    if fraction is None:
        return "·" * BAR
    eighths = round(fraction * BAR * 8)
    return ("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()).ljust(BAR, "░")


def _state(gpu: Gpu) -> str:
    """One or two words; the sentences are below the table, and in JSON."""
    if gpu.unavailable is not None:
        return "unavailable"
    if gpu.mig_enabled:
        return "split by MIG"
    words = ["ailing" if gpu.health_issues else "ok"]
    words += ["unified memory"] if gpu.unified_memory else []
    return ", ".join(words)


def _links(inventory: Inventory, style: Style) -> Iterator[str]:
    """How GPUs are joined: a line when all alike, else a matrix as in `nvidia-smi topo -m`."""
    links = {connection.gpus: connection.link for connection in inventory.connections}
    if not links:
        return
    indices = sorted({index for pair in links for index in pair})
    pairs = [(one, other) for at, one in enumerate(indices) for other in indices[at + 1 :]]
    kinds = {links.get(pair) for pair in pairs}
    if len(kinds) == 1:
        yield f"GPUs {format_indices(tuple(indices))}: joined by {kinds.pop()}"
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
            known(product.memory_mib),
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
    return "\n".join(lines)


def known(value: object) -> str:
    """A figure, or a question mark where there is none."""
    return "?" if value is None else str(value)
