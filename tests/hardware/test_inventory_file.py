"""Inventories read from JSON files and from printouts of NIM; a bad one is refused with its place."""

import io
import json
import sys

import pytest

from nimprofile import (
    Gpu,
    Inventory,
    InventoryError,
    dump_inventory,
    load_inventory,
    mock_inventory,
    parse_inventory,
)
from nimprofile.base.formats import text_files
from nimprofile.base.units import ComputeCapability
from nimprofile.hardware.catalog import products
from nimprofile.hardware.inventory_file import inventory_adapter
from tests.support.builders import H100_NAME

H100 = {
    "index": 0,
    "uuid": "GPU-0",
    "name": H100_NAME,
    "device_id": "2330:10de",
    "memory_total_mib": 81559,
    "memory_free_mib": 81000,
    "compute_capability": "9.0",
}
BOX = {"gpus": [H100], "driver_version": "570.124.06", "cuda_version": "12.8"}


def error_of(value):
    text = value if isinstance(value, str) else json.dumps(value)
    with pytest.raises(InventoryError) as caught:
        parse_inventory(text, "box.json")
    return str(caught.value)


def with_gpu(**changes):
    return {"gpus": [H100, H100 | {"index": 1} | changes]}


def test_every_documented_key_is_read():
    assert Inventory(
        (
            Gpu(
                0,
                H100_NAME,
                "GPU-0",
                device_id="2330:10de",
                memory_total_mib=81559,
                memory_free_mib=81000,
                compute_capability=ComputeCapability.parse("9.0"),
            ),
        ),
        "570.124.06",
        "12.8",
    ) == parse_inventory(json.dumps(BOX))


def test_an_inventory_survives_json():
    inventory = parse_inventory(json.dumps(BOX))
    assert inventory == parse_inventory(json.dumps(dump_inventory(inventory)))


@pytest.mark.parametrize("product", products(), ids=lambda product: product.short)
def test_every_known_board_survives_json(product):
    inventory = mock_inventory(f"2x{product.short}")
    assert inventory == parse_inventory(json.dumps(dump_inventory(inventory)))


def test_what_is_dumped_is_what_pydantic_would_dump():
    inventory = parse_inventory(json.dumps(BOX))
    dumped = inventory_adapter().dump_python(inventory, mode="json")
    assert {"schema_version": "1.0", **dumped} == dump_inventory(inventory)


@pytest.mark.parametrize("version", [{}, *({"schema_version": v} for v in ("1.0", "1.7", None))])
def test_a_file_of_our_form_or_of_before_it_had_a_version_is_read(version):
    assert Inventory((Gpu(0),)) == parse_inventory(json.dumps({**version, "gpus": [{}]}))


@pytest.mark.parametrize("version", ["2.0", "0.9", "", 1, 1.0, ["1.0"]])
def test_a_file_of_another_form_is_refused(version):
    text = json.dumps({"schema_version": version, "gpus": [{}]})
    with pytest.raises(InventoryError) as caught:
        parse_inventory(text, "box.json")
    said = f"box.json: schema_version {version!r} is not one that is read here; 1.x is"
    assert said == str(caught.value)


def test_the_error_of_a_command_is_no_inventory():
    with pytest.raises(InventoryError, match="this is the error of a command that printed none"):
        parse_inventory('{"schema_version": "1.0", "error": {"kind": "no_gpu"}}')


@pytest.mark.parametrize(
    "gpu", [{}, dict.fromkeys(H100.keys() - {"index"})], ids=["absent", "null"]
)
def test_null_and_absent_are_unknown(gpu):
    assert Inventory((Gpu(0),)) == parse_inventory(json.dumps({"gpus": [gpu]}))


def test_without_an_index_the_place_in_the_list_is_it():
    text = json.dumps({"gpus": [{"name": "A"}, {"name": "B"}]})
    assert [(0, "A"), (1, "B")] == [(gpu.index, gpu.name) for gpu in parse_inventory(text).gpus]


def test_a_machine_may_have_no_gpus():
    assert Inventory() == parse_inventory('{"gpus": []}')


