"""What is to be served, where and how: a decision, and what the operator wants of the server?"""

from __future__ import annotations

import re

from nimprofile.base.enums import Engine, Precision, Server
from nimprofile.base.errors import LaunchError
from nimprofile.base.record import Record
from nimprofile.base.versions import satisfies
from nimprofile.engines.spec import spec_of
from nimprofile.engines.support import HALF, PLAIN, stored_as
from nimprofile.hardware.visible_devices import BUS_ORDER, CudaDevices, cuda_devices
from nimprofile.launch.server_spec import server_spec
from nimprofile.launch.setup import PORT, is_path
from nimprofile.selection.reasons import ContextTooLong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY

    from nimprofile.engines.serving import Serving
    from nimprofile.hardware.inventory import Gpu
    from nimprofile.launch.setup import Setup
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.profile import Profile
    from nimprofile.model.shape import ModelShape
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.fit import Verdict


class Job(Record):
    """What is to be served, where and how: all that a plan is made of.

    Attributes:
        server: what is started.
        engine: what serves, perhaps inside of it; None when only the NIM knows.
        version: the engine's.
        profile: what was selected.
        gpus: the GPUs it was selected for.
        devices: the variables that show an engine those GPUs and no others.
        visible_devices: the same GPUs as Docker names them: by UUID where they have one; None
            when one of them has no name.
        model: the weights, as the engine names them; "" when only the image knows.
        quantises: the engine makes the profile's precision of wider weights as it loads them.
        serving: how it was asked for: fractions, limits, formats.
        max_model_len: the longest context to allow; None is the model's own.
        setup: what the operator wants of the server.
        name: what the manifest calls the model.
        shape: of the model, when it is known.
        notes: what the operator should know.
    """

    server: Server
    engine: Engine | None
    version: str
    _: KW_ONLY
    profile: Profile
    gpus: tuple[Gpu, ...]
    devices: tuple[tuple[str, str], ...]
    visible_devices: str | None
    model: str
    quantises: bool
    serving: Serving
    max_model_len: int | None
    setup: Setup
    name: str | None
    shape: ModelShape | None = None
    notes: tuple[str, ...] = ()

    @property
    def tp(self) -> int:
        """Tensor parallel ranks; of a profile that leaves them open, all the GPUs it was given."""
        return self.profile.tp or max(1, len(self.gpus))

    @property
    def pp(self) -> int:
        """Pipeline stages."""
        return self.profile.pp or 1

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
        tagged = self.profile.tags.get("feat_lora_max_rank", "")
        by_tag = int(tagged) if tagged.isascii() and tagged.isdigit() else None
        return self.setup.max_lora_rank or by_tag

    @property
    def mounts(self) -> tuple[str, ...]:
        """Directories of the host that a container must see, each once."""
        adapters = self.setup.peft_source if self.lora else None
        paths = (self.model, adapters or "")
        return tuple(dict.fromkeys(path for path in paths if is_path(path)))

    @property
    def dtype(self) -> str | None:
        """The profile's precision as a dtype of torch, which engines are told; None is no dtype."""
        return _DTYPES.get(self.profile.precision)

    @property
    def named_devices(self) -> str:
        """The GPUs as Docker and CUDA name them; LaunchError when one has no name."""
        if self.visible_devices is None:
            raise LaunchError("a MIG instance whose UUID is unknown cannot be named: a cluster can")
        return self.visible_devices

    @property
    def half_only(self) -> bool:
        """Whether a GPU has no BF16 (compute capability below 8.0)."""
        return any((gpu.compute_capability or (8, 0)) < (8, 0) for gpu in self.gpus)


_DTYPES: dict[Precision | None, str] = {
    Precision.BF16: "bfloat16",
    Precision.FP16: "float16",
    Precision.FP32: "float32",
}


def job_of(decision: Decision, manifest: Manifest, setup: Setup) -> Job:
    """What there is to start, once something is selected.

    Raises LaunchError: nothing is selected, the server does not run the profile, nobody says where
    the weights are, or the engine does not make this precision of them.
    """
    verdict = decision.selected
    if verdict is None:
        raise LaunchError("no profile was selected, so there is nothing to start")
    name = setup.served_name or manifest.model
    if name is not None and name[:1] == "-":
        raise LaunchError(f"the served name {name} would be taken for an argument: name another")
    profile = verdict.profile
    engine, server = _served_by(profile, setup.server)
    gpus = tuple(gpu for gpu in decision.inventory.gpus if gpu.index in verdict.gpus)
    named = cuda_devices(decision.inventory, verdict.gpus)
    serving = decision.request.serving
    version = serving.engine_version or manifest.engine_version
    model, shape = _weights(profile, manifest, setup, server)
    context, notes = _context(verdict, serving, shape)
    if version is None and setup.image is not None and server is not Server.NIM:
        told = f"the flags are those of {engine} {server_spec(server).newest(engine)}, the newest known"
        notes = (*notes, f"{told}: --engine-version names the image's")
    if profile.lora and not setup.adapters and server is not Server.NIM:
        where = setup.peft_source and f"none lies in {setup.peft_source}"
        told = f"no adapter is served at the start: {where or 'no --adapters names them'}"
        notes = (*notes, told)
    return Job(
        server,
        engine,
        version or server_spec(server).newest(engine),
        profile=profile,
        gpus=gpus,
        devices=() if named is None else _devices(gpus, named, engine, version),
        visible_devices=None if named is None else named.devices,
        model=model,
        quantises=server is not Server.NIM and _is_quantised(profile, shape),
        serving=serving,
        max_model_len=context,
        setup=setup,
        name=manifest.model,
        shape=shape,
        notes=notes,
    )


