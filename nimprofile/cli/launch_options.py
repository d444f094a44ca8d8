"""Which options do `launch`, `exec` and `render` take, and what do they stand for?"""

from __future__ import annotations

import os

from nimprofile.base.enums import Server
from nimprofile.cli import argument_types as read
from nimprofile.cli.inputs import UsageError, models_of, unflagged
from nimprofile.cli.options import add_format, machine_options, wish_options
from nimprofile.launch.server_spec import server_spec
from nimprofile.launch.setup import ANYWHERE, PORT, Setup

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from nimprofile.base.enums import Engine

TARGETS = ("docker", "compose", "k8s", "nim-operator", "kserve")


def launch_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile launch`."""
    _server_options(parser)
    add_format(parser, "shell", "json", "argv")


def exec_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile exec`."""
    _server_options(parser)


def render_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile render`."""
    add = parser.add_argument
    add("target", choices=TARGETS, metavar="TARGET", help=", ".join(TARGETS))
    _server_options(parser)
    add(
        "--name",
        dest="deployment",
        metavar="NAME",
        help="of what is deployed (default: the model's)",
    )
    add("--replicas", type=read.tokens, default=1, metavar="N", help="servers (default: 1)")
    add(
        "--gpus-per-node",
        type=read.count,
        default=8,
        metavar="N",
        help="beyond these a server spans nodes (default: 8)",
    )
    add("--secret", metavar="NAME", help="the secret that holds NGC_API_KEY, or HF_TOKEN")
    add("--pull-secret", metavar="NAME", help="the secret to pull the image with")
    add_format(parser, "yaml", "json")


def _server_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    machine_options(parser)
    wish_options(parser, weights=True)
    add(
        "--server",
        type=read.server,
        metavar="SERVER",
        help=f"what to start: {', '.join(Server)} (default: the profile's engine)",
    )
    add("--served-model-name", metavar="NAME", help="what clients call it ($NIM_SERVED_MODEL_NAME)")
    add("--host", default=ANYWHERE, metavar="ADDRESS", help="to listen on (default: %(default)s)")
    add(
        "--port",
        type=read.port,
        metavar="PORT",
        help=f"to listen on ($NIM_SERVER_PORT; default: {PORT})",
    )
    add("--adapters", metavar="DIR", help="LoRA adapters, each in its directory ($NIM_PEFT_SOURCE)")
    add("--max-lora-rank", type=read.tokens, metavar="N", help="of an adapter ($NIM_MAX_LORA_RANK)")
    add("--trust-remote-code", action="store_true", help="run code that comes with the model")
    add("--image", metavar="IMAGE", help="of the container (default: the server's public one)")
    add("--cache", metavar="DIR", help="of the host, for models that are downloaded")
    add("--dir", default=".", metavar="DIR", help="for files of the plan (default: here)")
    parser.epilog = f"{parser.epilog}\n\nWhat follows -- goes to the server as it is, and wins."


def setup_of(args: argparse.Namespace) -> Setup:
    """NIM's variables, each beaten by its flag, and what this host has of them.

    Raises UsageError and RequestError.
    """
    from nimprofile.launch.lora_adapters import with_adapters
    from nimprofile.model.checkpoint import read_model

    flags = {
        "NIM_SERVED_MODEL_NAME": args.served_model_name,
        "NIM_SERVER_PORT": args.port,
        "NIM_PEFT_SOURCE": args.adapters,
        "NIM_MAX_LORA_RANK": args.max_lora_rank,
        "NIM_MODEL_PATH": args.model,
        "NIM_MODEL_NAME": args.model,
    }
    setup = Setup.from_env(unflagged(flags))
    built = models_of(args)  # its manifest says where the weights are
    model = None if built else setup.model
    if args.model and not built:
        if len(args.model) > 1:
            raise UsageError("--model beside --manifest is where the weights are: name one")
        model = args.model[0]
    shape = None
    if model is not None and os.path.exists(model):
        local = read_model(model)
        model, shape = os.path.abspath(local.path), local.shape
    source = args.adapters or setup.peft_source
    chosen = {
        "server": args.server,
        "served_name": args.served_model_name or None,
        "port": args.port,
        "max_lora_rank": args.max_lora_rank,
        "image": args.image,
        "cache": None if args.cache is None else os.path.abspath(args.cache),
        "user": None if args.cache is None else f"{os.getuid()}:{os.getgid()}",
        "name": getattr(args, "deployment", None),
        "peft_source": None if source is None else os.path.abspath(source),
    }
    if getattr(args, "target", None) == "nim-operator":
        chosen["server"] = args.server or Server.NIM
    setup = setup.replace(**{name: value for name, value in chosen.items() if value is not None})
    setup = setup.replace(
        model=model,
        shape=shape,
        host=args.host,
        folder=os.path.abspath(args.dir),
        trust_remote_code=args.trust_remote_code,
        extra=tuple(args.extra),
    )
    return with_adapters(setup)


def restrict(args: argparse.Namespace, setup: Setup) -> None:
    """Let a server select only among profiles that it runs, and serve adapters that are named.

    Raises UsageError when it runs none of the engines that were named.
    """
    if args.adapters is not None and args.lora is None:
        args.lora = True
    server = setup.server
    if server is not None and (server is not Server.NIM or args.engine):
        able = server_spec(server).runs
        wanted = [engine for engine in args.engine or able if engine in able]
        if not wanted:
            named = ", ".join(args.engine)
            raise UsageError(f"--server {server} runs no profile of {named}: leave --engine out")
        args.engine = wanted
    if args.engine_version is None:
        args.engine_version = _version_here(args, setup)


def _version_here(args: argparse.Namespace, setup: Setup) -> str | None:
    """The version of the one engine that can be meant: its image's, or for exec the installed."""
    if not args.engine or len(set(args.engine)) > 1:
        return None
    server = setup.server or Server(args.engine[0])
    spec = server_spec(server)
    if setup.image is not None:
        return spec.engine_in_image(setup.image)
    if args.command != "exec":
        return spec.newest_engine_version
    return installed(args.engine[0])


def installed(engine: Engine) -> str | None:
    """The version of an engine in this environment; None when it is in another, if at all."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(str(engine))
    except PackageNotFoundError:
        return None
