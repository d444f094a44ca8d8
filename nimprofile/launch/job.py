"""`Job`: what is to be served, where and how."""

from __future__ import annotations

from nimprofile.base.errors import LaunchError
from nimprofile.base.record import Record
from nimprofile.launch.flags import whole_number
from nimprofile.launch.setup import PORT, is_path
from nimprofile.selection.request import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY

    from nimprofile.base.enums import Engine, Server
    from nimprofile.engines.serving import Serving
    from nimprofile.hardware.inventory import Gpu
    from nimprofile.launch.judged.served_facts import ServedFacts
    from nimprofile.launch.setup import Setup
    from nimprofile.manifest.profile import Profile
    from nimprofile.model.shape import ModelShape

NO_REQUEST = Request()


class Job(Record):
    """What is to be served, where and how: all that a plan is made of.

    Attributes:
        server: what is started.
        engine: what serves, perhaps inside of it; None when only the NIM knows.
        version: the engine's.
        profile: what was selected.
        facts: what was judged, as far as the server is told of it.
        gpus: the GPUs it was selected for.
        devices: the variables that show an engine those GPUs and no others.
        visible_devices: the same GPUs as Docker names them: by UUID where they have one; None
            when one of them has no name.
        model: the weights, as the engine names them; "" when only the image knows.
        serving: how it was asked for: limits of a step, CUDA graphs.
        setup: what the operator wants of the server.
        request: the wishes that led to the selection; a NIM decides once more, and needs them.
        name: what the manifest calls the model.
        shape: of the weights, when it is known or taken to be known.
        own_weights: they are the weights that were judged, not others that the operator names.
        notes: what the operator should know.
    """

    server: Server
    engine: Engine | None
    version: str
    _: KW_ONLY
    profile: Profile
    facts: ServedFacts
    gpus: tuple[Gpu, ...]
    devices: tuple[tuple[str, str], ...]
    visible_devices: str | None
    model: str
    serving: Serving
    setup: Setup
    name: str | None
    request: Request = NO_REQUEST
    shape: ModelShape | None = None
    own_weights: bool = True
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        ranks = self.facts.tp * self.facts.pp
        assert ranks == len(self.gpus), "every rank has its GPU, and every GPU its rank"

    @property
    def tp(self) -> int:
        """Tensor parallel ranks."""
        return self.facts.tp

    @property
    def pp(self) -> int:
        """Pipeline stages."""
        return self.facts.pp

    @property
    def served_name(self) -> str | None:
        """What clients call the model; None is what the engine makes of `model`."""
        return self.setup.served_name or self.name

    @property
    def port(self) -> int:
        """The port to listen on."""
        return self.setup.port or PORT

    @property
    def lora(self) -> bool:
        """Whether adapters are served."""
        return bool(self.profile.lora)

    @property
    def max_lora_rank(self) -> int | None:
        """The largest rank of an adapter: asked for, or the tag's `feat_lora_max_rank`."""
        tagged = self.profile.tags.get("feat_lora_max_rank")
        return self.setup.max_lora_rank or whole_number(tagged)

    @property
    def mounts(self) -> tuple[str, ...]:
        """Directories of the host that a container must see, each once."""
        adapters = self.setup.peft_source if self.lora else None
        paths = (self.model, adapters or "")
        return tuple(dict.fromkeys(path for path in paths if is_path(path)))

    @property
    def named_devices(self) -> str:
        """The GPUs as Docker and CUDA name them; LaunchError when one has no name."""
        if self.visible_devices is None:
            raise LaunchError("a MIG instance whose UUID is unknown cannot be named: a cluster can")
        return self.visible_devices
