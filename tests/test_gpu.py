"""On a machine that has GPUs: does what we read agree with what nvidia-smi prints?

    python -m pytest -m gpu -rs

Skipped, with the reason, where there is no driver that answers.
"""

import shutil
import subprocess
import time

import pytest

from nimprofile import NoGpuError, discover, load_manifest, mock_inventory, parse_inventory, select
from nimprofile.hardware.identity import product_of
from nimprofile.hardware.visible_devices import cuda_devices, visible
from nimprofile.testing import FakeNvml

pytestmark = pytest.mark.gpu

QUERY = "index,name,uuid,pci.bus_id,pci.device_id,memory.total,compute_cap,driver_version"


@pytest.fixture(scope="module")
def machine():
    try:
        return discover(environ={})
    except NoGpuError as error:
        pytest.skip(str(error).splitlines()[0])


@pytest.fixture(scope="module")
def printed(machine):
    """What nvidia-smi prints of each GPU."""
    if shutil.which("nvidia-smi") is None:
        pytest.skip("there is no nvidia-smi to compare with")
    out = subprocess.check_output(
        ["nvidia-smi", f"--query-gpu={QUERY}", "--format=csv,noheader,nounits"], text=True
    )
    return [[field.strip() for field in line.split(",")] for line in out.splitlines()]


def test_every_gpu_is_read_as_nvidia_smi_prints_it(machine, printed):
    boards = [gpu for gpu in machine.gpus if gpu.mig is None]
    assert len(printed) == len(boards)
    for gpu, (index, name, uuid, bus, device, total, capability, driver) in zip(
        boards, printed, strict=True
    ):
        assert (str(gpu.index), gpu.name, gpu.uuid) == (index, name, uuid)
        assert (gpu.pci_bus_id.upper(), gpu.device_id[:4]) == (bus.upper(), device[2:6].lower())
        assert str(gpu.compute_capability) == capability
        assert machine.driver_version == driver
        if total.isdigit():
            assert abs(gpu.memory_total_mib - int(total)) <= 1


def test_a_whole_gpu_has_free_memory_and_a_known_architecture(machine):
    for gpu in machine.offered:
        assert gpu.memory_free_mib is not None
        product = product_of(gpu)
        assert product is None or gpu.architecture in {None, product.architecture}


def test_what_was_read_can_be_saved_and_be_a_test_machine(machine):
    import json

    assert machine == parse_inventory(json.dumps(machine.to_dict()))
    with FakeNvml(machine):
        again = discover(environ={})
    assert [gpu.name for gpu in machine.gpus] == [gpu.name for gpu in again.gpus]


def test_the_variable_we_print_means_these_gpus(machine):
    first = machine.offered[0].index
    shown = visible(machine, cuda_devices(machine, [first]).environ)
    assert [first] == [gpu.index for gpu in shown.offered]


def test_it_takes_less_than_the_deadline(machine):
    begun = time.monotonic()
    discover(environ={})
    assert time.monotonic() - begun < 15
    assert machine.gpus


def test_a_profile_is_selected_as_on_the_mocked_machine(machine):
    """An idle machine of one known product decides as its description does."""
    products = {product_of(gpu) for gpu in machine.gpus}
    idle = all((gpu.free_fraction or 0) > 0.95 for gpu in machine.gpus)
    if (
        len(products) != 1
        or None in products
        or not idle
        or len(machine.offered) != len(machine.gpus)
    ):
        pytest.skip("the machine is mixed, busy or of a product that no catalogue knows")
    (product,) = products
    manifest = load_manifest("llama-3.1-8b-instruct")
    described = select(manifest, mock_inventory(f"{len(machine.gpus)}x{product.short}"))
    here = select(manifest, machine)
    assert described.selected.profile.id == here.selected.profile.id
