"""`Lock`: one decision on record, with everything that it was made of."""

from __future__ import annotations

from collections.abc import Mapping

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY

LOCK_VERSION = "1.0"
"""Of the form of a lock; `nimprofile schema lock` describes it."""


class LockedManifest(Record):
    """The manifest that was selected from.

    Attributes:
        source: the file or the bundled name; of a model that a manifest was built of, its path.
        sha256: of its text, in hexadecimal; of one that was built, of its profiles as they were
            understood.
        model: the name that it gives its model; None without one.
        release: the version of NIM or of the engine that it tells; None where it tells none.
        profiles: how many it has.
    """

    source: str
    sha256: str
    _: KW_ONLY
    model: str | None
    release: str | None
    profiles: int


class LockedWeights(Record):
    """A directory of weights that was named, by its small files.

    Attributes:
        path: as it was named.
        config_sha256: of its `config.json`; None without one.
        index_sha256: of the index of its safetensors files; None without one.
    """

    path: str
    config_sha256: str | None
    index_sha256: str | None


class LockedProduct(Record):
    """The GPUs of one product on a machine.

    Attributes:
        name: the product.
        count: how many of them could be used.
        memory_mib: of each, as the driver tells it; None when it was not read.
        pci_device: their PCI id as `device:vendor`; None when it was not read.
        uuids: theirs, only where they were asked for.
    """

    name: str
    count: int
    memory_mib: int | None
    _: KW_ONLY
    pci_device: str | None = None
    uuids: tuple[str, ...] = ()


class LockedMachine(Record):
    """What a machine has, and nothing that tells it from another of its kind.

    Attributes:
        gpus: those that could be used, by product.
        unavailable: how many GPUs could not be used.
        driver: its version; None when it was not read.
        cuda: the newest CUDA of the driver; None when it was not read.
        cpu_architecture: `x86_64` or `aarch64`; None when it was not read.
    """

    gpus: tuple[LockedProduct, ...]
    unavailable: int
    _: KW_ONLY
    driver: str | None
    cuda: str | None
    cpu_architecture: str | None


class LockedCriterion(Record):
    """Why the selected profile goes before the next.

    Attributes:
        name: of the criterion.
        prefers: what it prefers, in words.
        over: the name of the profile that came second.
        better, worse: what the two have to show.
    """

    name: str
    prefers: str
    over: str
    _: KW_ONLY
    better: str
    worse: str


class LockedGate(Record):
    """One gate that the selected profile passed.

    Attributes:
        gate: its name.
        passed: the figures by which it did, or what set a reason against it aside.
    """

    gate: str
    passed: str


class Expected(Record):
    """What a start is expected to show, of each GPU where it is about memory.

    Attributes:
        weights_bytes: bytes of the weights on the fullest GPU.
        kv_cache_bytes: bytes of the KV cache on one GPU.
        kv_cache_tokens: tokens that the KV cache of the whole server holds.
        memory_bytes: bytes that a GPU must have in all.
        source: where these come from, in words.
    """

    _: KW_ONLY
    weights_bytes: int | None
    kv_cache_bytes: int | None
    kv_cache_tokens: int | None
    memory_bytes: int | None
    source: str


class LockedChoice(Record):
    """The profile that was selected, and what it is started with.

    Attributes:
        id, name: of the profile.
        tags: of the profile, as its manifest has them.
        engine, precision, objective: of the profile; None where it names none.
        tp, pp: ranks of the server.
        lora: whether it serves adapters.
        engine_version: the version that was judged; None where none was known.
        gpus: how many GPUs it takes.
        server: what is started; None where nothing could be started from what was there.
        max_model_len: the longest context that was judged, in tokens; None where none was asked
            for, and the model's own is not known.
        kv_cache_dtype: as it was asked for, `auto` without a wish.
        pinned_by: what pinned it; None where the policy chose.
        deciding: what put it before the next; None with a pin or without another candidate.
        gates: those that it passed.
    """

    id: str
    name: str
    tags: Mapping[str, str]
    _: KW_ONLY
    engine: str | None
    engine_version: str | None
    precision: str | None
    objective: str | None
    tp: int | None
    pp: int | None
    lora: bool
    gpus: int
    max_model_len: int | None
    kv_cache_dtype: str
    pinned_by: str | None
    deciding: LockedCriterion | None
    gates: tuple[LockedGate, ...]
    server: str | None = None


class Lock(Record):
    """A decision on record.

    Attributes:
        manifest: what was selected from.
        machine: what it was judged on.
        choice: what was selected.
        words: of the command line, without those that name the machine and the output: `check` and
            `exec` read them before their own.
        wishes: what was asked of the selection, by variables and options alike, as texts.
        policy: the name of the order.
        policy_origin: why it is this one, in words.
        image: the image that was named, without its digest; None without one.
        image_digest: its `sha256:…`; None where it was not named by one.
        weights: the directories of weights that were named.
        expected: what a start is expected to show; None where the manifest does not tell.
        written_by: the version of nimprofile that wrote it.
    """

    manifest: LockedManifest
    machine: LockedMachine
    choice: LockedChoice
    _: KW_ONLY
    words: tuple[str, ...]
    wishes: Mapping[str, str]
    policy: str
    policy_origin: str
    written_by: str
    image: str | None = None
    image_digest: str | None = None
    weights: tuple[LockedWeights, ...] = ()
    expected: Expected | None = None
