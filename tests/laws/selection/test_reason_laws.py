"""Laws of reasons and of chosen GPUs, each checked against the facts and not against the rules."""

from __future__ import annotations

from fractions import Fraction
from typing import get_args

import pytest
from hypothesis import assume, given, strategies as st
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from nimprofile import POLICIES, Request, mock_inventory, products, select
from nimprofile.hardware.gpu_groups import Machine
from nimprofile.hardware.identity import product_of
from nimprofile.manifest.profile_tags import profile_from_tags
from nimprofile.selection import reasons as r
from nimprofile.selection.advisories.advisory import known_advisories
from nimprofile.selection.fit import Judge
from nimprofile.testing import inventories, manifests, near_misses, requests, situations

MIB = 1024 * 1024
EVERY_REASON = get_args(r.Reason)


def assert_true(reason, profile, inventory, request):  # noqa: C901, PLR0912, PLR0915 - a case a reason
    """The reason's own numbers say no, and they are the machine's and the profile's numbers."""
    gpus = {gpu.index: gpu for gpu in inventory.gpus}
    named = [gpus[index] for index in getattr(reason, "gpus", ())]
    assert named or "gpus" not in type(reason)._fields
    match reason:
        case r.EngineUnavailable(engine, available):
            assert engine not in available
            assert profile.tags["llm_engine"].lower() in {engine.lower(), "trtllm"}
        case r.PrecisionUnknown(precision):
            assert profile.precision is None
            assert profile.tags["precision"] == precision
        case r.WrongGpu(wanted, _, _):
            assert wanted
            ids = {gpu.device_id for gpu in named}
            assert ids.isdisjoint(profile.gpu_devices)
            if not (profile.gpu_devices and all(ids)):  # only then does a name decide
                known = {product_of(gpu) for gpu in named} - {None}
                assert all(product.spellings.isdisjoint(profile.gpu_names) for product in known)
        case r.WrongCpu(need, have):
            assert need != have
            boards = {getattr(product_of(gpu), "cpu_architecture", None) for gpu in gpus.values()}
            assert have in {inventory.cpu_architecture, *boards}
            assert "tensorrt" in profile.tags.values() or "trt" in profile.tags.values()
        case r.NotDefault(tag, default, have):
            assert profile.tags[tag] == have != default
        case r.TooFewGpus(need, have, _):
            assert have < need == profile.gpus_needed
            alike = [_product_key(gpu) for gpu in inventory.offered]
            assert have == 0 if not alike else have in {alike.count(key) for key in alike}
        case r.MixedGpus(products):
            assert len(products) == len({_product_key(gpu) for gpu in inventory.offered}) > 1
        case r.MigAlone(need, _):
            assert need == profile.gpus_needed > 1
            assert all(gpu.mig for gpu in named)
        case r.CapabilityTooLow(precision, need, have):
            assert have < need
            assert profile.precision == precision
            assert all(_capability(gpu) == have for gpu in named)
        case r.CapabilityUnmet(need, have, _):
            assert str(have) not in SpecifierSet(need)
            assert all(_capability(gpu) == have for gpu in named)
        case r.TooLittleMemory(need, have) | r.ContextTooLong(need, have):
            assert have < need
            assert all(gpu.memory_total_mib * MIB == have for gpu in named)
        case r.TooLittleFree(need, have):
            assert have < need
            assert all(gpu.memory_free_mib * MIB == have for gpu in named)
            assert all(gpu.memory_total_mib * MIB >= need for gpu in named)
        case r.GpuNotEmpty(free, total, gate):
            assert request.empty_gpu_gate is not False
            assert Fraction(free, total) < Fraction(str(gate)) == Fraction(95, 100)
            assert all(
                (gpu.memory_free_mib, gpu.memory_total_mib) == (free, total) for gpu in named
            )
            assert not any(gpu.unified_memory for gpu in named)
        case r.DriverTooOld(need, have):
            assert inventory.driver_version == have
            assert have not in SpecifierSet(need)
        case r.CudaTooOld(need, have):
            assert inventory.cuda_version == have
            assert have not in SpecifierSet(need)
        case r.EngineVersionUnmet(need, have):
            assert request.serving.engine_version == have
            assert have not in Requirement(need).specifier
        case r.NotDivisible(_, number, by, divisor=divisor):
            assert divisor == {"tp": profile.tp, "pp": profile.pp}[by]
            assert number < divisor if by == "pp" else number % divisor
        case r.LoraMismatch(wanted):
            assert request.lora is wanted
            assert (profile.tags.get("feat_lora") == "true") is not wanted
        case r.TagMismatch(tag, wanted, have):
            assert (tag, wanted) in request.tags
            assert profile.tags.get(tag) == have
            assert (have or "").casefold() != wanted.casefold()
        case r.AdvisedAgainst(advisory, title):
            (known,) = (each for each in known_advisories() if each.id == advisory)
            assert title == known.title
            assert request.avoid_advised
        case r.RequirementUnmet(tag, relation, wanted, have=have):
            (unmet,) = (each for each in request.require if each.tag == tag)
            assert (relation, wanted) == (unmet.relation, unmet.value)
            assert profile.tags.get(tag) == have
            assert have != wanted or relation == "!="
        case _:
            pytest.fail(f"no law for {reason!r}")


