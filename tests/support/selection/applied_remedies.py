"""A machine and a request as remedies say they should be, by their sentences alone.

Of several ways that a sentence names, the first is taken.
"""

import math
import re
from fractions import Fraction

from packaging.specifiers import SpecifierSet

from nimprofile import Gpu
from nimprofile.base.errors import UnknownGpuError
from nimprofile.base.units import CONTEXT_STEP, GIB, MIB, ComputeCapability
from nimprofile.hardware.catalog import find_product
from nimprofile.hardware.gpu_groups import revived
from nimprofile.hardware.identity import product_of

HUGE_MIB = 1 << 22
UNITS = {"GiB": GIB, "MiB": MIB}


class NotHere(Exception):  # noqa: N818 - no error: the sentence asks for another profile or container
    """What the sentence asks for is neither of the machine nor of the request."""


def indices_in(text):
    """The indices in `GPU 3`, `each of GPUs 0-3,6`."""
    runs = re.findall(r"(\d+)(?:-(\d+))?", text)
    return {at for first, last in runs for at in range(int(first), int(last or first) + 1)}


def mib_in(text):
    """The last size in a text, in whole MiB that are not less."""
    number, unit = re.findall(r"([0-9.]+) (GiB|MiB)", text)[-1]
    return math.ceil(Fraction(number) * UNITS[unit] / MIB)


def applied(sentence, inventory, request):
    """The machine and the request after what a sentence says was done."""
    for pattern, apply in WAYS.items():
        if (found := re.match(pattern, sentence)) is not None:
            return apply(inventory, request, *found.groups())
    raise AssertionError(f"no way to do this: {sentence}")


def _not_here(*_):
    raise NotHere


def _other_gpus(inventory, request, count, wanted):
    number = 1 if count == "a" else int(count)
    gpu = _gpu_that_is(wanted)
    gpus = tuple(gpu.replace(index=at) for at in range(number))
    return inventory.replace(gpus=gpus, connections=(), cpu_architecture=None), request


def _gpu_that_is(wanted):
    specifiers = [
        SpecifierSet(f">={text.split()[0]}" if text.endswith("or higher") else text)
        for text in re.findall(r"of compute capability ([^ ]+(?: or higher)?)", wanted)
    ]
    gpu = Gpu(0, "NVIDIA Nobody-knows", memory_total_mib=HUGE_MIB)
    if product := re.search(r"of product (.+?)(?:, |$)", wanted):
        gpu = _product_of_name(re.split(" / |,", product[1]))
    if memory := re.search(r"with ([0-9.]+ [GM]iB) of memory or more", wanted):
        gpu = gpu.replace(memory_total_mib=mib_in(memory[1]))
    known = product_of(gpu)
    numbers = [ComputeCapability((major, minor)) for major in range(5, 14) for minor in range(11)]
    fit = [one for one in numbers if all(str(one) in each for each in specifiers)]
    own = None if known is None else known.compute_capability
    if not fit or (own is not None and own not in fit):
        raise NotHere  # the manifest asks for what no GPU is
    return gpu.replace(memory_free_mib=gpu.memory_total_mib, compute_capability=own or fit[-1])


def _product_of_name(names):
    """The first that is known, ids before names: an id is of one board, a name perhaps of several."""
    for name in sorted(names, key=lambda name: ":" not in name):
        try:
            product = find_product(name)
        except UnknownGpuError:
            continue
        id = product.device_ids[0] if product.device_ids else None
        mib = product.memory_mib or HUGE_MIB
        return Gpu(0, product.name, device_id=id, memory_total_mib=mib)
    named = [name for name in names if ":" not in name and not name.startswith("names like")]
    ids = [name for name in names if ":" in name and not name.startswith("names like")]
    if not named and not ids:
        raise NotHere  # a name that a pattern finds
    return Gpu(
        0, named[0] if named else None, device_id=ids[0] if ids else None, memory_total_mib=HUGE_MIB
    )


def _more_gpus(inventory, request, count, name):
    last = max(gpu.index for gpu in inventory.gpus)
    alike = [gpu for gpu in inventory.offered if _is_called(gpu, name)]
    assert alike, name
    model = alike[0].replace(uuid=None, memory_free_mib=alike[0].memory_total_mib)
    more = tuple(model.replace(index=last + at) for at in range(1, int(count) + 1))
    return inventory.replace(gpus=(*inventory.gpus, *more)), request


def _is_called(gpu, name):
    product = product_of(gpu)
    return name in {gpu.label, product and product.name} or name.startswith(f"{gpu.label} (")


def _whole(inventory, request, count):
    instance = next(gpu for gpu in inventory.offered if gpu.mig)
    board = instance.replace(mig=None, memory_free_mib=instance.memory_total_mib)
    gpus = tuple(board.replace(index=at) for at in range(int(count)))
    return inventory.replace(gpus=gpus, connections=()), request


