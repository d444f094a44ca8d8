"""Is a GPU taken for the right product, and is it said where what was read contradicts itself?"""

import pytest

from nimprofile import Gpu, mock_inventory, products
from nimprofile.base.units import ComputeCapability
from nimprofile.hardware.identity import contradiction, implied_cpu, product_of, remarks_on
from nimprofile.hardware.inventory import MigInstance
from tests.support.builders import decide, make_inventory, make_profile

# Products of GPUs.


def test_a_pci_id_beats_a_name():
    assert "a100" == product_of(Gpu(0, "NVIDIA H100 80GB HBM3", device_id="20b2")).short


def test_an_unknown_pci_id_leaves_the_name():
    assert "h100" == product_of(Gpu(0, "NVIDIA H100 80GB HBM3", device_id="ffff")).short


def test_a_name_that_several_boards_say_tells_nothing():
    assert None is product_of(Gpu(0, "NVIDIA GeForce RTX 3080"))


def test_the_name_of_the_94_gb_board_is_not_taken_for_it():
    # It says just `NVIDIA H100`, which is how people write the 80 GB board.
    assert "h100" == product_of(Gpu(0, "NVIDIA H100")).short
    assert "h100_sxm5_94gb" == product_of(Gpu(0, "NVIDIA H100", device_id="2339")).short


@pytest.mark.parametrize("gpu", [Gpu(0), Gpu(0, "Acme"), Gpu(0, device_id="ffff")])
def test_a_board_nobody_knows_has_no_product(gpu):
    assert None is product_of(gpu)


@pytest.mark.parametrize(("spec", "cpu"), [("1xt4,1xgb10", "aarch64"), ("8xh100", None)])
def test_the_boards_tell_the_cpu_that_they_come_with(spec, cpu):
    assert cpu == implied_cpu(mock_inventory(spec).gpus)


# What contradicts itself.


def board(name, device, capability=None, index=0):
    read = None if capability is None else ComputeCapability.parse(capability)
    return Gpu(index, name, device_id=device, compute_capability=read)


@pytest.mark.parametrize(
    ("gpu", "expected"),
    [
        pytest.param(board("NVIDIA L40", "26b9"), ("l40s", "l40", "l40s"), id="the id counts"),
        pytest.param(board("NVIDIA L40S", "26b5"), ("l40", "l40s", "l40s"), id="a known mistake"),
        pytest.param(
            board("NVIDIA GB200", "2330"), ("h100", "gb200", "h100"), id="nothing else read"
        ),
        pytest.param(
            board("NVIDIA GB200", "2330", "10.0"),
            ("h100", "gb200", "gb200"),
            id="the capability tells",
        ),
        pytest.param(
            board("NVIDIA GB200", "2330", "9.0"), ("h100", "gb200", "h100"), id="and so for the id"
        ),
        pytest.param(
            board("NVIDIA GB200", "2330", "8.9"), ("h100", "gb200", "h100"), id="that of neither"
        ),
        pytest.param(
            board("NVIDIA GeForce RTX 3080", "2330", "8.6"),
            ("h100", "rtx3080", "h100"),
            id="a name that two boards have names neither",
        ),
    ],
)
def test_a_pci_id_and_a_name_that_contradict_are_weighed(gpu, expected):
    found = contradiction(gpu)
    assert expected == (found.by_id.short, found.by_name.short, found.believed.short)
    assert expected[-1] == product_of(gpu).short


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("NVIDIA L40S", "26b9"),
        ("NVIDIA H100", "2339"),
        ("NVIDIA H100", "2330"),
        ("h100-sxm", "2330"),
        ("Acme X1", "2330"),
        ("NVIDIA L40S", "ffff"),
        ("NVIDIA L40S", None),
        (None, "2330"),
    ],
)
def test_only_two_known_products_contradict(name, device):
    assert None is contradiction(Gpu(0, name, device_id=device))


def test_no_board_of_the_catalogue_contradicts_itself():
    for product in products():
        for device in product.device_ids:
            gpu = Gpu(0, product.name, device_id=device)
            read = gpu.replace(compute_capability=product.compute_capability)
            assert [None, []] == [contradiction(gpu), list(remarks_on([gpu, read]))]


@pytest.mark.parametrize(
    ("device", "mib", "short"),
    [
        ("2d04", 8151, "rtx5060_ti_8gb"),
        ("2d04", 16311, "rtx5060_ti"),
        ("2d04", None, "rtx5060_ti"),
        (None, 8151, "rtx5060_ti_8gb"),
        (None, 16311, "rtx5060_ti"),
        (None, 12000, None),
        (None, None, None),
        ("2330", 8151, "h100"),
    ],
)
def test_of_two_boards_with_one_name_and_one_id_the_memory_tells_which(device, mib, short):
    gpu = Gpu(0, "NVIDIA GeForce RTX 5060 Ti", device_id=device, memory_total_mib=mib)
    product = product_of(gpu)
    assert short == (product and product.short)


def test_what_was_read_and_what_is_believed_is_remarked_once_for_equal_boards():
    gpus = [
        board("NVIDIA L40S", "26b5", "8.9", 0),
        board("NVIDIA L40S", "26b5", "8.9", 1),
        board("NVIDIA GB200", "2330", "10.0", 2),
        board("NVIDIA GB200", "2330", None, 3),
        board("NVIDIA GB200", "2330", "8.9", 4),
        board(None, "2330", "10.0", 5),
        board("NVIDIA H100 80GB HBM3", None, "9.0", 6),
    ]
    h100 = "NVIDIA H100 80GB HBM3"
    by_capability = f"GPU 2: the PCI id is that of {h100}, the name that of NVIDIA GB200; the name "
    by_capability += "counts: the compute capability is 10.0"
    assert [
        "GPUs 0-1: the PCI id is that of NVIDIA L40, the name that of NVIDIA L40S; the name counts",
        by_capability,
        f"GPUs 3-4: the PCI id is that of {h100}, the name that of NVIDIA GB200; the id counts",
        f"GPU 4: the compute capability is 8.9, and that of {h100} is 9.0; what was read counts",
        f"GPU 5: the compute capability is 10.0, and that of {h100} is 9.0; what was read counts",
    ] == sorted(map(str, remarks_on(gpus)), key=lambda text: text.split(":")[0][-1])


def test_a_mig_instance_is_no_board_that_contradicts_itself():
    part = board("NVIDIA L40S", "2330", "8.0").replace(mig=MigInstance(1, 0, 0))
    assert [] == list(remarks_on([part]))


def test_the_name_that_counts_is_what_profiles_are_made_for():
    tags = {"llm_engine": "tensorrt_llm", "precision": "fp8", "tp": "1"}
    ids = {"l40": "26b5:10de", "l40s": "26b9:10de", "h100": "2330:10de", "gb200": "2941:10de"}
    profiles = [make_profile(at, **tags, gpu=at, gpu_device=id) for at, id in ids.items()]
    profiles.append(make_profile("old", **tags, gpu="L40S", gpu_device="26b5:10de"))
    l40s = make_inventory(board("NVIDIA L40S", "26b5", "8.9").replace(memory_total_mib=46068))
    gb200 = make_inventory(board("NVIDIA GB200", "2330", "10.0").replace(memory_total_mib=189471))
    for machine, own in ((l40s, {"l40s", "old"}), (gb200, {"gb200"})):
        assert own == {verdict.profile.id for verdict in decide(profiles, machine).ranked}
