"""What the arguments and the environment stand for: the machine, the manifest, the request."""

from __future__ import annotations

import os

from nimprofile.base.errors import GpuMissingError, ManifestError, ModelError, NoGpuError
from nimprofile.cli.console import tell, watched
from nimprofile.cli.parsing.parser import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from nimprofile.authoring.build import Wanted
    from nimprofile.authoring.writer import Document
    from nimprofile.base.enums import Engine
    from nimprofile.cli.arguments import MachineArguments, SelectionArguments, ServingArguments
    from nimprofile.engines.serving import Serving
    from nimprofile.hardware.inventory import Inventory
    from nimprofile.manifest.manifest import Manifest
    from nimprofile.manifest.nim_version import NimVersion
    from nimprofile.selection.decision import Decision
    from nimprofile.selection.request import Request

CONTAINER_MANIFESTS = (
    "/opt/nim/etc/default/model_manifest.yaml",
    "/etc/nim/config/model_manifest.yaml",
)
"""Where NIM images keep their manifest: LLM 1.3 and later, then 1.0-1.1 and VLM."""

MOST_GPUS = 64
"""Of one machine, as far as profiles are built for it."""

SLOW_BYTES = 16 << 20
"""A manifest above this takes about a second to read."""


def judge(
    machine: MachineArguments,
    selection: SelectionArguments,
    extra: tuple[str, ...] = (),
    nim: NimVersion | None = None,
) -> tuple[Manifest, Decision]:
    """Read the manifest and the machine that were asked for, and decide.

    What the engine is given as `extra` wins over everything else that is said of its start, and the
    `nim` that an image is of over what the environment tells of it.
    """
    from nimprofile.selection.decision import select

    request = _request(selection, extra)
    if nim is not None:
        request = request.replace(nim=nim)
    if not selection.models and machine.inventory == "-" and request.manifest_path == "-":
        raise UsageError("only one of --manifest and --inventory can be standard input")
    models = models_of(selection)
    if models:
        inventory = inventory_of(machine)
        manifest = _built(selection, models, request, len(inventory.offered))
    else:
        from nimprofile.cli.weights import with_shape

        manifest = open_manifest(_manifest_path(request))
        manifest = with_shape(manifest, selection.models, os.environ)
        inventory = inventory_of(machine)
    require_gpu(inventory)
    engines = {profile.engine for profile in manifest.profiles if profile.engine}
    meant = engines & set(selection.engine or engines)
    if selection.serving.engine_version is not None and len(meant) > 1:
        raise UsageError("--engine-version is that of one engine: name it with --engine")
    decision = select(manifest, inventory, request, selection.policy, preferring=selection.prefer)
    return manifest, decision


def open_manifest(path: str) -> Manifest:
    """Read a manifest, and say so when it takes a while."""
    from nimprofile.base.formats.text_files import file_size
    from nimprofile.manifest.reader import load_manifest, shadowed

    tell(f"note: {note}" for note in shadowed(path))
    if (size := file_size(path)) > SLOW_BYTES and watched():
        tell([f"reading {path}, {size >> 20} MiB …"])
    return load_manifest(path)


def document_of(path: str) -> Document:
    """A manifest of any dialect with tags, in the form of schema v2; one without profiles too."""
    from nimprofile.authoring.writer import has_empty_list, to_document
    from nimprofile.base.formats.yaml_reader import place
    from nimprofile.manifest.dialects.registry import text_dialect_of
    from nimprofile.manifest.nodes import MisplacedError
    from nimprofile.manifest.reader import load_text, parse_manifest, read_tree

    source, text = load_text(path)
    if (recognised := text_dialect_of(text, source)) is not None:
        raise ManifestError(recognised[0].not_convertible, source=source)
    tree = read_tree(text, source, whole=True)
    try:
        if not has_empty_list(tree):
            parse_manifest(text, source)  # says what is wrong with it, and on which line
        document, notes = to_document(tree)
    except MisplacedError as error:
        raise ManifestError(error.problem, source=source, place=place(error.path)) from None
    tell(f"note: {note}" for note in notes)
    return document