def test_somebodys_note_is_passed_over():
    noted = BOX | {"hostname": "box", "_comment": [1]}
    noted["gpus"] = [H100 | {"rack": 7}]
    assert parse_inventory(json.dumps(BOX)) == parse_inventory(json.dumps(noted))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(
            {"gpus": [{"memory_total_mb": 5}]},
            "gpus[0].memory_total_mb: unknown key; did you mean memory_total_mib?",
            id="mb",
        ),
        pytest.param(
            {"gpus": [{"computecapability": "9.0"}]},
            "gpus[0].computecapability: unknown key; did you mean compute_capability?",
            id="no underscore",
        ),
        pytest.param(
            {"gpus": [], "driver_versoin": "570"},
            "driver_versoin: unknown key; did you mean driver_version?",
            id="a slip of the pen",
        ),
    ],
)
def test_a_key_that_is_nearly_ours_is_an_error(value, message):
    assert f"box.json: {message}" == error_of(value)


def test_a_near_key_beside_the_right_one_is_a_note():
    gpu = H100 | {"memory_total_mb": 81559}
    assert 81559 == parse_inventory(json.dumps({"gpus": [gpu]})).gpus[0].memory_total_mib


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("", 1, id="empty"),
        pytest.param("nonsense", 1, id="words"),
        pytest.param('{"gpus": [\n', 2, id="cut short"),
        pytest.param('{"gpus": [\n{"index": 0,}\n]}', 2, id="a comma too many"),
    ],
)
def test_what_is_not_json_is_refused_with_its_line(text, line):
    assert error_of(text).startswith(f"box.json:{line}: not JSON: ")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param('{"gpus": [], "gpus": []}', "the key 'gpus' stands twice", id="a key twice"),
        pytest.param(
            '{"gpus": [{"name": "\\ud800"}]}',
            "it holds half a character",
            id="half a surrogate pair",
        ),
        pytest.param("[" * 100_000, "nested more than 64 levels deep", id="deep"),
        pytest.param("9" * 5000, "an inventory is an object", id="a number of 5000 digits"),
        pytest.param(
            with_gpu(memory_total_mib=int("9" * 400)),
            "gpus[1].memory_total_mib: must be a whole number, but is Infinity",
            id="memory of 400 digits",
        ),
        pytest.param([H100], "an inventory is an object with a list `gpus`", id="a list"),
        pytest.param({"gpu": []}, "an inventory is an object with a list `gpus`", id="no gpus"),
        pytest.param({"gpus": None}, "gpus: must be a list, but is null", id="gpus null"),
        pytest.param(
            {"gpus": {"0": H100}}, 'gpus: must be a list, but is {"0": ', id="gpus an object"
        ),
        pytest.param(
            {"gpus": [7]}, "gpus[0]: must be an object, but is 7", id="a number for a GPU"
        ),
        pytest.param(
            with_gpu(index=None), "gpus[1].index: must be a whole number, but is null", id="null"
        ),
        pytest.param(
            with_gpu(index="1"), 'gpus[1].index: must be a whole number, but is "1"', id="a text"
        ),
        pytest.param(
            with_gpu(index=True), "gpus[1].index: must be a whole number, but is true", id="true"
        ),
        pytest.param(with_gpu(index=0), "two GPUs share an index: [0, 0]", id="an index twice"),
        pytest.param(
            {"gpus": [{"uuid": "GPU-11"}, {"uuid": "GPU-1"}, {"uuid": "gpu-11"}]},
            "GPUs 0,2 share the UUID GPU-11",
            id="a UUID twice",
        ),
        pytest.param(
            {"gpus": [{"uuid": " GPU-11"}, {"uuid": "GPU-11"}]},
            "GPUs 0-1 share the UUID GPU-11",
            id="a UUID with a space",
        ),
        pytest.param(with_gpu(index=-1), "gpus[1]: index -1 is not one", id="negative index"),
        pytest.param(
            with_gpu(memory_total_mib="80 GB"),
            'gpus[1].memory_total_mib: must be a whole number, but is "80 GB"',
            id="a unit",
        ),
        pytest.param(
            with_gpu(memory_free_mib=-5), "gpus[1]: memory_free_mib -5 is no size", id="negative"
        ),
        pytest.param(
            with_gpu(memory_total_mib=0), "gpus[1]: memory_total_mib 0 is no size", id="no memory"
        ),
        pytest.param(with_gpu(memory_free_mib=81560), "gpus[1]: memory_free_mib 81560", id="more"),
        pytest.param(with_gpu(memory_free_mib=0.5), "gpus[1].memory_free_mib: ", id="a fraction"),
        pytest.param(
            '{"gpus": [{"memory_total_mib": NaN}]}', "gpus[0].memory_total_mib: ", id="NaN"
        ),
        pytest.param(with_gpu(compute_capability=9.0), "gpus[1].compute_capability: ", id="float"),
        pytest.param(
            with_gpu(compute_capability="9"),
            "gpus[1].compute_capability: '9' is not a compute capability such as 9.0",
            id="half a capability",
        ),
        pytest.param(with_gpu(device_id="2330:8086"), "gpus[1]: '2330:8086' is not", id="vendor"),
        pytest.param(
            with_gpu(name=5), "gpus[1].name: must be a text, but is 5", id="a number for a name"
        ),
        pytest.param(
            with_gpu(unified_memory=1),
            "gpus[1].unified_memory: must be true or false, but is 1",
            id="a number for a truth",
        ),
        pytest.param(with_gpu(name="a\x1bb"), "gpus[1]: 'a\\x1bb' has control", id="an escape"),
        pytest.param(BOX | {"driver_version": "new"}, "driver_version 'new' is not", id="driver"),
        pytest.param(
            BOX | {"cuda_version": 12.8},
            "cuda_version: must be a text, but is 12.8",
            id="a number for CUDA",
        ),
    ],
)
def test_a_bad_inventory_is_refused_with_its_place(value, message):
    assert error_of(value).startswith("box.json: ")
    assert message in error_of(value)


