"""Are the visibility variables read as CUDA and the container runtime read them?"""

import pytest

from nimprofile import Gpu, Inventory, MigInstance
from nimprofile.base.errors import RequestError
from nimprofile.base.units import ComputeCapability
from nimprofile.hardware.visible_devices import CudaDevices, cuda_devices, visible
from tests.support.builders import make_gpu, make_inventory


def uuid(kind, number):
    return f"{kind}-{number:08x}-aaaa-bbbb-cccc-{number:012x}"


def board(index, **more):
    return make_gpu(index, uuid=uuid("GPU", index), **more)


FOUR = make_inventory(*(board(index) for index in range(4)))
SPLIT = make_inventory(
    board(0, mig_enabled=True),
    board(1),
    *(
        make_gpu(2 + at, uuid=uuid("MIG", at), name="Acme X1 MIG 1g", mig=MigInstance(0, 7 + at, 0))
        for at in range(3)
    ),
)
"""GPU 0 is split into instances 2, 3 and 4; GPU 1 is whole."""

MIXED = Inventory(
    (
        Gpu(0, "Tesla T4", compute_capability=ComputeCapability.parse("7.5")),
        Gpu(1, "NVIDIA A100-SXM4-80GB", compute_capability=ComputeCapability.parse("8.0")),
        Gpu(2, "NVIDIA H100 80GB HBM3", compute_capability=ComputeCapability.parse("9.0")),
    )
)


def seen(inventory, **environ):
    return [gpu.index for gpu in visible(inventory, environ).gpus]


def remarks(inventory, **environ):
    return visible(inventory, environ).remarks


@pytest.mark.parametrize("inventory", [FOUR, SPLIT, MIXED], ids=["four", "split", "mixed"])
def test_without_variables_everything_is_seen_and_nothing_said(inventory):
    assert inventory == visible(inventory, {"PATH": "/bin"})


# CUDA_VISIBLE_DEVICES.


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("0,1,2,3", [0, 1, 2, 3], id="all by index"),
        pytest.param("2,1", [1, 2], id="in another order"),
        pytest.param(" 2 , 1 ", [1, 2], id="blanks"),
        pytest.param("+1", [1], id="a sign"),
        pytest.param("1x,2", [1, 2], id="a number with a tail, as strtol reads it"),
        pytest.param("", [], id="empty"),
        pytest.param(" ", [], id="blank"),
        pytest.param("-1", [], id="minus one"),
        pytest.param("0,2,-1,1", [0, 2], id="the guide's own example"),
        pytest.param("0,7,1", [0], id="stops at an index that is too high"),
        pytest.param("none", [], id="a word"),
        pytest.param("0,,1", [0], id="stops at nothing"),
        pytest.param("0,0", [], id="twice"),
        pytest.param("0,1,00", [], id="twice in another spelling"),
        pytest.param("0,9,0", [0], id="what follows the end is not read"),
        pytest.param(uuid("GPU", 2), [2], id="a UUID"),
        pytest.param(uuid("GPU", 2).upper(), [2], id="a UUID in capitals"),
        pytest.param("GPU-00000003", [3], id="the beginning of a UUID"),
        pytest.param("GPU-0000000", [], id="the beginning of several"),
        pytest.param("GPU-", [], id="nothing of a UUID"),
        pytest.param("00000003", [3], id="a UUID without its kind is a number"),
        pytest.param("GPU-00000001,GPU-00000003", [1, 3], id="two"),
        pytest.param(f"GPU-00000001,{uuid('GPU', 1)}", [], id="a UUID twice"),
        pytest.param("GPU-00000001,3", [1], id="a UUID, then a number"),
        pytest.param("3,GPU-00000001", [3], id="a number, then a UUID"),
        pytest.param("MIG-00000000", [], id="an instance that is not there"),
        pytest.param("all", [], id="the runtime's word"),
    ],
)
def test_cuda_reads_its_variable_left_to_right(value, expected):
    assert expected == seen(FOUR, CUDA_VISIBLE_DEVICES=value)


def test_no_number_is_too_long_to_be_read():
    assert [] == seen(FOUR, CUDA_VISIBLE_DEVICES="9" * 5000)
    assert [0, 1, 2, 3] == seen(FOUR, NVIDIA_VISIBLE_DEVICES="9" * 5000)


