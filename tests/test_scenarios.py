"""The whole way, as a user goes it: `nimprofile` in a process, the real pynvml, a fake driver.

The machines of `corpus/machines` are captures of real ones where their `source` says so.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nimprofile import Host, Inventory, discover, load_inventory, mock_inventory, parse_inventory
from nimprofile.hardware.identity import implied_cpu, product_of
from nimprofile.testing import (
    DRIVER_MISMATCH,
    NO_LIBRARY,
    FakeNvml,
    Fault,
    hanging,
    lost,
)
from tests.support.paths import CORPUS
from tests.support.schemas import check_printed

ADVISED = {"8xb200": "driver-b200-580-66-days"}
"""The machines whose driver has a known issue."""

MACHINES = {path.stem: path for path in (CORPUS / "machines").glob("*.json")}
SMALL, LARGE = "llama-3.1-8b-instruct", "llama-3.1-70b-instruct"


def run(fake, *argv, **environ):
    """`nimprofile …` on a fake machine: exit code, standard output and error."""
    done = subprocess.run(
        [sys.executable, "-m", "nimprofile", *argv],
        env=fake.environ | environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    check_printed(argv, done.stdout)
    return done.returncode, done.stdout, done.stderr


def fake(machine, *faults):
    return FakeNvml(load_inventory(MACHINES[machine]), *faults)


def select(machine, *faults, model=LARGE, options=()):
    code, out, err = run(fake(machine, *faults), "select", "--manifest", model, *options, "--json")
    decision = json.loads(out)
    chosen = decision["selected"]
    return code, chosen and (chosen["name"], chosen["gpus"]), decision, err


def read_here(machine):
    """What a corpus machine is when it is read on this host, whose CPU no board contradicts."""
    box = load_inventory(MACHINES[machine])
    return box.replace(cpu_architecture=implied_cpu(box.gpus) or Host().cpu_architecture())


# Corpus machines.


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_a_corpus_machine_is_read_as_it_was(name):
    box = read_here(name)
    with FakeNvml(box):
        found = discover(environ={})
    if box.gpus[0].unified_memory:  # its memory is that of the host this runs on
        box, found = (
            one.replace(
                gpus=tuple(
                    gpu.replace(memory_total_mib=None, memory_free_mib=None) for gpu in one.gpus
                ),
                remarks=(),
            )
            for one in (box, found)
        )
    assert box == found


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_a_corpus_machine_says_where_it_is_from_and_is_scrubbed(name):
    text = MACHINES[name].read_text(encoding="utf-8")
    data = json.loads(text)
    assert data.get("source", "").startswith("https://") or "about" in data
    for uuid in re.findall(r"(?:GPU|MIG)-[0-9a-f-]+", text):
        assert re.fullmatch(r"(GPU|MIG)-0{7}[0-9a-f]-0000-0000-0000-0{11}[0-9a-f]", uuid)


@pytest.mark.parametrize("name", sorted(MACHINES))
def test_every_board_of_the_corpus_is_in_the_catalogue_with_its_memory(name):
    for gpu in load_inventory(MACHINES[name]).gpus:
        product = product_of(gpu)
        assert product is not None
        assert gpu.architecture == product.architecture
        assert gpu.compute_capability == product.compute_capability
        if gpu.mig is None and not gpu.unified_memory:
            assert gpu.memory_total_mib == product.memory_mib


# What is selected.


@pytest.mark.parametrize(
    ("machine", "model", "name", "gpus"),
    [
        ("8xh100", LARGE, "tensorrt_llm-h100-fp8-tp8-pp1-latency", range(8)),
        ("8xh100", SMALL, "tensorrt_llm-h100-fp8-tp2-pp1-latency", [0, 1]),
        ("2xa100_sxm4_40gb", SMALL, "tensorrt_llm-trtllm_buildable-bf16-tp2-pp1", [0, 1]),
        ("1xl40s", SMALL, "tensorrt_llm-l40s-fp8-tp1-pp1-throughput", [0]),
        ("4xl40s", LARGE, "tensorrt_llm-l40s-fp8-tp4-pp1-throughput", range(4)),
        ("8xb200", LARGE, "tensorrt_llm-trtllm_buildable-bf16-tp8-pp1", range(8)),
        ("4xgb200", LARGE, "tensorrt_llm-trtllm_buildable-bf16-tp4-pp1", range(4)),
        ("4xgb300", LARGE, "tensorrt_llm-trtllm_buildable-bf16-tp4-pp1", range(4)),
        ("1xh100-1xt4", SMALL, "tensorrt_llm-h100-fp8-tp1-pp1-throughput", [0]),
        ("4xh100-two-bridges", SMALL, "tensorrt_llm-h100-fp8-tp2-pp1-latency", [0, 3]),
    ],
)
def test_the_profile_for_the_machine_is_selected(machine, model, name, gpus):
    code, chosen, decision, err = select(machine, model=model)
    assert (0, (name, list(gpus))) == (code, chosen)
    assert ADVISED.get(machine, "") == "".join(re.findall(r"\(advisory (.*)\)\n", err))
    assert len(ADVISED.keys() & {machine}) == err.count("\n")
    assert read_here(machine) == parse_inventory(json.dumps(decision["inventory"]))


@pytest.mark.parametrize("machine", ["1xt4", "2xa100_sxm4_40gb", "1xh100-1xt4"])
def test_nothing_runs_where_nothing_can(machine):
    code, chosen, decision, err = select(machine)
    assert (1, None) == (code, chosen)
    assert all(rejected["reasons"] for rejected in decision["rejected"])
    assert "No profile found for the detected hardware" in err


def test_the_box_and_its_saved_inventory_select_the_same(tmp_path):
    box = fake("8xh100", lost(2))
    path = tmp_path / "box.json"
    path.write_text(run(box, "gpus", "--json")[1], encoding="utf-8")
    here = run(box, "select", "--manifest", LARGE, "--json")
    there = run(FakeNvml("1xt4"), "select", "--manifest", LARGE, "--json", "--inventory", str(path))
    assert here == there


def test_unified_memory_is_the_hosts_and_says_so():
    code, out, err = run(fake("1xgb10"), "gpus", "--json")
    (gpu,) = json.loads(out)["gpus"]
    host = dict(re.findall(r"^(\w+): +(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE))
    assert (0, True, "") == (code, gpu["unified_memory"], err)
    assert int(host["MemTotal"]) * 9 // 10 // 1024 == gpu["memory_total_mib"]
    assert 0 < gpu["memory_free_mib"] <= gpu["memory_total_mib"]
    code, _chosen, decision, err = select("1xgb10", model="llama-nemotron-embed-300m-v2")
    assert "its memory is the host's" in err
    assert decision["inventory"]["gpus"][0]["unified_memory"]


def test_mig_instances_are_offered_and_their_board_is_not():
    _, chosen, decision, _ = select("1xh100-7x1g.10gb")
    assert None is chosen
    kinds = {reason["kind"] for one in decision["rejected"] for reason in one["reasons"]}
    assert "mig" in kinds
    code, (_name, gpus), decision, _ = select(
        "1xh100-7x1g.10gb", model="llama-nemotron-embed-300m-v2"
    )
    assert (0, [1]) == (code, gpus)
    mig = "MIG-00000000-0000-0000-0000-000000000001"
    assert mig == decision["selected"]["cuda_visible_devices"]


# GPUs that do not answer.


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (lost(5), "GPU is lost"),
        (hanging(5, after=3), "no answer within 2 s (in nvmlDeviceGetCudaComputeCapability)"),
        (Fault("nvmlDeviceGetHandleByIndex", 999, gpu=5), "unknown error (nvmlDeviceGet"),
        (Fault("nvmlDeviceGetMemoryInfo", 16, gpu=5), "GPU requires a reset"),
    ],
    ids=["lost", "hanging", "no handle", "needs a reset"],
)
def test_one_of_eight_that_does_not_answer_changes_the_choice_loudly(fault, reason):
    code, chosen, decision, err = select("8xh100", fault, options=("--nvml-timeout", "2"))
    assert (0, ("tensorrt_llm-h100-fp8-tp4-pp1-throughput", [0, 1, 2, 3])) == (code, chosen)
    told = "tensorrt_llm-h100-fp8-tp8-pp1-latency would be selected if GPU 5 answered: "
    assert err.startswith(f"warning: {told}{reason}")
    assert "tensorrt_llm-h100-fp8-tp8-pp1-latency" == decision["if_answered"]["name"]
    assert decision["inventory"]["gpus"][5]["unavailable"].startswith(reason)


def test_a_missing_gpu_that_changes_nothing_is_said_all_the_same():
    _, chosen, decision, err = select("8xh100", lost(7), model=SMALL)
    assert "tensorrt_llm-h100-fp8-tp2-pp1-latency" == chosen[0]
    assert None is decision["if_answered"]
    assert "warning: GPU 7 is unavailable: GPU is lost\n" == err


def test_a_missing_gpu_that_makes_a_pin_impossible_is_said():
    name = "tensorrt_llm-h100-fp8-tp8-pp1-latency"
    box = fake("8xh100", lost(0), lost(3))
    code, out, err = run(box, "select", "--manifest", LARGE, "--profile", name)
    assert (3, "") == (code, out)
    assert f"{name} would be selected if GPUs 0,3 answered: GPU is lost" in err


@pytest.mark.parametrize("command", ["select", "list", "explain"])
def test_expect_gpus_makes_it_an_error(command):
    box = fake("8xh100", lost(5))
    code, out, err = run(box, command, "--manifest", LARGE, "--expect-gpus", "8")
    assert (5, "") == (code, out)
    assert (
        "nimprofile: --expect-gpus 8: 7 can be used: 7 × NVIDIA H100 80GB HBM3 (1 more unavailable)\n  GPU 5 is unavailable: GPU is lost\n"
        == err
    )
    assert 0 == run(box, command, "--manifest", LARGE, "--expect-gpus", "7")[0]


@pytest.mark.parametrize(("expected", "code"), [("7", 5), ("8", 0), ("9", 5)])
def test_expect_gpus_wants_just_so_many(expected, code):
    assert code == run(fake("8xh100"), "gpus", "--expect-gpus", expected)[0]
    assert code == run(FakeNvml("1xt4"), "gpus", "--gpus", "8xh100", "--expect-gpus", expected)[0]


def test_expect_gpus_says_what_is_hidden():
    environ = {"CUDA_VISIBLE_DEVICES": "0,1"}
    code, _, err = run(fake("8xh100"), "gpus", "--expect-gpus", "8", **environ)
    assert 5 == code
    assert (
        "2 can be used: 2 × NVIDIA H100 80GB HBM3\n  note: CUDA_VISIBLE_DEVICES=0,1 hides GPUs 2-7"
        in err
    )


def test_when_none_of_them_answers_each_says_why():
    code, out, err = run(
        fake("4xl40s", lost(0), lost(1), lost(2), lost(3)), "select", "--manifest", SMALL
    )
    assert (4, "") == (code, out)
    assert "nimprofile: no GPU could be read: none can be used\n  GPU 0: GPU is lost\n" in err


def test_an_ailing_gpu_is_taken_last_and_with_a_warning():
    ill = ("a row of its memory waits for a reset of the GPU to be remapped",)
    box = load_inventory(MACHINES["8xh100"])
    gpus = [gpu.replace(health_issues=ill) if gpu.index < 7 else gpu for gpu in box.gpus]
    machine = FakeNvml(box.replace(gpus=tuple(gpus)))
    code, out, err = run(machine, "select", "--manifest", SMALL)
    assert 0 == code
    assert "gpus     0,7 (2 × NVIDIA H100 80GB HBM3)" in out
    assert f"warning: GPU 0: {ill[0]}\n" == err


# No GPU at all.


@pytest.mark.parametrize("command", [("select", "--manifest", SMALL), ("gpus",)])
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (NO_LIBRARY, "the driver's library libnvidia-ml is not here (NVML error 12)"),
        (DRIVER_MISMATCH, "the driver and its library are of different versions (NVML error 18)"),
        (Fault("nvmlInit", "crash"), "ended in nvmlInit"),
        (Fault("nvmlInit", "hang"), "did not answer within 2 s; it hangs in nvmlInit"),
    ],
    ids=["no library", "driver mismatch", "crash", "hang"],
)
def test_4_when_no_gpu_can_be_read(command, fault, told):
    code, out, err = run(fake("8xh100", fault), *command, "--nvml-timeout", "2")
    assert (4, "") == (code, out)
    assert err.startswith("nimprofile: no GPU could be read: ")
    assert told in err
    assert "--gpus 8xh100, or --inventory FILE" in err


# Visibility.


@pytest.mark.parametrize(
    ("environ", "gpus"),
    [
        ({"CUDA_VISIBLE_DEVICES": "2,3"}, [2, 3]),
        ({"NVIDIA_VISIBLE_DEVICES": "4,5,6,7"}, [4, 5]),
        ({"CUDA_VISIBLE_DEVICES": "GPU-00000006,GPU-00000001"}, [1, 6]),
        ({"NVIDIA_VISIBLE_DEVICES": "void"}, [0, 1]),
    ],
)
def test_only_visible_gpus_are_chosen(environ, gpus):
    code, out, err = run(fake("8xh100"), "select", "--manifest", SMALL, "--json", **environ)
    decision = json.loads(out)
    assert (0, gpus) == (code, decision["selected"]["gpus"])
    ((name, value),) = environ.items()
    assert (f"note: {name}={value} hides" in err) is (value != "void")


@pytest.mark.parametrize("machine", ["8xh100", "1xh100-7x1g.10gb", "4xh100-two-bridges"])
def test_what_is_printed_for_cuda_shows_just_the_chosen_gpus(machine):
    box = fake(machine)
    model = "llama-nemotron-embed-300m-v2" if "1g" in machine else SMALL
    _, out, _ = run(box, "select", "--manifest", model, "--json")
    chosen = json.loads(out)["selected"]
    again = run(box, "gpus", "--json", CUDA_VISIBLE_DEVICES=chosen["cuda_visible_devices"])
    offered = parse_inventory(again[1]).offered
    assert chosen["gpus"] == [gpu.index for gpu in offered]
    _, exports, _ = run(box, "select", "--manifest", model, "--format", "cuda")
    assert f"export CUDA_VISIBLE_DEVICES={chosen['cuda_visible_devices']}\n" == exports


# gpus.


def test_gpus_prints_everything_as_json():
    code, out, _ = run(fake("4xh100-two-bridges"), "gpus", "--json")
    assert 0 == code
    assert read_here("4xh100-two-bridges") == parse_inventory(out)


@pytest.mark.parametrize("machine", ["8xh100", "1xh100-7x1g.10gb"])
def test_a_recording_is_scrubbed_and_is_a_test_machine(machine, tmp_path, monkeypatch):
    box = load_inventory(MACHINES[machine])
    secret = "deadbeef-1234-5678-9abc-def012345678"
    gpus = [gpu.replace(uuid=f"{gpu.uuid[:4]}{gpu.index:08x}{secret}") for gpu in box.gpus]
    box = box.replace(gpus=tuple(gpus))
    path = tmp_path / "capture.json"
    hide = {"CUDA_VISIBLE_DEVICES": box.gpus[1].uuid} if "8x" in machine else {}
    code, out, err = run(FakeNvml(box), "gpus", "--record", str(path), **hide)
    assert (0, "") == (code, out)
    assert "recorded" in err
    text = path.read_text(encoding="utf-8")
    assert secret not in text
    capture = load_inventory(path)
    with FakeNvml(capture):
        found = discover(environ={})
    assert len(capture.gpus) == len(found.gpus)
    if not hide:
        assert capture == found
        assert 4 < len({gpu.uuid for gpu in found.gpus})


def test_a_recording_overwrites_nothing(tmp_path):
    path = tmp_path / "capture.json"
    path.write_text("mine")
    code, _, err = run(FakeNvml("1xt4"), "gpus", "--record", str(path))
    assert (3, "mine") == (code, path.read_text())
    assert err == f"nimprofile: {path}: is there already; name a new file\n"
    code, _, err = run(FakeNvml("1xt4"), "gpus", "--record", str(tmp_path / "no" / "file"))
    assert 3 == code
    assert "cannot be written" in err


def test_a_recording_can_go_to_standard_output():
    code, out, _ = run(FakeNvml("1xt4"), "gpus", "--record", "-")
    assert (0, 1) == (code, len(parse_inventory(out).gpus))


@pytest.mark.parametrize("value", ["0", "-1", "eight", "1.5", ""])
def test_expect_gpus_wants_a_number(value):
    code, _, err = run(FakeNvml("1xt4"), "gpus", f"--expect-gpus={value}")
    assert 2 == code
    assert "is no number of GPUs" in err


@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "inf", "3601"])
def test_the_timeout_wants_seconds(value):
    code, _, err = run(FakeNvml("1xt4"), "gpus", f"--nvml-timeout={value}")
    assert 2 == code
    assert "is no number of seconds up to 3600" in err


def test_standard_input_is_left_for_the_manifest():
    manifest = subprocess.check_output(
        [sys.executable, "-m", "nimprofile", "list", "--nim", "--manifest", SMALL, "--gpus=1xt4"],
        env=dict(os.environ),
    )
    done = subprocess.run(
        [sys.executable, "-m", "nimprofile", "select", "--manifest", "-"],
        env=fake("8xh100").environ,
        input=manifest,
        capture_output=True,
        check=False,
    )
    assert 0 == done.returncode
    assert b"tensorrt_llm-h100-fp8-tp2-pp1-latency" in done.stdout


def test_an_entrypoint_in_python_is_short():
    code = (
        "import os\n"
        "from nimprofile import Request, discover, load_manifest, select\n"
        f"manifest = load_manifest({LARGE!r})\n"
        "decision = select(manifest, discover(), Request.from_env(os.environ))\n"
        "print(decision.selected.profile.name)"
    )
    out = subprocess.check_output(
        [sys.executable, "-c", code], env=fake("8xh100").environ, text=True
    )
    assert "tensorrt_llm-h100-fp8-tp8-pp1-latency\n" == out


def test_a_mocked_machine_needs_no_driver():
    with FakeNvml(Inventory(), NO_LIBRARY):
        assert 8 == len(mock_inventory("8xh100").offered)


def test_with_standard_error_closed_nothing_else_comes_to_standard_output():
    command = f"{sys.executable} -m nimprofile select --manifest {LARGE} --format id 2>&-"
    done = subprocess.run(
        ["bash", "-c", command],
        env=fake("8xh100", lost(5)).environ,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (0, 65) == (done.returncode, len(done.stdout))


def test_a_slow_driver_with_standard_error_closed_is_waited_for():
    box = fake("8xh100", Fault("nvmlInit", "slow", delay=1.2))
    command = f"{sys.executable} -m nimprofile gpus 2>&-"
    done = subprocess.run(
        ["bash", "-c", command], env=box.environ, stdout=subprocess.PIPE, text=True, check=False
    )
    assert (0, 8) == (done.returncode, len(done.stdout.splitlines()))


@pytest.mark.parametrize("command", [("gpus",), ("list", "--manifest", LARGE)])
def test_in_a_pipe_what_is_wrong_is_said_on_standard_error(command):
    box = fake("8xh100", lost(5))
    code, _, err = run(box, *command, CUDA_VISIBLE_DEVICES="0,1,2,3,4,GPU-00000009")
    assert 0 == code
    assert "note: CUDA_VISIBLE_DEVICES=" in err
    code, _, err = run(box, *command)
    assert (0, True) == (code, "GPU 5" in err and "GPU is lost" in err)


def test_gpus_exits_with_4_when_none_can_be_used():
    code, out, err = run(fake("4xl40s", *map(lost, range(4))), "gpus")
    assert (4, 4) == (code, len(out.splitlines()))
    assert "GPUs 0-3 are unavailable: GPU is lost\n" == err


def test_an_explanation_of_too_few_gpus_names_the_missing_one():
    name = "tensorrt_llm-h100-fp8-tp8-pp1-latency"
    code, out, err = run(fake("8xh100", lost(5)), "explain", "--manifest", LARGE, name)
    assert 0 == code
    assert "there are 7 × NVIDIA H100 80GB HBM3, and GPU 5 does not answer" in out
    assert "GPU 5 to answer again, or 1 more NVIDIA H100 80GB HBM3" in out
    assert "would be selected if GPU 5 answered" in err


def test_on_the_machine_itself_env_shows_the_engine_its_gpus_too():
    _, out, _ = run(fake("4xh100-two-bridges"), "select", "--manifest", SMALL, "--format", "env")
    pin, devices = out.splitlines()
    assert pin.startswith("export NIM_MODEL_PROFILE=")
    assert "export CUDA_VISIBLE_DEVICES=GPU-00000000-" in devices
    mocked = run(fake("1xt4"), "select", "--manifest", SMALL, "--gpus", "2xh100", "--format", "env")
    assert 1 == len(mocked[1].splitlines())


def test_an_instance_that_cannot_be_named_to_cuda_is_an_error_only_where_it_must_be():
    box = load_inventory(MACHINES["1xh100-7x1g.10gb"])
    box = box.replace(gpus=tuple(gpu.replace(uuid=None) for gpu in box.gpus))
    model = ("--manifest", "llama-nemotron-embed-300m-v2")
    code, out, _ = run(FakeNvml(box), "select", *model)
    assert 0 == code
    assert "cuda     a MIG instance whose UUID is unknown cannot be named to CUDA" in out
    assert (
        None
        is json.loads(run(FakeNvml(box), "select", *model, "--json")[1])["selected"][
            "cuda_visible_devices"
        ]
    )
    code, _, err = run(FakeNvml(box), "select", *model, "--format", "cuda")
    assert 3 == code
    assert "cannot be named to CUDA" in err


def test_a_recording_of_a_box_that_hangs_is_a_test_machine(tmp_path):
    path = tmp_path / "hang.json"
    box = fake("8xh100", hanging(3))
    assert 0 == run(box, "gpus", "--record", str(path), "--nvml-timeout", "2")[0]
    with FakeNvml(load_inventory(path)):
        inventory = discover(timeout=1.5, environ={})
    assert [3] == [gpu.index for gpu in inventory.unavailable]


@pytest.mark.parametrize("stderr", ["/dev/full", "pipe"])
@pytest.mark.parametrize(
    ("argv", "code", "lines"),
    [
        (("select", "--manifest", LARGE, "--format", "id"), 0, 1),
        (("select", "--manifest", "nowhere.yaml"), 3, 0),
        (("gpus", "--expect-gpus", "3"), 5, 0),
    ],
    ids=["select", "bad manifest", "expect"],
)
def test_nobody_to_talk_to_changes_neither_answer_nor_exit_code(argv, code, lines, stderr):
    read, write = os.pipe()
    os.close(read)  # a reader that went away
    with open("/dev/full" if stderr == "/dev/full" else write, "w") as nobody:
        done = subprocess.run(
            [sys.executable, "-m", "nimprofile", *argv],
            env=fake("8xh100", lost(5)).environ,
            stdout=subprocess.PIPE,
            stderr=nobody,
            check=False,
        )
    if stderr == "/dev/full":
        os.close(write)
    assert (code, lines) == (done.returncode, len(done.stdout.splitlines()))


@pytest.mark.parametrize("option", ["--manifest", "--inventory"])
def test_a_closed_standard_input_is_said_to_be(option):
    other = f"--manifest {SMALL}" if option == "--inventory" else "--gpus 1xt4"
    command = f"{sys.executable} -m nimprofile select {other} {option} - <&-"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (3, "nimprofile: <stdin>: standard input is closed\n") == (done.returncode, done.stderr)


def test_half_of_what_must_be_exported_is_not_exported():
    box = load_inventory(MACHINES["1xh100-7x1g.10gb"])
    box = box.replace(gpus=tuple(gpu.replace(uuid=None) for gpu in box.gpus))
    model = ("--manifest", "llama-nemotron-embed-300m-v2")
    assert (3, "") == run(FakeNvml(box), "select", *model, "--format", "env")[:2]
