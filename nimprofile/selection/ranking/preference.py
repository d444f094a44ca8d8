"""A chain of the operator's own: `--prefer objective=throughput,precision,tp`."""

from __future__ import annotations

from nimprofile.base.errors import RequestError
from nimprofile.base.expect import expect, expect_text
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.selection.policies import DEFAULT, POLICIES
from nimprofile.selection.rank import Count, Criterion, OneOf, Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from nimprofile.selection.rank import Key
    from nimprofile.selection.verdict import Verdict


def prefer(chain: str, base: Policy) -> Policy:
    """A user's own chain: `objective=throughput,precision,tp`.

    Each link is a criterion of a policy, as `base` has it, or as `nim` does; or `criterion=value`,
    which puts that value first and leaves the rest to the criterion; a criterion that is a count,
    such as `tp`, takes a number, `low` or `high`. What the chain does not name follows in the order
    of `base`.

    Raises RequestError for a criterion or a value there is none of.
    """
    expect_text("prefer: chain", chain, hint='such as "objective=throughput,tp"')
    expect("prefer: base", base, Policy, hint='POLICIES["nim"] is one')
    known = _known_criteria(base)
    links = [_link(part.strip(), known) for part in chain.split(",") if part.strip()]
    names = [link.name for link in links]
    if not links:
        raise RequestError(
            f"--prefer {quoted(chain)} names no criterion; known: {', '.join(known)}"
        )
    if len(set(names)) != len(names):
        raise RequestError(f"--prefer {quoted(chain)} names a criterion twice")
    rest = tuple(criterion for criterion in base.criteria if criterion.name not in names)
    name = f"{base.name} preferring {chain}"
    return base.replace(name=name, criteria=(*links, *rest), about="A chain of your own.")


def _known_criteria(base: Policy) -> dict[str, Criterion]:
    """Every criterion of any policy by name: that of `base`, else of `nim`, else of another."""
    policies = (*POLICIES.values(), POLICIES[DEFAULT], base)
    return {criterion.name: criterion for policy in policies for criterion in policy.criteria}


def _link(text: str, known: dict[str, Criterion]) -> Criterion:
    name, equals, value = (piece.strip() for piece in text.partition("="))
    if name not in known:
        raise RequestError(
            f"--prefer: {quoted(name)} is not a criterion; known: {', '.join(known)}"
        )
    criterion = known[name]
    if not equals:
        return criterion
    match criterion.accepts:
        case OneOf(values, of):
            return _with_value_first(criterion, value, tuple(values), of)
        case Count(of):
            return _with_count(criterion, value.lower(), of)
        case _:
            raise RequestError(f"--prefer: {name} takes no value; write just {name}")


def _with_value_first(
    criterion: Criterion, value: str, values: tuple[str, ...], of: Callable[[Verdict], object]
) -> Criterion:
    first = value.lower()
    if first not in values:
        raise RequestError(f"--prefer: {criterion.name}={value} is not one of {', '.join(values)}")
    return criterion.replace(
        key=_WantedFirst(of, first, criterion.key),
        prefers=f"{first}, then {criterion.prefers}",
        source="--prefer",
    )


def _with_count(criterion: Criterion, value: str, of: Callable[[Verdict], int | None]) -> Criterion:
    name, count = criterion.name, _KnownCount(of)
    if value in ("low", "high"):
        key = count if value == "low" else _Highest(count)
        return criterion.replace(key=key, prefers=f"the {value}er {name}", source="--prefer")
    if not (value.isascii() and value.isdigit() and len(value) <= 4):
        raise RequestError(f"--prefer: {name} takes low, high or a number, not {quoted(value)}")
    wanted = int(value)
    return criterion.replace(
        key=_WantedFirst(count, wanted, criterion.key),
        prefers=f"{name} {wanted}, then {criterion.prefers}",
        source="--prefer",
    )


# Keys as records, not lambdas: a policy made of them can be compared and pickled.


class _WantedFirst(Record):
    """What has the wanted value before what has not; then by another key."""

    of: Callable[[Verdict], object]
    wanted: object
    then: Callable[[Verdict], Key]

    def __call__(self, verdict: Verdict) -> Key:
        return (int(self.of(verdict) != self.wanted), self.then(verdict))


class _KnownCount(Record):
    """A count, an unknown one being one."""

    of: Callable[[Verdict], int | None]

    def __call__(self, verdict: Verdict) -> int:
        return self.of(verdict) or 1


class _Highest(Record):
    """The highest count first."""

    count: _KnownCount

    def __call__(self, verdict: Verdict) -> Key:
        return -self.count(verdict)
