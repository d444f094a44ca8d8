"""Is what ails the chosen GPUs told, with what to do?"""

from types import SimpleNamespace

import pytest

from nimprofile import MigInstance, Server, Setup, mock_inventory
from nimprofile.doctor.finding import Status
from nimprofile.doctor.machine.gpus import _FIXES, gpu_findings, gpus, mig_findings
from nimprofile.hardware.conditions import Condition, Kind
from tests.support.builders import make_gpu, make_inventory


def found(*gpus, chosen=None):
    return [*gpu_findings(make_inventory(*gpus), chosen)]


def test_gpus_that_are_healthy_and_free_are_well():
    (finding,) = gpu_findings(machine := mock_inventory("8xh100"), machine.gpus[:4])
    assert ("gpus", Status.OK) == (finding.check, finding.status)
    assert "GPUs 0-3 of 8 that can be used answer, healthy and free" == finding.finding


def test_without_a_choice_all_gpus_are_looked_at():
    (finding,) = found(make_gpu())
    assert "GPU 0 answers, healthy and free" == finding.finding


def test_a_gpu_that_cannot_be_used_is_told_with_its_reason_and_does_not_stop_the_others():
    lost = Condition(Kind.LOST, code=15)
    gone = [make_gpu(index, unavailable=lost) for index in (1, 2)]
    first, last = found(make_gpu(), *gone)
    assert Status.WARNING is first.status
    assert "GPUs 1-2 cannot be used: GPU is lost" == first.finding
    assert "see dmesg for its Xid; reset it (nvidia-smi --gpu-reset" in first.fix
    assert (Status.OK, "GPU 0 answers") == (last.status, last.finding)


def test_where_no_gpu_can_be_used_no_server_starts():
    _, last = found(make_gpu(unavailable="broken"))
    assert (Status.FAILED, "no GPU can be used") == (last.status, last.finding)
    (only,) = found()
    assert (Status.FAILED, "there is no GPU") == (only.status, only.finding)


@pytest.mark.parametrize(
    "issue",
    [Condition(Kind.FABRIC_STATE, state=1), Condition(Kind.FABRIC_FAILED, code=15)],
)
def test_several_gpus_do_not_start_on_a_fabric_that_is_not_up_and_one_may(issue):
    two = [make_gpu(index, health_issues=(issue,)) for index in (0, 1)]
    first, *_ = found(*two)
    assert Status.FAILED is first.status
    assert f"GPUs 0-1: {issue}" == first.finding
    assert "nvidia-fabricmanager" in first.fix
    first, *_ = found(two[0])
    assert Status.WARNING is first.status


def test_another_issue_of_a_gpus_health_is_a_warning():
    first, last = found(make_gpu(health_issues=(Condition(Kind.ROW_PENDING),)))
    assert Status.WARNING is first.status
    assert "GPU 0: a row of its memory waits for a reset" in first.finding
    assert Status.OK is last.status
    assert "healthy" not in last.finding


def test_an_issue_of_a_gpu_that_is_not_chosen_is_not_told():
    well, ill = make_gpu(0), make_gpu(1, health_issues=(Condition(Kind.ROW_PENDING),))
    (finding,) = found(well, ill, chosen=(well,))
    assert Status.OK is finding.status


def test_memory_that_is_in_use_is_told_for_each_gpu():
    busy = make_gpu(total=40_960, free=20_480, utilization_percent=97)
    first, last = found(busy)
    assert Status.WARNING is first.status
    assert (
        "GPU 0: 20.0 GiB of 40.0 GiB are in use, and it computes 97 % of the time"
    ) == first.finding
    assert Status.OK is last.status


def test_what_the_driver_keeps_for_itself_is_not_in_use():
    first, _ = found(make_gpu(total=40_960, free=20_480, memory_reserved_mib=1024))
    assert "GPU 0: 19.0 GiB of 40.0 GiB are in use" == first.finding


@pytest.mark.parametrize("more", [{"free": 39_000}, {"free": 1000, "unified_memory": True}])
def test_an_empty_gpu_and_one_that_shares_the_hosts_memory_are_not_in_use(more):
    (finding,) = found(make_gpu(total=40_960, **more))
    assert Status.OK is finding.status


def test_every_kind_that_ails_a_gpu_has_something_to_do():
    remarks = {
        Kind.HOST_MEMORY,
        Kind.CONTRADICTION,
        Kind.CAPABILITY,
        Kind.SHARED_UUID,
        Kind.HIDDEN,
        Kind.CALL_REFUSED,
        Kind.CUT_SHORT,
    }
    assert set(Kind) - remarks == _FIXES.keys()


def test_a_text_of_no_known_kind_has_something_to_do():
    first, _ = found(make_gpu(health_issues=("it smokes",)))
    assert ("GPU 0: it smokes", "see nvidia-smi and dmesg") == (first.finding, first.fix)


def test_without_an_inventory_nothing_more_is_told():
    (finding,) = gpus(SimpleNamespace(inventory=None, job=None))
    assert Status.SKIPPED is finding.status


def test_of_a_job_its_gpus_are_looked_at():
    machine = mock_inventory("2xh100")
    job = SimpleNamespace(gpus=machine.gpus[1:], server=Server.VLLM)
    (finding,) = gpus(SimpleNamespace(inventory=machine, job=job))
    assert finding.finding.startswith("GPU 1 of 2 that can be used answers")


@pytest.mark.parametrize(
    ("release", "count"), [("1.8.4", 1), ("1.12.0", 1), ("1.13.0", 0), ("2.0.12", 0), (None, 0)]
)
def test_a_nim_that_is_older_than_its_support_of_mig_is_doubtful(release, count):
    findings = [*mig_findings(release)]
    assert [Status.WARNING] * count == [each.status for each in findings]


@pytest.mark.parametrize(("tag", "count"), [("1.8.4", 2), ("1.15.4", 1)])
def test_the_release_of_a_nim_is_that_of_its_image(tag, count):
    instance = make_gpu(1, mig=MigInstance(0))
    machine = make_inventory(make_gpu(0, mig_enabled=True), instance)
    image = f"nvcr.io/nim/meta/llama:{tag}"
    job = SimpleNamespace(
        gpus=(instance,), server=Server.NIM, engine="vllm", setup=Setup(image=image)
    )
    found = [*gpus(SimpleNamespace(inventory=machine, job=job, manifest=None))]
    assert count == len(found)
