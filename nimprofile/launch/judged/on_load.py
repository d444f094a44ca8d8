"""Whether an engine makes a profile's precision of wider weights as it loads them, or reads it."""

from __future__ import annotations

from nimprofile.base.enums import Engine
from nimprofile.base.errors import LaunchError
from nimprofile.base.versions import satisfies
from nimprofile.engines.spec import spec_of
from nimprofile.engines.support import HALF, PLAIN, stored_as
from nimprofile.model.quantization import is_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from nimprofile.base.enums import Precision
    from nimprofile.engines.support import Way
    from nimprofile.hardware.inventory import Gpu
    from nimprofile.launch.judged.weights_source import WeightsSource
    from nimprofile.manifest.profile import Profile


def require_own(profile: Profile, weights: WeightsSource) -> None:
    """Refuse a NIM weights of the operator's that are quantised otherwise than its profile."""
    shape, precision = weights.shape, profile.precision
    seen = weights.model != "" and weights.stands_for is None
    if shape is None or not seen or shape.quantization is None or is_own(shape, precision):
        return
    raise _unserved(
        f"{profile.name} wants {precision} weights, and {weights.described} is stored as "
        f"{stored_as(shape) or 'nobody knows what'}: name another with --model"
    )


def quantises_on_load(
    profile: Profile, weights: WeightsSource, version: str, gpus: tuple[Gpu, ...]
) -> bool:
    """Whether the engine makes the profile's precision of wider weights; what is stored, it sees.

    Raises LaunchError where these weights would not be served in that precision, or nothing says
    that they would.
    """
    engine, precision, shape = profile.engine, profile.precision, weights.shape
    if precision is None or engine is None:
        return False
    if shape is None or not shape.architecture:
        if precision.bits >= 16:
            return False
        raise _unserved(
            f"nothing says how {weights.described} is stored, and {profile.name} was judged in "
            f"{precision}: {_WAYS_OUT}"
        )
    stored, spec = stored_as(shape), spec_of(engine)
    ways = spec.ways(stored)
    if stored not in {PLAIN, HALF}:
        _require_stored(profile, precision, weights, ways=ways)
        if ways:
            _require_version(ways, version, f"serves no checkpoint stored as {stored}")
        return False
    if precision.bits >= 16:
        return False
    making = [way for way in ways if way.precision is precision]
    if not making:
        raise _unserved(
            f"{engine} makes no {precision} of a 16-bit checkpoint, which {profile.name} wants: "
            f"{_elsewhere(engine, precision, weights)}"
        )
    fitting = _require_version(making, version, f"makes no {precision} of a 16-bit checkpoint")
    _require_capability(fitting, version, gpus)
    judged = weights.judged
    if judged is not None and is_own(judged, precision) and spec.holds_whole(version):
        raise _unserved(
            f"{profile.name} was judged by a checkpoint stored in {precision}, and {engine} "
            f"{version} would first hold all of {weights.described} in 16 bits: leave --manifest "
            "out to select for it"
        )
    return True


def _unserved(problem: str) -> LaunchError:
    """What keeps this profile from being served so; another may be."""
    return LaunchError(problem, of_profile=True)


_WAYS_OUT = (
    "name its directory with --model, or build its manifest with `nimprofile manifest build "
    "CONFIG.json --path NAME`"
)


def _require_stored(
    profile: Profile, precision: Precision, weights: WeightsSource, *, ways: Sequence[Way]
) -> None:
    """Refuse a quantised checkpoint that is not served in the profile's precision."""
    shape = weights.shape
    served = {way.precision for way in ways}
    if shape is None or (precision in served if served else is_own(shape, precision)):
        return
    raise _unserved(
        f"{profile.name} wants {precision} weights, and {weights.described} is stored as "
        f"{stored_as(shape) or 'nobody knows what'}: name another with --model"
    )


def _require_version(ways: Sequence[Way], version: str, lacks: str) -> list[Way]:
    """The ways that this version of the engine has; LaunchError when it has none of them."""
    fitting = [way for way in ways if satisfies(version, way.versions)]
    if not fitting:
        engine = ways[0].engine
        needed = " or ".join(dict.fromkeys(way.versions for way in ways))
        raise _unserved(f"{engine} {version} {lacks}; {engine} {needed} does")
    return fitting


def _require_capability(ways: Sequence[Way], version: str, gpus: tuple[Gpu, ...]) -> None:
    """Refuse GPUs on which the engine does not quantise as it loads."""
    for gpu in gpus:
        capability = gpu.compute_capability
        if capability is None:
            continue
        if not any(satisfies(str(capability), way.capability) for way in ways):
            needed = " or ".join(dict.fromkeys(way.capability for way in ways))
            way = ways[0]
            raise _unserved(
                f"{way.engine} {version} makes {way.precision} of a 16-bit checkpoint on compute "
                f"capability {needed}, and {gpu.label} has {capability}: select another precision"
            )


def _elsewhere(engine: Engine, precision: Precision, weights: WeightsSource) -> str:
    """Where weights are to be had that this engine does not make itself."""
    if weights.stands_for is not None:
        return f"if it is stored in {precision}, {_WAYS_OUT}"
    stored = "" if weights.shape is None else stored_as(weights.shape)
    others = [
        str(other)
        for other in Engine
        if other is not engine
        and any(way.precision is precision for way in spec_of(other).ways(stored))
    ]
    does = f" ({' and '.join(others)} would make it: --engine)" if others else ""
    return (
        f"name a directory with weights stored so with --model, select another profile{does}, or "
        "let NIM find its own with --server nim"
    )
