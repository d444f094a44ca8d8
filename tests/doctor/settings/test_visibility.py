"""Is what hides GPUs told, and variables that contradict each other?"""

from types import SimpleNamespace

import pytest

from nimprofile import mock_inventory
from nimprofile.doctor.finding import Status
from nimprofile.doctor.settings.visibility import visibility, visibility_findings
from nimprofile.hardware.visible_devices import visible
from tests.support.builders import make_inventory


def found(environ, machine="4xh100"):
    inventory = visible(mock_inventory(machine), environ)
    return [*visibility_findings(environ, inventory)]


def only(environ, machine="4xh100"):
    (finding,) = found(environ, machine)
    return finding


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({}, "CUDA_VISIBLE_DEVICES is not set"),
        ({"CUDA_VISIBLE_DEVICES": "0,1,2,3"}, "no GPU is hidden by CUDA_VISIBLE_DEVICES"),
        (
            {"CUDA_VISIBLE_DEVICES": "0,1,2,3", "NVIDIA_VISIBLE_DEVICES": "all"},
            "no GPU is hidden by CUDA_VISIBLE_DEVICES or NVIDIA_VISIBLE_DEVICES",
        ),
    ],
)
def test_what_hides_nothing_is_well(environ, told):
    finding = only(environ)
    assert ("visibility", Status.OK) == (finding.check, finding.status)
    assert told == finding.finding


def test_gpus_that_are_hidden_on_purpose_are_told():
    finding = only({"CUDA_VISIBLE_DEVICES": "0,1"})
    assert Status.OK is finding.status
    assert "CUDA_VISIBLE_DEVICES=0,1 hides GPUs 2-3" == finding.finding


@pytest.mark.parametrize("value", ["0,9,1", "0,0", "all", "0,GPU-1"])
def test_a_value_that_cuda_reads_otherwise_than_it_looks_is_doubtful(value):
    finding = only({"CUDA_VISIBLE_DEVICES": value})
    assert Status.WARNING is finding.status
    assert f"CUDA_VISIBLE_DEVICES={value} hides " in finding.finding
    assert finding.fix.startswith("unset CUDA_VISIBLE_DEVICES, or name the GPUs")


def test_a_container_that_is_given_no_gpu_does_not_start_a_server():
    *_, finding = found({"NVIDIA_VISIBLE_DEVICES": "none"})
    assert Status.FAILED is finding.status
    assert "NVIDIA_VISIBLE_DEVICES is none, with which a container is given no GPU" == (
        finding.finding
    )


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ("utility", Status.FAILED),
        ("graphics,video", Status.FAILED),
        ("compute,utility", Status.OK),
        ("all", Status.OK),
        ("", Status.OK),
    ],
)
def test_a_container_without_compute_has_no_cuda(value, status):
    finding = only({"NVIDIA_DRIVER_CAPABILITIES": value})
    assert status is finding.status
    assert ("without which a container has no CUDA" in finding.finding) is (status is Status.FAILED)


def test_a_device_order_that_cuda_does_not_know_counts_for_nothing():
    finding = only({"CUDA_DEVICE_ORDER": "PCI_BUS_IDS"})
    assert Status.WARNING is finding.status
    assert "set CUDA_DEVICE_ORDER=PCI_BUS_ID" == finding.fix
    assert Status.OK is only({"CUDA_DEVICE_ORDER": "FASTEST_FIRST"}).status


def test_numbers_among_several_products_are_doubtful_without_an_order():
    h100, l40s = mock_inventory("1xh100").gpus[0], mock_inventory("1xl40s").gpus[0]
    machine = make_inventory(l40s.replace(uuid=None), h100.replace(index=1, uuid=None))
    for order, status in ((None, Status.WARNING), ("PCI_BUS_ID", Status.OK)):
        environ = {"CUDA_VISIBLE_DEVICES": "0,1"}
        environ |= {} if order is None else {"CUDA_DEVICE_ORDER": order}
        (finding,) = visibility_findings(environ, visible(machine, environ))
        assert status is finding.status


def test_without_an_inventory_the_variables_are_looked_at():
    environ = {"NVIDIA_DRIVER_CAPABILITIES": "utility"}
    (finding,) = visibility(SimpleNamespace(environ=environ, inventory=None))
    assert Status.FAILED is finding.status
