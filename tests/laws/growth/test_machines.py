"""The time that a machine takes grows with its size: inventories, and visibility variables."""

import json

import pytest

from nimprofile import Inventory, load_manifest, parse_inventory, select
from nimprofile.base.errors import NimProfileError
from nimprofile.hardware.visible_devices import visible
from tests.support.builders import make_h100
from tests.support.growth.ratio import grows_with_the_square

UUIDS = [f"GPU-{index:08x}-0000-0000-0000-000000000000" for index in range(8)]
EIGHT = Inventory(tuple(make_h100(index).replace(uuid=uuid) for index, uuid in enumerate(UUIDS)))
VALUES = {
    "letters": lambda size: "a" * size,
    "digits": lambda size: "1" * size,
    "dots": lambda size: "." * size,
    "commas": lambda size: "," * size,
    "spaces": lambda size: " " * size,
    "numbers": lambda size: ",".join(map(str, range(size // 6))),
    "the same number": lambda size: ",".join("0" * (size // 2)),
    "unknown UUIDs": lambda size: ",".join(f"GPU-f{at:08x}" for at in range(size // 14)),
    "one long UUID": lambda size: "GPU-0" * (size // 5),
    "one long UUID of an instance": lambda size: f"MIG-GPU-{'0' * size}/1/1",
    "UUIDs of instances": lambda size: ",".join(
        f"MIG-GPU-{at:08x}/1/1" for at in range(size // 20)
    ),
    "qualified names": lambda size: ",".join(f"nvidia.com/gpu={at}" for at in range(size // 20)),
    "a qualifier repeated": lambda size: "nvidia.com/" * (size // 11) + "gpu=0",
    "what names nothing": lambda size: ",".join(f"x{at}" for at in range(size // 6)),
}


@pytest.mark.parametrize("variable", ["CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"])
@pytest.mark.parametrize("kind", VALUES)
def test_reading_a_variable_takes_time_in_proportion_to_its_length(variable, kind):
    def work_of(size):
        value = VALUES[kind](size)
        return lambda: visible(EIGHT, {variable: value})

    assert "" == grows_with_the_square(work_of, 4_000)


@pytest.mark.parametrize("variable", ["CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"])
@pytest.mark.parametrize("form", ["GPU-{:08x}", "{}"])
def test_naming_every_gpu_of_a_machine_takes_time_in_proportion_to_their_number(variable, form):
    def work_of(size):
        machine = Inventory(
            tuple(make_h100(at).replace(uuid=f"GPU-{at:08x}") for at in range(size))
        )
        value = ",".join(form.format(at) for at in range(size - 1))
        return lambda: visible(machine, {variable: value})

    assert "" == grows_with_the_square(work_of, 120)


GPU = {"name": "NVIDIA H100 80GB HBM3", "memory_total_mib": 81559, "memory_free_mib": 81000}
INVENTORIES = {
    "keys": lambda size: json.dumps({"gpus": [], **{f"a{at}": 1 for at in range(size)}}),
    "keys of a GPU": lambda size: json.dumps({"gpus": [GPU | {f"a{at}": 1 for at in range(size)}]}),
    "keys, the last twice": lambda size: (
        '{"gpus":[],' + ",".join(f'"a{at}":1' for at in range(size)) + ',"z":1,"z":1}'
    ),
    "GPUs": lambda size: json.dumps(
        {"gpus": [GPU | {"uuid": f"GPU-{at}"} for at in range(size // 8)]}
    ),
    "GPUs of one index": lambda size: json.dumps({"gpus": [GPU | {"index": 0}] * (size // 8)}),
    "wrong GPUs": lambda size: json.dumps({"gpus": [GPU | {"name": 5}] * (size // 8)}),
    "remarks": lambda size: json.dumps(
        {"gpus": [GPU], "remarks": [f"x{at}" for at in range(size)]}
    ),
    "a remark that is nearly one of ours": lambda size: json.dumps(
        {"gpus": [GPU], "remarks": ["CUDA_VISIBLE_DEVICES=" + " hides GPU 1: " * size]}
    ),
    "health issues": lambda size: json.dumps(
        {"gpus": [GPU | {"health_issues": [f"x{at}" for at in range(size)]}]}
    ),
    "a long name": lambda size: json.dumps({"gpus": [GPU | {"name": "NVIDIA " * size}]}),
    "spaces": lambda size: " " * size + json.dumps({"gpus": [GPU]}) + " " * size,
    "brackets": lambda size: '{"gpus":' + "[" * size,
    "braces": lambda size: "{" * size + '"message"',
    "lines of a log": lambda size: '{"message":"x"}\n' * size,
}


@pytest.mark.parametrize("kind", INVENTORIES)
def test_reading_an_inventory_takes_time_in_proportion_to_its_length(kind):
    def work_of(size):
        text = INVENTORIES[kind](size)

        def work():
            try:
                return parse_inventory(text)
            except NimProfileError as error:
                return str(error)

        return work

    assert "" == grows_with_the_square(work_of, 1_500)


def test_a_machine_with_missing_gpus_is_judged_in_time_in_proportion_to_their_number():
    manifest = load_manifest("llama-3.1-8b-instruct")

    def work_of(size):
        text = json.dumps(
            {"gpus": [GPU | ({"unavailable": "lost"} if at % 2 else {}) for at in range(size)]}
        )
        machine = parse_inventory(text)
        return lambda: select(manifest, machine)

    assert "" == grows_with_the_square(work_of, 120)
