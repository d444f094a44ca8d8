"""Values of environment variables: switches and counts, as NIM reads them."""

from __future__ import annotations

from nimprofile.base.errors import RequestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


TRUTH_WORDS = {
    **dict.fromkeys(("", "0", "false", "no", "off"), False),
    **dict.fromkeys(("1", "true", "yes", "on"), True),
}
"""Values of every switch among NIM's variables, in lower case.

NIM documents `0` and `1`, and for `NIM_JSONL_LOGGING` also `False` and `True`; the other words are
those of YAML 1.1. A tag of a manifest, a field of `config.json` and `HF_HUB_OFFLINE` have words of
their own, defined where they are read.
"""


def model_in(environ: Mapping[str, str]) -> str | None:
    """The weights that are named: `NIM_MODEL_PATH` (2.x) wins over `NIM_MODEL_NAME` (1.x)."""
    path, name = (environ.get(key, "").strip() for key in ("NIM_MODEL_PATH", "NIM_MODEL_NAME"))
    return path or name or None


def read_count(environ: Mapping[str, str], name: str, most: int = 999_999_999) -> int | None:
    """A variable that is a whole number above 0; None when it is unset or empty.

    Raises RequestError.
    """
    text = environ.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 0 < int(text) <= most):
        raise RequestError(f"{name}: {text!r} is not a whole number from 1 to {most:,}")
    return int(text)


def read_switch(environ: Mapping[str, str], name: str) -> bool:
    """A variable that is on or off; off when it is unset.

    Raises RequestError for a word that is not among `TRUTH_WORDS`.
    """
    text = environ.get(name, "").strip().lower()
    if text not in TRUTH_WORDS:
        raise RequestError(f"{name}={environ[name]!r} is neither 0 nor 1")
    return TRUTH_WORDS[text]
