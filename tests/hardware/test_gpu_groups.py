"""Are the GPUs of a machine grouped by product, whatever their spelling and order?"""

import pytest

from nimprofile import Gpu, MigInstance, decision_to_dict, load_manifest, mock_inventory, select
from nimprofile.base.units import ComputeCapability
from nimprofile.hardware.gpu_groups import Machine, revived
from nimprofile.selection.messages import message
from nimprofile.selection.remedies import remedies, remedy
from tests.support.builders import (
    H100_NAME,
    decide,
    make_gpu,
    make_h100,
    make_inventory,
    make_profile,
    warnings_of,
)


def groups(inventory):
    """The label of each group, with the indices of its GPUs."""
    return [
        (group.label, sorted(index for kind in group.kinds for index in kind.indices))
        for group in Machine(inventory).groups
    ]


def test_no_gpus_are_no_groups():
    assert [] == groups(make_inventory())


def test_gpus_of_one_product_are_one_group():
    assert [
        ("NVIDIA L40S", [0, 1, 3]),
        ("Tesla T4", [2]),
    ] == groups(mock_inventory("2xl40s,t4,l40s"))


def test_a_product_is_one_whether_its_id_or_its_name_is_known():
    gpus = make_inventory(Gpu(0, device_id="2330"), Gpu(1, "NVIDIA H100 80GB HBM3"))
    assert [("NVIDIA H100 80GB HBM3", [0, 1])] == groups(gpus)


@pytest.mark.parametrize(
    "changes",
    [
        {"memory_total_mib": 80_000, "memory_free_mib": 80_000},
        {"memory_free_mib": None},
        {"compute_capability": None},
    ],
    ids=["another total", "free memory unknown", "capability unknown"],
)
def test_gpus_that_a_rule_can_tell_apart_are_two_kinds_of_one_group(changes):
    machine = Machine(make_inventory(make_h100(0), make_h100(1).replace(**changes)))
    (group,) = machine.groups
    assert (2, [(0,), (1,)]) == (group.size, [kind.indices for kind in group.kinds])


def test_gpus_that_differ_in_free_memory_are_levels_of_one_kind():
    machine = Machine(make_inventory(make_h100(0), make_h100(1, free=5), make_h100(2, free=5)))
    ((kind,),) = [group.kinds for group in machine.groups]
    assert ((0, 1, 2), 5) == (kind.indices, kind.gpu.memory_free_mib)
    assert [(1, 2), (0,)] == [level.indices for level in kind.levels]


def test_gpus_with_equal_free_memory_need_no_levels():
    ((kind,),) = [group.kinds for group in Machine(mock_inventory("4xh100")).groups]
    assert [] == kind.levels


def test_products_nobody_knows_are_told_apart_by_id_then_by_name():
    gpus = make_inventory(
        Gpu(0, "Acme", device_id="ff01"),
        Gpu(1, "Acme", device_id="ff02"),
        Gpu(2, "Acme"),
        Gpu(3, "ACME"),
        Gpu(4, "Other"),
    )
    assert [
        ("Acme", [0]),
        ("Acme", [1]),
        ("Acme", [2, 3]),
        ("Other", [4]),
    ] == groups(gpus)


def test_the_catalogue_supplies_label_spellings_and_capability():
    ((kind,),) = [group.kinds for group in Machine(make_inventory(Gpu(0, device_id="1eb8"))).groups]
    assert ("Tesla T4", "7.5") == (kind.label, str(kind.capability))
    assert {"t4", "teslat4"} <= kind.spellings


def test_what_the_gpu_says_wins_over_the_catalogue():
    gpu = make_gpu(0, name="Tesla T4", capability="8.0")
    ((kind,),) = [group.kinds for group in Machine(make_inventory(gpu)).groups]
    assert "8.0" == str(kind.capability)


def test_the_name_of_the_94_gb_board_does_not_make_it_an_80_gb_one():
    gpu = Gpu(0, "NVIDIA H100", device_id="2339")
    ((kind,),) = [group.kinds for group in Machine(make_inventory(gpu)).groups]
    assert "h100" not in kind.spellings
    assert "h100sxm594gb" in kind.spellings


# GPUs that cannot be used.

LOST = "GPU is lost"


def test_what_cannot_be_used_is_in_no_group():
    gpus = (make_gpu(0), make_gpu(1, unavailable=LOST), make_gpu(2, mig_enabled=True))
    assert [("Acme X1", [0])] == groups(make_inventory(*gpus))


def test_mig_instances_are_a_group_apart_from_boards_and_from_other_sizes():
    whole = make_h100(0)
    parts = [
        make_h100(1 + at).replace(name=f"{whole.name} MIG {size}", mig=MigInstance(9, at, 0))
        for at, size in enumerate(["1g.10gb", "1g.10gb", "3g.40gb"])
    ]
    assert [
        (whole.name, [0]),
        (f"{whole.name} MIG 1g.10gb", [1, 2]),
        (f"{whole.name} MIG 3g.40gb", [3]),
    ] == groups(make_inventory(whole, *parts))


