"""Names and PCI ids of GPU products in one normal form."""

from __future__ import annotations


def parse_device_id(text: str) -> str:
    """Normalise a PCI id to NIM's `device:vendor` form: `2330`, `0x233010DE` -> `2330:10de`.

    Raises ValueError for anything else, another vendor's id included.
    """
    folded = text.strip().lower()
    device = folded.removeprefix("0x").removesuffix("10de").removesuffix(":") or folded
    if len(device) != 4 or not _HEX.issuperset(device):
        raise ValueError(f"{text!r} is not a PCI id of the form device:vendor, such as 2330:10de")
    return f"{device}:10de"


_HEX = frozenset("0123456789abcdef")


_SEPARATORS = dict.fromkeys(map(ord, " \t-_.,:/()"))


def normalise_gpu_name(name: str) -> str:
    """Fold the spellings of one product name together, and nothing else.

    `NVIDIA-H100-NVL`, `h100_nvl` and `H100 NVL` are one spelling; `h100` is another. Compare
    for equality only: a substring test takes an A100 for an A10.
    """
    return name.lower().translate(_SEPARATORS).removeprefix("nvidia")
