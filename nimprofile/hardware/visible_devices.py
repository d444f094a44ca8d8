"""The GPUs that the environment lets a CUDA program see, and the variables that show it just some.

`CUDA_VISIBLE_DEVICES` is read as CUDA reads it: CUDA programming guide, "CUDA environment
variables"; what that leaves open, as in nvitop's account of the driver (`docs/discovery.md`).
`NVIDIA_VISIBLE_DEVICES` is the container runtime's, which has already acted on it when a program
in the container reads it: what NVML lists is the truth, and the variable only ever narrows it.
"""

from __future__ import annotations

import re
from itertools import pairwise

from nimprofile.base.errors import RequestError
from nimprofile.base.expect import expect, expect_each
from nimprofile.base.printable import quoted, shown as shown_text
from nimprofile.base.record import Record
from nimprofile.hardware.inventory import AN_INVENTORY, Inventory
from nimprofile.hardware.nvml.listed_gpus import INDEX, ListedGpus, is_uuid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from nimprofile.hardware.inventory import Gpu

CUDA, CUDA_ORDER, RUNTIME = "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES"
BUS_ORDER = "PCI_BUS_ID"


class CudaDevices(Record):
    """The environment that shows a program these GPUs and no others.

    `devices` is the value of CUDA_VISIBLE_DEVICES; `order` that of CUDA_DEVICE_ORDER, None when
    it does not matter.
    """

    devices: str
    order: str | None = None

    @property
    def environ(self) -> dict[str, str]:
        """The variables to set."""
        order = {} if self.order is None else {CUDA_ORDER: self.order}
        return order | {CUDA: self.devices}


def cuda_devices(inventory: Inventory, indices: Iterable[int]) -> CudaDevices | None:
    """The variables that show a program exactly these GPUs; None when CUDA has no name for one.

    By UUID, which means the same in every order, when all are known and each names one GPU; by
    NVML's index if not, which is CUDA's only under CUDA_DEVICE_ORDER=PCI_BUS_ID. A MIG instance has
    no index.

    Raises RequestError for an index of which the inventory has no GPU.
    """
    expect("cuda_devices: inventory", inventory, Inventory, hint=AN_INVENTORY)
    indices = expect_each("cuda_devices: indices", indices, int, "decision.selected.gpus has some")
    gpus = {gpu.index: gpu for gpu in inventory.gpus}
    if missing := sorted(set(indices) - gpus.keys()):
        raise RequestError(f"there is no GPU {missing[0]} in the inventory")
    chosen = [gpus[index] for index in sorted(indices)]
    unclear = _ambiguous(inventory.gpus)
    names = [_own_uuid(gpu, unclear) or _instance_name(gpu, gpus, unclear) for gpu in chosen]
    if all(names):
        return CudaDevices(",".join(map(str, names)))
    if any(gpu.mig for gpu in chosen):
        return None
    return CudaDevices(",".join(str(gpu.index) for gpu in chosen), BUS_ORDER)


def _ambiguous(gpus: Iterable[Gpu]) -> set[str]:
    """The UUIDs, in small letters, with which another GPU's UUID begins: they name no GPU."""
    folded = sorted(gpu.uuid.lower() for gpu in gpus if gpu.uuid)
    return {uuid for uuid, after in pairwise(folded) if after.startswith(uuid)}


def _own_uuid(gpu: Gpu, unclear: Collection[str]) -> str | None:
    """The UUID of a GPU where the variable can have it, and it names that GPU alone."""
    uuid = gpu.uuid or ""
    letters = uuid.replace("-", "").replace("/", "")
    usable = is_uuid(uuid) and letters.isascii() and letters.isalnum()
    return uuid if usable and uuid.lower() not in unclear else None


def _instance_name(gpu: Gpu, gpus: Mapping[int, Gpu], unclear: Collection[str]) -> str | None:
    """A MIG instance by its board's UUID and its ids, as drivers before R470 call it."""
    if gpu.mig is None or gpu.mig.gpu_instance is None or gpu.mig.compute_instance is None:
        return None
    board = gpus.get(gpu.mig.board)
    uuid = None if board is None else _own_uuid(board, unclear)
    return uuid and f"MIG-{uuid}/{gpu.mig.gpu_instance}/{gpu.mig.compute_instance}"


