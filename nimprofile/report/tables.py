"""The profiles of a decision, GPUs, catalogue, policies and engines as tables."""

from __future__ import annotations

from itertools import combinations

from nimprofile.base.units import format_gpus
from nimprofile.hardware.describe import machine_messages
from nimprofile.report.blocks import Bar, Column, Line, Span, Table, line
from nimprofile.report.text import GRADE_MEANINGS, SHORT_ID, context_that_fits, policy_text
from nimprofile.selection.messages import message
from nimprofile.selection.verdict import GRADES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from nimprofile.base.enums import Engine
    from nimprofile.base.variables.notes import SetVariable
    from nimprofile.hardware.catalog import Product
    from nimprofile.hardware.inventory import Gpu, Inventory
    from nimprofile.report.blocks import Block, Cell, Meaning
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.rank import Policy
    from nimprofile.selection.verdict import Verdict


def gpus_blocks(inventory: Inventory) -> list[Block]:
    """The inventory as a table; on a terminal, what is wrong and how GPUs are connected below."""
    versions = f"driver {inventory.driver_version or '?'}, CUDA {inventory.cuda_version or '?'}"
    if inventory.cpu_architecture is not None:
        versions += f", CPU {inventory.cpu_architecture}"
    below = [line(versions), *_links(inventory), *map(line, machine_messages(inventory))]
    return [
        Table(_GPU_COLUMNS, [_gpu_row(gpu) for gpu in inventory.gpus], lead=2),
        *(block.replace(terminal_only=True) for block in below),
    ]


_GPU_COLUMNS = (
    Column("GPU"),
    Column("name"),
    Column("device", narrow=7),
    Column("MiB", figures=True),
    Column("free", figures=True),
    Column("in use", figures=True, narrow=4, terminal_only=True),
    Column("memory in use", narrow=3, terminal_only=True),
    Column("busy", figures=True, narrow=5, terminal_only=True),
    Column("cc", narrow=6),
    Column("bus", narrow=8, terminal_only=True),
    Column("state"),
    Column("UUID", narrow=9),
)


def _gpu_row(gpu: Gpu) -> tuple[Cell, ...]:
    free = gpu.free_fraction
    meaning: Meaning = "bad" if gpu.unavailable else "doubtful" if gpu.health_issues else "plain"
    return (
        Span(str(gpu.index), meaning),
        Span(gpu.name or "?", meaning),
        gpu.device_id or "?",
        figure_text(gpu.memory_total_mib),
        figure_text(gpu.memory_free_mib),
        "?" if free is None else f"{100 * (1 - free):.0f} %",
        "?" if free is None else Bar(1, 0, 1 - free),
        "?" if gpu.utilization_percent is None else f"{gpu.utilization_percent} %",
        figure_text(gpu.compute_capability),
        (gpu.pci_bus_id or "?").removeprefix("00000000:"),
        Span(_state(gpu), meaning),
        gpu.uuid or "?",
    )


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


def _links(inventory: Inventory) -> Iterator[Block]:
    """How GPUs are joined: a line when all alike, else a matrix as in `nvidia-smi topo -m`."""
    links = {connection.gpus: connection.link for connection in inventory.connections}
    if not links:
        return
    indices = sorted({index for pair in links for index in pair})
    kinds = {links.get(pair) for pair in combinations(indices, 2)}
    if len(kinds) == 1:
        yield line(f"{format_gpus(tuple(indices))}: joined by {kinds.pop()}")
        return
    rows = []
    for row in indices:
        cells = (
            "-" if at == row else str(links.get((min(row, at), max(row, at)), "?"))
            for at in indices
        )
        rows.append((f"GPU {row}", *cells))
    yield Table((Column(), *(Column(str(index)) for index in indices)), rows)


def products_blocks(products: Iterable[Product]) -> list[Block]:
    """The catalogue as a table."""
    columns = (
        Column("name for --gpus"),
        Column("product"),
        Column("PCI ids", narrow=1),
        Column("MiB", figures=True),
        Column("capability"),
    )
    rows = [
        (
            product.short,
            product.name,
            ",".join(id.partition(":")[0] for id in product.device_ids) or "-",
            figure_text(product.memory_mib),
            str(product.compute_capability),
        )
        for product in products
    ]
    return [Table(columns, rows)]


