"""The options of the commands."""

from __future__ import annotations

import argparse
import os

from nimprofile.cli import argument_types as read, arguments as records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    Commands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001
    Run: TypeAlias = Callable[[Any], int]
    Command: TypeAlias = tuple[Run, str, str, Callable[[argparse.ArgumentParser], None]]
    """What runs it with its record, its help, an example, and what adds its options."""


class Help(argparse.RawDescriptionHelpFormatter):
    """Help as wide as the terminal, which argparse would take 4 ms an option set to find out."""

    def __init__(self, prog: str):
        try:
            width = os.get_terminal_size().columns - 2
        except OSError:
            width = 100
        super().__init__(prog, max_help_position=30, width=width)


class Version(argparse.Action):
    """`--version`, without importing the package's metadata for every other command."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        """Print the version and leave."""
        from nimprofile import __version__

        print(f"nimprofile {__version__}")
        parser.exit()


def add_command(
    commands: Commands, name: str, run: Run, help: str, example: str
) -> argparse.ArgumentParser:
    """Add a command with its help and an example; the caller adds its options and its record."""
    command = commands.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=Help,
        allow_abbrev=False,
    )
    command.set_defaults(run=run)
    return command


def add_format(parser: argparse.ArgumentParser, *formats: str) -> None:
    """Add `--format` with its first value as the default, and `--json`."""
    parser.add_argument(
        "--format",
        choices=formats,
        default=formats[0],
        help="how to print (default: %(default)s)",
    )
    parser.add_argument(
        "--json", dest="format", action="store_const", const="json", help="--format json"
    )


def machine_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which machine."""
    machine = parser.add_mutually_exclusive_group()
    add = machine.add_argument
    add(
        "--inventory",
        metavar="FILE",
        help="GPUs from a file, or - for standard input (default: this machine's)",
    )
    add("--gpus", metavar="SPEC", help="GPUs by name: 8xh100, or 4xl40s,1xt4")
    parser.add_argument(
        "--expect-gpus", type=read.count, metavar="N", help="fail unless just N GPUs can be used"
    )
    parser.add_argument(
        "--nvml-timeout",
        type=read.seconds,
        metavar="SECONDS",
        help="how long to wait for the driver (default: 15)",
    )


def selection_options(parser: argparse.ArgumentParser, *, weights: bool = False) -> None:
    """Add the options of a selection; with `weights`, --model may name those of a manifest."""
    add = parser.add_argument
    what = parser if weights else parser.add_mutually_exclusive_group()
    what.add_argument(
        "--manifest", metavar="PATH", help="a file, - for standard input, or a bundled name"
    )
    what.add_argument(
        "--model",
        dest="models",
        action="append",
        metavar="PATH",
        help="a model's directory or config.json, to build the manifest of; repeatable"
        + ("; beside --manifest: the weights to serve ($NIM_MODEL_PATH)" if weights else ""),
    )
    add(
        "--policy",
        type=read.policy,
        default="nim",
        help="the order among candidates (default: nim)",
    )
    add("--prefer", metavar="CHAIN", help="your own chain: objective=throughput,precision,tp")
    add("--profile", metavar="PROFILE", help="run exactly this id or name ($NIM_MODEL_PROFILE)")
    add(
        "--tags", metavar="TAG=VALUE,…", type=read.tags, help="only these tags ($NIM_TAGS_SELECTOR)"
    )
    add(
        "--engine",
        action="append",
        type=read.engine,
        help="an engine this container has; repeatable",
    )
    _serving_options(parser)
    switch = argparse.BooleanOptionalAction
    add("--lora", action=switch, help="LoRA adapters will be served ($NIM_PEFT_SOURCE)")
    add(
        "--relax-memory",
        action=switch,
        help="allow low-memory profiles ($NIM_RELAX_MEM_CONSTRAINTS)",
    )
    add(
        "--allow-unsafe",
        action=switch,
        help="let --profile ignore mismatches ($NIM_MANIFEST_ALLOW_UNSAFE)",
    )
    add(
        "--allow-nvfp4-emulation",
        action=switch,
        help="NVFP4 below compute capability 10.0 ($NIM_ALLOW_NVFP4_EMULATION)",
    )
    add("--empty-gpu-gate", action=switch, help="want GPUs 95%% free (default: the policy's)")
    add(
        "--uniform-gpus",
        action=switch,
        help="refuse a machine of several products (default: the policy's)",
    )