def visible(inventory: Inventory, environ: Mapping[str, str]) -> Inventory:
    """The machine without the GPUs that the environment hides, and a remark on each variable."""
    kept = {gpu.index for gpu in inventory.gpus}
    remarks = []
    for name, seen in ((RUNTIME, _seen_in_container), (CUDA, _seen_by_cuda)):
        if (value := environ.get(name)) is None:
            continue
        seen_here, doubt = seen(ListedGpus(inventory.gpus), value, environ)
        hidden = tuple(sorted(kept - seen_here))
        kept &= seen_here
        if hidden or doubt:
            from nimprofile.hardware.conditions import Condition, Kind

            figures = {"variable": name, "value": value, "gpus": hidden, "doubt": doubt or None}
            remarks.append(Condition(Kind.HIDDEN, **figures))
    return inventory.keeping(kept, *remarks) if remarks else inventory


def _seen_by_cuda(
    listed: ListedGpus, value: str, environ: Mapping[str, str]
) -> tuple[set[int], str]:
    """What the tokens name; of MIG instances the first, beside which CUDA shows no other GPU."""
    order, unsure = _cuda_order(listed.boards, environ.get(CUDA_ORDER))
    named, doubt = _named_by_cuda(value, order, listed)
    if unsure and named and not doubt.endswith(_REST_IGNORED) and _NUMBER.match(value.strip()):
        doubt = f"{doubt}; {unsure}" if doubt else unsure
    seen = {gpu.index for gpu in named if gpu.unavailable or not gpu.mig_enabled}
    if any(gpu.mig or gpu.mig_enabled for gpu in named):
        instances = (_first_instance(gpu, listed) for gpu in named)
        instance = next((gpu for gpu in instances if gpu is not None), None)
        if instance is not None and instance.mig is not None:
            broken = {gpu.index for gpu in named if gpu.unavailable}
            return broken | {instance.index, instance.mig.board}, _ONE_INSTANCE
    return seen, doubt


def _named_by_cuda(value: str, order: Sequence[Gpu], listed: ListedGpus) -> tuple[list[Gpu], str]:
    """Left to right up to the first token that names nothing; a GPU twice is no GPU at all."""
    named: dict[int, Gpu] = {}
    guessed: set[str] = set()
    numeric = _NUMBER.match(value.strip()) is not None
    doubts: list[str] = []
    for token in map(str.strip, value.split(",")):
        number = _NUMBER.match(token)
        mixed, gpu = numeric is not (number is not None), None
        if not mixed:
            gpu = _numbered(number[0], order) if number else listed.of_uuid(token)
        if not mixed and number and number[0] != token and len(doubts) < _SHOWN:
            doubts.append(f"{quoted(token)} is read as {number[0]}")
        if (gpu is not None and gpu.index in named) or token.lower() in guessed:
            doubts.append(f"{quoted(token)} names a GPU a second time, so there is none at all")
            return [], "; ".join(doubts)
        if gpu is not None:
            named[gpu.index] = gpu
        elif not numeric and len(guessed) < len(listed.nameless) and listed.is_unknown_uuid(token):
            guessed.add(token.lower())  # that of a GPU which does not answer, unknown which
        else:
            if value.strip():
                why = _MIXED if mixed else listed.several_begin_so(token) or "names no GPU here"
                doubts.append(f"{quoted(token)} {why}{_REST_IGNORED}")
            break
    return [*named.values(), *(listed.nameless if guessed else [])], "; ".join(doubts)


_SHOWN = 3  # so many tokens of one kind are named
_MOST_UNLISTED = 8
_MIXED = "does not go with what stands before it (numbers and UUIDs do not mix)"
_REST_IGNORED = ", so it and what follows count for nothing"
_ONE_INSTANCE = "CUDA shows a program one MIG instance, and beside it no other GPU"
_NUMBER = re.compile(r"[+-]?[0-9]+")  # what C's `strtol` reads of a token
_DOUBTED_ORDER = (
    "read in CUDA's default order, in which the fastest GPU is 0, here taken to be the one of the "
    "highest compute capability, then of the most memory; CUDA_DEVICE_ORDER=PCI_BUS_ID or UUIDs "
    "leave no doubt"
)


