"""Which of several variants a NIM takes unasked: the criterion `variant`.

Models other than language models come in variants that run on the same GPU: the batch of a speech
synthesiser, the mode of a recogniser, the databases of a search.
"""

from __future__ import annotations

from nimprofile.selection.rank import Criterion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from nimprofile.selection.verdict import Verdict

_MODES = ("all", "str", "str-thr", "ofl")
"""Modes of a speech recogniser: all of them, then in the order in which its documents have them."""

_WHOLE = ("all", "default")


def _variant(verdict: Verdict) -> tuple[int, int, int]:
    profile = verdict.profile
    if profile.engine is not None:
        return (0, 0, 0)
    tags = profile.tags
    mode, batch = tags.get("mode", "all"), tags.get("batch_size") or tags.get("bs") or ""
    return (
        -len(_said_to_be_default(tags)),
        _MODES.index(mode) if mode in _MODES else len(_MODES),
        int(batch) if batch.isascii() and batch.isdigit() and len(batch) < 10 else 0,
    )


def _said_to_be_default(tags: Mapping[str, str]) -> list[str]:
    return [f"{tag} {value}" for tag, value in tags.items() if value in _WHOLE]


def _describe(verdict: Verdict) -> str:
    tags = verdict.profile.tags
    chosen = [f"{tag} {tags[tag]}" for tag in ("mode", "batch_size", "bs") if tag in tags]
    return ", ".join(dict.fromkeys((*_said_to_be_default(tags), *chosen))) or "no variant"


VARIANT = Criterion(
    "variant",
    _variant,
    "the variant taken unasked: all or default, streaming, the smallest batch",
    source=(
        "corpus, 123 and 128: of batches 8, 32 and 64 the first is documented as the default, of "
        "databases all; docs.nvidia.com/nim/riva/asr/1.3.1, 'support matrix', for the modes"
    ),
    describe=_describe,
)