@pytest.mark.parametrize(
    ("value", "remark"),
    [
        ("0,1", "CUDA_VISIBLE_DEVICES=0,1 hides GPUs 2-3"),
        ("", "CUDA_VISIBLE_DEVICES= hides GPUs 0-3"),
        (
            "0,9",
            (
                "CUDA_VISIBLE_DEVICES=0,9 hides GPUs 1-3: '9' names no GPU here, so it and what follows "
                "count for nothing"
            ),
        ),
        (
            "0,GPU-00000003",
            (
                "CUDA_VISIBLE_DEVICES=0,GPU-00000003 hides GPUs 1-3: 'GPU-00000003' does not go with "
                "what stands before it (numbers and UUIDs do not mix), so it and what follows count "
                "for nothing"
            ),
        ),
        (
            "GPU-00000001,GPU-0000000,GPU-00000003",
            (
                "CUDA_VISIBLE_DEVICES=GPU-00000001,GPU-0000000,GPU-00000003 hides GPUs 0,2-3: "
                "'GPU-0000000' is the beginning of 4 UUIDs, so it and what follows count for nothing"
            ),
        ),
        (
            "MIG-GPU-0/7/0",
            (
                "CUDA_VISIBLE_DEVICES=MIG-GPU-0/7/0 hides GPUs 0-3: 'MIG-GPU-0/7/0' is the beginning "
                "of 4 UUIDs, so it and what follows count for nothing"
            ),
        ),
        ("0;1", "CUDA_VISIBLE_DEVICES=0;1 hides GPUs 1-3: '0;1' is read as 0"),
        ("1.0,2", "CUDA_VISIBLE_DEVICES=1.0,2 hides GPUs 0,3: '1.0' is read as 1"),
        (
            "0,0x1",
            (
                "CUDA_VISIBLE_DEVICES=0,0x1 hides GPUs 0-3: '0x1' is read as 0; '0x1' names a GPU a "
                "second time, so there is none at all"
            ),
        ),
        (
            "0,1,2,3b",
            "CUDA_VISIBLE_DEVICES=0,1,2,3b hides no GPU: '3b' is read as 3",
        ),
        (
            "0 1,7",
            (
                "CUDA_VISIBLE_DEVICES=0 1,7 hides GPUs 1-3: '0 1' is read as 0; '7' names no GPU here, "
                "so it and what follows count for nothing"
            ),
        ),
        (
            "1,1",
            (
                "CUDA_VISIBLE_DEVICES=1,1 hides GPUs 0-3: '1' names a GPU a second time, so there is "
                "none at all"
            ),
        ),
    ],
)
def test_what_is_hidden_is_said_with_the_variable_and_why(value, remark):
    assert (remark,) == remarks(FOUR, CUDA_VISIBLE_DEVICES=value)


def test_a_variable_that_hides_nothing_is_not_worth_a_word():
    assert () == remarks(FOUR, CUDA_VISIBLE_DEVICES="3,2,1,0")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(uuid("MIG", 1), [0, 3], id="an instance, and its board"),
        pytest.param("MIG-00000002", [0, 4], id="the beginning of its UUID"),
        pytest.param(f"MIG-{uuid('GPU', 0)}/8/0", [0, 3], id="by its board and ids"),
        pytest.param("MIG-GPU-00000000/9/0", [0, 4], id="by the beginning of its board's"),
        pytest.param("MIG-GPU-00000000/5/0", [], id="ids that are not there"),
        pytest.param("MIG-GPU-00000001/7/0", [], id="a board without instances"),
        pytest.param(f"{uuid('MIG', 0)},{uuid('MIG', 1)}", [0, 2], id="CUDA shows one only"),
        pytest.param("0", [0, 2], id="a board in MIG mode is its first instance"),
        pytest.param(uuid("GPU", 0), [0, 2], id="and by UUID"),
        pytest.param("1,0", [0, 2], id="and then no whole GPU"),
        pytest.param("1", [1], id="a whole GPU"),
    ],
)
def test_mig_instances_are_seen_one_at_a_time(value, expected):
    assert expected == seen(SPLIT, CUDA_VISIBLE_DEVICES=value)


def test_a_board_in_mig_mode_without_instances_shows_nothing():
    bare = make_inventory(board(0, mig_enabled=True), board(1))
    assert [1] == seen(bare, CUDA_VISIBLE_DEVICES="0,1")


