"""The operator's wishes: switches, tag selectors and the pin, and the profile that a pin names."""

from __future__ import annotations

from nimprofile.base.enums import Engine, Precision, parse_engines, parse_precision
from nimprofile.base.environment import (
    PINS,
    PRECISIONS,
    first_set,
    read_count,
    read_switch,
    without_service_links,
)
from nimprofile.base.errors import PinError, RequestError
from nimprofile.base.expect import expect, expect_mapping, require_whole
from nimprofile.base.printable import quoted, shown
from nimprofile.base.record import Record
from nimprofile.base.variables.notes import variable_notes
from nimprofile.engines.serving import DEFAULTS, Serving
from nimprofile.manifest.nim_version import NimVersion, stated_version, version_in_environment
from nimprofile.manifest.profile_conditions import (
    Condition,
    conditions_of,
    limited,
    nims_tag,
    parse_tags,
)
from nimprofile.selection.reasons import (
    ALLOW_UNSAFE,
    INCOMPATIBLE,
    LOW_MEMORY,
    NOT_WANTED,
    PIN,
    RELAX_MEMORY,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from dataclasses import KW_ONLY

    from nimprofile.base.variables.notes import VariableNote
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile import Profile
    from nimprofile.selection.reasons import Effect, Waiver


class Pin(Record):
    """A profile that was asked for by id or name, and what asked for it."""

    value: str
    source: str = "NIM_MODEL_PROFILE"

    def __post_init__(self) -> None:
        """Refuse a pin that names nothing; RequestError."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise RequestError(f"{self.source}: {self.value!r} names no profile; leave out the pin")


class Request(Record):
    """The operator's wishes; they never describe the machine.

    Attributes:
        pin: run exactly this profile, or nothing.
        tags: (tag, value) conditions a profile must meet; compared without regard to case.
        engines: the engines this container has; None is all of them.
        require: conditions that what runs must meet, whatever selects it: a pin that does not is
            refused, and no switch sets them aside. `require="precision=fp8,tp>=4"` will do.
        lora: LoRA adapters will be served.
        relax_memory: low-memory profiles may be chosen (`NIM_RELAX_MEM_CONSTRAINTS`).
        allow_unsafe: a pin may ignore hardware mismatches (`NIM_MANIFEST_ALLOW_UNSAFE`).
        allow_nvfp4_emulation: NVFP4 below compute capability 10.0.
        avoid_advised: pass over profiles of which an issue is known.
        empty_gpu_gate: apply NIM's rule that a GPU must be nearly empty; None is the policy's.
        uniform_gpus: reject all when GPUs of several products are visible; None is the policy's.
        manifest_path: `NIM_MANIFEST_PATH`, from which the caller loads the manifest.
        serving: how the engine will be started, beside what the profile says; `NIM_MAX_MODEL_LEN`
            is its longest context.
        tp, pp: the parallel sizes that a profile must have; one that leaves them open gets them
            (`NIM_TENSOR_PARALLEL_SIZE`, `NIM_PIPELINE_PARALLEL_SIZE`). None is any.
        preferred_precision: the precision that is chosen while a profile of it runs; where none
            does, another is, with a warning (`NIM_ENGINE_PRECISION`).
        notes: what the environment has that changes nothing of the decision.
        nim: which NIM the container is of, by its image's tag or a variable; None is unknown.
    """

    pin: Pin | None = None
    tags: tuple[tuple[str, str], ...] = ()
    engines: tuple[Engine, ...] | None = None
    _: KW_ONLY
    require: tuple[Condition, ...] = ()
    lora: bool = False
    relax_memory: bool = False
    allow_unsafe: bool = False
    allow_nvfp4_emulation: bool = False
    avoid_advised: bool = False
    empty_gpu_gate: bool | None = None
    uniform_gpus: bool | None = None
    manifest_path: str | None = None
    serving: Serving = DEFAULTS
    tp: int | None = None
    pp: int | None = None
    preferred_precision: Precision | None = None
    notes: tuple[VariableNote, ...] = ()
    nim: NimVersion | None = None

    if TYPE_CHECKING:  # what the constructor takes, beside what the fields hold

        def __init__(
            self,
            pin: Pin | str | None = None,
            tags: tuple[tuple[str, str], ...] | Mapping[str, str] = (),
            engines: tuple[Engine, ...] | None = None,
            *,
            require: tuple[Condition, ...] | tuple[str, ...] | Mapping[str, str] | str = (),
            lora: bool = False,
            relax_memory: bool = False,
            allow_unsafe: bool = False,
            allow_nvfp4_emulation: bool = False,
            avoid_advised: bool = False,
            empty_gpu_gate: bool | None = None,
            uniform_gpus: bool | None = None,
            manifest_path: str | None = None,
            serving: Serving = DEFAULTS,
            tp: int | None = None,
            pp: int | None = None,
            preferred_precision: Precision | None = None,
            notes: tuple[VariableNote, ...] = (),
            nim: NimVersion | str | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        """Take `pin="…"`, `tags={…}` and the names of engines as people write them.

        Raises RequestError for what can be none of them, TypeError for another type.
        """
        if isinstance(self.pin, str):
            object.__setattr__(self, "pin", _pin(self.pin, "pin"))
        if hasattr(self.tags, "items"):
            tags = ((nims_tag(tag), value) for tag, value in self.tags.items())
            object.__setattr__(self, "tags", tuple(tags))
        if self.require != ():
            object.__setattr__(self, "require", conditions_of(self.require, "require"))
        if self.pin is not None:
            expect("Request: pin", self.pin, Pin)
        expect("Request: tags", self.tags, tuple, hint='tags={"precision": "fp8"} will do')
        limited(self.tags, "tags")
        for condition in self.tags:
            if not isinstance(condition, tuple) or list(map(type, condition)) != [str, str]:
                _require_texts(condition)
        if self.engines is not None:
            object.__setattr__(self, "engines", parse_engines(self.engines))
        expect("Request: serving", self.serving, Serving)
        for name, size in (("tp", self.tp), ("pp", self.pp)):
            require_whole(name, 1 if size is None else size)
        expect("Request: preferred_precision", self.preferred_precision, Precision, type(None))
        object.__setattr__(self, "nim", stated_version(self.nim))

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Request:
        """Read NIM's variables from a mapping such as `os.environ`.

        A variable that is empty counts as unset, as in NIM; so does `NIM_MODEL_PROFILE=default`.

        Raises RequestError, naming the variable, for a value that cannot be read.
        """
        expect_mapping("Request.from_env: environ", environ, hint="os.environ is one")
        environ = without_service_links(environ)
        pinned, precise = first_set(environ, PINS), first_set(environ, PRECISIONS)
        precision = environ.get(precise, "").strip().lower()
        return cls(
            pin=_pin(environ.get(pinned), pinned),
            tags=parse_tags(environ.get("NIM_TAGS_SELECTOR", ""), "NIM_TAGS_SELECTOR"),
            engines=(Engine.SGLANG,) if read_switch(environ, "NIM_USE_SGLANG") else None,
            lora=bool(environ.get("NIM_PEFT_SOURCE", "").strip()),
            relax_memory=read_switch(environ, "NIM_RELAX_MEM_CONSTRAINTS"),
            allow_unsafe=read_switch(environ, "NIM_MANIFEST_ALLOW_UNSAFE"),
            allow_nvfp4_emulation=read_switch(environ, "NIM_ALLOW_NVFP4_EMULATION"),
            serving=Serving.from_env(environ),
            manifest_path=environ.get("NIM_MANIFEST_PATH", "").strip() or None,
            tp=read_count(environ, "NIM_TENSOR_PARALLEL_SIZE", 9999),
            pp=read_count(environ, "NIM_PIPELINE_PARALLEL_SIZE", 9999),
            preferred_precision=None if precision in OPEN else parse_precision(precision, precise),
            notes=variable_notes(environ),
            nim=version_in_environment(environ),
        )

    def pinned(self, value: str | None, source: str = "NIM_MODEL_PROFILE") -> Request:
        """The same request with this pin; "" or `default` or None pins nothing."""
        return self.replace(pin=_pin(value, source))

    def waivers(self, *, pinned: bool) -> frozenset[tuple[Waiver | None, Effect]]:
        """Which reasons the switches set aside, by switch and effect; more for what is `pinned`."""
        waivers: set[tuple[Waiver | None, Effect]] = set()
        if self.relax_memory:
            waivers.add((RELAX_MEMORY, LOW_MEMORY))
        if pinned:
            # NIM 2.0.12 starts a pinned profile that it lists as low memory (corpus, 015).
            waivers |= {(RELAX_MEMORY, LOW_MEMORY), (PIN, NOT_WANTED), (PIN, INCOMPATIBLE)}
            if self.relax_memory:
                waivers.add((RELAX_MEMORY, INCOMPATIBLE))
            if self.allow_unsafe:
                waivers.add((ALLOW_UNSAFE, INCOMPATIBLE))
        return frozenset(waivers)


OPEN = frozenset({"", "auto", "default"})
"""Values of `NIM_ENGINE_PRECISION` that leave the precision to the NIM."""


def _require_texts(condition: object) -> None:
    """Refuse a condition that is no tag and value; subclasses of `str` are texts too."""
    pair = condition if isinstance(condition, tuple) else ()
    if len(pair) != 2 or not all(isinstance(part, str) for part in pair):
        raise RequestError(f"tags: {quoted(condition)} is not a tag and its value, both texts")


def _pin(value: str | None, source: str) -> Pin | None:
    """A pin, but for what means automatic selection: nothing, an empty text and `default`."""
    value = (value or "").strip()
    return Pin(value, source) if value and value.lower() != "default" else None


def find_pin(pin: Pin, manifest: Manifest) -> Profile:
    """The profile a pin names, by id, by name or by the only id that begins so.

    Case does not matter in names. NIM's variable takes no beginning, as NIM takes none.

    Raises PinError with the nearest profiles, or with the right value for the shapes that are
    pasted by mistake: `auto`, `<id> (<name>)`, an id cut short.
    """
    value, profiles = pin.value, manifest.profiles
    for profile in profiles:
        if profile.id == value:
            return profile
    named = [profile for profile in profiles if profile.name.casefold() == value.casefold()]
    if len(named) == 1:
        return named[0]
    if named:
        problem = f"{quoted(value)} is the name of {len(named)} profiles; use an id"
        ids = (shown(profile.id) for profile in named[:20])
        raise PinError(f"{pin.source}: {problem}:", *ids)
    begun = value.rstrip(".…").lower()
    if pin.source != NIMS_PIN and len(begun) >= LEAST_OF_AN_ID:
        begin = [profile for profile in profiles if profile.id.lower().startswith(begun)]
        if len(begin) == 1:
            return begin[0]
        if begin:
            problem = f"{len(begin)} ids begin with {quoted(value)}; write more of one"
            raise PinError(f"{pin.source}: {problem}:", *_listed(begin))
    problem, *lines = _not_found(value, profiles)
    raise PinError(f"{pin.source}: {problem}", *lines)


def sized(profile: Profile, request: Request) -> Profile:
    """A profile of an engine that leaves its parallel sizes open, with those that are asked for."""
    asked = request.tp or request.pp
    if asked is None or profile.engine is None or (profile.tp and profile.pp):
        return profile
    return profile.replace(tp=profile.tp or request.tp, pp=profile.pp or request.pp)


NIMS_PIN = "NIM_MODEL_PROFILE"
LEAST_OF_AN_ID = 4
"""Characters of an id's beginning, or any number would be one."""


def _not_found(value: str, profiles: tuple[Profile, ...]) -> tuple[str, ...]:
    if value.lower() == "auto":
        return ("'auto' is not a profile; leave it empty or write default for automatic selection",)
    bare = value.partition(" (")[0].strip().lower()
    for profile in profiles:
        if bare == profile.id.lower():
            return (f"{quoted(value)} is not an id or a name; write the bare id {profile.id}",)
    cut = bare.rstrip(".…")
    starts = [each for each in profiles if len(cut) >= LEAST_OF_AN_ID and each.id.startswith(cut)]
    if starts:
        return f"{quoted(value)} is an id cut short; write all of it:", *_listed(starts)
    from nimprofile.base.names.nearest import nearest

    by_key = {profile.name.casefold(): profile for profile in profiles}
    by_key |= {profile.id: profile for profile in profiles}
    near = [by_key[match] for match in nearest(value.casefold(), by_key, 5, least=0.5)]
    title = "nearest" if near else f"the manifest has {len(profiles)}, such as"
    problem = f"{quoted(value)} is not a profile of this manifest; {title}:"
    return problem, *_listed(near or profiles)


def _listed(profiles: Sequence[Profile]) -> list[str]:
    """The first of these profiles."""
    return [f"{shown(profile.id)} ({profile.title})" for profile in profiles[:5]]
