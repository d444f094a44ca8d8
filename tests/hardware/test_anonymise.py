"""Inventories without what identifies a machine."""

import json

import pytest

from nimprofile import Gpu, Inventory, MigInstance, dump_inventory, scrubbed
from nimprofile.hardware.conditions import Condition, Kind

SECRET = "8932f937-d72c-4106-c12f-20bd9faed9f6"


@pytest.mark.parametrize(
    "field",
    [
        {"uuid": f"GPU-{SECRET}"},
        {"uuid": SECRET},
        {"uuid": "secret-of-the-house"},
        {"unavailable": f"the process that reads it ended: {SECRET}"},
        {"unavailable": "the process that reads it ended: OSError: /home/secret/lib.so"},
        {"health_issues": (f"gpu-{SECRET.upper()} coughs",)},
    ],
    ids=str,
)
def test_what_names_a_machine_is_scrubbed_from_a_gpu(field):
    text = json.dumps(dump_inventory(scrubbed(Inventory((Gpu(0, "Acme", **field),)))))
    assert "secret" not in text
    assert SECRET not in text.lower()


@pytest.mark.parametrize(
    ("remark", "clean"),
    [
        (
            f"CUDA_VISIBLE_DEVICES=gpu-{SECRET} hides GPUs 1-3: 'x.corp' names no GPU here",
            "CUDA_VISIBLE_DEVICES hides GPUs 1-3",
        ),
        (
            "NVIDIA_VISIBLE_DEVICES=0,secret hides x hides no GPU: NVML does not list secret",
            "NVIDIA_VISIBLE_DEVICES hides no GPU",
        ),
        ("GPU 0: nvmlDeviceGetName: not found", "GPU 0: nvmlDeviceGetName: not found"),
        (f"it is {SECRET}", "it is <UUID>"),
    ],
)
def test_what_names_a_machine_is_scrubbed_from_remarks(remark, clean):
    assert (clean,) == scrubbed(Inventory((), remarks=(remark,))).remarks


def test_made_up_uuids_tell_gpus_apart_and_boards_from_instances():
    gpus = (Gpu(0, uuid="GPU-a"), Gpu(1, uuid="MIG-b", mig=MigInstance(0, 7, 0)), Gpu(2))
    assert [
        "GPU-00000000-0000-0000-0000-000000000000",
        "MIG-00000000-0000-0000-0000-000000000001",
        None,
    ] == [gpu.uuid for gpu in scrubbed(Inventory(gpus)).gpus]


@pytest.mark.parametrize(
    ("remark", "clean"),
    [
        (
            Condition(
                Kind.HIDDEN,
                variable="CUDA_VISIBLE_DEVICES",
                value="x hides GPU 1",
                gpus=(0,),
                doubt="'x hides GPU 1' names no GPU here",
            ),
            "CUDA_VISIBLE_DEVICES hides GPU 0",
        ),
        (
            Condition(
                Kind.CUT_SHORT,
                ending=Condition(Kind.ENDED, how="OSError: /home/secret", call=None),
                pending={"nvmlDeviceGetName": (0,)},
            ),
            (
                "the reading was cut short: the process that reads it ended: OSError: <path>; "
                "it was in nvmlDeviceGetName of GPU 0"
            ),
        ),
    ],
    ids=["hidden", "cut short"],
)
def test_of_a_condition_only_the_figures_are_scrubbed(remark, clean):
    assert (clean,) == scrubbed(Inventory((), remarks=(remark,))).remarks


def test_the_cpu_is_kept():
    assert "aarch64" == scrubbed(Inventory(cpu_architecture="aarch64")).cpu_architecture