def _devices(
    gpus: tuple[Gpu, ...], named: CudaDevices, engine: Engine | None, version: str | None
) -> tuple[tuple[str, str], ...]:
    """The variables that show an engine its GPUs; by number, which every engine understands."""
    if any(gpu.mig for gpu in gpus):
        spec = None if engine is None else spec_of(engine)
        since = None if spec is None else spec.uuids_from
        if spec and since and version is not None and not satisfies(version, f">={since}"):
            told = f"{spec.label} {version} takes no MIG instance by its UUID"
            raise LaunchError(f"{told}; {since} does")
        return tuple(named.environ.items())
    numbers = ",".join(str(gpu.index) for gpu in gpus)
    return tuple(CudaDevices(numbers, BUS_ORDER).environ.items())


def _served_by(profile: Profile, server: Server | None) -> tuple[Engine | None, Server]:
    engine = profile.engine
    if server is Server.NIM:  # it brings what its profiles need
        return engine, server
    if engine is None:
        problem = f"{profile.name} names no engine that is known"
        raise LaunchError(f"{problem}: --server nim starts it in its container")
    if server is None:
        return engine, Server(engine)
    able = server_spec(server).runs
    if engine not in able:
        flags = " or ".join(f"--engine {each}" for each in able)
        problem = f"{profile.name} is a profile of {engine}, which {server} does not run"
        raise LaunchError(f"{problem}; {flags} selects among those it does")
    return engine, server


def _weights(
    profile: Profile, manifest: Manifest, setup: Setup, server: Server
) -> tuple[str, ModelShape | None]:
    """Where the weights are, and their shape."""
    if setup.model is not None:
        return _named(setup.model, server), setup.shape
    checkpoints = manifest.checkpoints
    own = next((one for one in checkpoints if one.name == profile.checkpoint), None)
    if own is None and len(checkpoints) == 1:
        own = checkpoints[0]
    if server is Server.NIM and (own is None or not is_path(own.path)):
        return "", manifest.shape_of(profile)  # the image knows where its own weights are
    if own is not None and own.path:
        return _named(own.path, server), own.shape
    raise LaunchError(
        f"nobody says where the weights of {profile.name} are: name a directory or a repository's "
        "model with --model or NIM_MODEL_PATH, or write checkpoints[].path in the manifest"
    )


def _named(model: str, server: Server) -> str:
    """The weights as an engine names them: Hugging Face's without a scheme."""
    scheme = _SCHEME.match(model)
    if scheme is not None and server is not Server.NIM:
        if scheme[1] != "hf":
            raise LaunchError(
                f"{server} is not known to read {scheme[0]}: download it, and name the directory "
                "with --model or NIM_MODEL_PATH"
            )
        model = model[scheme.end() :]
    if model[:1] in {"", "-"}:  # an engine would take it for an argument
        raise LaunchError(f"{model!r} is no directory and no name of a model")
    return model


_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://")


def _is_quantised(profile: Profile, shape: ModelShape | None) -> bool:
    """Whether the engine must be told to quantise; what a checkpoint is stored in, it sees.

    Raises LaunchError where the checkpoint is known to be another than the profile serves.
    """
    engine, precision = profile.engine, profile.precision
    if shape is None or precision is None or engine is None:
        return False
    stored = stored_as(shape)
    served = {way.precision for way in spec_of(engine).ways(stored)}
    if stored not in {PLAIN, HALF}:
        if served and precision not in served:
            raise LaunchError(
                f"{profile.name} wants {precision} weights, and the checkpoint is stored as "
                f"{stored}: name another with --model"
            )
        return False
    if precision.bits >= 16:
        return False
    if precision not in served:
        raise LaunchError(
            f"{engine} makes no {precision} of a 16-bit checkpoint, which {profile.name} wants: "
            "name one stored so with --model, let NIM find it with --server nim, or select for "
            "another engine, as with --server vllm"
        )
    return True


def _context(
    verdict: Verdict, serving: Serving, shape: ModelShape | None
) -> tuple[int | None, tuple[str, ...]]:
    """The longest context to allow: what is asked for, else what fits, else the model's own."""
    asked = serving.max_model_len
    if asked is not None:
        most = None if shape is None else shape.max_position_embeddings
        if most is None or asked <= most:
            return asked, ()
        told = f"the model's longest context is {most:,} tokens, and engines refuse {asked:,}"
        return asked, (told,)
    for reason in verdict.waived:
        if isinstance(reason, ContextTooLong) and reason.max_model_len is not None:
            told = f"the full context does not fit, so it is cut to {reason.max_model_len:,} tokens"
            return reason.max_model_len, (told,)
    return None, ()