def models_of(selection: SelectionArguments) -> tuple[str, ...]:
    """The models to build a manifest of; none where there is a manifest.

    A model that is not here is where the weights of a variable's manifest are.
    """
    from nimprofile.base.environment import model_in

    if selection.manifest is not None:
        return ()
    named = bool(os.environ.get("NIM_MANIFEST_PATH", "").strip())
    if models := selection.models:
        return models if not named or any(map(os.path.exists, models)) else ()
    if named or any(map(os.path.exists, CONTAINER_MANIFESTS)):
        return ()
    model = model_in(os.environ)
    return (model,) if model is not None and os.path.isdir(model) else ()


def _built(
    selection: SelectionArguments, models: tuple[str, ...], request: Request, gpus: int
) -> Manifest:
    """The manifest of these models, built for what is asked and this number of GPUs."""
    from nimprofile.authoring.build import build_manifest
    from nimprofile.manifest.reader import manifest_of
    from nimprofile.model.checkpoint import read_model

    wanted = wanted_of(selection.engine, selection.serving.engine_version)
    most = max(wanted.max_tp, min(gpus, MOST_GPUS))
    wanted = wanted.replace(lora=request.lora, max_tp=most)
    for path in models:
        if not os.path.exists(path):
            problem = "no such directory here; a model that is not here needs its --manifest"
            raise ModelError(problem, source=path)
    checkpoints = [read_model(path) for path in models]
    # Where the weights are must mean the same wherever the server is started.
    checkpoints = [model.replace(path=os.path.abspath(model.path)) for model in checkpoints]
    built = build_manifest(checkpoints, wanted)
    tell(f"note: {note}" for note in built.notes)
    return manifest_of(built.document, models[0])


def wanted_of(engines: tuple[Engine, ...] | None, engine_version: str | None) -> Wanted:
    """What to build for these engines.

    Raises UsageError for a version that is not that of one engine.
    """
    from nimprofile.authoring.build import Wanted

    named = tuple(dict.fromkeys(engines or ()))
    if engine_version is not None and len(named) != 1:
        raise UsageError("--engine-version is that of one engine: name it with --engine")
    return Wanted(named or None, engine_version)


def _request(selection: SelectionArguments, extra: tuple[str, ...]) -> Request:
    """NIM's variables, each beaten by its flag, and all of them by the engine's arguments."""
    from nimprofile.base import environment as nim
    from nimprofile.selection.request import Request

    serving = selection.serving
    flags = {
        **dict.fromkeys(nim.PINS, selection.profile),
        **dict.fromkeys(nim.FRACTIONS, serving.memory_fraction),
        **dict.fromkeys(nim.BATCHES, serving.max_num_seqs),
        **dict.fromkeys(nim.PRECISIONS, selection.precision),
        "NIM_TENSOR_PARALLEL_SIZE": selection.tp,
        "NIM_PIPELINE_PARALLEL_SIZE": selection.pp,
        "NIM_TAGS_SELECTOR": selection.tags,
        "NIM_PEFT_SOURCE": selection.lora,
        "NIM_RELAX_MEM_CONSTRAINTS": selection.relax_memory,
        "NIM_MANIFEST_ALLOW_UNSAFE": selection.allow_unsafe,
        "NIM_ALLOW_NVFP4_EMULATION": selection.allow_nvfp4_emulation,
        "NIM_MANIFEST_PATH": selection.manifest,
        "NIM_MAX_MODEL_LEN": serving.max_model_len,
        "NIM_USE_SGLANG": selection.engine,
        "NIM_DISABLE_CUDA_GRAPH": serving.eager,
    }
    environ = unflagged(flags) | ({nim.RELAX: "1"} if selection.relax_memory else {})
    request = Request.from_env(environ)
    if selection.profile is not None:
        request = request.pinned(selection.profile, "--profile")
    passed = nim.read_words(environ, nim.PASSTHROUGH)
    started = served(request.serving, serving).given(passed, nim.PASSTHROUGH)
    chosen = {
        "tags": _tags(selection, request.tags),
        "engines": selection.engine,
        **{name: getattr(selection, name) for name in _SAME},
        "manifest_path": selection.manifest,
        "serving": started.given(extra, "after --"),
    }
    return request.replace(**given(chosen))


