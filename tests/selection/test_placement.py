"""Does a profile take the right GPUs of those that could run it, and say why?"""

from itertools import combinations

import pytest

from nimprofile import (
    Connection,
    Inventory,
    Link,
    MigInstance,
    Request,
    decision_to_dict,
)
from nimprofile.hardware.gpu_groups import Machine
from nimprofile.report.blocks import plain_text
from nimprofile.report.explain import explain_profile
from nimprofile.report.text import select_blocks
from nimprofile.selection.messages import choice_message
from nimprofile.selection.placement import By, Choice, PassedOver, choose
from tests.support.builders import decide, make_gpu, make_inventory, make_profile

LINKS = tuple(Link)
ONE = make_profile("one", llm_engine="vllm", tp="1", pp="1")
TWO = make_profile("two", llm_engine="vllm", tp="2", pp="1")
FOUR = make_profile("four", llm_engine="vllm", tp="4", pp="1")


def links(kind, *pairs):
    return [Connection(pair, kind) for pair in pairs]


def machine(count=4, *, connections=(), **states):
    """GPUs 0, 1, …; `ailing=[…]` and `busy=[…]` name some."""
    ill = {"health_issues": ("it coughs",)}
    gpus = [
        make_gpu(
            index,
            free=100 if index in states.get("busy", ()) else None,
            **(ill if index in states.get("ailing", ()) else {}),
        )
        for index in range(count)
    ]
    return Inventory(tuple(gpus), connections=tuple(connections))


def chosen(profile, inventory, request=None):
    verdict = decide([profile], inventory, request).ranked[0]
    return verdict.gpus, verdict.choice.by


BRIDGES = [
    *links(Link.NVLINK, (0, 3), (1, 2)),
    *links(Link.SYS, (0, 1), (0, 2), (1, 3), (2, 3)),
]


def test_the_lowest_indices_when_nothing_else_tells_them_apart():
    assert ((0, 1), By.INDEX) == chosen(TWO, machine())


def test_all_when_all_are_needed():
    assert ((0, 1, 2, 3), By.ALL) == chosen(FOUR, machine(connections=BRIDGES))


def test_healthy_ones_first():
    assert ((1, 2), By.HEALTH) == chosen(TWO, machine(3, ailing=[0]))


def test_an_ailing_one_when_there_is_no_other():
    assert ((0, 1), By.ALL) == chosen(TWO, machine(2, ailing=[0]))


def test_empty_ones_before_busy_ones_that_would_do():
    gpus = [make_gpu(0, free=37_000), make_gpu(1), make_gpu(2)]

    request = Request(empty_gpu_gate=False)
    assert ((1, 2), By.FREE) == chosen(TWO, make_inventory(*gpus), request)


def test_health_counts_more_than_emptiness():

    gpus = [make_gpu(0, health_issues=("it coughs",)), make_gpu(1, free=37_000)]
    request = Request(empty_gpu_gate=False)
    assert ((1,), By.HEALTH) == chosen(ONE, make_inventory(*gpus), request)


def test_what_runs_at_once_counts_more_than_health():
    gpus = [make_gpu(0, health_issues=("it coughs",)), make_gpu(1, free=37_000)]
    assert ((0,), By.FITNESS) == chosen(ONE, make_inventory(*gpus))


def test_each_gpu_is_passed_over_for_its_own_reason():
    ill = machine(6, ailing=[4, 5])
    choice = decide([TWO], ill).selected.choice
    assert (PassedOver(By.INDEX, (2, 3)), PassedOver(By.HEALTH, (4, 5))) == choice.passed_over
    told = "the lowest index; GPUs 2-3 would do too, healthy ones before GPUs 4-5"
    assert told == choice_message(choice)


def test_every_lower_tier_is_passed_over_for_what_it_lacks():
    gpus = [
        make_gpu(0),
        make_gpu(1, free=37_000),
        make_gpu(2, health_issues=("it coughs",)),
        make_gpu(3, health_issues=("it coughs",), free=37_000),
    ]
    request = Request(empty_gpu_gate=False)
    choice = decide([ONE], make_inventory(*gpus), request).selected.choice
    assert (PassedOver(By.FREE, (1,)), PassedOver(By.HEALTH, (2, 3))) == choice.passed_over


