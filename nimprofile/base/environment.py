"""The values of NIM's variables in an environment; what they mean is in `variables.table`."""

from __future__ import annotations

from nimprofile.base.errors import RequestError
from nimprofile.base.printable import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping


TRUTH_WORDS = {
    **dict.fromkeys(("", "0", "false", "no", "off"), False),
    **dict.fromkeys(("1", "true", "yes", "on"), True),
}
"""Values of every switch among NIM's variables, in lower case.

NIM documents `0` and `1`, and for `NIM_JSONL_LOGGING` also `False` and `True`; the other words are
those of YAML 1.1. A tag of a manifest, a field of `config.json` and `HF_HUB_OFFLINE` have words of
their own, defined where they are read.
"""

MODELS = ("NIM_MODEL_PATH", "NIM_FT_MODEL", "NIM_MODEL_NAME")
PINS = ("NIM_MODEL_PROFILE", "NIM_MANIFEST_PROFILE")
PRECISIONS = ("NIM_ENGINE_PRECISION", "NIM_PRECISION")
FRACTIONS = ("NIM_GPU_MEM_FRACTION", "NIM_GPU_MEMORY_UTILIZATION", "NIM_KVCACHE_PERCENT")
BATCHES = ("NIM_MAX_NUM_SEQS", "NIM_MAX_BATCH_SIZE")
PORTS = ("NIM_SERVER_PORT", "NIM_HTTP_API_PORT")
SYNONYMS = (PINS, FRACTIONS, BATCHES, PRECISIONS, MODELS, PORTS)
"""Variables that say the same thing, of one product or another; the first that is set counts.

No page says which of them wins where one image knows two, so a note says which one counted here.
"""

SEQUENCES, RELAX = "NIM_NUM_KV_CACHE_SEQ_LENS", "NIM_RELAX_MEM_CONSTRAINTS"
PASSTHROUGH = "NIM_PASSTHROUGH_ARGS"


def without_service_links(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment but for what Kubernetes adds to every pod for a service called `nim-…`.

    A service `nim-server` gives the pods of its namespace …_SERVICE_HOST and, in Docker's
    old form, NIM_SERVER_PORT=tcp://10.0.0.1:8000
    (kubernetes.io/docs/concepts/services-networking/service, "environment variables").
    """
    host = "_SERVICE_HOST"
    services = {name.removesuffix(host) for name in environ if name.endswith(host)}
    if not services:
        return environ
    return {
        name: value
        for name, value in environ.items()
        if not (
            _is_link(name, services)
            or ("://" in value and name.endswith("_PORT") and name[: -len("_PORT")] in services)
        )
    }


def _is_link(name: str, services: Container[str]) -> bool:
    """Whether a variable is one of those that begin with the name of a service."""
    for end in ("_SERVICE_", "_PORT_"):
        at = name.find(end, 0, _MAX_LINK)
        while at >= 0:
            if name[:at] in services:
                return True
            at = name.find(end, at + 1, _MAX_LINK)
    return False


_MAX_LINK = 256
"""A service's name has 63 characters at most."""


def first_set(environ: Mapping[str, str], names: tuple[str, ...]) -> str:
    """The first of these variables that is set; the first of all where none is."""
    return next((name for name in names if environ.get(name, "").strip()), names[0])


def model_in(environ: Mapping[str, str]) -> str | None:
    """The weights that are named: `NIM_MODEL_PATH` (2.x) wins over the two names of 1.x."""
    return environ.get(first_set(environ, MODELS), "").strip() or None


def read_count(environ: Mapping[str, str], name: str, most: int = 999_999_999) -> int | None:
    """A variable that is a whole number above 0; None when it is unset or empty.

    Raises RequestError.
    """
    text = environ.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 0 < int(text) <= most):
        raise RequestError(f"{name}: {quoted(text)} is not a whole number from 1 to {most:,}")
    return int(text)


def read_fraction(environ: Mapping[str, str], name: str) -> float | None:
    """A variable that is a fraction above 0 and up to 1; None when it is unset or empty.

    Raises RequestError.
    """
    value = _number(environ, name)
    if value is None or 0 < value <= 1:
        return value
    text = environ[name].strip()
    share = f"; write {value / 100:g} for {text} percent" if 1 < value <= 100 else ""
    raise RequestError(f"{name}: {quoted(text)} is no fraction above 0 and up to 1{share}")


def read_sequences(environ: Mapping[str, str]) -> int | None:
    """Requests of the longest context that the KV cache must hold, a part counting as one more.

    None when it is unset, or without the switch that it takes effect with. Raises RequestError.
    """
    value = _number(environ, SEQUENCES)
    if value is None or not read_switch(environ, RELAX):
        return None
    if not 1 <= value < 1_000_000_000:
        text = environ[SEQUENCES].strip()
        raise RequestError(f"{SEQUENCES}: {quoted(text)} is no number from 1 on")
    return -int(-value // 1)


def _number(environ: Mapping[str, str], name: str) -> float | None:
    """A variable that is a number in digits; NaN, which is between no two, for anything else."""
    text = environ.get(name, "").strip()
    if not text:
        return None
    plain = text.isascii() and text.replace(".", "", 1).isdigit() and len(text) < 32
    return float(text) if plain else float("nan")


def read_words(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """A variable that is a line of shell words. Raises RequestError without the text."""
    text = environ.get(name, "")
    if not text.strip():
        return ()
    from nimprofile.base.formats.shell_words import split_words

    try:
        return tuple(split_words(text))
    except ValueError as error:  # its text may hold a key, so it is not repeated
        raise RequestError(f"{name}: not a line of shell words: {error}") from None


def read_switch(environ: Mapping[str, str], name: str) -> bool:
    """A variable that is on or off; off when it is unset.

    Raises RequestError for a word that is not among `TRUTH_WORDS`.
    """
    text = environ.get(name, "").strip().lower()
    if text not in TRUTH_WORDS:
        raise RequestError(f"{name}={quoted(environ[name])} is neither 0 nor 1")
    return TRUTH_WORDS[text]