@pytest.mark.parametrize(
    ("order", "value", "expected"),
    [
        pytest.param(None, "0", [2], id="the fastest is 0"),
        pytest.param("FASTEST_FIRST", "0", [2], id="and so when it is said"),
        pytest.param(None, "1,2", [0, 1], id="the others follow in bus order"),
        pytest.param("PCI_BUS_ID", "0", [0], id="bus order"),
    ],
)
def test_indices_count_in_cudas_order(order, value, expected):
    environ = {"CUDA_VISIBLE_DEVICES": value} | ({"CUDA_DEVICE_ORDER": order} if order else {})
    assert expected == [gpu.index for gpu in visible(MIXED, environ).gpus]


def test_where_the_order_is_a_guess_it_is_said():
    (remark,) = remarks(MIXED, CUDA_VISIBLE_DEVICES="0")
    assert "CUDA_DEVICE_ORDER=PCI_BUS_ID or UUIDs leave no doubt" in remark
    assert ("CUDA_VISIBLE_DEVICES=0 hides GPUs 1-2",) == remarks(
        MIXED, CUDA_VISIBLE_DEVICES="0", CUDA_DEVICE_ORDER="PCI_BUS_ID"
    )


@pytest.mark.parametrize(
    "lost",
    [
        Gpu(3, device_id="2330", unavailable="GPU is lost"),
        Gpu(3, unavailable="GPU is lost"),
        Gpu(3, "NVIDIA-H100-80GB-HBM3"),
    ],
    ids=["its id is known", "nothing is known", "another spelling"],
)
def test_the_order_of_equal_boards_is_no_guess(lost):
    boards = [Gpu(index, "NVIDIA H100 80GB HBM3", device_id="2330") for index in range(3)]
    machine = make_inventory(*boards, lost)
    assert ("CUDA_VISIBLE_DEVICES=0 hides GPUs 1-3",) == remarks(machine, CUDA_VISIBLE_DEVICES="0")


def test_a_token_with_a_tail_is_named_beside_the_guess():
    (remark,) = remarks(MIXED, CUDA_VISIBLE_DEVICES="0;")
    assert "'0;' is read as 0; read in CUDA's default order" in remark


def test_at_most_three_odd_tokens_are_named():
    (remark,) = remarks(FOUR, CUDA_VISIBLE_DEVICES="0a,1a,2a,3a")
    assert remark.endswith("'0a' is read as 0; '1a' is read as 1; '2a' is read as 2")


# NVIDIA_VISIBLE_DEVICES.


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("all", [0, 1, 2, 3], id="all"),
        pytest.param("", [0, 1, 2, 3], id="empty"),
        pytest.param("void", [0, 1, 2, 3], id="void: what CDI sets, with GPUs"),
        pytest.param("/var/run/nvidia-container-devices", [0, 1, 2, 3], id="volumes"),
        pytest.param("none", [], id="none"),
        pytest.param("0,1", [0, 1], id="fewer than are listed: privileged, or outside"),
        pytest.param("0,0", [0], id="twice is once"),
        pytest.param("7,6,5,4", [0, 1, 2, 3], id="the host's indices: the runtime has acted"),
        pytest.param("0,5,6,7", [0, 1, 2, 3], id="the host's indices, one of them also ours"),
        pytest.param("2,9", [2], id="one that is not there"),
        pytest.param(uuid("GPU", 3), [3], id="a UUID"),
        pytest.param("GPU-00000003", [3], id="the beginning of a UUID"),
        pytest.param("nvidia.com/gpu=1", [1], id="CDI's qualified name"),
        pytest.param("nvidia.com/gpu=all", [0, 1, 2, 3], id="CDI's all"),
        pytest.param("runtime.nvidia.com/gpu=all", [0, 1, 2, 3], id="another kind of it"),
        pytest.param("GPU-dead", [0, 1, 2, 3], id="nothing that NVML lists"),
    ],
)
def test_the_runtimes_variable_only_narrows_what_nvml_lists(value, expected):
    assert expected == seen(FOUR, NVIDIA_VISIBLE_DEVICES=value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("0", [0, 2, 3, 4], id="a board with its instances"),
        pytest.param("0:1", [0, 3], id="an instance by index"),
        pytest.param(uuid("MIG", 2), [0, 4], id="an instance by UUID"),
        pytest.param("0:9", [0, 1, 2, 3, 4], id="an instance that is not there"),
    ],
)
def test_the_runtimes_variable_names_instances_too(value, expected):
    assert expected == seen(SPLIT, NVIDIA_VISIBLE_DEVICES=value)


