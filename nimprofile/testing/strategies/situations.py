"""A machine, a manifest and a request, and one change that must not make it worse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import strategies as st

from nimprofile.hardware.inventory import Inventory
from nimprofile.manifest.manifest import Manifest
from nimprofile.manifest.profile_names import describe
from nimprofile.manifest.profile_tags import profile_from_tags
from nimprofile.selection.request import Request
from nimprofile.testing.strategies.boards import COMMON_PRODUCTS
from nimprofile.testing.strategies.manifests import profiles
from nimprofile.testing.strategies.pairs import draw_fitting_pairs


class Situation(NamedTuple):
    """Everything a decision is made from; at least one profile was made to run."""

    manifest: Manifest
    inventory: Inventory
    request: Request


def situations(
    *, max_profiles: int = 6, products: Sequence[str] = COMMON_PRODUCTS
) -> st.SearchStrategy[Situation]:
    """A manifest, a machine and wishes; one profile at least was made to run there.

    The others are its relatives, which differ from it in a tag, and strangers.

    Args:
        max_profiles: the most profiles, 1 or more.
        products: what the machine may be made of, spelled as in `--gpus`.
    """
    return _situations(max_profiles, tuple(products))


_CHANGES: tuple[tuple[str, str | None], ...] = (
    ("llm_engine", "vllm"),
    ("llm_engine", "sglang"),
    ("llm_engine", "tensorrt_llm"),
    ("precision", "bf16"),
    ("precision", "fp8"),
    ("precision", "nvfp4"),
    ("tp", "1"),
    ("tp", "2"),
    ("tp", None),
    ("pp", "2"),
    ("profile", "throughput"),
    ("profile", "latency"),
    ("feat_lora", "true"),
    ("gpu", None),
    ("gpu_device", None),
    ("trtllm_buildable", "true"),
    ("min_vram_per_device_gb", "1000.0"),
    ("vendor_note", "y"),
)


@st.composite
def _situations(draw: st.DrawFn, max_profiles: int, products: tuple[str, ...]) -> Situation:
    pair = draw(draw_fitting_pairs(products, strange=True, foreign=True))
    made = pair.profile
    entries = [made]
    for number in range(draw(st.integers(0, max_profiles - 1))):
        id = f"{number:02}-other"
        if draw(st.sampled_from([True, True, False])):
            tag, value = draw(st.sampled_from(_CHANGES))
            tags = {key: old for key, old in made.tags.items() if key != tag}
            tags |= {} if value is None else {tag: value}
            entries.append(
                profile_from_tags(
                    id,
                    tags,
                    name=describe(tags) or id,
                    requires=made.requires,
                    memory=made.memory,
                )
            )
        else:
            entries.append(draw(profiles(ids=st.just(id))))
    order = draw(st.permutations(entries))
    return Situation(Manifest(tuple(order)), pair.inventory, pair.request)
