"""A chain of the operator's own: `--prefer objective=throughput,precision,tp`."""

from __future__ import annotations

from nimprofile.base.enums import Engine, Objective, Precision
from nimprofile.base.errors import RequestError
from nimprofile.base.expect import expect, expect_text
from nimprofile.selection.policies import ENGINE, OBJECTIVE, PRECISION, TAIL, TP
from nimprofile.selection.rank import Criterion, Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.selection.rank import Key

_DEFAULTS = {criterion.name: criterion for criterion in (ENGINE, PRECISION, OBJECTIVE, TP, *TAIL)}


_VALUES: dict[str, tuple[str, ...]] = {
    "engine": tuple(Engine),
    "precision": tuple(Precision),
    "objective": tuple(Objective),
}


_COUNTS = {"tp": "tp", "pp": "pp"}


def prefer(chain: str, base: Policy) -> Policy:
    """A user's own chain: `objective=throughput,precision,tp`.

    Each link is a criterion as `base` has it, or as `nim` does; or `criterion=value`, which puts
    that value first and leaves the rest to the criterion; `tp` and `pp` take a number, `low` or
    `high`. What the chain does not name follows in the order of `base`.

    Raises RequestError for a criterion or a value there is none of.
    """
    expect_text("prefer: chain", chain, hint='such as "objective=throughput,tp"')
    expect("prefer: base", base, Policy, hint='POLICIES["nim"] is one')
    own = _DEFAULTS | {criterion.name: criterion for criterion in base.criteria}
    links = [_link(part.strip(), own) for part in chain.split(",") if part.strip()]
    names = [link.name for link in links]
    if not links:
        raise RequestError(f"--prefer {chain!r} names no criterion; known: {', '.join(_DEFAULTS)}")
    if len(set(names)) != len(names):
        raise RequestError(f"--prefer {chain!r} names a criterion twice")
    rest = tuple(criterion for criterion in base.criteria if criterion.name not in names)
    return Policy(
        f"{base.name} preferring {chain}",
        (*links, *rest),
        "A chain of your own.",
        uniform_gpus=base.uniform_gpus,
        nim_memory=base.nim_memory,
    )


def _link(text: str, own: dict[str, Criterion]) -> Criterion:
    name, equals, value = (piece.strip() for piece in text.partition("="))
    if name not in _DEFAULTS:
        raise RequestError(f"--prefer: {name!r} is not a criterion; known: {', '.join(_DEFAULTS)}")
    default = own[name]
    if not equals:
        return default
    if name in _COUNTS:
        return _counted(default, value.lower())
    if name not in _VALUES:
        raise RequestError(f"--prefer: {name} takes no value; write just {name}")
    if value.lower() not in _VALUES[name]:
        raise RequestError(f"--prefer: {name}={value} is not one of {', '.join(_VALUES[name])}")
    first = value.lower()
    return Criterion(
        name,
        lambda verdict: (
            int(getattr(verdict.profile, name) != first),
            *_as_tuple(default.key(verdict)),
        ),
        f"{first}, then {default.prefers}",
        source="--prefer",
    )


def _counted(default: Criterion, value: str) -> Criterion:
    name = default.name
    if value in ("low", "high"):
        sign = 1 if value == "low" else -1
        return Criterion(
            name,
            lambda verdict: sign * (getattr(verdict.profile, name) or 1),
            f"the {value}er {name}",
            source="--prefer",
        )
    if not (value.isascii() and value.isdigit() and len(value) <= 4):
        raise RequestError(f"--prefer: {name} takes low, high or a number, not {value!r}")
    wanted = int(value)
    return Criterion(
        name,
        lambda verdict: (
            int((getattr(verdict.profile, name) or 1) != wanted),
            *_as_tuple(default.key(verdict)),
        ),
        f"{name} {wanted}, then {default.prefers}",
        source="--prefer",
    )


def _as_tuple(key: Key) -> tuple[int, ...]:
    if isinstance(key, tuple):
        return key
    assert isinstance(key, int), "only engine, precision, objective, tp and pp take a value"
    return (key,)