def _product_key(gpu):
    product = product_of(gpu)
    key = product.short if product else (gpu.device_id or gpu.name)
    return (key, gpu.name) if gpu.mig else key


def _capability(gpu):
    return gpu.compute_capability or product_of(gpu).compute_capability


@given(manifests(), inventories(), requests())
def test_each_reason_is_true_of_its_own_numbers(manifest, inventory, request):
    decision = select(manifest, inventory, request)
    for verdict in (*decision.ranked, *decision.rejected):
        for reason in (*verdict.reasons, *verdict.waived, *verdict.elsewhere):
            assert_true(reason, verdict.profile, inventory, request)


@given(near_misses())
def test_each_reason_of_a_near_miss_is_true_of_its_own_numbers(miss):
    (verdict,) = select(miss.manifest, miss.inventory, miss.request).rejected
    for reason in verdict.reasons:
        assert_true(reason, miss.profile, miss.inventory, miss.request)


BREAKABLE = [
    reason
    for reason in EVERY_REASON
    if reason not in (r.NotDivisible, r.NotDefault, r.AdvisedAgainst)
]
"""The others need a model's shape: `test_a_model_that_does_not_divide_is_rejected_for_that`, a
second profile: `tests/selection/non_llm/test_default_selector.py`, or a row of the list of known
issues: `test_advisory_laws.py`."""


@pytest.mark.parametrize("reason", BREAKABLE, ids=lambda reason: reason.kind)
def test_one_broken_need_is_rejected_for_that_need_and_no_other(reason):
    @given(near_misses(reasons=[reason]))
    def law(miss):
        decision = select(miss.manifest, miss.inventory, miss.request)
        assert decision.selected is None
        (verdict,) = decision.rejected
        assert {reason} == {type(found) for found in verdict.reasons}
        assert verdict.waived == ()
        assert {
            r.INCOMPATIBLE: "incompatible",
            r.LOW_MEMORY: "low memory",
            r.NOT_WANTED: "runnable",
        }[reason.effect] == verdict.grade

    law()


def test_a_profile_made_for_one_product_never_runs_on_another():
    """Every two boards of the catalogue, by name and by the usual PCI id; each runs its own."""
    for product in products():
        forms = [{"gpu": product.short}, *({"gpu_device": id} for id in product.device_ids[:1])]
        made = [profile_from_tags("a", tags, name="a") for tags in forms]
        for other in products():
            judge = Judge(Machine(mock_inventory(other.short)), Request())
            for profile in made:
                fits = judge.verdict(profile).fits
                assert fits is (product is other), (product.short, other.short)


@given(situations())
def test_the_grade_is_the_worst_of_the_reasons(situation):
    decision = select(*situation)
    for verdict in (*decision.ranked, *decision.rejected):
        effects = {reason.effect for reason in (*verdict.reasons, *verdict.waived)}
        order = (r.INCOMPATIBLE, r.LOW_MEMORY, r.NOT_WANTED)
        worst = next((effect for effect in order if effect in effects), r.NOT_WANTED)
        expected = "runnable" if worst is r.NOT_WANTED else worst.value
        assert expected == verdict.grade


@given(st.one_of(situations(), near_misses()))
def test_memory_is_measured_against_the_need_that_is_told(world):
    """Free memory against the full context where the whole GPU would hold it, else the least."""
    decision = select(world.manifest, world.inventory, world.request)
    totals = {gpu.index: gpu.memory_total_mib for gpu in world.inventory.gpus}
    for verdict in decision.rejected:
        for reason in verdict.reasons:
            full_fits = verdict.need and all(
                totals[index] is not None and totals[index] * MIB >= verdict.need.full_bytes
                for index in getattr(reason, "gpus", ())
            )
            match reason:
                case r.TooLittleMemory():
                    assert reason.need_bytes == verdict.need.least_bytes
                case r.ContextTooLong():
                    assert reason.need_bytes == verdict.need.full_bytes
                case r.TooLittleFree():
                    expected = verdict.need.full_bytes if full_fits else verdict.need.least_bytes
                    assert reason.need_bytes == expected


