"""What CUDA can use of a board, and what NVML counts."""

import pytest

from nimprofile.base.units import MIB
from nimprofile.engines.memory.budget import cuda_total, nvml_total
from nimprofile.engines.overheads import RESERVED_MOST
from tests.support.builders import make_gpu


@pytest.mark.parametrize(
    ("gpu", "cuda"),
    [
        pytest.param(make_gpu(total=81_559), 81_559 * MIB - RESERVED_MOST, id="most"),
        pytest.param(
            make_gpu(total=10_000).replace(memory_reserved_mib=300), 9_700 * MIB, id="told"
        ),
        pytest.param(
            make_gpu(total=90_000).replace(unified_memory=True), 100_000 * MIB, id="shared"
        ),
    ],
)
def test_what_cuda_can_use_of_a_board(gpu, cuda):
    total = gpu.memory_total_mib * MIB
    assert cuda == cuda_total(gpu, total)
    assert total == nvml_total(gpu, cuda)
