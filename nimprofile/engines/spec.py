"""The specification of an engine: all that selection, memory and manifests know of it.

Each engine has one, `SPEC` in its file of `facts/`; `register` adds one from outside. How its
server is started is the other half, in `launch/servers`.
"""

from __future__ import annotations

from nimprofile.base.enums import Engine, Precision
from nimprofile.base.record import Record
from nimprofile.base.spec_registry import load_spec
from nimprofile.base.units import ComputeCapability
from nimprofile.base.versions import satisfies
from nimprofile.engines.support import PLAIN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from dataclasses import KW_ONLY

    from nimprofile.engines.overheads import Overheads
    from nimprofile.engines.support import Served, Way


class EngineSpec(Record):
    """What is known of an engine.

    Attributes:
        engine: its name.
        label: its name as its makers write it.
        newest: the newest release that the tables have seen.
        formats: how it serves each kind of checkpoint.
        models: `model_type` -> since when it serves it.
        overheads: its defaults and what it holds of a GPU, oldest version first.
        fraction_flag: its flag for the fraction of a GPU that it takes.
        falls_back: it runs a model it has no code for with that of transformers, when it has any.
        refuses_float16: models that it does not run in 16-bit floats.
        builds_half_from: the compute capability from which on it compiles BF16 weights to an engine
            in FP16, where there is no BF16; None: it does not, or compiles none.
        loads_whole: versions that hold the whole checkpoint before they quantise it, so that it
            must fit as it is; None: none does.
        divides_widths: the widths of the MLP and of experts must divide among tp ranks.
        refines_blocks: versions that divide blocks of scales that a rank's share would cut; None:
            none does.
        default_fraction: its own fraction by a GPU's bytes, tp and pp, where it is no
            constant of the version.
        window_share: `model_type` -> of the tokens, the part that a separate pool for layers with
            windows has; None: they share one pool.
        caches_chunks: layers with chunked attention keep only their chunk.
        caches_compressors: compressed attention keeps the state of its compressors.
        uuids_from: the version from which GPUs may be named by UUID; None: any.
        format_notes: the beginning of a stored format -> what else it takes.
    """

    engine: Engine
    label: str
    newest: str
    _: KW_ONLY
    formats: tuple[Way, ...]
    models: Mapping[str, Served]
    overheads: tuple[Overheads, ...]
    fraction_flag: str
    falls_back: bool = False
    refuses_float16: frozenset[str] = frozenset()
    builds_half_from: ComputeCapability | None = None
    loads_whole: str | None = None
    divides_widths: bool = True
    refines_blocks: str | None = None
    default_fraction: Callable[[int, int, int], float] | None = None
    window_share: Mapping[str, float] | None = None
    caches_chunks: bool = True
    caches_compressors: bool = False
    uuids_from: str | None = None
    format_notes: Mapping[str, str] = {}

    def ways(self, stored: str) -> list[Way]:
        """How it serves a kind of checkpoint, in all versions."""
        return [way for way in self.formats if way.stored == stored]

    def half_from(self, version: str | None, *, built: bool) -> ComputeCapability | None:
        """From which compute capability on it serves BF16 weights in FP16; None: it does not.

        Args:
            version: its own; None is any.
            built: it compiles them at the first start.
        """
        if built:
            return self.builds_half_from
        floors = [
            ComputeCapability.parse(bound.removeprefix(">="))
            for way in self.ways(PLAIN)
            if way.precision is Precision.FP16
            and (version is None or satisfies(version, way.versions))
            for bound in way.capability.split(",")
            if bound.startswith(">=")
        ]
        return min(floors, default=None)

    def overheads_of(self, version: str | None) -> Overheads:
        """The habits of a version; of the newest known one without a version.

        Raises ValueError when the version cannot be read.
        """
        if version is None or len(self.overheads) == 1:
            return self.overheads[-1]
        from packaging.version import Version

        wanted = Version(version).release
        return [row for row in self.overheads if Version(row.since).release <= wanted][-1]

    def holds_whole(self, version: str | None) -> bool:
        """Whether a version that quantises on load must hold the whole checkpoint first."""
        versions = self.loads_whole
        if versions is None or (version is None and versions):
            return False
        return satisfies(version or "0", versions)


_SPECS: dict[Engine, EngineSpec] = {}


def register(spec: EngineSpec) -> Engine:
    """Add an engine, or replace what is known of one."""
    engine = Engine.add(spec.engine)
    _SPECS[engine] = spec
    return engine


def spec_of(engine: Engine) -> EngineSpec:
    """The specification of an engine; imported when it is first asked for.

    Raises ImportError, naming the file, when an engine has none.
    """
    return load_spec(_SPECS, engine, "engine", "nimprofile.engines.facts")