def policies_blocks(policies: Iterable[Policy]) -> list[Block]:
    """Every policy and its chain, after the one that takes one of them."""
    from nimprofile.selection.policies import ABOUT_AUTO, AUTO

    blocks: list[Block] = [line(Span(AUTO, "strong"), f": {ABOUT_AUTO}")]
    for policy in policies:
        blocks.append(line(Span(policy.name, "strong"), f": {policy.about}"))
        blocks += [
            line(f"{criterion.name}: {criterion.prefers}", indent=2)
            for criterion in policy.criteria
        ]
        if policy.uniform_gpus:
            uniform = "(rejects everything when GPUs of several products are visible)"
            blocks.append(line(uniform, indent=2))
        if not policy.empty_gpu_gate:
            blocks.append(line("(does not want a GPU nearly empty)", indent=2))
    return blocks


def engines_blocks(engines: Sequence[Engine]) -> list[Block]:
    """What each engine serves: kinds of checkpoints, then kinds of models."""
    from nimprofile.engines.spec import spec_of

    columns = (
        Column("engine"),
        Column("stored as"),
        Column("served in"),
        Column("capability"),
        Column("versions", wraps=True),
        Column("source", wraps=True),
    )
    rows = [
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
    blocks: list[Block] = [Table(columns, rows, lead=3), Line()]
    for engine in engines:
        by_version: dict[str, list[str]] = {}
        for model_type, row in sorted(spec_of(engine).models.items()):
            needs = [row.versions, f"GPUs {row.capability}" if row.capability else ""]
            needs.append("" if row.pp else "no pp")
            by_version.setdefault(", ".join(filter(None, needs)) or "any", []).append(model_type)
        kinds = [(f"{engine} {needs}", " ".join(types)) for needs, types in by_version.items()]
        blocks.append(Table((Column(), Column(wraps=True)), kinds))
    return blocks


def figure_text(value: object) -> str:
    """A figure, or a question mark where there is none."""
    return "?" if value is None else str(value)


def variables_blocks(variables: Iterable[SetVariable]) -> list[Block]:
    """NIM's variables that are set, and what becomes of each."""
    rows = [
        (Span(each.name, _USE_MEANINGS.get(each.use, "plain")), each.use, each.how)
        for each in variables
    ]
    if not rows:
        return [line("no variable of NIM's is set; --all prints those there are")]
    return [Table((Column("variable"), Column(), Column(wraps=True)), rows, lead=2)]


_USE_MEANINGS: dict[str, Meaning] = {
    "not used": "doubtful",
    "not known": "bad",
    "cannot be read": "bad",
}


def list_blocks(decision: Decision) -> list[Block]:
    """Every profile by grade, with what it runs on or why it does not."""
    selected = decision.selected
    verdicts = [
        selected if selected is not None and selected.profile.id == verdict.profile.id else verdict
        for verdict in (*decision.ranked, *decision.rejected)
    ]
    rows = [
        _list_row(group, verdict, _remark(decision, verdict), selected=verdict is selected)
        for group in GRADE_MEANINGS
        for verdict in verdicts
        if _group(verdict) == group
    ]
    columns = (Column(), Column(shortened=SHORT_ID), Column(), Column(wraps=True))
    groups = tuple(
        Span(group, meaning)
        for group, meaning in GRADE_MEANINGS.items()
        if group in GRADES or any(row[0] == group for row in rows)
    )
    policy = Line((f"policy {policy_text(decision)}",), terminal_only=True)
    return [Table(columns, rows, lead=2, groups=groups), policy]


def _group(verdict: Verdict) -> str:
    """Its grade, but for what the machine could run and the operator does not want."""
    unwanted = not verdict.fits and verdict.grade == "runnable"
    return "not wanted" if unwanted else verdict.grade


def _list_row(
    group: str, verdict: Verdict, remark: str, *, selected: bool
) -> tuple[str | Span, ...]:
    profile = verdict.profile
    name = profile.name
    if selected:
        return group, profile.id, Span(name, "strong"), Span(f"selected: {remark}", "strong")
    return group, profile.id, name, remark


def _remark(decision: Decision, verdict: Verdict) -> str:
    if verdict.fits:
        context = context_that_fits(decision, verdict)
        return (
            format_gpus(verdict.gpus)
            + ("" if context is None else f"; {context}")
            + (f"; {message(verdict.waived[0])} (waived)" if verdict.waived else "")
        )
    more = len(verdict.reasons) - 1
    return message(verdict.reasons[0]) + (f" (+{more} more)" if more else "")
