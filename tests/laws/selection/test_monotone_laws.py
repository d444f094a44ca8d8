"""Laws of more and less: what can only help never hurts, and what can only hurt never helps."""

from __future__ import annotations

from hypothesis import given, strategies as st

from nimprofile import Engine, select
from nimprofile.testing import (
    gpus,
    inventories,
    manifests,
    near_misses,
    requests,
    situations,
)

GRADES = ("runnable", "low memory", "incompatible")


@st.composite
def machines_with_wishes(draw):
    """A manifest, a machine and wishes without a pin, often near to fitting."""
    match draw(st.sampled_from(["situation", "near miss", "any"])):
        case "situation":
            manifest, inventory, request = draw(situations())
        case "near miss":
            miss = draw(near_misses())
            manifest, inventory, request = miss.manifest, miss.inventory, miss.request
        case _:
            manifest, inventory = draw(manifests()), draw(inventories())
            request = draw(requests())
    return manifest, inventory, request.replace(uniform_gpus=False, pin=None)


def candidates(manifest, inventory, request):
    decision = select(manifest, inventory, request)
    return {verdict.profile.id for verdict in decision.ranked}


def grades(manifest, inventory, request):
    decision = select(manifest, inventory, request)
    verdicts = (*decision.ranked, *decision.rejected)
    return {verdict.profile.id: GRADES.index(verdict.grade) for verdict in verdicts}


@given(machines_with_wishes(), st.data())
def test_one_more_gpu_never_makes_a_profile_unfit(world, data):
    manifest, inventory, request = world
    index = max((gpu.index for gpu in inventory.gpus), default=-1) + 1
    free = min(set(range(index + 1)) - {gpu.index for gpu in inventory.gpus})
    like = [st.just(gpu.replace(index=index, uuid=None)) for gpu in inventory.gpus[:1]]
    gpu = data.draw(st.one_of(gpus(index=index), gpus(index=free), *like))
    more = inventory.replace(gpus=(*inventory.gpus, gpu))

    assert candidates(manifest, inventory, request) <= candidates(manifest, more, request)


@given(machines_with_wishes(), st.data())
def test_one_more_gpu_never_makes_a_grade_worse(world, data):
    manifest, inventory, request = world
    request = request.replace(relax_memory=False)  # a waived reason still marks the grade
    index = max((gpu.index for gpu in inventory.gpus), default=-1) + 1
    more = inventory.replace(gpus=(*inventory.gpus, data.draw(gpus(index=index))))

    before, after = grades(manifest, inventory, request), grades(manifest, more, request)
    assert all(after[id] <= before[id] for id in before)


@given(machines_with_wishes(), st.data())
def test_more_memory_total_and_free_never_makes_a_profile_unfit(world, data):
    manifest, inventory, request = world
    more = inventory.replace(gpus=tuple(_more_memory(gpu, data) for gpu in inventory.gpus))

    assert candidates(manifest, inventory, request) <= candidates(manifest, more, request)


def _more_memory(gpu, data):
    added = data.draw(st.sampled_from([0, 0, 1, 1024, 81559]))
    total, free = gpu.memory_total_mib, gpu.memory_free_mib
    return gpu.replace(
        memory_total_mib=None if total is None else total + added,
        memory_free_mib=None if free is None else free + added,
    )


@given(machines_with_wishes(), st.data())
def test_freeing_memory_never_makes_a_profile_unfit(world, data):
    manifest, inventory, request = world

    def freed(gpu):
        total, free = gpu.memory_total_mib, gpu.memory_free_mib
        if total is None or free is None:
            return gpu
        return gpu.replace(
            memory_free_mib=data.draw(st.sampled_from([free, (free + total) // 2, total]))
        )

    more = inventory.replace(gpus=tuple(freed(gpu) for gpu in inventory.gpus))

    assert candidates(manifest, inventory, request) <= candidates(manifest, more, request)


@given(machines_with_wishes())
def test_relaxing_memory_never_loses_a_candidate(world):
    manifest, inventory, request = world

    assert candidates(manifest, inventory, request.replace(relax_memory=False)) <= candidates(
        manifest, inventory, request.replace(relax_memory=True)
    )


@given(machines_with_wishes())
def test_a_switch_sets_nothing_aside_for_a_profile_that_runs_without_it(world):
    manifest, inventory, request = world
    strict = select(manifest, inventory, request.replace(relax_memory=False))
    relaxed = select(manifest, inventory, request.replace(relax_memory=True))

    for verdict in strict.ranked:
        assert relaxed.verdict(verdict.profile).waived == ()
        assert verdict.gpus == relaxed.verdict(verdict.profile).gpus


@given(machines_with_wishes())
def test_dropping_the_empty_gpu_gate_never_loses_a_candidate(world):
    manifest, inventory, request = world

    assert candidates(manifest, inventory, request.replace(empty_gpu_gate=True)) <= candidates(
        manifest, inventory, request.replace(empty_gpu_gate=False)
    )


@given(machines_with_wishes())
def test_allowing_nvfp4_emulation_never_loses_a_candidate(world):
    manifest, inventory, request = world
    with_it = request.replace(allow_nvfp4_emulation=True)

    assert candidates(
        manifest, inventory, request.replace(allow_nvfp4_emulation=False)
    ) <= candidates(manifest, inventory, with_it)


@given(machines_with_wishes(), st.lists(st.sampled_from(tuple(Engine)), unique=True))
def test_a_container_with_fewer_engines_never_gains_a_candidate(world, engines):
    manifest, inventory, request = world

    assert candidates(manifest, inventory, request.replace(engines=tuple(engines))) <= candidates(
        manifest, inventory, request.replace(engines=None)
    )


@given(machines_with_wishes(), st.data())
def test_a_stricter_selector_never_gains_a_candidate(world, data):
    manifest, inventory, request = world
    tags = [(tag, value) for p in manifest.profiles for tag, value in p.tags.items()]
    condition = data.draw(st.sampled_from([*tags, ("absent", "x"), ("tp", "1")]))
    stricter = request.replace(tags=(*request.tags, condition))

    assert candidates(manifest, inventory, stricter) <= candidates(manifest, inventory, request)


@given(machines_with_wishes(), st.data())
def test_a_selector_keeps_exactly_the_candidates_that_have_the_tag(world, data):
    manifest, inventory, request = world
    tags = [(tag, value) for p in manifest.profiles for tag, value in p.tags.items() if value]
    tag, value = data.draw(st.sampled_from([*tags, ("tp", "1")]))
    stricter = request.replace(tags=(*request.tags, (tag, value.swapcase())))

    having = {p.id for p in manifest.profiles if p.tags.get(tag, "").lower() == value.lower()}
    assert candidates(manifest, inventory, request) & having == candidates(
        manifest, inventory, stricter
    )


@given(machines_with_wishes())
def test_wanting_adapters_and_not_wanting_them_share_no_candidate(world):
    manifest, inventory, request = world
    plain = candidates(manifest, inventory, request.replace(lora=False))

    assert plain.isdisjoint(candidates(manifest, inventory, request.replace(lora=True)))


@given(machines_with_wishes())
def test_refusing_a_mixed_machine_only_ever_takes_candidates_away(world):
    manifest, inventory, request = world

    assert candidates(manifest, inventory, request.replace(uniform_gpus=True)) in (
        set(),
        candidates(manifest, inventory, request),
    )
