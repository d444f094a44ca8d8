"""The command line as frozen values: one record for each command, made once, right after parsing.

Its fields are the options of the command. Nothing outside this module sees what argparse made.
"""

from __future__ import annotations

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence
    from dataclasses import KW_ONLY
    from typing import Any, Literal, TypeAlias

    from nimprofile.base.enums import Engine, Precision, Server
    from nimprofile.lock.record import Lock
    from nimprofile.manifest.profile_conditions import Condition

    Layout: TypeAlias = Literal["auto", "1.0", "1.3", "2.0", "speech"]


class MachineArguments(Record):
    """Which machine is meant; this one where neither `gpus` nor `inventory` is given."""

    gpus: tuple[str, ...] | None
    inventory: str | None
    _: KW_ONLY
    expect_gpus: int | None
    nvml_timeout: float | None


class ServingArguments(Record):
    """How the engine will be started; None leaves it to the environment or the engine."""

    _: KW_ONLY
    engine_version: str | None
    max_model_len: int | str | None
    kv_cache_dtype: str
    memory_fraction: float | None
    max_num_batched_tokens: int | None
    max_num_seqs: int | None
    eager: bool | None


class SelectionArguments(Record):
    """What is to be selected from, and how; None leaves it to the environment."""

    _: KW_ONLY
    manifest: str | None
    models: tuple[str, ...] | None
    policy: str
    prefer: str | None
    profile: str | None
    tags: tuple[tuple[str, str], ...] | None
    precision: Precision | None
    tp: int | None
    pp: int | None
    objective: str | None
    require: tuple[Condition, ...] | None
    engine: tuple[Engine, ...] | None
    lora: bool | None
    relax_memory: bool | None
    allow_unsafe: bool | None
    allow_nvfp4_emulation: bool | None
    avoid_advised: bool | None
    empty_gpu_gate: bool | None
    uniform_gpus: bool | None
    serving: ServingArguments


class ServerArguments(Record):
    """Which server is to be started, and how; None leaves it to the environment or the server.

    Attributes:
        kind: the server.
        extra: the words after `--`, for the server as they are.
    """

    _: KW_ONLY
    kind: Server | None
    served_model_name: str | None
    host: str
    port: int | None
    adapters: str | None
    max_lora_rank: int | None
    trust_remote_code: bool
    image: str | None
    cache: str | None
    dir: str
    extra: tuple[str, ...]


class JudgeArguments(Record):
    """The options that every command which judges profiles has."""

    machine: MachineArguments
    selection: SelectionArguments
    format: str
    _: KW_ONLY
    color: str


class SelectArguments(JudgeArguments):
    """The options of `nimprofile select`."""

    _: KW_ONLY
    launchable: bool


class ListArguments(JudgeArguments):
    """The options of `nimprofile list`."""

    _: KW_ONLY
    nim: Layout | None


class ExplainArguments(JudgeArguments):
    """The options of `nimprofile explain`; `subject` is the one profile to explain."""

    _: KW_ONLY
    subject: str | None


class MemoryArguments(Record):
    """The options of `nimprofile memory`."""

    _: KW_ONLY
    model: str
    machine: MachineArguments
    profile: str | None
    policy: str
    engine: Engine | None
    precision: Precision | None
    tp: int | None
    pp: int | None
    serving: ServingArguments
    concurrency: int
    speculative_tokens: int
    format: str
    color: str


class LaunchArguments(Record):
    """The options of `nimprofile launch`."""

    machine: MachineArguments
    selection: SelectionArguments
    server: ServerArguments
    _: KW_ONLY
    format: str


class ExecArguments(Record):
    """The options of `nimprofile exec`; `locked` is what the file of `lock` has."""

    machine: MachineArguments
    selection: SelectionArguments
    server: ServerArguments
    _: KW_ONLY
    lock: str | None
    locked: Lock | None


class RenderArguments(Record):
    """The options of `nimprofile render`; `deployment` is the name of what is deployed."""

    machine: MachineArguments
    selection: SelectionArguments
    server: ServerArguments
    _: KW_ONLY
    target: str
    deployment: str | None
    replicas: int
    gpus_per_node: int
    secret: str | None
    pull_secret: str | None
    format: str


class DoctorArguments(Record):
    """The options of `nimprofile doctor`."""

    machine: MachineArguments
    selection: SelectionArguments
    server: ServerArguments
    _: KW_ONLY
    uid: tuple[int, int | None] | None
    timeout: float
    online: bool
    format: str
    color: str


class GpusArguments(Record):
    """The options of `nimprofile gpus`."""

    machine: MachineArguments
    known: bool
    record: str | None
    _: KW_ONLY
    format: str
    color: str


class PoliciesArguments(Record):
    """The options of `nimprofile policies`."""

    format: str
    color: str


class EnginesArguments(Record):
    """The options of `nimprofile engines`."""

    engine: tuple[Engine, ...] | None
    format: str
    color: str


class VariablesArguments(Record):
    """The options of `nimprofile variables`."""

    all: bool
    format: str
    color: str


class SchemaArguments(Record):
    """The options of `nimprofile schema` and `nimprofile manifest schema`."""

    of: str


class CompletionArguments(Record):
    """The options of `nimprofile completion`."""

    shell: str


def divided(argv: Sequence[str]) -> tuple[Sequence[str], tuple[str, ...]]:
    """The words of a command line before `--`, and those after it."""
    at = argv.index("--") if "--" in argv else len(argv)
    return argv[:at], tuple(argv[at + 1 :])


def read_arguments(
    parser: argparse.ArgumentParser,
    argv: Sequence[str],
    given: Mapping[str, object] | None = None,
) -> tuple[Callable[[Any], int], Record]:
    """Parse a command line into the function that runs its command, and that function's record.

    Args:
        parser: the whole command line.
        argv: the words to parse.
        given: fields of the record that no option has, such as `extra`, the words after `--`.

    Raises:
        SystemExit: the words cannot be parsed, or ask for help.
        TypeError: an option of the command is in no field of its record.
    """
    values = vars(parser.parse_args(argv))
    run, kind = values.pop("run"), values.pop("arguments")
    for name in ("command", "action"):  # which `run` stands for
        values.pop(name, None)
    values |= given or {}
    record = _take(kind, values)
    if values:
        raise TypeError(f"{kind.__name__} has no field for {', '.join(values)}")
    return run, record


def _take(kind: type[Record], values: dict[str, Any]) -> Record:
    """Move the values of this record's fields out of the parsed ones."""
    fields: dict[str, object] = {}
    for field in kind._fields:
        if group := GROUPS.get(field):
            fields[field] = _take(group, values)
        else:
            value = values.pop(field)
            fields[field] = tuple(value) if isinstance(value, list) else value
    return kind(**fields)


GROUPS: dict[str, type[Record]] = {
    "machine": MachineArguments,
    "selection": SelectionArguments,
    "serving": ServingArguments,
    "server": ServerArguments,
}
"""Fields that hold a group of options, which several commands share."""
