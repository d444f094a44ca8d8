"""`Setup`: what the operator wants of a server besides what is selected."""

from __future__ import annotations

import os
import re

from nimprofile.base.enums import Server
from nimprofile.base.environment import (
    PASSTHROUGH,
    PORTS,
    first_set,
    model_in,
    read_count,
    read_switch,
    read_words,
    without_service_links,
)
from nimprofile.base.errors import LaunchError, RequestError
from nimprofile.base.expect import expect, expect_each, expect_mapping, require_whole
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.base.variables.notes import handed_on

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from dataclasses import KW_ONLY

    from nimprofile.base.enums import Engine
    from nimprofile.model.shape import ModelShape

ANYWHERE = "0.0.0.0"  # noqa: S104 - a server in a container is reached from outside it
PORT = 8000
SHARED_MEMORY_GIB = 16
"""What NIM's documentation gives /dev/shm (LLM 1.2 configuration); a limit, taken as it is used."""


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
        longer_context: the engine takes a longer context than the model's own.
        passthrough: arguments for the engine, from `NIM_PASSTHROUGH_ARGS`.
        variables: those of NIM that are for its own server alone: its container is given them.
        extra: arguments for the server, as they are.
        name: of what is deployed; None is made of the model's.
        image: of the container; None is the server's public one.
        cache: the directory of the host, or Docker's volume, that keeps models; "" is a volume.
        user: whom NIM's container runs as; None is the image's own.
        installed: engines and their versions where the server starts; () when that is elsewhere.
        startable: servers whose programs are there; None when they were not looked for.
    """

    server: Server | None = None
    model: str | None = None
    shape: ModelShape | None = None
    _: KW_ONLY
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
    longer_context: bool = False
    passthrough: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    extra: tuple[str, ...] = ()
    name: str | None = None
    image: str | None = None
    cache: str = ""
    user: str | None = None
    installed: tuple[tuple[Engine, str], ...] = ()
    startable: tuple[Server, ...] | None = None

    if TYPE_CHECKING:  # what the constructor takes, beside what the fields hold

        def __init__(
            self,
            server: Server | str | None = None,
            model: str | None = None,
            shape: ModelShape | None = None,
            *,
            served_name: str | None = None,
            host: str = ANYWHERE,
            port: int | None = None,
            folder: str = ".",
            peft_source: str | None = None,
            adapters: tuple[tuple[str, str], ...] = (),
            max_lora_rank: int | None = None,
            max_loras: int | None = None,
            max_cpu_loras: int | None = None,
            trust_remote_code: bool = False,
            longer_context: bool = False,
            passthrough: tuple[str, ...] = (),
            variables: tuple[tuple[str, str], ...] = (),
            extra: tuple[str, ...] = (),
            name: str | None = None,
            image: str | None = None,
            cache: str = "",
            user: str | None = None,
            installed: tuple[tuple[Engine, str], ...] = (),
            startable: tuple[Server, ...] | None = None,
        ) -> None: ...

    def __post_init__(self) -> None:
        """Take a server by its name; refuse what no file and no command line can hold.

        Raises RequestError.
        """
        if self.server is not None:
            if self.server not in tuple(Server):
                raise RequestError(
                    f"{quoted(self.server)} is not a server; known: {', '.join(Server)}"
                )
            object.__setattr__(self, "server", Server(self.server))
        for name in ("max_lora_rank", "max_loras", "max_cpu_loras"):
            if (count := getattr(self, name)) is not None:
                require_whole(name, count)
        self._expect_types()
        for problem in self._problems():
            raise RequestError(problem)

    def _expect_types(self) -> None:
        """Refuse values of other types than are declared; TypeError."""
        for name in ("model", "served_name", "peft_source", "name", "image", "user"):
            expect(f"Setup: {name}", getattr(self, name), str, type(None))
        for name in ("host", "folder", "cache"):
            expect(f"Setup: {name}", getattr(self, name), str)
        for name in ("trust_remote_code", "longer_context"):
            expect(f"Setup: {name}", getattr(self, name), bool)
        expect("Setup: startable", self.startable, tuple, type(None))
        for name in ("adapters", "passthrough", "variables", "extra", "installed"):
            expect(f"Setup: {name}", getattr(self, name), tuple)
        for name in ("passthrough", "extra"):
            expect_each(f"Setup: {name}", getattr(self, name), str)
        for name in ("adapters", "variables", "installed"):
            for pair in expect_each(f"Setup: {name}", getattr(self, name), tuple):
                if [str, str] != [str if isinstance(each, str) else None for each in pair]:
                    raise TypeError(f"Setup: {name} holds pairs of texts, and one is none")

    @property
    def arguments(self) -> tuple[str, ...]:
        """All that is added to an engine's arguments, the later the stronger."""
        return (*self.passthrough, *self.extra)

    def _problems(self) -> Iterator[str]:
        if self.port is not None and self.port not in range(1, 65536):
            yield f"{quoted(self.port)} is no port from 1 to 65535"
        if _HOST.fullmatch(self.host) is None:
            yield f"{quoted(self.host)} is no address to listen on"
        for name, path in self.adapters:  # engines read name=path, and a comma means JSON
            if _ADAPTER.fullmatch(name) is None or {",", "="} & set(path):
                yield (
                    f"the adapter {quoted(name)} in {path} would be read as something "
                    f"else: rename it"
                )
        if self.image is not None and _IMAGE.fullmatch(self.image) is None:
            yield f"{quoted(self.image)} is no container image such as vllm/vllm-openai:v0.33.0"
        for text in (self.model, self.served_name, self.folder, self.cache):
            if text is not None and not is_text(text):
                yield f"{quoted(text)} is no text in UTF-8 without NUL"
        for at, text in enumerate(self.arguments, 1):  # it may be a key, so it is not repeated
            if not is_text(text):
                yield f"argument {at} for the server is no text in UTF-8 without NUL"

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Setup:
        """Read NIM's variables from a mapping such as `os.environ`; an empty one counts as unset.

        Raises RequestError, naming the variable, for a value that cannot be read.
        """
        expect_mapping("Setup.from_env: environ", environ, hint="os.environ is one")
        environ = without_service_links(environ)

        def text(name: str) -> str | None:
            return environ.get(name, "").strip() or None

        return cls(
            model=model_in(environ),
            served_name=text("NIM_SERVED_MODEL_NAME"),
            port=read_count(environ, first_set(environ, PORTS), 65535),
            peft_source=text("NIM_PEFT_SOURCE"),
            max_lora_rank=read_count(environ, "NIM_MAX_LORA_RANK"),
            max_loras=read_count(environ, "NIM_MAX_GPU_LORAS"),
            max_cpu_loras=read_count(environ, "NIM_MAX_CPU_LORAS"),
            trust_remote_code=any(read_switch(environ, name) for name in TRUST),
            longer_context=any(
                environ.get(name, "").strip().lower() in {"1", "true"} for name in LONGER
            ),
            passthrough=read_words(environ, PASSTHROUGH),
            variables=handed_on(environ),
        )

    def file(self, name: str) -> str:
        """Where a file of the plan is written.

        Raises LaunchError when that is the working directory, and it is not there any more.
        """
        if not self.folder.startswith("/"):
            absolute(self.folder)
        return f"{self.folder}/{name}"