def _answering(inventory, request, which):
    back = {gpu.index: gpu for gpu in revived(inventory).gpus}
    wanted = indices_in(which)
    gpus = tuple(back[gpu.index] if gpu.index in wanted else gpu for gpu in inventory.gpus)
    return inventory.replace(gpus=gpus), request


def _alike(inventory, request, names):
    first = names.split(", ")[0]
    kept = {gpu.index for gpu in inventory.gpus if _is_called(gpu, first)}
    return inventory.keeping(kept), request


def _larger(inventory, request, sizes):
    more = mib_in(sizes)

    def larger(gpu):
        """Another board, which is idle."""
        if gpu.memory_total_mib is None:
            return gpu
        total = gpu.memory_total_mib + more
        return gpu.replace(memory_total_mib=total, memory_free_mib=total)

    return inventory.replace(gpus=tuple(map(larger, inventory.gpus))), request


def _shorter(inventory, request, tokens):
    """So many tokens where the GPUs are idle, and less where memory is in use, as it says."""
    idle = all(gpu.memory_free_mib == gpu.memory_total_mib for gpu in inventory.offered)
    longest = int(tokens) if idle else min(int(tokens), CONTEXT_STEP)
    return inventory, request.replace(serving=request.serving.replace(max_model_len=longest))


def _freed(inventory, request, size, which):
    freed, wanted = mib_in(size), indices_in(which)

    def emptier(gpu):
        if gpu.index not in wanted:
            return gpu
        return gpu.replace(memory_free_mib=min(gpu.memory_total_mib, gpu.memory_free_mib + freed))

    return inventory.replace(gpus=tuple(map(emptier, inventory.gpus))), request


def _version(specifiers):
    texts = re.findall(r"[0-9][0-9.]*", specifiers)
    known = [*texts, *(f"{text}.1" for text in texts if text.count(".") < 3), "999", "0"]
    return next(text for text in known if text in SpecifierSet(specifiers))


def _newer_driver(inventory, request, specifiers):
    return inventory.replace(driver_version=_version(specifiers)), request


def _newer_cuda(inventory, request, specifiers):
    return inventory.replace(cuda_version=_version(specifiers)), request


def _deselected(inventory, request, tag, value):
    return inventory, request.replace(
        tags=tuple(pair for pair in request.tags if pair != (tag, value))
    )


def _asked(inventory, request, tag, value):
    return inventory, request.replace(tags=(*request.tags, (tag, value)))


def _not_required(inventory, request, condition):
    kept = tuple(one for one in request.require if str(one) != condition)
    return inventory, request.replace(require=kept)


def _without_variable(inventory, request, name):
    field = {
        "NIM_TENSOR_PARALLEL_SIZE": "tp",
        "NIM_PIPELINE_PARALLEL_SIZE": "pp",
        "NIM_ENGINE_PRECISION": "preferred_precision",
    }[name]
    return inventory, request.replace(**{field: None})


WAYS = {
    r"a container that has": _not_here,
    r"correct the tag": _not_here,
    r"another \w+: one that divides": _not_here,
    r"a \w+ of \d+ at most": _not_here,
    r"a machine of (\S+),": lambda inventory, request, cpu: (
        inventory.replace(cpu_architecture=cpu),
        request,
    ),
    r"(a|\d+) GPUs? ((?:of|with) .*)$": _other_gpus,
    r"(\d+) more (.*)$": _more_gpus,
    r"(\d+) GPUs?()$": _other_gpus,
    r"(\d+) whole GPUs": _whole,
    r"(GPUs? [0-9,-]+) to answer again": _answering,
    r"hide all but one product from the container \((.*)\)": _alike,
    r"([0-9.]+ [GM]iB) more memory per GPU": _larger,
    r"a context of (\d+) tokens or less": _shorter,
    r"free ([0-9.]+ [GM]iB) on (.*?)(?:, or|$)": _freed,
    r"a driver ([^ ]+)$": _newer_driver,
    r"a driver that serves CUDA (\S+)$": _newer_cuda,
    r".* \(see --engine-version\)": lambda inventory, request: (
        inventory,
        request.replace(serving=request.serving.replace(engine_version=None)),
    ),
    r"take the adapters away": lambda inventory, request: (inventory, request.replace(lora=False)),
    r"ask for adapters": lambda inventory, request: (inventory, request.replace(lora=True)),
    r"take (\w+)=\S+ away": _without_variable,
    r"ask for (\w+)=(\S+) ": _asked,
    r"take ([^=]+)=(.*) out of the selector": _deselected,
    r"take (\S+) out of what is required": _not_required,
}
"""What each sentence begins with -> what is done."""