@pytest.mark.parametrize(
    ("value", "remark"),
    [
        ("0,1,2,3,4,5,6,7", "hides no GPU: it names 8 and NVML lists 4"),
        ("GPU-00000001,GPU-dead", "hides GPUs 0,2-3: NVML does not list GPU-dead"),
        ("GPU-dead", "hides no GPU: NVML does not list GPU-dead"),
        ("none", "hides GPUs 0-3"),
        ("GPU-0000000", "hides no GPU: 'GPU-0000000' is the beginning of 4 UUIDs"),
        (
            "GPU-00000001,GPU-0,GPU-dead",
            "hides GPUs 0,2-3: 'GPU-0' is the beginning of 4 UUIDs; NVML does not list GPU-dead",
        ),
        ("0;1", "hides no GPU: NVML does not list 0;1"),
        ("0,1,2,0x3", "hides no GPU: '0x3' is neither an index nor a UUID"),
    ],
)
def test_what_the_runtime_was_asked_for_and_nvml_does_not_list_is_said(value, remark):
    expected = f"NVIDIA_VISIBLE_DEVICES={value} {remark}"
    assert (expected,) == remarks(FOUR, NVIDIA_VISIBLE_DEVICES=value)


def test_both_variables_count():
    environ = {"NVIDIA_VISIBLE_DEVICES": "0,1,2", "CUDA_VISIBLE_DEVICES": "2,3"}
    assert [2] == seen(FOUR, **environ)
    assert [
        "NVIDIA_VISIBLE_DEVICES=0,1,2 hides GPU 3",
        "CUDA_VISIBLE_DEVICES=2,3 hides GPUs 0-1",
    ] == list(remarks(FOUR, **environ))


# What to set for an engine.


def test_gpus_are_named_by_uuid_when_all_are_known():
    expected = CudaDevices(f"{uuid('GPU', 1)},{uuid('GPU', 3)}")
    assert expected == cuda_devices(FOUR, (1, 3))
    assert {"CUDA_VISIBLE_DEVICES": expected.devices} == expected.environ


def test_gpus_are_named_by_index_in_bus_order_when_a_uuid_is_unknown():
    some = FOUR.replace(gpus=(FOUR.gpus[0], FOUR.gpus[1].replace(uuid=None)))
    chosen = cuda_devices(some, (0, 1))
    assert {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": "0,1"} == chosen.environ


@pytest.mark.parametrize("odd", ["GPU-1,GPU-2", "0", "GPU- 1", "1111", "GPU-"])
def test_a_uuid_that_the_variable_cannot_have_gives_way_to_the_index(odd):
    machine = make_inventory(make_gpu(0, uuid=odd), board(1))
    assert CudaDevices("0", "PCI_BUS_ID") == cuda_devices(machine, [0])
    assert CudaDevices(uuid("GPU", 1)) == cuda_devices(machine, [1])


def test_a_uuid_that_is_the_beginning_of_another_gives_way_to_the_index():
    machine = make_inventory(make_gpu(0, uuid="GPU-1"), make_gpu(1, uuid="gpu-11"))
    assert CudaDevices("0", "PCI_BUS_ID") == cuda_devices(machine, [0])
    assert CudaDevices("gpu-11") == cuda_devices(machine, [1])
    for chosen in ([0], [1], [0, 1]):
        assert chosen == seen(machine, **cuda_devices(machine, chosen).environ)


@pytest.mark.parametrize("inventory", [FOUR, MIXED], ids=["UUIDs", "indices"])
@pytest.mark.parametrize("indices", [(0,), (1, 2), (0, 2)])
def test_what_is_set_shows_just_those_gpus(inventory, indices):
    assert list(indices) == seen(inventory, **cuda_devices(inventory, indices).environ)


def test_gpus_that_are_not_there_cannot_be_named():
    with pytest.raises(RequestError) as caught:
        cuda_devices(FOUR, (9, 0, 7))
    assert "there is no GPU 7 in the inventory" == str(caught.value)


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (
            ("4xh100", (0,)),
            (
                "cuda_devices: inventory is an Inventory, not the str '4xh100'; load_inventory(path), "
                'discover() and mock_inventory("8xh100") make one'
            ),
        ),
        (
            (FOUR, "0,1"),
            (
                "cuda_devices: indices is several of int, not the str '0,1'; "
                "decision.selected.gpus has some"
            ),
        ),
    ],
    ids=["inventory", "indices"],
)
def test_what_is_no_inventory_and_no_indices_is_refused(args, sentence):
    with pytest.raises(TypeError) as caught:
        cuda_devices(*args)
    assert sentence == str(caught.value)