def test_a_missing_gpu_comes_back_idle_and_like_the_others():
    gone = Gpu(1, unavailable=LOST)
    (_, back) = revived(make_inventory(make_h100(0, free=5), gone)).gpus
    assert make_h100(1) == back


def test_a_missing_gpu_keeps_what_is_known_of_it():
    gone = Gpu(1, "Acme X1", "GPU-1", memory_total_mib=50_000, unavailable=LOST)
    (_, back) = revived(make_inventory(make_gpu(0), gone)).gpus
    assert ("GPU-1", 50_000, 50_000) == (back.uuid, back.memory_total_mib, back.memory_free_mib)
    assert "9.0" == str(back.compute_capability)


@pytest.mark.parametrize("known", [{"device_id": "2330:10de"}, {"name": "NVIDIA H100 80GB HBM3"}])
def test_a_missing_gpu_that_is_like_no_other_has_the_memory_of_the_catalogue(known):
    gone = Gpu(1, unavailable=LOST, **known)
    (_, back) = revived(make_inventory(make_gpu(0), gone)).gpus
    assert (81_559, 81_559) == (back.memory_total_mib, back.memory_free_mib)
    assert (True, False) == (back.offered, back.unified_memory)


def test_a_missing_gpu_of_unified_memory_comes_back_with_its_share_of_it():
    (back,) = revived(make_inventory(Gpu(0, "NVIDIA GB10", unavailable=LOST))).gpus
    (described,) = mock_inventory("1xgb10").gpus
    assert (True, described.memory_total_mib) == (back.unified_memory, back.memory_total_mib)


@pytest.mark.parametrize(
    "gone",
    [
        Gpu(1, "Acme Z9", compute_capability=ComputeCapability((9, 0)), unavailable=LOST),
        Gpu(1, "Acme Z9", memory_total_mib=80_000, unavailable=LOST),
    ],
    ids=["memory", "compute capability"],
)
def test_a_missing_gpu_of_unknown_figures_stays_missing(gone):
    machine = make_inventory(make_gpu(0), gone)
    assert machine == revived(machine)


@pytest.mark.parametrize(
    "others",
    [(), (make_gpu(0), make_h100(2)), (make_gpu(0, mig=MigInstance(9, 0, 0)),)],
    ids=["there is no other", "the others differ", "the others are instances"],
)
def test_a_missing_gpu_that_nothing_is_known_of_stays_missing(others):
    machine = make_inventory(Gpu(1, unavailable=LOST), *others)
    assert machine == revived(machine)


def test_a_named_missing_gpu_comes_back_among_strangers():
    gone = make_h100(1).replace(unavailable=LOST)
    machine = make_inventory(make_gpu(0, name="Other"), gone)
    assert [True, True] == [gpu.offered for gpu in revived(machine).gpus]


def test_a_board_in_mig_mode_does_not_come_back():
    board = make_h100(1).replace(unavailable=LOST, mig_enabled=True)
    machine = make_inventory(make_h100(0), board)
    assert machine == revived(machine)


def test_an_instance_comes_back_when_its_size_is_known():
    part = make_gpu(1, free=5, mig=MigInstance(9, 7, 0), unavailable=LOST)
    (back,) = revived(make_inventory(part)).gpus
    assert (None, 40_000) == (back.unavailable, back.memory_free_mib)
    nameless = make_inventory(Gpu(1, mig=MigInstance(9, 7, 0), unavailable=LOST))
    assert nameless == revived(nameless)


TWO = make_profile("two", llm_engine="vllm", tp="2", pp="1")
ONE = make_profile("one", llm_engine="vllm", tp="1", pp="1")


def test_what_a_missing_gpu_would_have_changed_is_in_the_decision():
    machine = make_inventory(make_h100(0), Gpu(1, unavailable=LOST))
    decision = decide([ONE, TWO], machine)
    assert ("one", "two") == (decision.selected.profile.id, decision.if_answered.profile.id)
    told = f"{TWO.name} would be selected if GPU 1 answered: GPU is lost (GPU 1 taken for "
    told += f"{H100_NAME} like the others)"
    assert told == warnings_of(decision)[0]
    assert "two" == decision_to_dict(decision)["if_answered"]["id"]


def test_a_missing_gpu_that_changes_nothing_is_a_warning():
    machine = make_inventory(make_h100(0), Gpu(1, unavailable=LOST))
    decision = decide([ONE], machine)
    assert None is decision.if_answered
    assert "GPU 1 is unavailable: GPU is lost" == warnings_of(decision)[0]


def test_where_nothing_runs_what_would_is_said():
    machine = make_inventory(make_h100(0), Gpu(1, unavailable=LOST))
    decision = decide([TWO], machine)
    assert (None, "two") == (decision.selected, decision.if_answered.profile.id)


