"""The options of `launch`, `exec` and `render`, and what they stand for."""

from __future__ import annotations

import os

from nimprofile.base.enums import Engine, Server
from nimprofile.base.environment import MODELS, PORTS
from nimprofile.cli import argument_types as read
from nimprofile.cli.arguments import (
    ExecArguments,
    LaunchArguments,
    RenderArguments,
    ServerArguments,
)
from nimprofile.cli.inputs import given, models_of, unflagged
from nimprofile.cli.options import add_format, machine_options
from nimprofile.cli.parsing.parser import UsageError
from nimprofile.cli.selection_options import selection_options
from nimprofile.launch.server_spec import server_spec
from nimprofile.launch.setup import ANYWHERE, PORT, TRUST, Setup, absolute, absolute_where_it_can_be

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from nimprofile.cli.arguments import SelectionArguments


def launch_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile launch`."""
    server_options(parser)
    add_format(parser, "shell", "json", "argv")
    parser.set_defaults(arguments=LaunchArguments)


def exec_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile exec`."""
    server_options(parser)
    parser.add_argument_group("lock").add_argument(
        "--lock",
        metavar="FILE",
        help="start nothing else than this lock has: exit with 5, and say what moved, where "
        "something else would be started; its words are read before these (default: none)",
    )
    parser.set_defaults(arguments=ExecArguments, locked=None)


def render_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile render`."""
    from nimprofile.launch.deploy.documents import TARGETS

    parser.add_argument(
        "target", choices=tuple(TARGETS), metavar="TARGET", help=f"one of {', '.join(TARGETS)}"
    )
    server_options(parser)
    add = parser.add_argument_group("deployment").add_argument
    add(
        "--name",
        dest="deployment",
        metavar="NAME",
        help="what to call what is deployed (default: after the model)",
    )
    add(
        "--replicas",
        type=read.number,
        default=1,
        metavar="N",
        help="how many servers run (default: %(default)s)",
    )
    add(
        "--gpus-per-node",
        type=read.count,
        default=8,
        metavar="N",
        help="how many GPUs a node has; a server of more spans nodes (default: %(default)s)",
    )
    add(
        "--secret",
        metavar="NAME",
        help="the secret that holds NGC_API_KEY for a NIM, else HF_TOKEN (default: none)",
    )
    add(
        "--pull-secret",
        metavar="NAME",
        help="the secret that the image is pulled with (default: none)",
    )
    add_format(parser, "yaml", "json")
    parser.set_defaults(arguments=RenderArguments)


