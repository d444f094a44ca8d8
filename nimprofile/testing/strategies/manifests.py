"""Strategies for tags, profiles, manifests and requests."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from hypothesis import strategies as st

from nimprofile.base.enums import Engine, Precision
from nimprofile.engines.serving import Serving
from nimprofile.manifest.manifest import Manifest
from nimprofile.manifest.profile import NOTHING_REQUIRED, Profile, Requires
from nimprofile.manifest.profile_names import describe
from nimprofile.manifest.profile_tags import profile_from_tags
from nimprofile.model.shape import ModelShape, plain_shape
from nimprofile.model.shape_reader import shape_from_config
from nimprofile.selection.request import Pin, Request
from nimprofile.testing.strategies.boards import COMMON_PRODUCTS, Board, board_of
from nimprofile.testing.strategies.models import SAMPLE_CONFIGS

TagSets = st.SearchStrategy[dict[str, str]]

_VALUES: dict[str, tuple[str, ...]] = {
    "llm_engine": ("tensorrt_llm", "vllm", "sglang", "trtllm", "llama.cpp"),
    "precision": (*map(str, Precision), "fp6"),
    "tp": ("1", "2", "4", "8"),
    "pp": ("1", "2"),
    "profile": ("latency", "throughput", "balanced", "throughput-lora", "speed"),
    "feat_lora": ("true", "false"),
    "trtllm_buildable": ("true", "false"),
    "min_vram_per_device_gb": ("1.0", "23.0", "24.0", "79.6", "80.0", "141.0", "1000.0"),
    "compute_capability": ("8.9", "9.0", "12.1"),
    "ampereplus": ("enabled", "disabled"),
    "product_name_regex": (".*H100.*", "^NVIDIA-A10(?!0).*", "("),
    "key": ("onnx", "NVIDIA-H100_10.0.1_12"),
    "model_type": ("onnx", "tensorrt", "prebuilt", "rmir"),
    "mode": ("all", "str", "ofl"),
    "batch_size": ("8", "32", "x"),
    "nim_workspace_hash_v1": ("ab" * 32, "0" * 64),
    "number_of_gpus": ("1", "2"),
    "vendor_note": ("", "a b", "null", "~", "1.20", "ключ: #1", "x" * 200),
}
"""Values of each tag: the usual ones, and those that a reader stumbles over."""

_FIGURES = (
    (8030261248, 32, 8, 128, 131072),
    (70553706496, 80, 8, 128, 131072),
    (1, 1, 1, 1, 1),
)
_NAMES = (
    *("parameters", "num_hidden_layers", "num_key_value_heads", "head_dim"),
    "max_position_embeddings",
)
SHAPE_BLOCKS: dict[ModelShape, dict[str, Any]] = {
    **{plain_shape(*figures): dict(zip(_NAMES, figures, strict=True)) for figures in _FIGURES},
    **{shape_from_config(config): config for config in SAMPLE_CONFIGS},
}
"""Shapes that manifests are drawn with -> the `model_shape` block that says the same."""

_SPECIFIERS = {
    "compute_capability": (">=8.0", ">=8.9", "==9.0", "<9", ">=8,<12"),
    "driver": (">=535", ">=550", ">=550.54.15", "<570"),
    "cuda": (">=12.2", ">=12.8"),
}


def tag_sets(
    *, products: Sequence[str] = COMMON_PRODUCTS, optional: bool = True
) -> st.SearchStrategy[dict[str, str]]:
    """The tags of one profile, most of them there or not, values usual or awkward.

    Args:
        products: what a GPU-specific profile may be made for, spelled as in `--gpus`.
        optional: leave tags out as well; otherwise engine, precision, tp and pp are always there.
    """
    return _tag_sets(tuple(products), optional)


@st.composite
def _tag_sets(draw: st.DrawFn, products: tuple[str, ...], optional: bool) -> dict[str, str]:
    tags: dict[str, str] = {}
    for tag, values in _VALUES.items():
        usual = tag in ("llm_engine", "precision", "tp", "pp")
        # One draw a tag: the first values, which Hypothesis shrinks to, are the plainest.
        absent: tuple[str | None, ...] = () if usual and not optional else (None,)
        pool = (*values, *absent) if usual else (*absent, *absent, *values)
        if (value := draw(st.sampled_from(pool))) is not None:
            tags[tag] = value
    return tags | draw(gpu_tags(board_of(draw(st.sampled_from(products)))))


@cache
def gpu_tags(board: Board) -> TagSets:
    """The tags that make a profile one for this board, or a generic one."""
    forms: list[dict[str, str]] = [{}]
    named = sorted(board.spellings)
    forms += [{"gpu": spelling} for spelling in named]
    forms += [{"gpu": f"gb999,{spelling.upper()}"} for spelling in named[:1]]
    if board.name is not None:
        forms += [{"gpu": board.name}, {"key": f"{board.name.replace(' ', '-')}_10.0.1_12"}]
    if board.device_id is not None:
        forms += [{"gpu_device": board.device_id}, {"gpu_device": f"ffff:10de,{board.device_id}"}]
        forms += [{"gpu": spelling, "gpu_device": board.device_id} for spelling in named]
    # A shared name (`NVIDIA GeForce RTX 3080`) is no spelling; `key` cannot hold an underscore.
    return st.sampled_from([form for form in forms if _names(form, board)])


def _names(form: dict[str, str], board: Board) -> bool:
    names = profile_from_tags("", form, name="").gpu_names
    return "gpu_device" in form or not form or not board.spellings.isdisjoint(names)


_IDS = st.one_of(
    st.integers(1, 2**256 - 1).map(lambda number: f"{number:064x}"),
    st.uuids().map(str),
    st.sampled_from(["12345e67", "0x10", "3807be80", "Profile-A", "id with spaces"]),
)


def profiles(
    *, ids: st.SearchStrategy[str] | None = None, tags: TagSets | None = None
) -> st.SearchStrategy[Profile]:
    """One profile, typed from tags, with or without requirements of its own.

    Args:
        ids: its id; by default BLAKE3 hex, a UUID, or a word that YAML would take for a number.
        tags: its tags; by default `tag_sets()`.
    """
    return st.builds(
        _profile,
        _IDS if ids is None else ids,
        tag_sets() if tags is None else tags,
        _requirements(),
    )


def _profile(id: str, tags: dict[str, str], requires: Requires) -> Profile:
    return profile_from_tags(id, tags, name=describe(tags) or id, requires=requires)


@cache
def _requirements() -> st.SearchStrategy[Requires]:
    stated = st.builds(
        Requires,
        *(st.sampled_from([None, *texts]) for texts in _SPECIFIERS.values()),
        memory_gib_per_gpu=st.one_of(st.none(), st.sampled_from([0.5, 22.494140625, 79.6, 80.0])),
        engine=st.sampled_from([None, None, "vllm>=0.10.1", "sglang>=0.5,<0.6", "vllm"]),
    )
    return st.one_of(st.just(NOTHING_REQUIRED), st.just(NOTHING_REQUIRED), stated)


def manifests(
    *,
    min_profiles: int = 1,
    max_profiles: int = 6,
    profiles: st.SearchStrategy[Profile] | None = None,
) -> st.SearchStrategy[Manifest]:
    """A manifest whose ids are unique; with a model's shape, so that memory is estimated, or none.

    Args:
        min_profiles: the fewest profiles.
        max_profiles: the most profiles.
        profiles: what they are; by default `profiles()`.
    """
    entries = st.lists(
        _any_profile() if profiles is None else profiles,
        min_size=min_profiles,
        max_size=max_profiles,
        unique_by=lambda profile: profile.id,
    )
    return st.builds(
        lambda entries, model, shape: Manifest(tuple(entries), "v2", model, model_shape=shape),
        entries,
        st.sampled_from([None, "meta/llama-3.1-8b-instruct"]),
        st.sampled_from([None, *SHAPE_BLOCKS]),
    )


_any_profile = profiles  # `manifests` has an argument of that name


def requests(*, manifest: Manifest | None = None) -> st.SearchStrategy[Request]:
    """Wishes: a pin, tag selectors, engines, switches and a context cut to fit, each there or not.

    Args:
        manifest: what a pin and the selectors are taken from; without one there is no pin.
    """
    return _requests(manifest)


@st.composite
def _requests(draw: st.DrawFn, manifest: Manifest | None) -> Request:
    pins: list[Pin | None] = [None, None]
    conditions: list[tuple[str, str]] = [("precision", "fp8"), ("tp", "1"), ("absent", "x")]
    if manifest is not None:
        ids = [profile.id for profile in manifest.profiles]
        names = [profile.name.casefold() for profile in manifest.profiles]
        pins += [Pin(id) for id in ids]
        # A name pins a profile only if no other has it; a value that is an id is read as the id.
        pins += [Pin(name) for name in names if names.count(name) == 1 and name not in ids]
        conditions += [
            (tag, value.upper()) for p in manifest.profiles for tag, value in p.tags.items()
        ]
    flags = st.booleans()
    return Request(
        pin=draw(st.sampled_from(pins)),
        tags=draw(st.sampled_from([(), (), (draw(st.sampled_from(conditions)),)])),
        engines=draw(st.sampled_from([None, None, tuple(Engine), (Engine.VLLM,), ()])),
        lora=draw(st.sampled_from([False, False, True])),
        relax_memory=draw(flags),
        allow_unsafe=draw(flags),
        allow_nvfp4_emulation=draw(flags),
        avoid_advised=draw(flags),
        empty_gpu_gate=draw(st.sampled_from([None, False, True])),
        uniform_gpus=draw(st.sampled_from([None, False, True])),
        serving=Serving(fit_context=draw(st.sampled_from([False, False, True]))),
    )


class RelatedProfiles(NamedTuple):
    """Two profiles that differ in one tag, and so in id and name."""

    first: Profile
    second: Profile
    tag: str


def related_profiles(*, tags: TagSets | None = None) -> st.SearchStrategy[RelatedProfiles]:
    """Two profiles of different ids whose tags differ in exactly one, by value or by being there.

    Args:
        tags: of the first; by default `tag_sets()`.
    """
    return _related_profiles(tag_sets() if tags is None else tags)


@st.composite
def _related_profiles(draw: st.DrawFn, tag_sets: TagSets) -> RelatedProfiles:
    tags = draw(tag_sets)
    requires = draw(_requirements())
    tag = draw(st.sampled_from(sorted(_VALUES)))
    others = [value for value in (*_VALUES[tag], None) if value != tags.get(tag)]
    other = draw(st.sampled_from(others))
    related = {key: value for key, value in tags.items() if key != tag}
    if other is not None:
        related[tag] = other
    ids = draw(st.lists(_IDS, min_size=2, max_size=2, unique=True))
    return RelatedProfiles(
        _profile(ids[0], tags, requires), _profile(ids[1], related, requires), tag
    )
