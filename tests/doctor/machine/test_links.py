"""Is it told how GPUs are joined, whether the fabric is up, and whether hosts share memory?"""

from itertools import combinations
from types import SimpleNamespace

import pytest

from nimprofile import Gpu, Host
from nimprofile.doctor.finding import Status
from nimprofile.doctor.machine.links import (
    fabric,
    fabric_finding,
    imex,
    imex_finding,
    nvlink,
    nvlink_finding,
)
from nimprofile.hardware.inventory import Connection, Link
from tests.support.builders import make_gpu, make_inventory


def machine_of(count, **links):
    """GPUs of which the pairs that are named, as `p01="nvlink"`, are joined so."""
    connections = tuple(
        Connection(pair, Link(links[f"p{pair[0]}{pair[1]}"]))
        for pair in combinations(range(count), 2)
        if f"p{pair[0]}{pair[1]}" in links
    )
    gpus = [make_gpu(index) for index in range(count)]
    return make_inventory(*gpus).replace(connections=connections)


def joined(machine, *indices, environ=None):
    chosen = tuple(machine.gpus[index] for index in indices)
    return nvlink_finding(machine, chosen, environ or {})


def test_gpus_joined_by_nvlink_are_well():
    finding = joined(machine_of(2, p01="nvlink"), 0, 1)
    assert ("nvlink", Status.OK) == (finding.check, finding.status)
    assert "GPUs 0-1 are joined by NVLink" == finding.finding


def test_one_gpu_needs_no_link():
    assert Status.SKIPPED is joined(machine_of(1), 0).status


def test_a_pair_that_was_not_read_is_unknown():
    finding = joined(machine_of(3, p01="nvlink", p02="nvlink"), 0, 1, 2)
    assert Status.UNKNOWN is finding.status
    assert "GPUs 0-2: how 1 of 3 pairs are joined was not read" == finding.finding


def test_gpus_of_a_board_without_nvlink_are_well_and_it_is_told():
    finding = joined(machine_of(2, p01="phb"), 0, 1)
    assert Status.OK is finding.status
    assert (
        "GPUs 0-1: 1 of 1 pairs are joined by phb and not by NVLink, as no GPUs of this host are"
    ) == finding.finding


def test_gpus_across_a_bridge_are_doubtful_where_others_are_joined():
    finding = joined(machine_of(3, p01="nvlink", p02="sys", p12="sys"), 1, 2)
    assert Status.WARNING is finding.status
    assert "others of this host are: tensor parallelism is slower" in finding.finding
    assert "nvidia-smi topo -m" in finding.fix


@pytest.mark.parametrize(
    ("value", "status"), [("1", Status.WARNING), ("0", Status.OK), ("", Status.OK)]
)
def test_a_variable_that_keeps_nccl_from_nvlink_is_found(value, status):
    machine = machine_of(2, p01="nvlink")
    finding = joined(machine, 0, 1, environ={"NCCL_P2P_DISABLE": value})
    assert status is finding.status
    assert ("NCCL_P2P_DISABLE" in finding.finding) is (status is Status.WARNING)


def test_without_a_selection_no_links_are_judged():
    (finding,) = nvlink(SimpleNamespace(job=None, inventory=machine_of(2)))
    assert Status.SKIPPED is finding.status


def test_the_links_of_a_job_are_those_of_its_gpus():
    machine = machine_of(3, p01="nvlink", p02="sys", p12="sys")
    job = SimpleNamespace(gpus=machine.gpus[:2])
    subject = SimpleNamespace(job=job, inventory=machine, environ={}, this_machine=True)
    (finding,) = nvlink(subject)
    assert "GPUs 0-1 are joined by NVLink" == finding.finding


def test_a_machine_that_is_described_need_not_have_its_links():
    machine = machine_of(2)
    subject = SimpleNamespace(
        job=SimpleNamespace(gpus=machine.gpus), inventory=machine, environ={}, this_machine=False
    )
    (finding,) = nvlink(subject)
    assert Status.SKIPPED is finding.status


