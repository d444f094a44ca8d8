"""Which product a GPU is, by its PCI id, its name and its compute capability.

Where these contradict each other, as in mocks of NVML, it is said which of them counts.
"""

from __future__ import annotations

from nimprofile.base.gpu_ids import MISTAKEN_IDS, normalise_gpu_name
from nimprofile.base.record import Record
from nimprofile.hardware.catalog import (
    Product,
    product_by_id,
    product_spelled,
    products_named,
    told_by_size,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from nimprofile.hardware.conditions import Condition, Kind
    from nimprofile.hardware.inventory import Gpu


def product_of(gpu: Gpu) -> Product | None:
    """The product of a GPU: by its PCI id, else by its whole name; None when neither is known.

    Where these contradict each other, `contradiction` says which of them counts. Of boards with one
    name, of which one has no id of its own, the memory tells which it is.
    """
    found = contradiction(gpu)
    return found.believed if found else _product_of(gpu.device_id, gpu.name, gpu.memory_total_mib)


def _product_of(device_id: str | None, name: str | None, total_mib: int | None) -> Product | None:
    """The product of this PCI id, else of this name."""
    product = product_by_id(device_id)
    if name is None:
        return product
    product = product or product_spelled(name)
    same_name = told_by_size(name)
    if not same_name or (product is not None and product not in same_name):
        return product
    total = total_mib or 0
    near = [
        one
        for one in same_name
        if (one is product or device_id is None or not one.device_ids)
        and abs(total - (one.memory_mib or 0)) < total / 10
    ]
    return near[0] if len(near) == 1 else product


class Contradiction(Record):
    """The PCI id of a GPU is that of one product, and its name that of another.

    Attributes:
        by_id, by_name: the two products.
        name_counts: whether the GPU is taken to be what its name says.
    """

    by_id: Product
    by_name: Product
    name_counts: bool

    @property
    def believed(self) -> Product:
        """The product that the GPU is taken to be."""
        return self.by_name if self.name_counts else self.by_id


def contradiction(gpu: Gpu) -> Contradiction | None:
    """What the PCI id and the name of a GPU say where these are two products; None otherwise.

    The name counts where the id is known to be given to that product by mistake, or where the
    compute capability that was read is that of the name's product and not that of the id's.
    Otherwise the id counts.
    """
    by_id = product_by_id(gpu.device_id)
    if by_id is None or gpu.name is None or _is_name_of(gpu.name, by_id):
        return None
    named = products_named(gpu.name)
    if not named:
        return None
    likely = _product_of(None, gpu.name, gpu.memory_total_mib)
    by_name = likely or named[0]
    mistaken = (normalise_gpu_name(by_name.short), gpu.device_id) in MISTAKEN_IDS
    counts = likely is not None and (mistaken or _confirmed(gpu, by_id, by_name))
    return Contradiction(by_id, by_name, counts)


def _is_name_of(name: str, product: Product) -> bool:
    folded = normalise_gpu_name(name)
    return folded in product.spellings or folded == normalise_gpu_name(product.name)


def _confirmed(gpu: Gpu, by_id: Product, by_name: Product) -> bool:
    """Whether the compute capability is that of the name's product and not that of the id's."""
    return gpu.compute_capability == by_name.compute_capability != by_id.compute_capability


def remarks_on(gpus: Iterable[Gpu]) -> Iterator[Condition]:
    """What was read of boards that contradicts itself, and what is believed.

    The PCI id of one product and the name of another, or a compute capability that the product does
    not have.
    """
    from nimprofile.hardware.conditions import Condition, Kind

    found: dict[tuple[Kind, tuple[tuple[str, str | None], ...]], list[int]] = {}
    for gpu in gpus:
        product, read = product_of(gpu), gpu.compute_capability
        if product is None or gpu.mig is not None:
            continue
        if (disputed := contradiction(gpu)) is not None:
            confirmed = _confirmed(gpu, disputed.by_id, disputed.by_name)
            figures = {
                "by_id": disputed.by_id.name,
                "by_name": disputed.by_name.name,
                "counts": "name" if disputed.name_counts else "id",
                "capability": str(read) if disputed.name_counts and confirmed else None,
            }
            found.setdefault((Kind.CONTRADICTION, tuple(figures.items())), []).append(gpu.index)
        if read is not None and read != product.compute_capability:
            known = str(product.compute_capability)
            figures = {"product": product.name, "capability": str(read), "known": known}
            found.setdefault((Kind.CAPABILITY, tuple(figures.items())), []).append(gpu.index)
    for (kind, worded), indices in found.items():
        yield Condition(kind, gpus=tuple(indices), **dict(worded))


def implied_cpu(gpus: Iterable[Gpu]) -> str | None:
    """The architecture of the CPU that these boards come with; None when they tell nothing."""
    for gpu in gpus:
        product = product_of(gpu)
        if product is not None and product.cpu_architecture is not None:
            return product.cpu_architecture
    return None
