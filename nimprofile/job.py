"""What is to be served, where and how: a decision, and what the operator wants of the server?"""

from __future__ import annotations

import re

from nimprofile.errors import LaunchError, RequestError
from nimprofile.plan import Server
from nimprofile.profile import Engine
from nimprofile.reasons import ContextTooLong
from nimprofile.record import Record
from nimprofile.request import read_count
from nimprofile.support import HALF, NEWEST, PLAIN, stored_as, ways
from nimprofile.visibility import CUDA, cuda_devices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from nimprofile.decision import Decision
    from nimprofile.dialects import Manifest
    from nimprofile.fit import Verdict
    from nimprofile.inventory import Gpu
    from nimprofile.model import ModelShape
    from nimprofile.profile import Profile
    from nimprofile.request import Serving

ANYWHERE = "0.0.0.0"  # noqa: S104 - a server in a container is reached from outside it
PORT = 8000


class Setup(Record):
    """How the operator wants the server, beside what is selected.

    Attributes:
        server: what to start; None is the engine of the selected profile.
        model: the weights, a directory or a name in a repository of models; None is what the
            manifest says.
        shape: the shape of `model`, when it could be read.
        served_name: what clients call the model; None is what the manifest calls it.
        host: the address to listen on.
        port: the port to listen on; None is 8000.
        folder: where the server's files go.
        peft_source: a directory of LoRA adapters.
        adapters: the adapters in it: their names and paths.
        max_lora_rank: the largest rank of an adapter; None is the profile's, else the engine's.
        max_loras: adapters served at once on the GPU; None is the engine's default.
        max_cpu_loras: adapters kept in the host's memory; None is the engine's default.
        trust_remote_code: code that comes with the model may run.
        extra: arguments for the server, as they are.
        name: of what is deployed; None is made of the model's.
        image: of the container; None is the server's public one.
        cache: the directory of the host, or Docker's volume, that keeps models; "" is a volume.
        user: whom NIM's container runs as; None is the image's own.
    """

    server: Server | None = None
    model: str | None = None
    shape: ModelShape | None = None
    served_name: str | None = None
    host: str = ANYWHERE
    port: int | None = None
    folder: str = "."
    peft_source: str | None = None
    adapters: tuple[tuple[str, str], ...] = ()
    max_lora_rank: int | None = None
    max_loras: int | None = None
    max_cpu_loras: int | None = None
    trust_remote_code: bool = False
    extra: tuple[str, ...] = ()
    name: str | None = None
    image: str | None = None
    cache: str = ""
    user: str | None = None

    def __post_init__(self) -> None:
        """Take a server by its name; refuse what no file and no command line can hold."""
        if self.server is not None:
            object.__setattr__(self, "server", Server(self.server))
        for name, _ in self.adapters:
            if name[:1] == "-":
                raise RequestError(f"the adapter {name} would be taken for an argument: rename it")
        if self.image is not None and _IMAGE.fullmatch(self.image) is None:
            raise RequestError(f"{self.image!r} is no container image such as vllm/vllm-openai:v1")
        texts = (self.model, self.served_name, self.folder, self.image, self.cache, *self.extra)
        for text in texts:
            if text is not None and not is_text(text):
                raise RequestError(f"{text!r} is no text in UTF-8 without NUL")

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Setup:
        """Read NIM's variables from a mapping such as `os.environ`; an empty one counts as unset.

        `NIM_MODEL_PATH` (2.x) wins over `NIM_MODEL_NAME` (1.x).

        Raises RequestError, naming the variable, for a value that cannot be read.
        """

        def text(name: str) -> str | None:
            return environ.get(name, "").strip() or None

        return cls(
            model=text("NIM_MODEL_PATH") or text("NIM_MODEL_NAME"),
            served_name=text("NIM_SERVED_MODEL_NAME"),
            port=read_count(environ, "NIM_SERVER_PORT", 65535),
            peft_source=text("NIM_PEFT_SOURCE"),
            max_lora_rank=read_count(environ, "NIM_MAX_LORA_RANK"),
            max_loras=read_count(environ, "NIM_MAX_GPU_LORAS"),
            max_cpu_loras=read_count(environ, "NIM_MAX_CPU_LORAS"),
            extra=_words(environ, "NIM_PASSTHROUGH_ARGS"),
        )


_IMAGE = re.compile(r"[A-Za-z0-9][\w.:@/+-]*", re.ASCII)