TRUST = ("NIM_TRUST_CUSTOM_CODE", "NIM_FORCE_TRUST_REMOTE_CODE")
"""Let code that comes with the model run: in 2.x and in 1.x."""


LONGER = ("VLLM_ALLOW_LONG_MAX_MODEL_LEN", "SGLANG_ALLOW_OVERWRITE_LONGER_CONTEXT_LEN")
"""Variables of vLLM and SGLang that let them take a longer context than the model's own."""

_HOST = re.compile(r"[A-Za-z0-9:._%-]+")
_ADAPTER = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._-]*")
_IMAGE = re.compile(r"[A-Za-z0-9][\w.:@/+-]*", re.ASCII)


def is_text(text: str) -> bool:
    """Whether it can be encoded, and an argument can hold it."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def absolute(path: str) -> str:
    """A path from the root. Raises LaunchError when the working directory is not there any more."""
    try:
        return os.path.abspath(path)
    except OSError:
        problem = f"{path} begins at the working directory, which is not there any more"
        fix = "change to one that is, or name paths from the root"
        raise LaunchError(f"{problem}: {fix}") from None


def absolute_where_it_can_be(path: str) -> str:
    """The same, but for a folder that a plan without files does not need: `Setup.file` refuses."""
    try:
        return absolute(path)
    except LaunchError:
        return path


def is_path(model: str) -> bool:
    """Whether it is written as a path."""
    return model.startswith(("/", "./", "../")) or model in {".", ".."}