@pytest.fixture
def host(tmp_path):
    """A host whose files a test writes; as many NVSwitches as are asked for."""

    def made(*, switches=0, running=(), container=False, channels=None):
        for at in range(switches):
            folder = tmp_path / f"sys/bus/pci/devices/0000:0{at}:00.0"
            folder.mkdir(parents=True)
            (folder / "vendor").write_text("0x10de\n")
            (folder / "class").write_text("0x068000\n")
        for at, name in enumerate(running, 1):
            (tmp_path / f"proc/{at}").mkdir(parents=True)
            (tmp_path / f"proc/{at}/comm").write_text(name[:15] + "\n")
        if container:
            (tmp_path / ".dockerenv").touch()
        for channel in channels or ():
            folder = tmp_path / "dev/nvidia-caps-imex-channels"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / channel).touch()
        return str(tmp_path)

    return made


def test_without_nvswitches_there_is_no_fabric_to_manage(host):
    finding = fabric_finding(Host(host()))
    assert ("fabric manager", Status.SKIPPED) == (finding.check, finding.status)


def test_a_bridge_of_another_vendor_is_no_nvswitch(host):
    root = host(switches=1)
    Host(root)
    with open(f"{root}/sys/bus/pci/devices/0000:00:00.0/vendor", "w", encoding="utf-8") as file:
        file.write("0x8086\n")
    assert Status.SKIPPED is fabric_finding(Host(root)).status


def test_nvswitches_with_their_manager_are_well(host):
    finding = fabric_finding(Host(host(switches=4, running=["bash", "nv-fabricmanager"])))
    assert Status.OK is finding.status
    assert "there are 4 NVSwitches, and nv-fabricmanager runs" == finding.finding


def test_nvswitches_without_their_manager_keep_cuda_from_starting(host):
    finding = fabric_finding(Host(host(switches=4, running=["bash"])))
    assert Status.FAILED is finding.status
    assert "nv-fabricmanager does not run: CUDA answers error 802" in finding.finding
    assert "systemctl start nvidia-fabricmanager" in finding.fix


def test_in_a_container_the_hosts_manager_is_unknown(host):
    finding = fabric_finding(Host(host(switches=4, container=True)))
    assert Status.UNKNOWN is finding.status


def test_a_gpu_that_shares_no_memory_between_hosts_needs_no_imex(host):
    assert Status.SKIPPED is imex_finding((make_gpu(),), host()).status


@pytest.mark.parametrize("name", ["NVIDIA GB200", "NVIDIA GB300"])
def test_a_rack_without_a_channel_is_doubtful_and_with_one_well(host, name):
    gpus = (Gpu(0, name),)
    finding = imex_finding(gpus, host())
    assert Status.WARNING is finding.status
    assert "nvidia.com/gpu.clique" in finding.fix
    finding = imex_finding(gpus, host(channels=["channel0"]))
    assert Status.OK is finding.status
    assert finding.finding.startswith("1 IMEX channel; ")


@pytest.mark.parametrize("check", [fabric, imex])
def test_of_a_machine_that_is_described_this_host_tells_nothing(host, check):
    inventory = make_inventory(Gpu(0, "NVIDIA GB200"))
    subject = SimpleNamespace(this_machine=False, inventory=inventory, root=host(switches=1))
    (finding,) = check(subject)
    assert Status.SKIPPED is finding.status


@pytest.mark.parametrize("check", [fabric, imex])
def test_this_host_is_looked_at(host, check):
    root = host(switches=1, running=["nv-fabricmanager"], channels=["channel0"])
    inventory = make_inventory(Gpu(0, "NVIDIA GB200"))
    (finding,) = check(SimpleNamespace(this_machine=True, inventory=inventory, root=root))
    assert Status.OK is finding.status