def test_three_problems_are_shown_at_once():
    gpus = [{"name": at} for at in range(5)]
    assert (
        "box.json: gpus[0].name: must be a text, but is 0; "
        "gpus[1].name: must be a text, but is 1; gpus[2].name: must be a text, but is 2"
    ) == error_of({"gpus": gpus})


def test_what_stands_where_something_else_should_is_shown_cut_short():
    assert f'gpus[0].index: must be a whole number, but is "{"x" * 39}…{"x" * 19}"' == error_of(
        {"gpus": [{"index": "x" * 5000}]}
    ).removeprefix("box.json: ")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            BOX | {"connections": [{"gpus": [1, 0], "link": "nvlink"}]},
            "connections[0]: gpus [1, 0] are not two indices, the lower first",
        ),
        (
            BOX | {"connections": [{"gpus": [0, 1], "link": "nvlink"}]},
            "a connection joins GPUs [0, 1], and one of them is not there",
        ),
        (
            with_gpu(uuid="GPU-1")
            | {"connections": [{"gpus": [0, 1], "link": link} for link in ("pix", "sys")]},
            "two connections join the same GPUs",
        ),
        (with_gpu(utilization_percent=101), "gpus[1]: utilization_percent 101 is no size"),
        (with_gpu(memory_reserved_mib=-1), "gpus[1]: memory_reserved_mib -1 is no size"),
        (with_gpu(unavailable=""), "gpus[1]: unavailable is the reason"),
        (
            with_gpu(mig_enabled=True, mig={"board": 0}),
            "gpus[1]: it is a board with mig_enabled or an instance with mig, not both",
        ),
        (with_gpu(utilisation_percent=1), "gpus[1].utilisation_percent: unknown key; did you mean"),
    ],
)
def test_a_machine_that_contradicts_itself_is_refused(value, message):
    assert f"box.json: {message}" in error_of(value)


def test_a_repeated_key_among_very_many_is_found():
    keys = ", ".join(f'"key{at}": {at}' for at in range(80_000))
    message = error_of(f'{{"gpus": [], {keys}, "key79999": 0, "key79998": 0}}')
    assert "box.json: not JSON: the key 'key79998' stands twice in one object" == message


# Files.


def load_error(path):
    with pytest.raises(InventoryError) as caught:
        load_inventory(path)
    return str(caught.value)