def _cuda_order(boards: Sequence[Gpu], order: str | None) -> tuple[Sequence[Gpu], str]:
    """The boards as CUDA counts them, and a doubt when that is not certain."""
    from nimprofile.hardware.gpu_groups import product_key

    known = {product_key(gpu) for gpu in boards} - {""}
    if order == BUS_ORDER or len(known) < 2:
        return boards, ""
    fastest = max(boards, key=_speed)
    return [fastest, *(gpu for gpu in boards if gpu is not fastest)], _DOUBTED_ORDER


def _speed(gpu: Gpu) -> tuple[tuple[int, int], int, int]:
    return gpu.compute_capability or (0, 0), gpu.memory_total_mib or 0, -gpu.index


def _numbered(text: str, boards: Sequence[Gpu]) -> Gpu | None:
    number = int(text) if len(text) < 20 else -1
    return boards[number] if 0 <= number < len(boards) else None


def _first_instance(gpu: Gpu, listed: ListedGpus) -> Gpu | None:
    """The instance itself, or a board's first."""
    if gpu.mig is not None:
        return gpu
    return next(iter(listed.instances.get(gpu.index, ())), None)


_QUALIFIED = re.compile(r"[\w.-]++/gpu=")
"""How CDI qualifies a name: `nvidia.com/gpu=0`."""


def _seen_in_container(
    listed: ListedGpus, value: str, _: Mapping[str, str]
) -> tuple[set[int], str]:
    """What the container was to be given, as far as NVML still lists more than that.

    `void` says nothing: CDI sets it although there are GPUs.
    Once the runtime has acted, NVML counts from 0 whatever it let through, so a number means
    something only where more GPUs are listed than named: in a privileged container, or outside.
    """
    gpus, boards = listed.gpus, listed.boards
    everything = {gpu.index for gpu in gpus}
    parts = map(_unqualified, value.split(","))
    tokens = dict.fromkeys(part for part in parts if part and part != "void")
    if not tokens or "all" in tokens or value.startswith("/"):
        return everything, ""  # a path is how Kubernetes hands devices over as volumes
    if tokens.keys() == {"none"}:
        return set(), ""
    if any(INDEX.fullmatch(token) for token in tokens) and len(tokens) >= len(boards):
        odd = [token for token in tokens if not (INDEX.fullmatch(token) or is_uuid(token))]
        doubts = [f"{quoted(token)} is neither an index nor a UUID" for token in odd[:_SHOWN]]
        if len(tokens) > len(boards):
            doubts.append(f"it names {len(tokens)} and NVML lists {len(boards)}")
        return everything, "; ".join(doubts)
    named = {token: listed.of_index(token) or listed.of_uuid(token) for token in tokens}
    missing = [token for token, gpu in named.items() if gpu is None]
    several = {token: listed.several_begin_so(token) for token in missing}
    shown = [gpu.index for gpu in named.values() if gpu is not None]
    maybe = listed.nameless if any(map(listed.is_unknown_uuid, missing)) else []
    shown += [gpu.index for gpu in maybe]
    unlisted = [token for token in missing if not several[token]]
    doubts = [f"{quoted(token)} {why}" for token, why in several.items() if why][:_SHOWN]
    if len(unlisted) > len(maybe):
        more = len(unlisted) - _MOST_UNLISTED
        rest = f" and {more} more" if more > 0 else ""
        doubts.append(
            f"NVML does not list {', '.join(map(shown_text, unlisted[:_MOST_UNLISTED]))}{rest}"
        )
    return _with_boards(shown, gpus) if shown else everything, "; ".join(doubts)


def _unqualified(token: str) -> str:
    """A token without the vendor and class by which CDI qualifies it."""
    token = token.strip()
    qualified = _QUALIFIED.match(token)
    return token if qualified is None else token[qualified.end() :]


def _with_boards(indices: Iterable[int], gpus: Sequence[Gpu]) -> set[int]:
    """These GPUs, the instances of each board among them, and the board of each instance."""
    chosen = set(indices)
    boards = {gpu.mig.board for gpu in gpus if gpu.mig and gpu.index in chosen}
    return chosen | boards | {gpu.index for gpu in gpus if gpu.mig and gpu.mig.board in chosen}
