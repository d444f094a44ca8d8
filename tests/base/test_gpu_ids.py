"""The spellings of a PCI id or of a product name are one, and those of two are two."""

import pytest

from nimprofile.base.gpu_ids import normalise_gpu_name, parse_device_id


@pytest.mark.parametrize(
    "text", ["2330:10de", "2330", "2330:10DE", "0x233010DE", "0x2330", " 2330:10de\n", "233010de"]
)
def test_the_spellings_of_a_pci_id_are_one(text):
    assert "2330:10de" == parse_device_id(text)


def test_a_pci_id_is_lower_case():
    assert "26b9:10de" == parse_device_id("26B9:10DE")


@pytest.mark.parametrize(
    "text",
    ["", "10de:2330", "2330:1002", "233", "23300", "gggg", "2330:10de:10de", "0x", "h100"],
)
def test_anything_else_is_no_pci_id(text):
    with pytest.raises(ValueError, match="is not a PCI id of the form device:vendor"):
        parse_device_id(text)


# Names.


@pytest.mark.parametrize(
    "names",
    [
        ("NVIDIA-H100-NVL", "h100_nvl", "H100 NVL", "nvidia h100.nvl"),
        ("gh200_480gb", "NVIDIA-GH200-480GB", "NVIDIA GH200 480GB"),
        ("a100_sxm4_40gb", "NVIDIA A100-SXM4-40GB"),
        ("dgx_spark", "dgx-spark", "DGX Spark"),
        ("h100pcie", "h100-pcie", "H100 PCIe"),
    ],
)
def test_the_spellings_of_one_name_are_one(names):
    assert 1 == len(set(map(normalise_gpu_name, names)))


@pytest.mark.parametrize(
    ("one", "other"),
    [("a10", "a100"), ("a10", "a10g"), ("l40", "l40s"), ("h100", "h100 nvl"), ("h100", "gh200")],
)
def test_the_spellings_of_two_names_are_two(one, other):
    assert normalise_gpu_name(one) != normalise_gpu_name(other)
