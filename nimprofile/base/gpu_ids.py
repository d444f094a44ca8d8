"""Names and PCI ids of GPU products in one normal form."""

from __future__ import annotations

from nimprofile.base.printable import quoted


def parse_device_id(text: str) -> str:
    """Normalise a PCI id to NIM's `device:vendor` form: `2330`, `0x233010DE` -> `2330:10de`.

    Raises ValueError for anything else, another vendor's id included.
    """
    folded = text.strip().lower()
    device = folded.removeprefix("0x").removesuffix("10de").removesuffix(":") or folded
    if len(device) != 4 or not _HEX.issuperset(device):
        raise ValueError(
            f"{quoted(text)} is not a PCI id of the form device:vendor, such as 2330:10de"
        )
    return f"{device}:10de"


MISTAKEN_IDS = {("l40s", "26b5:10de"): "26b9:10de"}
"""Products that are given another's PCI id, by normalised name, and the id that they have.

NIM up to 1.2 tags L40S profiles with the L40's id, and they run on an L40S (corpus, 001).
"""

_HEX = frozenset("0123456789abcdef")


def product_in_key(key: str) -> str | None:
    """The product that the tag `key` of a schema v1 manifest names; None when it names none.

    A GPU's key is the product's label, the version of TensorRT and the one of CUDA:
    `NVIDIA-A10G_10.0.1_12`. A profile for any GPU has its backend there: `onnx`. Both are in
    NVIDIA's k8s-nim-operator, `internal/nimparser/v1/testdata/manifest_non_llm.yaml`.
    """
    parts = key.split("_")
    versions = [part for part in parts[1:] if part.replace(".", "").isdigit()]
    if not versions and not key.lower().startswith("nvidia"):
        return None
    return "_".join(parts[: len(parts) - len(versions)]) or None


_SEPARATORS = dict.fromkeys(map(ord, " \t-_.,:/()"))


def normalise_gpu_name(name: str) -> str:
    """Fold the spellings of one product name together, and nothing else.

    `NVIDIA-H100-NVL`, `h100_nvl` and `H100 NVL` are one spelling; `h100` is another. Compare
    for equality only: a substring test takes an A100 for an A10.
    """
    return name.lower().translate(_SEPARATORS).removeprefix("nvidia")