# GPUs that do not answer, and instances without a name.

GONE = make_inventory(
    *(board(index) for index in (0, 1)), Gpu(2, unavailable="GPU is lost"), board(3)
)
"""GPU 2 does not tell its UUID."""


@pytest.mark.parametrize("name", ["CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"])
def test_a_uuid_nobody_has_may_be_that_of_a_gpu_that_does_not_answer(name):
    everything = ",".join(uuid("GPU", index) for index in range(4))
    assert [0, 1, 2, 3] == seen(GONE, **{name: everything})
    assert () == remarks(GONE, **{name: everything})


def test_but_only_as_many_as_do_not_answer():
    tokens = ",".join(uuid("GPU", index) for index in (0, 2, 7, 3))
    assert [0, 2] == seen(GONE, CUDA_VISIBLE_DEVICES=tokens)
    assert [0, 2, 3] == seen(GONE, NVIDIA_VISIBLE_DEVICES=tokens)
    assert "NVML does not list" in remarks(GONE, NVIDIA_VISIBLE_DEVICES=tokens)[0]


def test_a_gpu_that_does_not_answer_keeps_its_place_in_the_count():
    first = make_inventory(Gpu(0, unavailable="GPU is lost"), *(board(at) for at in (1, 2, 3)))
    assert [1, 2] == seen(first, CUDA_VISIBLE_DEVICES="1,2")
    assert () == remarks(first, CUDA_VISIBLE_DEVICES="0,1,2,3")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("none,", []), (",", [0, 1, 2, 3]), ("void,", [0, 1, 2, 3]), ("void,0", [0])],
)
def test_empty_tokens_of_the_runtime_say_nothing(value, expected):
    assert expected == seen(FOUR, NVIDIA_VISIBLE_DEVICES=value)


def test_an_instance_without_uuid_is_named_by_its_board():
    nameless = SPLIT.replace(
        gpus=tuple(gpu.replace(uuid=None) if gpu.mig else gpu for gpu in SPLIT.gpus)
    )
    devices = cuda_devices(nameless, [3])
    assert CudaDevices(f"MIG-{uuid('GPU', 0)}/8/0") == devices
    assert [0, 3] == seen(nameless, **devices.environ)


def test_an_instance_that_cannot_be_named_is_not_confused_with_a_board():
    nameless = SPLIT.replace(gpus=tuple(gpu.replace(uuid=None) for gpu in SPLIT.gpus))
    assert None is cuda_devices(nameless, [3])
    assert CudaDevices("1", "PCI_BUS_ID") == cuda_devices(nameless, [1])


# Finer points, found by mutations.


def test_an_inventory_of_which_nothing_is_hidden_is_the_very_same():
    assert FOUR is visible(FOUR, {"CUDA_VISIBLE_DEVICES": "0,1,2,3"})


@pytest.mark.parametrize(
    "value",
    ["", "void", "all", "0,1,2,3", "3,2,1,0", "/var/run/devices", "nvidia.com/gpu=all", "void,all"],
)
def test_a_runtime_that_gave_everything_is_not_worth_a_word(value):
    assert () == remarks(FOUR, NVIDIA_VISIBLE_DEVICES=value)


@pytest.mark.parametrize(
    ("value", "expected"), [("all,0", [0, 1, 2, 3]), ("0,all", [0, 1, 2, 3]), ("/0", [0, 1, 2, 3])]
)
def test_all_and_paths_beside_others_leave_everything(value, expected):
    assert expected == seen(FOUR, NVIDIA_VISIBLE_DEVICES=value)


def test_void_beside_a_uuid_is_not_missed():
    value = f"void,{uuid('GPU', 1)}"
    assert (f"NVIDIA_VISIBLE_DEVICES={value} hides GPUs 0,2-3",) == remarks(
        FOUR, NVIDIA_VISIBLE_DEVICES=value
    )


def test_all_that_is_not_listed_is_named():
    (remark,) = remarks(FOUR, NVIDIA_VISIBLE_DEVICES="GPU-00000001,GPU-dead,GPU-beef")
    assert remark.endswith("NVML does not list GPU-dead, GPU-beef")


