"""Is every known board found by its own names, and by nothing near them?"""

import json
from pathlib import Path

import pytest

import nimprofile
from nimprofile import Gpu, InventoryError, UnknownGpuError, mock_inventory
from nimprofile.base.gpu_ids import normalise_gpu_name
from nimprofile.hardware.catalog import MOST_GPUS, find_product, products
from nimprofile.hardware.identity import product_of

ALL = products()
SHORT = {product.short: product for product in ALL}


# The data.


def test_there_are_at_least_40_boards():
    assert len(ALL) >= 40


@pytest.mark.parametrize("product", ALL, ids=lambda product: product.short)
def test_every_board_has_its_sources(product):
    assert product.sources
    assert all(source.startswith("https://") for source in product.sources)


@pytest.mark.parametrize("product", ALL, ids=lambda product: product.short)
def test_every_board_has_facts_that_can_be(product):
    assert product.name
    assert product.architecture
    assert (5, 0) <= product.compute_capability <= (13, 0)
    assert product.memory_mib is None or 2048 <= product.memory_mib <= 400_000
    assert product.short == product.short.lower()


def test_device_ids_are_unique():
    ids = [id for product in ALL for id in product.device_ids]
    assert sorted(set(ids)) == sorted(ids)


def test_short_names_are_unique():
    assert len(ALL) == len(SHORT)


def test_no_spelling_is_that_of_two_boards():
    spellings = [spelling for product in ALL for spelling in product.spellings]
    assert sorted(set(spellings)) == sorted(spellings)


@pytest.mark.parametrize("product", ALL, ids=lambda product: product.short)
def test_every_board_is_found_by_its_short_name_and_its_device_ids(product):
    assert product is find_product(product.short)
    for id in product.device_ids:
        assert product is find_product(id)
        assert product is product_of(Gpu(0, "something else", device_id=id))


@pytest.mark.parametrize(
    ("short", "device", "mib", "capability"),
    [
        ("h100", "2330", 81559, "9.0"),
        ("h100_pcie", "2331", 81559, "9.0"),
        ("h100_nvl", "2321", 95830, "9.0"),
        ("h200", "2335", 143771, "9.0"),
        ("a100", "20b2", 81920, "8.0"),
        ("a100_pcie", "20b5", 81920, "8.0"),
        ("l40s", "26b9", 46068, "8.9"),
        ("l40", "26b5", 46068, "8.9"),
        ("rtx6000_ada", "26b1", 49140, "8.9"),
        ("a10g", "2237", 23028, "8.6"),
        ("a10", "2236", 23028, "8.6"),
        ("rtx_a6000", "2230", 49140, "8.6"),
        ("b200", "2901", 183359, "10.0"),
        ("rtx6000_blackwell_sv", "2bb5", 97887, "12.0"),
        ("rtx5090", "2b85", 32607, "12.0"),
        ("rtx4090", "2684", 24564, "8.9"),
        ("t4", "1eb8", 15360, "7.5"),
        ("gtx1660ti", "2191", 6144, "7.5"),
        ("t600", "1fb1", 4096, "7.5"),
    ],
)
def test_the_boards_of_the_facts_are_as_the_facts_have_them(short, device, mib, capability):
    product = SHORT[short]
    assert (f"{device}:10de", mib, capability) == (
        product.device_ids[0],
        product.memory_mib,
        str(product.compute_capability),
    )


def test_boards_without_memory_of_their_own_are_marked():
    unified = {product.short for product in ALL if product.unified_memory}
    assert {"dgx_spark", "jetson_agx_thor", "jetson_agx_orin"} == unified


# Names.


