"""Is a driver that is too old for the image or the profile found, and none that is new enough?"""

from types import SimpleNamespace

import pytest

from nimprofile import Gpu, Server, Setup, job_of, mock_inventory, select
from nimprofile.doctor.finding import Status
from nimprofile.doctor.machine.driver import driver, driver_findings, is_of_data_center
from nimprofile.doctor.machine.driver_needs import need_of
from nimprofile.hardware.catalog import products
from nimprofile.manifest.profile import Requires
from tests.support.builders import make_gpu, make_inventory
from tests.support.launch.cases import manifest_of

H100 = Gpu(0, "NVIDIA H100 80GB HBM3")
GEFORCE = Gpu(0, "NVIDIA GeForce RTX 4090")
NIM_115 = need_of(Server.NIM, "1.15.0")


def found(have, *, gpu=H100, need=NIM_115, cuda=None, what="nim 1.15.0", requires=None):
    machine = make_inventory(gpu, driver=have, cuda=cuda)
    return [*driver_findings(machine, (gpu,), what=what, need=need, requires=requires)]


def test_a_driver_of_the_cuda_of_the_image_is_enough():
    (finding,) = found("580.65.06", cuda="13.0")
    assert ("driver", Status.OK) == (finding.check, finding.status)
    assert (
        "driver 580.65.06, which serves CUDA 13.0: enough for the CUDA 13 of nim 1.15.0"
    ) == finding.finding


def test_an_old_driver_keeps_a_nim_of_1_15_from_starting():
    (finding,) = found("570.124.06", gpu=GEFORCE)
    assert Status.FAILED is finding.status
    assert (
        "driver 570.124.06 is older than 580, from which on CUDA 13 runs, on which nim 1.15.0 is "
        "built"
    ) == finding.finding
    assert finding.fix.startswith("update the driver of this host to 580 or later")


def test_on_a_data_center_gpu_an_old_driver_may_do_with_cuda_compat():
    (finding,) = found("570.124.06")
    assert Status.WARNING is finding.status
    assert "it runs only where its image brings cuda-compat for this driver" in finding.finding


def test_where_one_gpu_has_no_cuda_compat_the_server_does_not_start():
    machine = make_inventory(H100, GEFORCE.replace(index=1), driver="570.10", cuda="12.8")
    (finding,) = driver_findings(machine, machine.gpus, what="nim 1.15.0", need=NIM_115)
    assert Status.FAILED is finding.status


def test_a_driver_between_cudas_oldest_and_the_one_that_the_page_asks_for_is_doubtful():
    (finding,) = found("550.54.15", need=need_of(Server.NIM, "1.8.4"), what="nim 1.8.4")
    assert Status.WARNING is finding.status
    assert "driver 550.54.15 is older than 560, which the page of nim 1.8.4 asks for" in (
        finding.finding
    )


def test_a_driver_that_was_not_read_is_unknown():
    (finding,) = found(None)
    assert Status.UNKNOWN is finding.status


def test_an_image_of_which_nothing_is_known_is_unknown_and_the_driver_is_told():
    (finding,) = found("580.1", need=None, what="tensorrt_llm 1.0")
    assert Status.UNKNOWN is finding.status
    assert "driver 580.1; nothing is known of the CUDA that tensorrt_llm 1.0 needs" == (
        finding.finding
    )


def test_what_the_profile_requires_of_driver_and_cuda_is_told_in_the_words_of_the_selection():
    requires = Requires(driver=">=590", cuda=">=13.1")
    findings = found("580.65.06", cuda="13.0", requires=requires)
    assert [Status.FAILED, Status.FAILED] == [each.status for each in findings]
    assert [
        "requires driver >=590; this one is 580.65.06",
        "requires CUDA >=13.1; this driver serves 13.0",
    ] == [each.finding for each in findings]


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("NVIDIA H100 80GB HBM3", True),
        ("NVIDIA H200 NVL", True),
        ("NVIDIA A100-SXM4-80GB", True),
        ("NVIDIA A10G", True),
        ("NVIDIA L40S", True),
        ("Tesla T4", True),
        ("Tesla V100-SXM2-16GB", True),
        ("NVIDIA GB200", True),
        ("NVIDIA GH200 480GB", True),
        ("NVIDIA B200", True),
        ("NVIDIA GB10", False),
        ("NVIDIA GeForce RTX 4090", False),
        ("NVIDIA RTX A6000", False),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", False),
        ("Quadro RTX 8000", False),
        ("NVIDIA TITAN V", False),
        ("Orin", False),
        ("Acme X1", False),
        (None, False),
    ],
)
def test_a_gpu_is_of_the_line_for_data_centers_by_its_name(name, is_one):
    assert is_one is is_of_data_center(Gpu(0, name))


def test_of_the_catalogue_no_geforce_and_no_quadro_is_one():
    consumer = [each.name for each in products() if "GeForce" in each.name or "RTX" in each.name]
    assert consumer
    assert [] == [name for name in consumer if is_of_data_center(Gpu(0, name))]


def subject(server="nim", machine="1xh100", **setup):
    manifest = manifest_of("vllm", {"tp": "1"})
    inventory = mock_inventory(machine).replace(driver_version="570.124.06", cuda_version="12.8")
    job = job_of(select(manifest, inventory), manifest, Setup(server, **setup))
    return SimpleNamespace(inventory=inventory, job=job, manifest=manifest, this_machine=True)


@pytest.mark.parametrize(
    ("server", "image", "told"),
    [
        ("nim", "nvcr.io/nim/meta/llama-3.1-8b-instruct:1.15.4", "nim 1.15.4"),
        ("vllm", None, "vllm "),
        ("vllm", "vllm/vllm-openai:v0.33.0", "vllm 0.33.0"),
        ("triton", "nvcr.io/nvidia/tritonserver:26.07-vllm-python-py3", "triton 26.07"),
    ],
)
def test_what_is_started_is_known_by_its_image(server, image, told):
    (finding,) = driver(subject(server, image=image))
    assert Status.WARNING is finding.status
    assert f"on which {told}" in finding.finding


def test_of_an_image_without_a_version_nothing_is_known():
    (finding,) = driver(subject("nim", image="nvcr.io/nim/meta/llama-3.1-8b-instruct:latest"))
    assert Status.UNKNOWN is finding.status
    assert "name the image and its tag with --image" == finding.fix


def test_without_a_selection_the_driver_is_told():
    machine = make_inventory(make_gpu(), driver="580.1", cuda="13.0")
    (finding,) = driver(SimpleNamespace(inventory=machine, job=None, this_machine=True))
    assert Status.UNKNOWN is finding.status
    assert "driver 580.1, which serves CUDA 13.0; no server is chosen" == finding.finding


def test_without_an_inventory_nothing_is_known_of_the_driver():
    (finding,) = driver(SimpleNamespace(inventory=None, job=None))
    assert Status.SKIPPED is finding.status


def test_a_machine_that_is_described_need_not_have_its_driver():
    subject = SimpleNamespace(inventory=make_inventory(make_gpu()), job=None, this_machine=False)
    (finding,) = driver(subject)
    assert Status.SKIPPED is finding.status
