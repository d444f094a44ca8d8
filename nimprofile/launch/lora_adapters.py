"""The LoRA adapters in a directory, and their ranks.

An adapter is a directory with an `adapter_config.json`, whose `r` is its rank: PEFT's format, as
NIM ("finetune-lora"), vLLM and SGLang read it.
"""

from __future__ import annotations

import os

from nimprofile.base.errors import ModelError
from nimprofile.base.expect import expect
from nimprofile.base.formats.json_reader import JsonError, read_json
from nimprofile.base.formats.text_files import read_text
from nimprofile.launch.setup import Setup, absolute

CONFIG = "adapter_config.json"
MAX_CONFIG = 1 << 20
"""The largest `adapter_config.json` that is read, in bytes. They have a few hundred."""

MAX_RANK = 1 << 20
"""Above the rank of any adapter, and the width of any layer that one is for."""


def with_adapters(setup: Setup) -> Setup:
    """The same with the adapters that lie in its `peft_source`, and room for the largest of them.

    Raises ModelError for an `adapter_config.json` that cannot be read.
    """
    expect("with_adapters: setup", setup, Setup, hint="Setup(peft_source=…) makes one")
    source = setup.peft_source
    if source is None or not os.path.isdir(source):
        return setup
    source = absolute(source)
    try:
        names = sorted(os.listdir(source))
    except OSError as error:
        raise ModelError(f"cannot be listed: {error.strerror}", source=source) from None
    paths = {name: os.path.join(source, name) for name in names}
    adapters = {
        name: path for name, path in paths.items() if os.path.isfile(os.path.join(path, CONFIG))
    }
    ranks = [_rank(os.path.join(path, CONFIG)) for path in adapters.values()]
    known = [rank for rank in ranks if rank is not None]
    return setup.replace(
        peft_source=source,
        adapters=tuple(adapters.items()),
        max_lora_rank=setup.max_lora_rank or max(known, default=None),
    )


def _rank(path: str) -> int | None:
    text = read_text(path, what="adapter", error=ModelError, named=False, most=MAX_CONFIG)
    try:
        config = read_json(text)
    except JsonError as error:
        raise ModelError(error.problem, source=path, line=error.line) from None
    rank = config.get("r") if isinstance(config, dict) else None
    return rank if type(rank) is int and 0 < rank <= MAX_RANK else None
