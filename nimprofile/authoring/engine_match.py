"""The ways in which an engine serves a checkpoint, and why not in others."""

from __future__ import annotations

from nimprofile.base.enums import Engine, Precision
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.base.versions import narrowest, satisfies
from nimprofile.engines.spec import spec_of
from nimprofile.engines.support import HALF, PLAIN, Served, kind_of_model, stored_as

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nimprofile.engines.support import Way
    from nimprofile.model.checkpoint import Model


class EngineMatch(Record):
    """One way in which an engine serves a checkpoint."""

    model: Model
    way: Way
    served: Served

    @property
    def on_load(self) -> bool:
        """Whether the engine quantises the checkpoint as it loads it."""
        return self.way.stored in {PLAIN, HALF} and self.way.precision.bits < 16

    @property
    def capability(self) -> str:
        """The compute capability of the GPUs that have this format, as a specifier set."""
        return narrowest(self.way.capability, self.served.capability)

    @property
    def required_capability(self) -> str:
        """What a profile states of it; "" where it states nothing.

        BF16 that the engine serves in FP16 where there is no BF16 has no floor but its version's,
        which the rules of selection know.
        """
        in_half = spec_of(self.way.engine).half_from(None, built=False)
        if self.way.precision is Precision.BF16 and in_half is not None:
            return self.served.capability
        return self.capability


def ways_of(
    engine: Engine,
    version: str | None,
    models: Sequence[Model],
    precisions: tuple[Precision, ...] | None,
    notes: list[str],
) -> list[EngineMatch]:
    """How an engine serves the checkpoints of a model; `notes` takes what it does not, and why.

    A format that one of the checkpoints is stored in is not made of another on load.
    """
    matches = [
        match
        for model in models
        for match in _ways(engine, version or spec_of(engine).newest, model, notes)
    ]
    for precision in precisions or ():
        if matches and precision not in {match.way.precision for match in matches}:
            offered = ", ".join(dict.fromkeys(str(match.way.precision) for match in matches))
            notes.append(f"{engine}: serves this in {offered}, not in {precision}")
    stored = {match.way.precision for match in matches if not match.on_load}
    return [
        match
        for match in matches
        if (precisions is None or match.way.precision in precisions)
        and not (match.on_load and match.way.precision in stored)
    ]


def _ways(engine: Engine, version: str, model: Model, notes: list[str]) -> Iterator[EngineMatch]:
    kind, served = _row_of(engine, model)
    if served is None:
        notes.append(f"{engine}: its sources do not list model_type {quoted(kind)}")
        return
    outer = model.config.get("model_type")
    if served is _BY_TRANSFORMERS:
        notes.append(
            f"{engine}: model_type {quoted(kind)} is not listed; it runs if transformers has it"
        )
    elif isinstance(outer, str) and kind_of_model(outer) != kind:
        notes.append(
            f"{engine}: model_type {quoted(outer)} is not listed; its language part, {kind}, is"
        )
    if not satisfies(version, served.versions):
        notes.append(f"{engine} {version}: model_type {quoted(kind)} needs {served.versions}")
        return
    refuses = kind in spec_of(engine).refuses_float16
    if refuses:
        served = served.replace(capability=narrowest(served.capability, ">=8.0"))
    for way in _formats(engine, version, model, notes):
        if refuses and way.precision is Precision.FP16:
            if way.stored == HALF:  # it takes BF16 instead
                yield EngineMatch(model, way.replace(precision=Precision.BF16), served)
            continue
        match = EngineMatch(model, way, served)
        # What quantising on load makes of an unknown shape cannot be estimated.
        if model.shape.known or not match.on_load:
            yield match


def _formats(engine: Engine, version: str, model: Model, notes: list[str]) -> list[Way]:
    """How this version serves the format that the checkpoint is stored in."""
    stored, own = stored_as(model.shape), model.shape.quantization
    checkpoint = f"a checkpoint stored as {stored or (own.method if own else 'nobody knows what')}"
    spec = spec_of(engine)
    rows = spec.ways(stored)
    fitting = [way for way in rows if satisfies(version, way.versions)]
    if not rows:
        notes.append(f"{engine}: its sources do not list {checkpoint}")
    elif not fitting:
        needed = " or ".join(way.versions for way in rows)
        notes.append(f"{engine} {version}: {checkpoint} needs {needed}")
    else:
        notes += (
            f"{engine}: {beginning} {note}"
            for beginning, note in spec.format_notes.items()
            if stored.startswith(beginning)
        )
    return fitting


_BY_TRANSFORMERS = Served()


def _row_of(engine: Engine, model: Model) -> tuple[str, Served | None]:
    """The kind of a model, and since when the engine serves it; None when it is not known to."""
    types = (model.config.get("model_type"), model.shape.architecture)
    kinds = [kind_of_model(text) for text in types if isinstance(text, str) and text]
    rows = spec_of(engine).models
    for kind in kinds:
        if kind in rows:
            return kind, rows[kind]
    listed = any(kind in spec_of(other).models for other in Engine for kind in kinds)
    falls_back = spec_of(engine).falls_back and not listed
    return kinds[0] if kinds else "unknown", _BY_TRANSFORMERS if falls_back else None