def test_one_gpu_is_joined_to_none():
    assert None is decide([ONE], machine(connections=BRIDGES)).selected.choice.link


@pytest.mark.parametrize("near", [Link.NVLINK, Link.PIX])
def test_of_two_pairs_as_near_the_lower_is_taken_for_its_index(near):
    pairs = [
        *links(near, (0, 1), (2, 3)),
        *links(Link.SYS, (0, 2), (0, 3), (1, 2), (1, 3)),
    ]
    assert ((0, 1), By.INDEX) == chosen(TWO, machine(connections=pairs))


def test_a_pair_on_nvlink_before_a_pair_across_sockets():
    assert ((0, 3), By.LINKS) == chosen(TWO, machine(connections=BRIDGES))


def test_health_counts_more_than_a_link():
    assert ((1, 2), By.INDEX) == chosen(TWO, machine(connections=BRIDGES, ailing=[0]))
    assert ((0, 1), By.HEALTH) == chosen(TWO, machine(connections=BRIDGES, ailing=[2, 3]))


def test_the_second_is_the_one_nearest_to_what_must_be_taken():
    """Only GPU 2 is healthy; of the ailing ones, GPU 1 is on its bridge."""
    ailing = machine(connections=BRIDGES, ailing=[0, 1, 3])
    assert ((1, 2), By.LINKS) == chosen(TWO, ailing)


def test_one_gpu_has_no_use_for_links():
    assert ((0,), By.INDEX) == chosen(ONE, machine(connections=BRIDGES))


@pytest.mark.parametrize("nearer", range(6))
def test_every_link_is_better_than_the_next(nearer):
    connections = [
        *links(LINKS[nearer + 1], (0, 1)),
        *links(LINKS[nearer], (1, 2)),
        *links(LINKS[nearer + 1], (0, 2)),
    ]
    assert ((1, 2), By.LINKS) == chosen(TWO, machine(3, connections=connections))


def test_a_connection_nobody_told_of_is_the_worst():
    connections = links(Link.SYS, (1, 2))
    assert ((1, 2), By.LINKS) == chosen(TWO, machine(3, connections=connections))


def test_eight_gpus_in_two_sockets_of_two_switches():
    """As in many PCIe servers: 0-1, 2-3, 4-5, 6-7 share switches; 0-3 and 4-7 share sockets."""

    def link(pair):
        a, b = pair
        return Link.PIX if a // 2 == b // 2 else Link.NODE if a // 4 == b // 4 else Link.SYS

    connections = [Connection(pair, link(pair)) for pair in combinations(range(8), 2)]
    tower = machine(8, connections=connections, busy=[0])
    assert ((2, 3), By.LINKS) == chosen(TWO, tower)
    assert ((4, 5, 6, 7), By.LINKS) == chosen(FOUR, tower)


