"""Does an inventory hold only what a machine can have?"""

import pytest

from nimprofile import Gpu, Inventory
from nimprofile.hardware.inventory import MigInstance
from tests.support.builders import make_gpu, make_inventory


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"index": -1}, id="negative index"),
        pytest.param({"index": 1 << 32}, id="huge index"),
        pytest.param({"index": 0, "memory_total_mib": -1}, id="negative total"),
        pytest.param({"index": 0, "memory_total_mib": 0}, id="no memory at all"),
        pytest.param({"index": 0, "memory_free_mib": -1}, id="negative free"),
        pytest.param({"index": 0, "memory_total_mib": 1 << 32}, id="bytes, not MiB"),
        pytest.param({"index": 0, "memory_free_mib": 1 << 32}, id="free bytes, not MiB"),
        pytest.param({"index": 0, "memory_total_mib": 10, "memory_free_mib": 11}, id="too free"),
        pytest.param({"index": 0, "device_id": "10de:2330"}, id="PCI id the wrong way round"),
        pytest.param({"index": 0, "device_id": "1234:1002"}, id="another vendor"),
        pytest.param({"index": 0, "name": "a\x1b[2J"}, id="a name that steers the terminal"),
        pytest.param({"index": 0, "uuid": "GPU-\n"}, id="a uuid of two lines"),
    ],
)
def test_what_cannot_be_is_refused(fields):
    with pytest.raises(ValueError, match=r"."):
        Gpu(**fields)


def test_the_error_has_the_numbers():
    with pytest.raises(ValueError, match="memory_free_mib 11 is more than memory_total_mib 10"):
        Gpu(0, memory_total_mib=10, memory_free_mib=11)


@pytest.mark.parametrize("field", ["memory_total_mib", "memory_free_mib"])
def test_a_size_that_is_none_is_better_left_out(field):
    expected = f"^{field} -1 is no size; leave out what is unknown$"
    with pytest.raises(ValueError, match=expected):
        Gpu(0, **{field: -1})


def test_gpus_without_a_uuid_share_none():
    assert 3 == len(make_inventory(Gpu(0, uuid=""), Gpu(1, uuid=""), Gpu(2)).gpus)


@pytest.mark.parametrize("free", [0, 10])
def test_free_memory_may_equal_the_total_and_be_zero(free):
    assert free == Gpu(0, memory_total_mib=10, memory_free_mib=free).memory_free_mib


def test_what_is_not_known_is_none():
    gpu = Gpu(0)
    assert (None, None, None, None, None, None, False) == (
        gpu.name,
        gpu.uuid,
        gpu.device_id,
        gpu.memory_total_mib,
        gpu.memory_free_mib,
        gpu.compute_capability,
        gpu.unified_memory,
    )


def test_a_pci_id_is_normalised():
    assert "26b9:10de" == Gpu(0, device_id="0x26B910DE").device_id


@pytest.mark.parametrize(
    ("total", "free", "fraction"),
    [(100, 95, 0.95), (100, 0, 0.0), (None, 5, None), (100, None, None)],
)
def test_the_free_fraction_is_known_when_both_figures_are(total, free, fraction):
    gpu = Gpu(0, memory_total_mib=total, memory_free_mib=free)
    assert fraction == gpu.free_fraction


@pytest.mark.parametrize(
    ("fields", "label"),
    [
        ({"name": "Tesla T4", "device_id": "1eb8"}, "Tesla T4"),
        ({"device_id": "1eb8"}, "1eb8:10de"),
        ({}, "GPU of unknown product"),
    ],
)
def test_the_label_is_the_best_name_there_is(fields, label):
    assert label == Gpu(0, **fields).label


def test_gpus_stand_in_the_order_of_their_indices():
    inventory = make_inventory(make_gpu(2), make_gpu(0), make_gpu(1))
    assert [0, 1, 2] == [gpu.index for gpu in inventory.gpus]


def test_the_order_given_does_not_matter():
    assert make_inventory(make_gpu(2), make_gpu(0)) == make_inventory(make_gpu(0), make_gpu(2))


def test_two_gpus_do_not_share_an_index():
    with pytest.raises(ValueError, match=r"two GPUs share an index: \[1, 1\]"):
        make_inventory(make_gpu(1), make_gpu(1))


@pytest.mark.parametrize(
    ("said", "cpu"),
    [("x86_64", "x86_64"), ("AMD64", "x86_64"), ("arm64", "aarch64"), ("ppc64le", "ppc64le")],
)
def test_the_cpu_is_called_as_linux_calls_it(said, cpu):
    assert cpu == Inventory(cpu_architecture=said).cpu_architecture


@pytest.mark.parametrize("said", ["", "x86-64", "an ARM", "\x1b"])
def test_what_is_no_word_is_no_architecture(said):
    with pytest.raises(ValueError, match=r"cpu_architecture .* is not one such as x86_64"):
        Inventory(cpu_architecture=said)


@pytest.mark.parametrize("version", ["570", "570.124.06", "12.8", "1.2.3.4"])
def test_a_version_is_numbers_and_dots(version):
    assert (version, version) == (
        Inventory((), version).driver_version,
        Inventory((), None, version).cuda_version,
    )


@pytest.mark.parametrize("version", ["", "570.", "v570", "570-server", "1.2.3.4.5", "1234567", "٥"])
@pytest.mark.parametrize("field", ["driver_version", "cuda_version"])
def test_anything_else_is_no_version(field, version):
    with pytest.raises(ValueError, match=f"{field} .* is not a version such as 570.124.06"):
        Inventory(**{field: version})


def _kinds(count):
    return tuple(Gpu(index, f"board {index}") for index in range(count))


@pytest.mark.parametrize(
    ("most", "of", "problem"),
    [
        (1024, lambda n: {"gpus": tuple(Gpu(at) for at in range(n))}, "1,025 GPUs; 1,024 at most"),
        (
            8191,
            lambda n: {
                "gpus": (Gpu(0), *(Gpu(at + 1, mig=MigInstance(0, at, 0)) for at in range(n)))
            },
            "8,193 GPUs and MIG instances; 8,192 at most",
        ),
        (100, lambda n: {"gpus": _kinds(n)}, "101 different products; 100 at most"),
        (1000, lambda n: {"remarks": ("x",) * n}, "1,001 remarks or health issues of a GPU"),
        (1000, lambda n: {"gpus": (Gpu(0, health_issues=("x",) * n),)}, "1,001 remarks or health"),
    ],
)
def test_more_than_a_machine_has_is_refused(most, of, problem):
    Inventory(**of(most))
    with pytest.raises(ValueError, match=problem):
        Inventory(**of(most + 1))