def test_a_file_is_read_by_any_kind_of_path(tmp_path):
    path = tmp_path / "box.json"
    path.write_text(json.dumps(BOX), encoding="utf-8")
    assert parse_inventory(json.dumps(BOX)) == load_inventory(path) == load_inventory(str(path))


def test_a_dash_is_standard_input(monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(json.dumps(BOX).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert parse_inventory(json.dumps(BOX)) == load_inventory("-")


def test_an_error_in_standard_input_says_so(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"{}")))
    assert load_error("-").startswith("<stdin>: an inventory is an object")


def test_a_missing_file_a_directory_and_an_empty_file_are_refused(tmp_path):
    (tmp_path / "empty").touch()
    assert f"{tmp_path}/none: no such file" == load_error(tmp_path / "none")
    assert f"{tmp_path}: this is a directory; name the inventory file in it" == load_error(tmp_path)
    assert f"{tmp_path}/empty: the file is empty" == load_error(tmp_path / "empty")


def test_binary_junk_is_refused(tmp_path):
    path = tmp_path / "junk"
    path.write_bytes(b"\x89PNG\r\n\xff")
    assert f"{path}:1: not a text file: byte 0 is not UTF-8" == load_error(path)


def test_a_file_that_is_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(text_files, "MAX_BYTES", 1 << 20)
    path = tmp_path / "box.json"
    path.write_bytes(b" " * ((1 << 20) + 1))
    assert f"{path}: larger than 1 MiB, which no inventory is" == load_error(path)


def test_a_board_of_which_the_file_says_what_cannot_go_together_is_remarked_on_once():
    gpu = {"name": "NVIDIA L40", "device_id": "26b9", "compute_capability": "9.0"}
    machine = parse_inventory(json.dumps({"gpus": [gpu], "remarks": ["read by hand"]}))
    remarks = (
        "GPU 0: the PCI id is that of NVIDIA L40S, the name that of NVIDIA L40; the id counts",
        "GPU 0: the compute capability is 9.0, and that of NVIDIA L40S is 8.9; what was read counts",
        "read by hand",
    )
    assert remarks == machine.remarks
    assert machine == parse_inventory(json.dumps(dump_inventory(machine)))


# Printouts of NIM: SYSTEM INFO has the GPUs, the catalogue the rest.

PRINTOUT = """\
SYSTEM INFO
- Free GPUs:
  -  [2330:10de] (1) NVIDIA H100 80GB HBM3 (H100 80GB) [current utilization: 0%]
  -  [2e12:10de] (2) NVIDIA GB10 [current utilization: N/A%]
- Non-free GPUs:
  -  [2684:10de] (0) NVIDIA GeForce RTX 4090[current utilization: 7%]
  -  [ffff:10de] (3) NVIDIA Dream [current utilization: 50%]
MODEL PROFILES
- Incompatible with system:
  - 4f904d571fe60ff24695b5ee2aa42da58cb460787a968f1e8a09f5a7e862728d (vllm-bf16-tp1-pp1)
"""


@pytest.mark.parametrize("name", ["Foo [bar]", "[x", "Orin (nvgpu)", "A (b) [c] (d)", "a) (b"])
def test_a_name_with_brackets_is_read_back_from_a_printout(name):
    line = f"  -  [ffff:10de] (0) {name} [current utilization: 5%]"
    (gpu,) = parse_inventory(f"SYSTEM INFO\n- Free GPUs:\n{line}\nMODEL PROFILES\n", "x").gpus
    assert (name, "ffff:10de") == (gpu.name, gpu.device_id)


def test_a_line_that_ends_within_a_bracket_is_no_gpu():
    text = "SYSTEM INFO\n- Free GPUs:\n  -  [ffff:10de] (0) X [current utiliz\nMODEL PROFILES\n"
    assert "stands among the GPUs but is not one" in error_of(text)