def test_the_best_set_is_found_wherever_being_close_is_shared():
    """Against every set there is, on all ways to put six GPUs into sockets and switches."""
    for shape in range(3**6):
        places = [(shape // 3**gpu % 3, gpu % 2) for gpu in range(6)]

        def rank(pair, places=places):
            a, b = (places[gpu] for gpu in pair)
            return Link.PIX if a == b else Link.NODE if a[0] == b[0] else Link.SYS

        connections = [Connection(pair, rank(pair)) for pair in combinations(range(6), 2)]
        there = Machine(machine(6, connections=connections))

        def cost(gpus, rank=rank):
            ranks = [LINKS.index(rank(pair)) for pair in combinations(gpus, 2)]
            return max(ranks), sum(ranks)

        for wanted in (2, 3, 4):
            gpus, choice = choose(dict.fromkeys(range(6), 0), wanted, there)
            best = min((*cost(some), some) for some in combinations(range(6), wanted))
            assert best == (*cost(gpus), gpus)
            assert LINKS[best[0]] is choice.link


def test_in_a_big_machine_a_set_is_grown():
    """32 GPUs on four switches of eight: too many sets to compare, and no need to."""
    connections = [
        Connection(pair, Link.PIX if pair[0] % 4 == pair[1] % 4 else Link.SYS)
        for pair in combinations(range(32), 2)
    ]
    tower = machine(32, connections=connections, ailing=[0])
    eight = make_profile("eight", llm_engine="vllm", tp="8", pp="1")
    assert (tuple(range(1, 32, 4)), By.LINKS) == chosen(eight, tower)


def test_a_grown_set_fills_one_switch_after_the_other():
    """48 GPUs on six switches of eight, three to a socket; 12 take one and a half of one socket."""

    def link(pair):
        a, b = pair
        return Link.PIX if a // 8 == b // 8 else Link.NODE if a // 24 == b // 24 else Link.SYS

    connections = [Connection(pair, link(pair)) for pair in combinations(range(48), 2)]
    tower = machine(48, connections=connections, ailing=[0])
    twelve = make_profile("twelve", llm_engine="vllm", tp="12", pp="1")
    assert ((*range(1, 5), *range(8, 16)), By.LINKS) == chosen(twelve, tower)


# What is recorded, and said.


def test_the_choice_is_recorded_with_who_was_passed_over_and_the_worst_link():
    verdict = decide([TWO], machine(connections=BRIDGES)).selected
    assert Choice((PassedOver(By.LINKS, (1, 2)),), Link.NVLINK) == verdict.choice


def test_the_choice_is_in_the_report():
    report = decision_to_dict(decide([TWO], machine(connections=BRIDGES)))
    assert {
        "by": "links",
        "passed_over": [{"by": "links", "gpus": [1, 2]}],
        "link": "nvlink",
        "message": "none are better connected; GPUs 1-2 would do too, joined by nvlink",
    } == report["selected"]["choice"]


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        (Choice(), "all that would do"),
        (Choice((), Link.PIX), "joined by pix"),
        (Choice((PassedOver(By.FITNESS, (2,)),)), "it runs better there than on GPU 2"),
        (
            Choice((PassedOver(By.HEALTH, (0, 1)),), Link.NVLINK),
            "healthy ones before GPUs 0-1, joined by nvlink",
        ),
        (Choice((PassedOver(By.FREE, (3,)),)), "empty ones before GPU 3"),
        (Choice((PassedOver(By.INDEX, (1, 2)),)), "the lowest index; GPUs 1-2 would do too"),
    ],
)
def test_why_is_said(choice, text):
    assert text == choice_message(choice)


def test_a_choice_that_says_something_is_shown():
    decision = decide([TWO], machine(3, ailing=[0]))
    assert "gpus     1-2 (2 × Acme X1): healthy ones before GPU 0" in plain_text(
        select_blocks(decision)
    )
    story = plain_text(explain_profile(decision, decision.selected))
    assert "It takes GPUs 1-2: healthy ones before GPU 0." in story


def test_a_choice_that_says_nothing_is_not_shown():
    decision = decide([ONE], machine(2))
    assert "gpus     0 (1 × Acme X1)\n" in plain_text(select_blocks(decision))


# MIG instances stand alone.


def test_a_profile_of_one_gpu_takes_one_instance():

    board = make_gpu(0, mig_enabled=True)
    instances = [make_gpu(1 + at, mig=MigInstance(0, 7 + at, 0)) for at in range(2)]
    inventory = make_inventory(board, *instances)
    decision = decide([ONE, TWO], inventory)
    assert ("one", (1,)) == (decision.selected.profile.id, decision.selected.gpus)
    assert ["mig"] == [reason.kind for reason in decision.rejected[0].reasons]


def test_a_model_free_profile_takes_one_instance_and_all_whole_gpus():

    free = make_profile("free", llm_engine="vllm")
    instances = [make_gpu(at, mig=MigInstance(9, 7 + at, 0)) for at in range(3)]
    assert (0,) == decide([free], make_inventory(*instances)).selected.gpus
    assert (0, 1, 2) == decide([free], machine(3)).selected.gpus