@pytest.mark.parametrize(
    ("name", "short"),
    [
        # NIM's own short names.
        ("h100", "h100"),
        ("h100_nvl", "h100_nvl"),
        ("h100_pcie", "h100_pcie"),
        ("h100pcie", "h100_pcie"),
        ("h100-hbm3-80gb", "h100"),
        ("a100", "a100"),
        ("a100_sxm4_40gb", "a100_sxm4_40gb"),
        ("a100pcie", "a100_pcie"),
        ("a10", "a10"),
        ("a10g", "a10g"),
        ("l4", "l4"),
        ("l40", "l40"),
        ("l40s", "l40s"),
        ("h20", "h20"),
        ("h200", "h200"),
        ("h200_nvl", "h200_nvl"),
        ("b200", "b200"),
        ("b300", "b300"),
        ("gb200", "gb200"),
        ("gb300", "gb300"),
        ("gh200_480gb", "gh200_480gb"),
        ("rtx6000_blackwell_sv", "rtx6000_blackwell_sv"),
        ("dgx_spark", "dgx_spark"),
        ("t4", "t4"),
        # Product names and other spellings.
        ("NVIDIA H100 80GB HBM3", "h100"),
        ("NVIDIA-GH200-480GB", "gh200_480gb"),
        ("NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition", "rtx6000_blackwell_sv"),
        ("NVIDIA A100-SXM4-40GB", "a100_sxm4_40gb"),
        ("Tesla T4", "t4"),
        ("GB10", "dgx_spark"),
        ("dgx-spark", "dgx_spark"),
        ("NVIDIA GeForce RTX 5090", "rtx5090"),
        ("RTX 4090", "rtx4090"),
        ("NVIDIA L40S", "l40s"),
        ("H100", "h100"),
        ("2330", "h100"),
        ("26B9:10DE", "l40s"),
        ("0x233010de", "h100"),
    ],
)
def test_a_name_finds_its_board(name, short):
    assert short == find_product(name).short


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("a10", "a100"),
        ("a10", "a10g"),
        ("l4", "l40"),
        ("l4", "l40s"),
        ("l40", "l40s"),
        ("h100", "h100_nvl"),
        ("h100", "h100_pcie"),
        ("h100", "gh200_480gb"),
        ("h20", "h200"),
        ("b200", "gb200"),
        ("a100", "a100_sxm4_40gb"),
    ],
)
def test_boards_of_near_names_are_two(name, other):
    assert find_product(name) is not find_product(other)
    assert not find_product(name).spellings & find_product(other).spellings


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("gh200", ["gh200_480gb", "gh200_144g"]),
        ("v100", ["v100_sxm2_16gb", "v100_sxm2_32gb", "v100_pcie_16gb", "v100_pcie_32gb"]),
        ("rtx6000", ["rtx6000_blackwell_sv", "rtx6000_ada", "quadro_rtx_6000"]),
        ("a100_40gb", ["a100_sxm4_40gb", "a100_pcie_40gb"]),
        ("GeForce RTX 3080", ["rtx3080", "rtx3080_12gb", "rtx3080_ti"]),
    ],
)
def test_an_ambiguous_name_lists_those_it_may_be(name, listed):
    with pytest.raises(UnknownGpuError, match="is several GPUs; did you mean") as caught:
        find_product(name)
    for short in listed:
        assert short in str(caught.value)


@pytest.mark.parametrize(
    ("name", "near"), [("h1000", "h100"), ("l40ss", "l40s"), ("rtx5091", "rtx5090")]
)
def test_an_unknown_name_lists_near_ones(name, near):
    with pytest.raises(
        UnknownGpuError, match=f"'{name}' is not a known GPU; did you mean"
    ) as caught:
        find_product(name)
    assert near in str(caught.value)


@pytest.mark.parametrize("name", ["", "x", "???", "Radeon Instinct", "ffff:10de", "2330:1002"])
def test_a_name_near_to_nothing_is_unknown(name):
    with pytest.raises(UnknownGpuError, match="is not a known GPU; "):
        find_product(name)


@pytest.mark.parametrize("spec", ["8XH100", "8 x h100", "8×h100", "h100x8", "H100X8", "h100:8"])
def test_a_number_of_gpus_is_read_before_and_after_the_name(spec):
    assert mock_inventory("8xh100") == mock_inventory(spec)


def test_what_ends_like_a_number_of_gpus_and_is_no_product_is_told_as_it_is_written():
    with pytest.raises(UnknownGpuError, match="'H1000x8' is not a known GPU"):
        mock_inventory("H1000x8")


@pytest.mark.parametrize("name", ["8h100", "8*h100"])
def test_a_count_that_lacks_its_x_is_told_how_to_write_it(name):
    with pytest.raises(UnknownGpuError) as caught:
        find_product(name)
    expected = f"{name!r} is not a number of GPUs; write 8xh100 for eight of h100"
    assert expected == str(caught.value)


def test_what_is_near_to_nothing_points_to_the_whole_list():
    with pytest.raises(UnknownGpuError, match="`nimprofile gpus --known` lists all"):
        find_product("Ωμέγα")


def test_at_most_eight_names_are_listed():
    with pytest.raises(UnknownGpuError) as caught:
        find_product("rtx")
    assert 7 == str(caught.value).count(", ")


# Machines by description.


def test_a_machine_is_described_by_count_and_name():
    inventory = mock_inventory("8xh100")
    assert (8, {"NVIDIA H100 80GB HBM3"}) == (
        len(inventory.gpus),
        {gpu.name for gpu in inventory.gpus},
    )


