"""The specification of a server: what it runs, its program, flags, image, probes and ranks.

Each server has one, `SPEC` in its file of `servers/`; `register` adds one from outside.
"""

from __future__ import annotations

import re

from nimprofile.base.enums import Engine, Server
from nimprofile.base.record import Record
from nimprofile.base.spec_registry import load_spec
from nimprofile.engines.spec import spec_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import KW_ONLY

    from nimprofile.launch.flags import FlagSyntax
    from nimprofile.launch.job import Job
    from nimprofile.launch.plan import LaunchPlan
    from nimprofile.launch.servers.ranks import Member, Pod

_TAG = re.compile(r":v?([0-9]++\.[0-9]++[0-9a-z.]*+)(?:-[A-Za-z0-9._-]*+)?$")


def version_in_tag(image: str) -> str | None:
    """The version in an image's tag; None when it has none, as `latest`. A digest may follow."""
    match = _TAG.search(image.partition("@")[0])
    return None if match is None else match[1]


class ServerSpec(Record):
    """What is known of a server.

    Attributes:
        server: its name.
        program: what is looked for on the PATH.
        flags: how its command line is read.
        plan: what starts it.
        image: its public image for a job; LaunchError when none is known.
        engines: whose profiles it runs; None: those of all engines.
        engine_in_image: the engine's version in an image, by its tag; None when it does not say.
        newest_engine_version: the newest version of the engine inside of it; None is that of the
            engine.
        live: the path that answers as long as the process is not to be killed; None is that of
            readiness.
        pod: what each pod runs when it spans several nodes, from its own command and arguments;
            None when that is not known to work.
        one_node: why it does not span several nodes, for the error.
        engine_flags: how `NIM_PASSTHROUGH_ARGS` is read, where that is the engine's alone; None is
            as `flags`.
        locks_memory: its pages run it with unlimited locked memory and a stack of 64 MiB.
    """

    server: Server
    program: str
    flags: FlagSyntax
    _: KW_ONLY
    plan: Callable[[Job], LaunchPlan]
    image: Callable[[Job], str]
    engines: tuple[Engine, ...] | None = None
    engine_in_image: Callable[[str], str | None] = version_in_tag
    newest_engine_version: str | None = None
    live: str | None = None
    pod: Callable[[Pod], Member] | None = None
    one_node: str = "is not known to work: --server vllm does it"
    engine_flags: FlagSyntax | None = None
    locks_memory: bool = False

    @property
    def runs(self) -> tuple[Engine, ...]:
        """The engines whose profiles it runs."""
        return tuple(Engine) if self.engines is None else self.engines

    def newest_version(self, engine: Engine | None) -> str:
        """The newest version of an engine whose flags are known; "" without an engine."""
        if engine is None:
            return ""
        return self.newest_engine_version or spec_of(engine).newest


_SPECS: dict[Server, ServerSpec] = {}


def register(spec: ServerSpec) -> Server:
    """Add a server, or replace what is known of one."""
    server = Server.add(spec.server)
    _SPECS[server] = spec
    return server


def server_spec(server: Server) -> ServerSpec:
    """The specification of a server; imported when it is first asked for.

    Raises ImportError, naming the file, when a server has none.
    """
    return load_spec(_SPECS, server, "server", "nimprofile.launch.servers")
