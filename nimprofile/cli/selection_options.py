"""The options of a selection, which several commands share."""

from __future__ import annotations

import argparse

from nimprofile.base.enums import Objective
from nimprofile.cli import argument_types as read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.cli.options import Group


def selection_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a selection: of the manifest, of the choice, and of the engine's start."""
    add = parser.add_argument_group("model and manifest").add_argument
    add(
        "--manifest",
        metavar="PATH",
        help="choose among the profiles of this manifest: a file, - for standard input, or a "
        "bundled name, which `manifest list` shows ($NIM_MANIFEST_PATH; default: where NIM "
        "images keep theirs)",
    )
    add(
        "--model",
        dest="models",
        action="append",
        metavar="PATH",
        help="a model's directory or config.json; repeatable. Without a manifest, one is built of "
        "it; beside --manifest it is the weights to serve, by which memory is judged "
        "($NIM_MODEL_PATH; default: what the manifest names)",
    )
    _choice_options(parser)
    serving_options(parser)


def _choice_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument_group("selection").add_argument
    add(
        "--policy",
        type=read.policy,
        default="auto",
        metavar="POLICY",
        help="the order among candidates; `policies` explains each (default: auto, that of "
        "the NIM at hand)",
    )
    add(
        "--prefer",
        type=read.chain,
        metavar="CHAIN",
        help="an order of your own, such as objective=throughput,precision,tp (default: the "
        "policy's)",
    )
    add(
        "--profile",
        metavar="PROFILE",
        help="run exactly this profile, by its id or name ($NIM_MODEL_PROFILE; default: the best "
        "candidate)",
    )
    add(
        "--tags",
        action="extend",
        type=read.tags,
        metavar="TAG=VALUE,…",
        help="only profiles with all these tags; given again, they add up ($NIM_TAGS_SELECTOR; "
        "default: any)",
    )
    add(
        "--precision",
        type=read.precision,
        metavar="PRECISION",
        help="only profiles of this precision, such as fp8 (default: any)",
    )
    add(
        "--tp",
        type=read.count,
        metavar="N",
        help="only profiles of N tensor parallel ranks (default: any number)",
    )
    add(
        "--pp",
        type=read.count,
        metavar="N",
        help="only profiles of N pipeline stages (default: any number)",
    )
    add(
        "--objective",
        choices=tuple(map(str, Objective)),
        help="only profiles that are tuned for this (default: any)",
    )
    add(
        "--require",
        action="extend",
        type=read.conditions,
        metavar="CONDITION,…",
        help="exit with 5 unless the profile that runs meets all these: "
        "precision=fp8,tp>=2,engine=vllm,name=vllm-*; no pin, variable or argument after -- "
        "changes that; given again, they add up (default: none)",
    )
    add(
        "--engine",
        action="append",
        type=read.engine,
        metavar="ENGINE",
        help="only profiles of this engine, because it is what is installed; repeatable (default: "
        "every engine)",
    )
    switch = argparse.BooleanOptionalAction
    add(
        "--lora",
        action=switch,
        help="LoRA adapters will be served, so only profiles that can ($NIM_PEFT_SOURCE; default: "
        "no)",
    )
    add(
        "--relax-memory",
        action=switch,
        help="profiles that lack memory are candidates too ($NIM_RELAX_MEM_CONSTRAINTS; default: "
        "no)",
    )
    add(
        "--allow-unsafe",
        action=switch,
        help="run the profile that is pinned although it does not match this machine "
        "($NIM_MANIFEST_ALLOW_UNSAFE; default: no)",
    )
    add(
        "--allow-nvfp4-emulation",
        action=switch,
        help="NVFP4 runs below compute capability 10.0 too ($NIM_ALLOW_NVFP4_EMULATION; default: "
        "no)",
    )
    add(
        "--avoid-advised",
        action=switch,
        help="pass over profiles with a known issue on the GPUs they take; `advisories` lists the "
        "issues (default: warn of them)",
    )
    add(
        "--empty-gpu-gate",
        action=switch,
        help="a GPU must have 95%% of its memory free (default: as the policy says)",
    )
    add(
        "--uniform-gpus",
        action=switch,
        help="a machine with GPUs of several products is refused (default: as the policy says)",
    )


def serving_options(parser: argparse.ArgumentParser) -> Group:
    """Add the options of the engine's start on which the need of memory depends."""
    group = parser.add_argument_group("serving and memory")
    add = group.add_argument
    add(
        "--engine-version",
        type=read.version,
        metavar="VERSION",
        help="estimate memory as this version of the engine needs it, such as 0.19.0 (default: the "
        "manifest's, else the newest that is known)",
    )
    add(
        "--max-model-len",
        type=read.context,
        metavar="TOKENS",
        help="the longest context to serve, in tokens: 8192, 8k (8,000), 8K (8,192), or auto, the "
        "longest that fits ($NIM_MAX_MODEL_LEN; default: the model's)",
    )
    add(
        "--kv-cache-dtype",
        choices=("auto", "bf16", "fp8", "nvfp4"),
        default="auto",
        help="the format of the KV cache (default: auto, which is what the checkpoint asks for)",
    )
    add(
        *("--gpu-memory-utilization", "--mem-fraction-static", "--free-gpu-memory-fraction"),
        dest="memory_fraction",
        type=read.fraction,
        metavar="FRACTION",
        help="how much of a GPU's memory the engine takes, above 0 and up to 1, by the name that "
        "vLLM, SGLang or TensorRT-LLM has for it (default: the engine's own)",
    )
    add(
        "--max-num-batched-tokens",
        type=read.tokens,
        metavar="TOKENS",
        help="how many tokens one step may have (default: the engine's own)",
    )
    add(
        "--max-num-seqs",
        type=read.number,
        metavar="N",
        help="how many requests one step may have ($NIM_MAX_NUM_SEQS; default: the engine's own)",
    )
    add(
        "--enforce-eager",
        dest="eager",
        action="store_true",
        default=None,
        help="the engine uses no CUDA graphs ($NIM_DISABLE_CUDA_GRAPH; default: it does)",
    )
    return group
