"""Values of environment variables: switches and counts, as NIM reads them."""

from __future__ import annotations

from nimprofile.base.errors import RequestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


TRUTH_WORDS = {"": False, "0": False, "false": False, "no": False, "off": False}


TRUTH_WORDS |= {"1": True, "true": True, "yes": True, "on": True}


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
    text = environ.get(name, "").strip().lower()
    if text not in TRUTH_WORDS:
        raise RequestError(f"{name}={environ[name]!r} is neither 0 nor 1")
    return TRUTH_WORDS[text]