def test_several_missing_gpus_are_named_with_their_reasons():
    four = make_profile("four", llm_engine="vllm", tp="4", pp="1")
    gone = (Gpu(1, unavailable=LOST), Gpu(2, unavailable="no answer"), Gpu(3, unavailable=LOST))
    decision = decide([four], make_inventory(make_h100(0), *gone))
    told = "if GPUs 1-3 answered: GPUs 1,3: GPU is lost; GPU 2: no answer (GPUs 1-3 taken for NVIDIA H100 80GB HBM3 like the others)"
    assert warnings_of(decision)[0].endswith(told)


def test_a_warning_names_what_ails_the_chosen_gpus():
    machine = make_inventory(make_gpu(0, health_issues=("it coughs",)), make_gpu(1))
    assert "GPU 0: it coughs" in warnings_of(decide([TWO], machine))
    assert "GPU 0: it coughs" not in warnings_of(decide([ONE], machine))


def test_a_real_manifest_loses_its_best_profile_with_one_gpu():
    box = mock_inventory("8xh100")
    gone = box.replace(gpus=(*box.gpus[:5], Gpu(5, unavailable=LOST), *box.gpus[6:]))
    manifest = load_manifest("llama-3.1-70b-instruct")
    assert select(manifest, box).selected.profile == select(manifest, gone).if_answered.profile


@pytest.mark.parametrize("known", [("device_id",), ("name",), ("name", "device_id")])
def test_what_would_be_selected_is_what_is_selected_once_the_gpu_answers(known):
    """The weights of 70B in BF16 are 132 GiB: an H100 that came back would not hold them."""
    manifest = load_manifest("llama-3.1-70b-instruct")
    for board in ("t4", "l40s", "h100", "h200", "b200"):
        whole = mock_inventory(f"1xt4,1x{board}")
        there = whole.gpus[1]
        gone = Gpu(1, unavailable=LOST, **{name: getattr(there, name) for name in known})
        claimed = select(manifest, whole.replace(gpus=(whole.gpus[0], gone))).if_answered
        answered = select(manifest, whole).selected
        assert (answered and answered.profile) == (claimed and claimed.profile), board


def test_a_missing_gpu_of_unknown_product_among_several_is_said():
    machine = make_inventory(make_h100(0), make_gpu(1), Gpu(2, unavailable=LOST))
    decision = decide([ONE, TWO], machine)
    assert [
        "GPU 2 is unavailable: GPU is lost",
        "whether GPU 2 would change the choice is not known: the product or the memory is unknown",
    ] == list(warnings_of(decision)[:2])


def test_a_missing_gpu_over_which_a_model_would_have_spread_is_loud():
    free = make_profile("free", llm_engine="vllm")
    decision = decide([free], make_inventory(make_gpu(0), Gpu(1, unavailable=LOST)))
    assert ((0,), (0, 1)) == (decision.selected.gpus, decision.if_answered.gpus)


def test_too_few_gpus_names_those_that_do_not_answer():
    machine = make_inventory(make_h100(0), Gpu(1, unavailable=LOST))
    (reason,) = decide([TWO], machine).rejected[0].reasons
    assert (1,) == reason.missing
    assert (
        f"needs 2 GPUs of one product; there is 1 × {H100_NAME}, and GPU 1 does not answer"
        == message(reason)
    )
    assert f"GPU 1 to answer again, or 1 more {H100_NAME}" == remedy(reason)


def test_a_missing_gpu_that_does_not_suffice_is_no_remedy():
    machine = make_inventory(make_h100(0), Gpu(1, unavailable=LOST))
    four = make_profile("four", llm_engine="vllm", tp="4", pp="1")
    (reason,) = decide([four], machine).rejected[0].reasons
    assert f"3 more {H100_NAME}" == remedy(reason)


def test_more_instances_are_no_remedy_for_a_profile_that_spans_gpus():
    board = make_h100(0).replace(mig_enabled=True)
    parts = [make_h100(1).replace(mig=MigInstance(0, 7, 0))]
    four = make_profile("four", llm_engine="vllm", tp="4", pp="1")
    verdict = decide([four], make_inventory(board, *parts)).rejected[0]
    assert ("4 whole GPUs (MIG mode off), or a profile of tp 1 and pp 1",) == remedies(verdict)


def test_beside_instances_a_whole_gpu_is_nearer():
    parts = [make_h100(1 + at).replace(mig=MigInstance(9, 7 + at, 0)) for at in range(6)]
    four = make_profile("four", llm_engine="vllm", tp="4", pp="1")
    verdict = decide([four], make_inventory(make_h100(0), *parts)).rejected[0]
    assert ["gpu_count"] == [reason.kind for reason in verdict.reasons]


def test_where_no_gpu_can_be_used_all_are_missing():
    gone = [make_h100(at).replace(unavailable=LOST) for at in range(2)]
    (reason,) = decide([TWO], make_inventory(*gone)).rejected[0].reasons
    assert (0, (0, 1)) == (reason.have, reason.missing)
    assert "needs 2 GPUs; there is none, and GPUs 0-1 do not answer" == message(reason)
    assert "GPUs 0-1 to answer again, or 2 GPUs" == remedy(reason)
