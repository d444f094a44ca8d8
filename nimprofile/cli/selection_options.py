"""The options of a selection, which several commands share."""

from __future__ import annotations

import argparse

from nimprofile.cli import argument_types as read


def selection_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a selection."""
    add = parser.add_argument
    add("--manifest", metavar="PATH", help="a file, - for standard input, or a bundled name")
    add(
        "--model",
        dest="models",
        action="append",
        metavar="PATH",
        help="a model's directory or config.json, to build the manifest of; repeatable; beside "
        "--manifest: the weights to serve, which memory is judged by ($NIM_MODEL_PATH)",
    )
    add(
        "--policy",
        type=read.policy,
        default="auto",
        help="the order among candidates (default: auto, that of the NIM at hand)",
    )
    add(
        "--prefer",
        type=read.chain,
        metavar="CHAIN",
        help="your own chain: objective=throughput,precision,tp",
    )
    add("--profile", metavar="PROFILE", help="run exactly this id or name ($NIM_MODEL_PROFILE)")
    add(
        "--tags",
        action="extend",
        type=read.tags,
        metavar="TAG=VALUE,…",
        help="only profiles with all these tags ($NIM_TAGS_SELECTOR); given again, they add up",
    )
    add("--precision", type=read.precision, help="only profiles of this precision")
    add(
        "--tp",
        type=read.count,
        metavar="N",
        help="only profiles of so many tensor parallel ranks",
    )
    add("--pp", type=read.count, metavar="N", help="only profiles of so many pipeline stages")
    add("--objective", choices=("latency", "throughput"), help="only profiles tuned for it")
    add(
        "--require",
        action="extend",
        type=read.conditions,
        metavar="CONDITION,…",
        help="exit 5 unless what runs is so: precision=fp8,tp>=2,engine=vllm,name=vllm-*; no pin, "
        "variable or argument after -- changes it; given again, they add up",
    )
    add(
        "--engine",
        action="append",
        type=read.engine,
        help="an engine this container has; repeatable",
    )
    serving_options(parser)
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


def serving_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the engine's start on which the need of memory depends."""
    add = parser.add_argument
    add("--engine-version", type=read.version, metavar="VERSION", help="the engine's: 0.19.0")
    add(
        "--max-model-len",
        type=read.context,
        metavar="TOKENS",
        help="the longest context: 8192, 8k (8,000), 8K (8,192), or auto, the longest that fits "
        "($NIM_MAX_MODEL_LEN; default: the model's)",
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
        type=read.number,
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
