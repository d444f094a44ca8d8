"""Whether an engine makes a profile's precision of wider weights as it loads them, or reads it."""

from __future__ import annotations

from nimprofile.base.enums import Engine, Precision
from nimprofile.base.errors import LaunchError
from nimprofile.base.versions import satisfies
from nimprofile.engines.spec import spec_of
from nimprofile.engines.support import HALF, PLAIN, kind_of_model, stored_as
from nimprofile.model.quantization import is_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from nimprofile.engines.support import Way
    from nimprofile.hardware.inventory import Gpu
    from nimprofile.launch.judged.weights_source import WeightsSource
    from nimprofile.manifest.profile import Profile


def require_own(profile: Profile, weights: WeightsSource) -> None:
    """Refuse a NIM weights of the operator's that are stored otherwise than its profile.

    That a NIM quantises such weights as it loads them is documented nowhere.
    """
    shape, precision = weights.shape, profile.precision
    if shape is None or weights.model == "" or weights.stands_for is not None:
        return
    if shape.quantization is not None:
        if is_own(shape, precision):
            return
        stored = stored_as(shape) or "nobody knows what"
    elif precision is None or precision.bits >= 16 or not shape.architecture:
        return
    else:
        stored = "16 bits"
    raise _unserved(
        f"{profile.title} wants {precision} weights, and {weights.described} is stored as "
        f"{stored}: name another with --model{_OR_16_BITS if stored == '16 bits' else ''}"
    )


_OR_16_BITS = (
    ", or select a 16-bit profile (--tags precision=bf16); nothing says that a NIM quantises "
    "weights as it loads them"
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
            _require_wide(engine, PLAIN, "", version=version, gpus=gpus)
            return False
        raise _unserved(
            f"nothing says how {weights.described} is stored, and {profile.title} was judged in "
            f"{precision}: {WAYS_OUT}"
        )
    stored, spec = stored_as(shape), spec_of(engine)
    ways = spec.ways(stored)
    if stored not in {PLAIN, HALF}:
        _require_stored(profile, precision, weights, ways=ways)
        if ways:
            fitting = _require_version(ways, version, f"serves no checkpoint stored as {stored}")
            _require_capability(fitting, version, gpus, f"serves weights stored as {stored}")
        return False
    if precision.bits >= 16:
        _require_wide(engine, stored, shape.architecture, version=version, gpus=gpus)
        return False
    making = [way for way in ways if way.precision is precision]
    if not making:
        raise _unserved(
            f"{engine} makes no {precision} of a 16-bit checkpoint, which {profile.title} wants: "
            f"{_elsewhere(engine, precision, weights)}"
        )
    fitting = _require_version(making, version, f"makes no {precision} of a 16-bit checkpoint")
    _require_capability(fitting, version, gpus, f"makes {precision} of a 16-bit checkpoint")
    judged = weights.judged
    if judged is not None and is_own(judged, precision) and spec.holds_whole(version):
        raise _unserved(
            f"{profile.title} was judged by a checkpoint stored in {precision}, and {engine} "
            f"{version} would first hold all of {weights.described} in 16 bits: leave --manifest "
            "out to select for it"
        )
    return True


def _unserved(problem: str) -> LaunchError:
    """What keeps this profile from being served so; another may be."""
    return LaunchError(problem, of_profile=True)


WAYS_OUT = (
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
        f"{profile.title} wants {precision} weights, and {weights.described} is stored as "
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


def _require_wide(
    engine: Engine, stored: str, model_type: str, *, version: str, gpus: tuple[Gpu, ...]
) -> None:
    """Refuse GPUs on which the engine has no 16-bit format for a model that is not quantised.

    A version that the tables do not know is held to what they say of the others.
    """
    spec = spec_of(engine)
    if kind_of_model(model_type) in spec.refuses_float16:  # it is served in BF16, however stored
        wide = [way for way in spec.ways(PLAIN) if way.precision is Precision.BF16]
    else:
        wide = [way for way in spec.ways(stored) if way.precision.bits >= 16]
    fitting = [way for way in wide if satisfies(version, way.versions)] or wide
    if fitting:
        _require_capability(fitting, version, gpus, "serves 16-bit weights")


def _require_capability(
    ways: Sequence[Way], version: str, gpus: tuple[Gpu, ...], does: str
) -> None:
    """Refuse GPUs on which the engine has none of these ways to serve the weights."""
    for gpu in gpus:
        capability = gpu.compute_capability
        if capability is None:
            continue
        if not any(satisfies(str(capability), way.capability) for way in ways):
            needed = " or ".join(dict.fromkeys(way.capability for way in ways))
            raise _unserved(
                f"{ways[0].engine} {version} {does} on compute capability {needed}, and "
                f"{gpu.label} has {capability}: select another profile (--engine, --tags)"
            )


def _elsewhere(engine: Engine, precision: Precision, weights: WeightsSource) -> str:
    """Where weights are to be had that this engine does not make itself."""
    if weights.stands_for is not None:
        return f"if it is stored in {precision}, {WAYS_OUT}"
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