def test_a_word_that_is_no_uuid_is_nobodys():
    assert [0, 1] == seen(GONE, NVIDIA_VISIBLE_DEVICES=f"{uuid('GPU', 0)},{uuid('GPU', 1)},some")
    assert [0] == seen(GONE, CUDA_VISIBLE_DEVICES=f"{uuid('GPU', 0)},some,{uuid('GPU', 1)}")


def test_a_gpu_without_uuid_that_answers_is_not_taken_for_a_missing_one():
    machine = make_inventory(board(0), make_gpu(1))
    assert [0] == seen(machine, CUDA_VISIBLE_DEVICES=f"{uuid('GPU', 0)},{uuid('GPU', 9)}")


@pytest.mark.parametrize("value", ["4", "4,0"])
def test_an_index_that_is_just_too_high(value):
    assert [] == seen(FOUR, CUDA_VISIBLE_DEVICES=value)


def test_a_uuid_wants_its_kind_and_more_than_that():
    odd = make_inventory(make_gpu(0, uuid="a932f937"))
    assert [] == seen(odd, CUDA_VISIBLE_DEVICES="a932")
    assert [] == seen(make_inventory(board(0)), CUDA_VISIBLE_DEVICES="GPU-")
    assert [0] == seen(make_inventory(board(0)), CUDA_VISIBLE_DEVICES="GPU-0")


def test_an_instance_index_that_is_just_too_high():
    assert [0, 1, 2, 3, 4] == seen(SPLIT, NVIDIA_VISIBLE_DEVICES="0:3")
    assert [0, 4] == seen(SPLIT, NVIDIA_VISIBLE_DEVICES="0:2")


def test_the_instances_of_another_board_are_not_seen():
    machine = make_inventory(
        board(0, mig_enabled=True),
        board(1, mig_enabled=True),
        make_gpu(2, uuid=uuid("MIG", 2), mig=MigInstance(0, 7, 0)),
        make_gpu(3, uuid=uuid("MIG", 3), mig=MigInstance(1, 7, 0)),
    )
    assert [0, 2] == seen(machine, NVIDIA_VISIBLE_DEVICES=uuid("MIG", 2))
    assert [1, 3] == seen(machine, NVIDIA_VISIBLE_DEVICES="1")


def fastest(*gpus):
    (index,) = seen(make_inventory(*gpus), CUDA_VISIBLE_DEVICES="0")
    return index


def test_the_fastest_is_of_the_highest_capability_then_of_the_most_memory():
    assert 1 == fastest(make_gpu(0, name="A", capability="8.9"), make_gpu(1, name="B"))
    assert 1 == fastest(make_gpu(0, name="A"), make_gpu(1, name="B", total=80_000))
    assert 1 == fastest(make_gpu(0, name="A", total=None), make_gpu(1, name="B", total=1))
    assert 0 == fastest(make_gpu(0, name="A"), make_gpu(1, name="B"))
    assert 1 == fastest(make_gpu(0, name="A", capability=None), make_gpu(1, name="B"))


def test_uuids_leave_no_doubt_about_the_order():
    gpus = (make_gpu(0, name="A", uuid=uuid("GPU", 0)), make_gpu(1, name="B", uuid=uuid("GPU", 1)))
    told = f"CUDA_VISIBLE_DEVICES={uuid('GPU', 1)} hides GPU 0"
    assert (told,) == remarks(make_inventory(*gpus), CUDA_VISIBLE_DEVICES=uuid("GPU", 1))


@pytest.mark.parametrize("value", ["0,1", "0", "1,0"])
def test_a_split_board_that_cannot_be_used_stays_with_its_reason(value):
    gone = board(0, mig_enabled=True).replace(unavailable="there is no MIG instance")
    assert 0 in seen(make_inventory(gone, board(1)), CUDA_VISIBLE_DEVICES=value)


TWO_GONE = make_inventory(
    board(0), *(Gpu(at, unavailable="GPU is lost") for at in (1, 2)), board(3)
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("GPU-dead", [1, 2]),
        ("GPU-dead,GPU-beef", [1, 2]),
        ("GPU-dead,GPU-DEAD", []),
        ("GPU-dead,GPU-beef,GPU-f00d,GPU-00000003", [1, 2]),
        ("GPU-0000000", []),
        ("GPU-00000003,GPU-dead", [1, 2, 3]),
    ],
)
def test_a_uuid_that_no_gpu_tells_may_be_of_any_that_does_not_answer(value, expected):
    assert expected == seen(TWO_GONE, CUDA_VISIBLE_DEVICES=value)