def _serving_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the engine's start on which the need of memory depends."""
    add = parser.add_argument
    add("--engine-version", type=read.version, metavar="VERSION", help="the engine's: 0.19.0")
    add(
        "--max-model-len",
        type=read.tokens,
        metavar="TOKENS",
        help="the longest context ($NIM_MAX_MODEL_LEN; default: the model's)",
    )
    add(
        "--kv-cache-dtype",
        choices=("auto", "bf16", "fp8", "nvfp4"),
        default="auto",
        help="the KV cache's format (default: auto)",
    )
    add(
        *("--gpu-memory-utilization", "--mem-fraction-static", "--free-gpu-memory-fraction"),
        dest="memory_fraction",
        type=read.fraction,
        metavar="F",
        help="the engine's fraction of the GPU, by any of its names (default: the engine's)",
    )
    add("--max-num-batched-tokens", type=read.tokens, metavar="N", help="tokens of one step")
    add(
        "--max-num-seqs",
        type=read.tokens,
        metavar="N",
        help="requests of one step ($NIM_MAX_NUM_SEQS)",
    )
    add(
        "--enforce-eager",
        dest="eager",
        action="store_true",
        default=None,
        help="no CUDA graphs ($NIM_DISABLE_CUDA_GRAPH)",
    )


def memory_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile memory`."""
    add = parser.add_argument
    add(
        "model",
        metavar="MODEL_OR_MANIFEST",
        help="a config.json, a directory with one, a manifest, or a bundled manifest's name",
    )
    machine_options(parser)
    add("--profile", metavar="PROFILE", help="of a manifest: this one (default: the selected one)")
    add(
        "--policy", type=read.policy, default="nim", help="whose arithmetic (default: the engine's)"
    )
    add("--engine", type=read.engine, help="the engine (default: vllm)")
    add("--precision", type=read.precision, help="of the weights (default: the checkpoint's)")
    add("--tp", type=read.count, metavar="N", help="tensor parallel ranks (default: all the GPUs)")
    add("--pp", type=read.count, metavar="N", help="pipeline stages (default: 1)")
    _serving_options(parser)
    add(
        "--concurrency",
        type=read.tokens,
        default=1,
        metavar="N",
        help="requests at once (default: 1)",
    )
    add(
        "--speculative-tokens",
        type=read.tokens,
        default=0,
        metavar="N",
        help="drafted by the model",
    )
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=records.MemoryArguments)


def select_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile select`."""
    machine_options(parser)
    selection_options(parser)
    add_format(parser, "text", "json", "id", "name", "env", "cuda")
    parser.set_defaults(arguments=records.SelectArguments)


def list_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile list`."""
    machine_options(parser)
    selection_options(parser)
    add_format(parser, "text", "json")
    parser.add_argument(
        "--nim",
        nargs="?",
        const="auto",
        choices=("auto", "1.0", "1.3", "2.0"),
        help="print NIM's own list-model-profiles layout, of this generation",
    )
    parser.set_defaults(arguments=records.ListArguments)


def explain_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile explain`."""
    parser.add_argument(
        "subject", nargs="?", metavar="PROFILE", help="an id, its beginning, or a name"
    )
    machine_options(parser)
    selection_options(parser)
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=records.ExplainArguments)


def gpus_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile gpus`."""
    machine_options(parser)
    parser.add_argument("--known", action="store_true", help="print every product --gpus knows")
    parser.add_argument(
        "--record", metavar="FILE", help="write a capture with made-up UUIDs and no serial numbers"
    )
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=records.GpusArguments)


def policies_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile policies`."""
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=records.PoliciesArguments)


def engines_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile engines`."""
    parser.add_argument(
        "--engine",
        action="append",
        type=read.engine,
        help="only this; repeatable",
    )
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=records.EnginesArguments)


def completion_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile completion`."""
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"))
    parser.set_defaults(arguments=records.CompletionArguments)
