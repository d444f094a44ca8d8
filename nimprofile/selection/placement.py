"""Placement: which of the GPUs that could run a profile it takes, and why those.

Those it runs on best, then healthy ones, then empty ones, the best connected, the lowest index.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from itertools import combinations
from math import comb

from nimprofile.base.record import Record
from nimprofile.hardware.inventory import Link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nimprofile.hardware.gpu_groups import Machine


class Fitness(IntEnum):
    """How well a profile runs on a GPU, best first; SHORT is once memory is freed."""

    CLEAR = 0
    DOUBTED = 1
    WAIVED = 2
    SHORT = 3
    BLOCKED = 4


class By(StrEnum):
    """By what the GPUs taken differ from one passed over."""

    ALL = "all"
    """None was passed over."""
    FITNESS = "fitness"
    """The profile runs on the other only in doubt, with a switch, or once memory is freed."""
    HEALTH = "health"
    FREE = "free memory"
    LINKS = "links"
    """No set is better connected than the one taken, and that of the lowest indices is worse."""
    INDEX = "index"


class PassedOver(Record):
    """GPUs that could have run the profile, and by what those taken differ from them.

    Attributes:
        by: by what they differ.
        gpus: the indices of those passed over.
    """

    by: By
    gpus: tuple[int, ...]


class Choice(Record):
    """Why these GPUs of a product and not others.

    Attributes:
        passed_over: which could have run it too, the last to be passed over first.
        link: the worst connection between two of those taken; None with one GPU or where it is
            unknown.
    """

    passed_over: tuple[PassedOver, ...] = ()
    link: Link | None = None

    @property
    def by(self) -> By:
        """What decided last."""
        return self.passed_over[0].by if self.passed_over else By.ALL


MAX_SETS = 2000
"""The most sets of GPUs that are compared one by one: 6 of 12 is fewer, and so is 4 of 15."""


def choose(
    fitness: Mapping[int, int], wanted: int, machine: Machine
) -> tuple[tuple[int, ...], Choice]:
    """The GPUs a profile takes, in index order, and why.

    Args:
        fitness: for each GPU it could take, how well it runs there, best lowest.
        wanted: how many it takes, one at least; `fitness` has as many or more.
        machine: which GPUs are ailing or busy, and how they are linked.
    """
    tiers: dict[tuple[int, bool, bool], list[int]] = {}
    for index in sorted(fitness):
        tier = (fitness[index], index in machine.ailing, index in machine.busy)
        tiers.setdefault(tier, []).append(index)
    taken: list[int] = []
    passed_over: list[PassedOver] = []
    last = min(tiers)
    for tier, members in sorted(tiers.items()):
        missing = wanted - len(taken)
        if not missing:
            differs = next(at for at in range(3) if last[at] != tier[at])
            by = (By.FITNESS, By.HEALTH, By.FREE)[differs]
            passed_over.append(PassedOver(by, tuple(members)))
            continue
        last = tier
        if len(members) > missing:
            by, added = _of_one_tier(taken, members, missing, machine)
            rest = tuple(index for index in members if index not in added)
            passed_over.append(PassedOver(by, rest))
            taken += added
        else:
            taken += members
    chosen = tuple(sorted(taken))
    link = _worst(chosen, machine) if machine.links else None
    return chosen, Choice(_merged(passed_over), link)


def _merged(passed_over: list[PassedOver]) -> tuple[PassedOver, ...]:
    by: dict[By, tuple[int, ...]] = {}
    for passed in passed_over:
        by[passed.by] = tuple(sorted((*by.get(passed.by, ()), *passed.gpus)))
    return tuple(PassedOver(criterion, gpus) for criterion, gpus in by.items())


def _of_one_tier(
    taken: Sequence[int], members: Sequence[int], missing: int, machine: Machine
) -> tuple[By, list[int]]:
    """The missing number of GPUs, out of members that are equally fit, healthy and free."""
    lowest = list(members[:missing])
    if not machine.links or len(taken) + missing < 2:
        return By.INDEX, lowest
    cost = _cost([*taken, *lowest], machine)
    if cost == (0, 0):  # as on every NVSwitch machine
        return By.INDEX, lowest
    best = _best_connected(taken, members, missing, machine)
    better = _cost([*taken, *best], machine) < cost
    return (By.LINKS, best) if better else (By.INDEX, lowest)


_LINKS = tuple(Link)
_UNKNOWN = len(_LINKS)


def _rank(pair: tuple[int, int], machine: Machine) -> int:
    """How far apart two GPUs are; an unknown connection counts as the farthest."""
    link = machine.links.get((min(pair), max(pair)))
    return _UNKNOWN if link is None else _LINKS.index(link)


def _worst(chosen: Sequence[int], machine: Machine) -> Link | None:
    rank = max((_rank(pair, machine) for pair in combinations(chosen, 2)), default=_UNKNOWN)
    return _LINKS[rank] if rank < _UNKNOWN else None


def _cost(group: Sequence[int], machine: Machine) -> tuple[int, int]:
    """The worst connection of a set, then all of them taken together."""
    ranks = [_rank(pair, machine) for pair in combinations(group, 2)]
    return max(ranks), sum(ranks)


def _best_connected(
    taken: Sequence[int], members: Sequence[int], missing: int, machine: Machine
) -> list[int]:
    """The members whose set, with those taken, is connected best; of equals the lowest indices.

    All sets are compared where there are few; else one is grown from every member in turn.
    """
    if comb(len(members), missing) <= MAX_SETS:
        sets: Iterable[Sequence[int]] = combinations(members, missing)
    else:
        sets = (_grown(taken, seed, members, missing, machine) for seed in members)
    best = min(sets, key=lambda added: (*_cost([*taken, *added], machine), sorted(added)))
    return list(best)


def _grown(
    taken: Sequence[int], seed: int, members: Sequence[int], missing: int, machine: Machine
) -> list[int]:
    """A set around one GPU: always the one that joins best."""
    added = [seed]
    costs = {
        index: _joining((0, 0), [_rank((index, other), machine) for other in (*taken, seed)])
        for index in members
        if index != seed
    }
    while len(added) < missing:
        nearest = min(costs, key=lambda index: (costs[index], index))
        del costs[nearest]
        added.append(nearest)
        for index, cost in costs.items():
            costs[index] = _joining(cost, [_rank((index, nearest), machine)])
    return added


def _joining(cost: tuple[int, int], ranks: list[int]) -> tuple[int, int]:
    return max(cost[0], *ranks), cost[1] + sum(ranks)