@given(situations())
def test_none_that_is_rejected_for_the_same_lacks_fewer_gpus_than_the_nearest(situation):
    decision = select(*situation)
    assume(decision.rejected)
    nearest = decision.nearest
    alike = [
        verdict
        for verdict in decision.rejected
        if verdict.grade == nearest.grade
        and {reason.kind for reason in verdict.reasons}
        == {reason.kind for reason in nearest.reasons}
    ]
    missing = [
        sum(reason.need - reason.have for reason in verdict.reasons if reason.kind == "gpu_count")
        for verdict in alike
    ]
    unfit = any(isinstance(reason, r.WRONG_PRODUCT | r.MigAlone) for reason in nearest.reasons)
    if unfit:  # then all that it takes are of another product
        missing = [verdict.profile.gpus_needed for verdict in alike]
    assert min(missing) == missing[alike.index(nearest)]


@given(situations())
def test_no_reason_is_told_twice(situation):
    decision = select(*situation)
    for verdict in decision.rejected:
        assert len(set(verdict.reasons)) == len(verdict.reasons)


@given(situations())
def test_chosen_gpus_are_alike_enough_and_big_enough(situation):
    decision = select(*situation)
    gpus = {gpu.index: gpu for gpu in situation.inventory.gpus}
    for verdict in decision.ranked:
        chosen = [gpus[index] for index in verdict.gpus]
        assert list(verdict.gpus) == sorted(set(verdict.gpus))
        assert len({_product_key(gpu) for gpu in chosen}) == 1
        profile = verdict.profile
        if profile.tp is None and profile.engine is not None:
            assert len(chosen) >= profile.gpus_needed
        else:
            assert len(chosen) == (profile.tp or 1) * (profile.pp or 1)
        if verdict.need is not None and not verdict.waived:
            for gpu in chosen:
                assert gpu.memory_total_mib is None or (
                    gpu.memory_total_mib * MIB >= verdict.need.full_bytes
                )
                # Of a GPU whose total nobody knows, free memory is not looked at.
                assert None in (gpu.memory_total_mib, gpu.memory_free_mib) or (
                    gpu.memory_free_mib * MIB >= verdict.need.full_bytes
                )


@given(situations())
def test_a_gpu_that_is_ready_is_chosen_before_one_that_must_be_freed(situation):
    """What fits runs on GPUs against each of which alone there is nothing to say."""
    decision = select(*situation)
    for verdict in decision.ranked:
        if verdict.waived or verdict.profile.gpus_needed > 1:
            continue
        for index in verdict.gpus:
            alone = situation.inventory.replace(
                gpus=tuple(gpu for gpu in situation.inventory.gpus if gpu.index == index)
            )
            manifest = situation.manifest.replace(profiles=(verdict.profile,))
            assert select(manifest, alone, situation.request).selected is not None


@given(situations(), st.sampled_from(list(POLICIES.values())))
def test_of_a_figure_of_nims_alone_only_the_policies_of_2_x_say_what_less_context_means(
    situation, policy
):
    """Without a shape: low memory where the figure is the full context's, else incompatible."""
    manifest = situation.manifest.replace(model_shape=None, checkpoints=())
    decision = select(manifest, situation.inventory, situation.request, policy)
    for verdict in (*decision.ranked, *decision.rejected):
        stated = verdict.profile.memory
        if stated is None or stated.printed_gb is None:
            continue
        kinds = {type(reason) for reason in (*verdict.reasons, *verdict.waived)}
        assert not (policy.nim_memory and r.TooLittleMemory in kinds)
        full = stated.least_bytes == stated.full_bytes
        assert policy.nim_memory or not full or r.ContextTooLong not in kinds


@given(situations(), st.sampled_from(list(POLICIES.values())))
def test_a_gpu_in_use_is_a_reason_under_the_policies_that_have_the_gate(situation, policy):
    request = situation.request.replace(empty_gpu_gate=None)
    decision = select(situation.manifest, situation.inventory, request, policy)
    reasons = (
        reason
        for verdict in (*decision.ranked, *decision.rejected)
        for reason in (*verdict.reasons, *verdict.waived)
    )
    assert policy.empty_gpu_gate or not any(type(reason) is r.GpuNotEmpty for reason in reasons)


@given(situations(), st.sampled_from(list(POLICIES)))
def test_what_is_served_in_fp16_says_bf16_and_its_gpus_have_none(situation, policy):
    decision = select(*situation, policy)
    gpus = {gpu.index: gpu for gpu in situation.inventory.gpus}
    for verdict in decision.ranked:
        chosen = [gpus[index] for index in verdict.gpus]
        known = [gpu for gpu in chosen if gpu.compute_capability or product_of(gpu)]
        without = any(_capability(gpu) < (8, 0) for gpu in known)
        if verdict.in_half:
            assert (verdict.profile.precision, without) == ("bf16", True)
        elif without and verdict.profile.precision == "bf16":
            assert verdict.waived or verdict.profile.requires.compute_capability is not None