def test_a_described_gpu_has_all_the_catalogue_knows_and_is_idle():
    (gpu,) = mock_inventory("1xdgx_spark").gpus
    assert (
        Gpu(
            0,
            "NVIDIA GB10",
            None,
            device_id="2e12:10de",
            memory_total_mib=112149,
            memory_free_mib=112149,
            compute_capability=SHORT["dgx_spark"].compute_capability,
            unified_memory=True,
            architecture="Blackwell",
        )
        == gpu
    )


def test_a_machine_may_be_mixed_and_is_numbered_through():
    gpus = mock_inventory("2xl40s, t4 ,1xrtx5090").gpus
    assert [
        (0, "NVIDIA L40S"),
        (1, "NVIDIA L40S"),
        (2, "Tesla T4"),
        (3, "NVIDIA GeForce RTX 5090"),
    ] == [(gpu.index, gpu.name) for gpu in gpus]


@pytest.mark.parametrize(
    "spec",
    ["rtx4090", "1xrtx4090", "1 x rtx4090", "1 × rtx4090", "1x2684", "1xNVIDIA GeForce RTX 4090"],
)
def test_an_x_in_the_name_is_not_taken_for_the_count(spec):
    assert ["NVIDIA GeForce RTX 4090"] == [gpu.name for gpu in mock_inventory(spec).gpus]


@pytest.mark.parametrize("spec", ["h100:8", "H100:8", "NVIDIA H100 80GB HBM3:8", "2330:10de:8"])
def test_the_count_may_follow_the_name(spec):
    assert mock_inventory("8xh100") == mock_inventory(spec)


@pytest.mark.parametrize(
    ("short", "expected"), [("jetson_agx_thor", (None, "2b00:10de")), ("a16", (15356, None))]
)
def test_what_the_catalogue_does_not_know_is_unknown(short, expected):
    (gpu,) = mock_inventory(short).gpus
    assert expected == (gpu.memory_total_mib, gpu.device_id)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("", "'' is not a list of GPUs such as 8xh100 or 4xl40s,1xt4"),
        ("8x", "'8x' is not a list of GPUs"),
        ("1xt4,", "'1xt4,' is not a list of GPUs"),
        ("0xh100", "'0xh100': a machine has 1 to 1024 GPUs"),
        ("1025xh100", "'1025xh100': a machine has 1 to 1024 GPUs"),
        ("99999xh100", "'99999xh100': a machine has 1 to 1024 GPUs"),
        ("1000xh100,25xt4", "'25xt4': a machine has 1 to 1024 GPUs"),
        ("h100:0", "'h100:0': a machine has 1 to 1024 GPUs"),
        ("-1xh100", "'-1xh100' is not a known GPU"),
        ("2xh1000", "'h1000' is not a known GPU; did you mean"),
        ("٢xh100", "is not a known GPU"),
    ],
)
def test_a_description_that_cannot_be_read_says_why(spec, message):
    with pytest.raises(InventoryError) as caught:
        mock_inventory(spec)
    assert message in str(caught.value)


def test_a_machine_may_have_1024_gpus():
    assert MOST_GPUS == len(mock_inventory("1000xt4,24xl4").gpus)


# The file.


def rows():
    path = Path(nimprofile.__file__).parent / "hardware" / "gpus.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_memory_that_is_said_has_its_own_source():
    assert [] == [row["short"] for row in rows() if row["memory_mib"] and not row["memory_source"]]


def test_no_alias_is_a_spelling_of_its_own_short_name():
    for row in rows():
        aliases = list(map(normalise_gpu_name, row["aliases"]))
        assert normalise_gpu_name(row["short"]) not in aliases
        assert len(set(aliases)) == len(aliases)


ARM = (
    "gh200_480gb",
    "gh200_144g",
    "gb200",
    "gb300",
    "dgx_spark",
    "jetson_agx_thor",
    "jetson_agx_orin",
)


def test_boards_that_come_with_an_arm_cpu_are_marked_and_no_other():
    marked = {product.short: product.cpu_architecture for product in products()}
    assert dict.fromkeys(ARM, "aarch64") == {short: cpu for short, cpu in marked.items() if cpu}


@pytest.mark.parametrize(
    ("spec", "cpu"), [("1xgh200_480gb", "aarch64"), ("1xt4,1xgb10", "aarch64"), ("8xh100", None)]
)
def test_a_described_machine_has_the_cpu_that_its_boards_come_with(spec, cpu):
    assert cpu == mock_inventory(spec).cpu_architecture
