"""Which of the GPUs that could run a profile does it take, and why those?

Those it runs on best, then healthy ones, then empty ones, the best connected, the lowest index.
"""

from __future__ import annotations

from enum import StrEnum

from nimprofile.inventory import Link
from nimprofile.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nimprofile.machine import Machine


class By(StrEnum):
    """What told the GPUs taken from those passed over."""

    ALL = "all"
    """None was passed over."""
    FITNESS = "fitness"
    """The profile runs on the others only in doubt, with a switch, or once memory is freed."""
    HEALTH = "health"
    FREE = "free memory"
    LINKS = "links"
    INDEX = "index"


class Choice(Record):
    """Why these GPUs of a product and not others.

    Attributes:
        by: what decided.
        passed_over: the indices of those that could have run it too.
        link: the worst connection between two of those taken; None with one GPU or where it is
            unknown.
    """

    by: By
    passed_over: tuple[int, ...] = ()
    link: Link | None = None


_LINKS = tuple(Link)
_UNKNOWN = len(_LINKS)


def choose(
    fitness: Mapping[int, int], wanted: int, machine: Machine
) -> tuple[tuple[int, ...], Choice]:
    """The GPUs a profile takes, in index order, and why.

    Args:
        fitness: for each GPU it could take, how well it runs there, best lowest.
        wanted: how many it takes; at least so many are in `fitness`.
        machine: who is ailing or busy, and how they are linked.
    """
    tiers: dict[tuple[int, bool, bool], list[int]] = {}
    for index in sorted(fitness):
        tier = (fitness[index], index in machine.ailing, index in machine.busy)
        tiers.setdefault(tier, []).append(index)
    taken: list[int] = []
    by = By.ALL
    last: tuple[int, bool, bool] | None = None
    for tier in sorted(tiers):
        members = tiers[tier]
        missing = wanted - len(taken)
        if not missing:
            assert last is not None, "a profile takes one GPU or more"
            differs = next(at for at in range(3) if last[at] != tier[at])
            by = (By.FITNESS, By.HEALTH, By.FREE)[differs]
            break
        if len(members) > missing:
            by = By.INDEX
            if wanted > 1 and _differ(_pairs([*taken, *members]), machine):
                by = By.LINKS
                members = _best_connected(taken, members, missing, machine)
            taken += members[:missing]
            break
        taken += members
        last = tier
    chosen = tuple(sorted(taken))
    link = _worst(_pairs(chosen), machine) if machine.links else None
    return chosen, Choice(by, tuple(sorted(fitness.keys() - set(chosen))), link)


def _differ(pairs: Iterable[tuple[int, int]], machine: Machine) -> bool:
    """Whether some of these GPUs are closer to each other than others are."""
    return bool(machine.links) and len({_rank(pair, machine) for pair in pairs}) > 1


def _worst(pairs: Iterable[tuple[int, int]], machine: Machine) -> Link | None:
    rank = max((_rank(pair, machine) for pair in pairs), default=_UNKNOWN)
    return _LINKS[rank] if rank < _UNKNOWN else None


def _pairs(indices: Sequence[int]) -> Iterable[tuple[int, int]]:
    return ((a, b) for at, a in enumerate(indices) for b in indices[at + 1 :])


def _rank(pair: tuple[int, int], machine: Machine) -> int:
    """How far apart two GPUs are; a connection nobody told of counts as the farthest."""
    link = machine.links.get((min(pair), max(pair)))
    return _UNKNOWN if link is None else _LINKS.index(link)


def _best_connected(
    taken: Sequence[int], members: Sequence[int], missing: int, machine: Machine
) -> list[int]:
    """So many members, whose worst connection is best; then their connections taken together.

    Grown from every member in turn by the one that joins best. That finds the best set where
    being close is a matter of the same switch, node or NVLink fabric, as in every server there is,
    and a good one elsewhere.
    """
    grown = [_grow(taken, seed, members, missing, machine) for seed in members]
    return min(grown, key=lambda added: (*_cost([*taken, *added], machine), sorted(added)))


def _grow(
    taken: Sequence[int], seed: int, members: Sequence[int], missing: int, machine: Machine
) -> list[int]:
    added = [seed]
    while len(added) < missing:
        rest = [index for index in members if index not in added]
        group = [*taken, *added]
        added.append(min(rest, key=lambda index: (*_cost_of(index, group, machine), index)))
    return added


def _cost_of(index: int, group: Sequence[int], machine: Machine) -> tuple[int, int]:
    ranks = [_rank((index, other), machine) for other in group]
    return max(ranks), sum(ranks)


def _cost(group: Sequence[int], machine: Machine) -> tuple[int, int]:
    ranks = [_rank(pair, machine) for pair in _pairs(group)]
    return max(ranks, default=0), sum(ranks)