def _words(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    from shlex import split

    try:
        return tuple(split(environ.get(name, "")))
    except ValueError as error:  # its text may hold a key, so it is not repeated
        raise RequestError(f"{name}: not a line of shell words: {str(error).lower()}") from None


class Job(Record):
    """What is to be served, where and how: all that a plan is made of.

    Attributes:
        server: what is started.
        engine: what serves, perhaps inside of it; None when only the NIM knows.
        version: the engine's.
        profile: what was selected.
        gpus: the GPUs it was selected for.
        devices: the variables that show a program those GPUs and no others.
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
    profile: Profile
    gpus: tuple[Gpu, ...]
    devices: tuple[tuple[str, str], ...]
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
    def visible_devices(self) -> str:
        """The GPUs as CUDA and Docker name them; LaunchError when one has no name."""
        devices = dict(self.devices).get(CUDA)
        if devices is None:
            raise LaunchError("a MIG instance whose UUID is unknown cannot be named to Docker")
        return devices

    @property
    def half_only(self) -> bool:
        """Whether a GPU has no BF16 (compute capability below 8.0)."""
        return any((gpu.compute_capability or (8, 0)) < (8, 0) for gpu in self.gpus)

    @property
    def local(self) -> bool:
        """Whether the weights are a directory, and no name in a repository of models."""
        return is_path(self.model)


def is_text(text: str) -> bool:
    """Whether it can be encoded, and an argument can hold it."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def is_path(model: str) -> bool:
    """Whether it is written as a path."""
    return model.startswith(("/", "./", "../")) or model in {".", ".."}


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
    devices = cuda_devices(decision.inventory, verdict.gpus)
    serving = decision.request.serving
    model, shape = _weights(profile, manifest, setup, server)
    context, notes = _context(verdict, serving)
    return Job(
        server,
        engine,
        serving.engine_version or manifest.engine_version or _newest(engine, server),
        profile,
        gpus,
        () if devices is None else tuple(devices.environ.items()),
        model,
        server is not Server.NIM and _is_quantised(profile, shape),
        serving,
        context,
        setup,
        manifest.model,
        shape,
        notes,
    )


def _served_by(profile: Profile, server: Server | None) -> tuple[Engine | None, Server]:
    engine = profile.engine
    if server is Server.NIM:  # it brings what its profiles need
        return engine, server
    if engine is None:
        problem = f"{profile.name} names no engine that is known"
        raise LaunchError(f"{problem}: --server nim starts it in its container")
    if server is None:
        return engine, Server(engine)
    if engine not in ENGINES_OF[server]:
        able = " or ".join(f"--engine {each}" for each in ENGINES_OF[server])
        problem = f"{profile.name} is a profile of {engine}, which {server} does not run"
        raise LaunchError(f"{problem}; {able} selects among those it does")
    return engine, server


def _newest(engine: Engine | None, server: Server) -> str:
    if engine is None:
        return ""
    return TRITON_IMAGES[0][1] if server is Server.TRITON else NEWEST[engine]


TRITON_IMAGES = (
    ("26.07", "0.24.0"),
    ("26.06", "0.22.1"),
    ("26.05", "0.19.0"),
    ("26.03", "0.17.1"),
    ("26.02", "0.15.1"),
    ("26.01", "0.13.0"),
    ("25.12", "0.11.1"),
    ("25.11", "0.11.0"),
    ("25.10", "0.10.2"),
)
"""Releases of `tritonserver:…-vllm-python-py3` and the vLLM in each, newest first.

github.com/triton-inference-server/server, docs/introduction/compatibility.md (2026-08-19).
"""

ENGINES_OF = {
    Server.VLLM: (Engine.VLLM,),
    Server.SGLANG: (Engine.SGLANG,),
    Server.TENSORRT_LLM: (Engine.TENSORRT_LLM,),
    Server.TRITON: (Engine.VLLM,),
    Server.NIM: tuple(Engine),
}
"""Whose profiles each server runs; Triton by its vLLM backend."""


def _weights(
    profile: Profile, manifest: Manifest, setup: Setup, server: Server
) -> tuple[str, ModelShape | None]:
    """Where the weights are, and their shape."""
    if setup.model is not None:
        return _named(setup.model, server), setup.shape
    if server is Server.NIM:  # the image has its own manifest, and the weights' place in it
        return "", manifest.shape_of(profile)
    checkpoints = manifest.checkpoints
    for checkpoint in checkpoints:
        if checkpoint.name == profile.checkpoint or len(checkpoints) == 1:
            if checkpoint.path:
                return _named(checkpoint.path, server), checkpoint.shape
            break
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
    served = {way.precision for way in ways(engine, stored)}
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
            f"name one stored so with --model, or let NIM find it with --server nim"
        )
    return True


def _context(verdict: Verdict, serving: Serving) -> tuple[int | None, tuple[str, ...]]:
    """The longest context to allow: what is asked for, else what fits, else the model's own."""
    if serving.max_model_len is not None:
        return serving.max_model_len, ()
    for reason in verdict.waived:
        if isinstance(reason, ContextTooLong) and reason.max_model_len is not None:
            told = f"the full context does not fit, so it is cut to {reason.max_model_len:,} tokens"
            return reason.max_model_len, (told,)
    return None, ()