def test_a_printout_tells_the_gpus_and_the_catalogue_the_rest():
    gpus = parse_inventory(PRINTOUT).gpus
    assert [
        (0, "NVIDIA GeForce RTX 4090", 24564, 24564 * 93 // 100, "8.9", False),
        (1, "NVIDIA H100 80GB HBM3", 81559, 81559, "9.0", False),
        (2, "NVIDIA GB10", None, None, "12.1", True),
        (3, "NVIDIA Dream", None, None, "None", False),
    ] == [
        (
            gpu.index,
            gpu.name,
            gpu.memory_total_mib,
            gpu.memory_free_mib,
            str(gpu.compute_capability),
            gpu.unified_memory,
        )
        for gpu in gpus
    ]


def test_a_printout_without_gpus_is_refused():
    text = PRINTOUT.partition("MODEL PROFILES")[2]
    assert "box.json: a printout without GPUs (no SYSTEM INFO)" == error_of(text)


def test_a_printout_of_another_vendors_gpu_is_refused():
    text = PRINTOUT.replace("2330:10de", "2330:1002")
    assert error_of(text).startswith("box.json: '2330:1002' is not a PCI id of the form")


def test_a_printout_with_a_broken_row_is_refused_with_its_line():
    text = PRINTOUT.replace("(vllm-bf16-tp1-pp1)", "vllm")
    assert error_of(text).startswith("box.json:10: this line stands among the profiles")


def test_a_use_beyond_100_percent_is_unknown():
    text = PRINTOUT.replace("[current utilization: 0%]", "[current utilization: 130%]")
    assert (81559, None) == (
        parse_inventory(text).gpus[1].memory_total_mib,
        parse_inventory(text).gpus[1].memory_free_mib,
    )


@pytest.mark.parametrize("used", ["7%", "6%", "5%", "0%", "N/A%", "130%"])
def test_a_gpu_that_nim_calls_non_free_is_never_taken_for_an_empty_one(used):
    text = PRINTOUT.replace("[current utilization: 7%]", f"[current utilization: {used}]")
    gpu = parse_inventory(text).gpus[0]
    assert gpu.free_fraction < 0.95


def test_a_mig_instance_has_its_boards_id_but_not_its_memory():
    text = PRINTOUT.replace(
        "NVIDIA H100 80GB HBM3 (H100 80GB)", "NVIDIA H100 80GB HBM3 MIG 1g.10gb"
    )
    gpu = parse_inventory(text).gpus[1]
    assert ("2330:10de", None, None, "9.0") == (
        gpu.device_id,
        gpu.memory_total_mib,
        gpu.memory_free_mib,
        str(gpu.compute_capability),
    )


@pytest.mark.parametrize("row", ["NVIDIA H100", "  -  [2330:10de] NVIDIA H100 80GB HBM3"])
def test_a_gpu_of_a_printout_that_cannot_be_read_is_refused_with_its_line(row):
    text = f"SYSTEM INFO\n- Free GPUs:\n- {row}\nMODEL PROFILES\n"
    assert error_of(text).startswith("box.json:3: this line stands among the GPUs but is not one")


def test_a_log_of_json_lines_is_a_printout_too():
    text = "\n".join(json.dumps({"message": line}) for line in PRINTOUT.splitlines())
    assert parse_inventory(PRINTOUT) == parse_inventory(text)


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("NVIDIA H100 80GB HBM3 (H100 80GB)", "NVIDIA H100 80GB HBM3"),
        ("NVIDIA L4 (L4 24GB)", "NVIDIA L4"),
        ("NVIDIA Dream (H100 80GB)", "NVIDIA Dream"),
        ("Orin (nvgpu)", "Orin (nvgpu)"),
        ("NVIDIA Dream (as such)", "NVIDIA Dream (as such)"),
    ],
)
def test_only_a_short_name_is_taken_off_the_name_of_a_gpu(printed, name):
    line = f"  -  [????:????] (0) {printed} [current utilization: 0%]"
    assert name == parse_inventory(f"SYSTEM INFO\n- Free GPUs:\n{line}\n").gpus[0].name


def test_the_boards_of_a_printout_tell_the_cpu_they_come_with():
    assert "aarch64" == parse_inventory(PRINTOUT).cpu_architecture  # a GB10 is among them
    assert (
        None
        is parse_inventory(
            PRINTOUT.replace("2e12:10de", "fffe:10de").replace("GB10", "X")
        ).cpu_architecture
    )