def server_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that all commands have which start a server or say what would be started."""
    machine_options(parser)
    selection_options(parser)
    add = parser.add_argument_group("server").add_argument
    add(
        "--server",
        dest="kind",
        type=read.server,
        metavar="SERVER",
        help=f"what to start: {', '.join(Server)} (default: the profile's engine)",
    )
    add(
        "--served-model-name",
        metavar="NAME",
        help="what clients call the model ($NIM_SERVED_MODEL_NAME; default: its own name)",
    )
    add(
        "--host",
        default=ANYWHERE,
        metavar="ADDRESS",
        help="the address to listen on (default: %(default)s)",
    )
    add(
        "--port",
        type=read.port,
        metavar="PORT",
        help=f"the port to listen on ($NIM_SERVER_PORT; default: {PORT})",
    )
    add(
        "--adapters",
        metavar="DIR",
        help="serve the LoRA adapters of this directory, each in a directory of its own "
        "($NIM_PEFT_SOURCE; default: none)",
    )
    add(
        "--max-lora-rank",
        type=read.number,
        metavar="N",
        help="the highest rank that an adapter may have ($NIM_MAX_LORA_RANK; default: the "
        "profile's, else the engine's)",
    )
    add(
        "--trust-remote-code",
        action="store_true",
        help="the server runs code that comes with the model (default: it does not)",
    )
    add(
        "--image",
        metavar="IMAGE",
        help="the image of the container (default: the one that the server's makers publish)",
    )
    add(
        "--cache",
        metavar="DIR",
        help="a directory of the host that keeps downloaded models (default: a volume of Docker's)",
    )
    add(
        "--dir",
        default=".",
        metavar="DIR",
        help="where files that the server reads are written (default: the current directory)",
    )
    parser.epilog = f"{parser.epilog}\n\nWhat follows -- goes to the server as it is, and wins."


SERVER_OF_THE_ENGINE = ServerArguments(
    kind=None,
    served_model_name=None,
    host=ANYWHERE,
    port=None,
    adapters=None,
    max_lora_rank=None,
    trust_remote_code=False,
    image=None,
    cache=None,
    dir=".",
    extra=(),
)
"""What is meant where no server is asked for."""


def setup_of(selection: SelectionArguments, server: ServerArguments) -> Setup:
    """NIM's variables, each beaten by its flag, and what this host has of them.

    Raises UsageError and RequestError.
    """
    from nimprofile.launch.judged.weights_source import located
    from nimprofile.launch.lora_adapters import with_adapters

    models = selection.models
    flags = {
        "NIM_SERVED_MODEL_NAME": server.served_model_name,
        **dict.fromkeys(PORTS, server.port),
        "NIM_PEFT_SOURCE": server.adapters,
        "NIM_MAX_LORA_RANK": server.max_lora_rank,
        **dict.fromkeys(MODELS, models),
        **dict.fromkeys(TRUST, server.trust_remote_code or None),
    }
    setup = Setup.from_env(unflagged(flags))
    built = models_of(selection)  # its manifest says where the weights are
    model = None if built else setup.model
    if models and not built:
        if len(models) > 1:
            raise UsageError("--model beside --manifest is where the weights are: name one")
        model = models[0]
    source = server.adapters or setup.peft_source
    chosen = {
        "server": server.kind,
        "served_name": server.served_model_name or None,
        "port": server.port,
        "max_lora_rank": server.max_lora_rank,
        "image": server.image,
        "cache": None if server.cache is None else absolute(server.cache),
        "user": None if server.cache is None else f"{os.getuid()}:{os.getgid()}",
        "peft_source": None if source is None else absolute(source),
    }
    setup = setup.replace(**given(chosen)).replace(
        model=model,
        host=server.host,
        folder=absolute_where_it_can_be(server.dir),
        trust_remote_code=server.trust_remote_code or setup.trust_remote_code,
        extra=server.extra,
    )
    return with_adapters(located(setup))


def restricted(
    selection: SelectionArguments, setup: Setup, *, adapters: bool, here: bool
) -> SelectionArguments:
    """The selection among the profiles that the server runs, for the adapters that are named.

    Args:
        selection: what was asked for.
        setup: of the server.
        adapters: a directory of adapters is named by a flag.
        here: the server starts in this environment, whose engine's version counts.

    Raises:
        UsageError: the server runs none of the engines that were named.
    """
    lora = True if adapters and selection.lora is None else selection.lora
    engines, server = selection.engine, setup.server
    if server is not None and (server is not Server.NIM or engines):
        runs = server_spec(server).runs
        engines = tuple(engine for engine in engines or runs if engine in runs)
        if not engines:
            named = ", ".join(selection.engine or ())
            raise UsageError(f"--server {server} runs no profile of {named}: leave --engine out")
    serving = selection.serving
    if serving.engine_version is None and engines and len(set(engines)) == 1:
        serving = serving.replace(engine_version=_version(engines[0], setup, here=here))
    return selection.replace(lora=lora, engine=engines, serving=serving)


def _version(engine: Engine, setup: Setup, *, here: bool) -> str | None:
    """The version that is meant of this engine: the installed one, or that of its image."""
    spec = server_spec(setup.server or Server(engine))
    in_container = setup.server is Server.NIM
    if here and not in_container and (found := installed(engine)) is not None:
        return found
    if setup.image is not None:
        return spec.engine_in_image(setup.image)
    return installed(engine) if here else spec.newest_engine_version


def installed(engine: Engine) -> str | None:
    """The version of the engine whose program is on the PATH, else of the one that is installed.

    None when neither is found.
    """
    from importlib.metadata import PackageNotFoundError, version

    from nimprofile.launch.installed import version_of_program

    found = version_of_program(server_spec(Server(engine)).program, os.environ.get("PATH"))
    if found is not None:
        return found
    try:
        return version(str(engine))
    except PackageNotFoundError:
        return None


def all_installed() -> tuple[tuple[Engine, str], ...]:
    """The engines of this environment, each with its version."""
    versions = ((engine, installed(engine)) for engine in Engine)
    return tuple((engine, version) for engine, version in versions if version is not None)


def all_startable(path: str | None) -> tuple[Server, ...]:
    """The servers that can be started here: on this PATH, or as a module of this environment."""
    import shutil

    modules = {str(engine) for engine, _ in all_installed()}
    return tuple(
        server
        for server in Server
        if server in modules or shutil.which(server_spec(server).program, path=path)
    )