_SWITCHES = ("lora", "relax_memory", "allow_unsafe", "allow_nvfp4_emulation", "avoid_advised")
_SAME = ("require", "empty_gpu_gate", "uniform_gpus", *_SWITCHES)
"""What is called the same on the command line and in a request."""


def _tags(
    selection: SelectionArguments, variable: tuple[tuple[str, str], ...]
) -> tuple[tuple[str, str], ...]:
    """The tag selector: --tags, or its variable, and the flags that each stand for one tag."""
    from nimprofile.manifest.profile_conditions import OBJECTIVE, nims_tag

    own = {
        nims_tag(name): str(value)
        for name in ("precision", "tp", "pp", "objective")
        if (value := getattr(selection, name)) is not None
    }
    tags = selection.tags
    if tags is None:  # of a flag and a variable about one tag the flag holds
        said = {*own, *(("profile",) if OBJECTIVE in own else ())}
        tags = tuple(pair for pair in variable if pair[0].casefold() not in said)
    return tuple(dict.fromkeys((*tags, *own.items())))


def unflagged(flags: Mapping[str, object]) -> dict[str, str]:
    """The environment but for what a flag replaces, whose value may be the very mistake.

    Args:
        flags: variable -> the flag's value; None where it was not given.
    """
    return {name: value for name, value in os.environ.items() if flags.get(name) is None}


def given(values: Mapping[str, object]) -> dict[str, object]:
    """The values that are not None: flags that were not given change nothing."""
    return {name: value for name, value in values.items() if value is not None}


def served(serving: Serving, flags: ServingArguments) -> Serving:
    """How the engine will be started, where flags say so."""
    return serving.replace(**given({name: getattr(flags, name) for name in flags._fields}))


def require_gpu(inventory: Inventory) -> None:
    """Raise NoGpuError, with the reasons, for a machine that offers no GPU."""
    if not inventory.offered:
        reasons = [f"GPU {gpu.index}: {gpu.unavailable}" for gpu in inventory.unavailable]
        why = "none can be used" if reasons else "the inventory has none"
        raise NoGpuError(f"no GPU could be read: {why}", *reasons)


def _manifest_path(request: Request) -> str:
    if request.manifest_path is not None:
        return request.manifest_path
    for path in CONTAINER_MANIFESTS:
        if os.path.exists(path):
            return path
    from nimprofile.base.environment import model_in

    model = model_in(os.environ)
    absent = f" ({model} is no directory here, of which one could be built)" if model else ""
    raise UsageError(
        f"no manifest{absent}: name one with --manifest or NIM_MANIFEST_PATH, a file or one of "
        "those that `nimprofile manifest list` shows; or a model's directory with --model"
    )


def inventory_of(machine: MachineArguments) -> Inventory:
    """The machine that was described, saved, or is this one; with as many GPUs as expected."""
    inventory = _inventory(machine)
    if machine.expect_gpus is not None and machine.expect_gpus != len(inventory.offered):
        from nimprofile.selection.messages import unexpected_message

        raise GpuMissingError(*unexpected_message(machine.expect_gpus, inventory))
    return inventory


def _inventory(machine: MachineArguments) -> Inventory:
    if machine.gpus is not None:
        from nimprofile.hardware.catalog import mock_inventory

        return mock_inventory(",".join(machine.gpus))
    if machine.inventory is not None:
        from nimprofile.hardware.inventory_file import load_inventory

        return load_inventory(machine.inventory)
    from nimprofile.hardware.discovery import NVML_TIMEOUT, discover

    timeout = NVML_TIMEOUT if machine.nvml_timeout is None else machine.nvml_timeout

    def on_wait() -> None:
        if watched():
            tell([f"reading the GPUs, for {timeout:g} s at most …"])

    return discover(timeout=timeout, on_wait=on_wait)
