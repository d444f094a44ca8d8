"""The exit codes of the command line, and the program as a whole process."""

import json

import pytest

from nimprofile import ManifestError, parse_manifest as parse
from nimprofile.testing import NO_LIBRARY, FakeNvml
from tests.support.command_line import ID_BF16, ID_FP8, MANIFEST, process

# Exit codes.


def test_1_when_no_profile_runs_with_a_histogram_on_stderr(run, manifest):
    code, out, err = run("select", "--manifest", manifest, "--gpus", "1xgtx1080")
    assert (1, "") == (code, out)
    assert err.startswith("No profile found for the detected hardware: 0 of 2 profiles run on")
    assert "2 × compute capability too low for the precision" in err


def test_json_is_printed_even_when_no_profile_runs(run, manifest):
    code, out, err = run("select", "--manifest", manifest, "--gpus", "1xgtx1080", "--json")
    assert (1, None, 3) == (code, (data := json.loads(out))["selected"], len(data["rejected"]))
    assert err.startswith("No profile found")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        pytest.param(
            ("select", "--manifest", "m", "--gpus", "1xt4", "--prefer", "speed"),
            "--prefer: 'speed' is not a criterion",
            id="prefer",
        ),
        pytest.param(
            ("select", "--manifest", "-", "--inventory", "-"),
            "only one of --manifest and --inventory can be standard input",
            id="standard input twice",
        ),
        pytest.param(
            ("gpus", "--known", "--gpus", "1xt4"),
            "--known prints the catalogue; leave --gpus, --inventory and --record out",
            id="catalogue and GPUs",
        ),
        pytest.param(
            ("gpus", "--known", "--inventory", "-"),
            "--known prints the catalogue; leave --gpus, --inventory and --record out",
            id="catalogue and inventory",
        ),
    ],
)
def test_2_for_options_that_do_not_go_together_or_cannot_be_read(run, argv, message):
    code, out, err = run(*argv)
    assert (2, "") == (code, out)
    assert err.startswith(f"nimprofile: {message}")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(("--manifest", "nope"), "nope: no such file, and no bundled", id="manifest"),
        pytest.param(("--gpus", "1xh1000"), "'h1000' is not a known GPU", id="GPU"),
        pytest.param(("--gpus", "0xt4"), "'0xt4': a machine has 1 to 1024 GPUs", id="no GPU"),
        pytest.param(("--profile", "nope"), "--profile: 'nope' is not a profile", id="pin"),
        pytest.param(("--profile", "auto"), "--profile: 'auto' is not a profile", id="auto"),
    ],
)
def test_3_for_a_bad_manifest_machine_or_override(run, manifest, options, message):
    defaults = {"--manifest": manifest, "--gpus": "1xh100"} | dict([options])
    code, out, err = run("select", *(word for pair in defaults.items() for word in pair))
    assert (3, "") == (code, out)
    assert err.startswith(f"nimprofile: {message}")


def test_3_for_a_bad_inventory(run, manifest, tmp_path):
    path = tmp_path / "box.json"
    path.write_text('{"gpus": [{"memory_total_mib": "much"}]}', encoding="utf-8")
    code, out, err = run("select", "--manifest", manifest, "--inventory", path)
    assert (3, "") == (code, out)
    assert f"nimprofile: {path}: gpus[0].memory_total_mib: " in err


def test_3_for_a_pin_that_is_refused_with_its_reasons(run, manifest):
    options = ("--manifest", manifest, "--gpus", "1xh100", "--profile", ID_FP8)
    code, out, err = run("select", *options)
    assert (3, "") == (code, out)
    assert [
        f"--profile={ID_FP8} is refused: vllm-fp8-tp2-pp1-10.0 does not run here.",
        "  needs 2 GPUs of one product; there is 1 × NVIDIA H100 80GB HBM3",
        "  to change: 1 more NVIDIA H100 80GB HBM3",
    ] == err.splitlines()


def test_3_for_a_variable_that_cannot_be_read(run, manifest, monkeypatch):
    monkeypatch.setenv("NIM_RELAX_MEM_CONSTRAINTS", "maybe")
    code, _, err = run("select", "--manifest", manifest, "--gpus", "1xh100")
    assert (3, "nimprofile: NIM_RELAX_MEM_CONSTRAINTS='maybe' is neither 0 nor 1\n") == (code, err)


@pytest.mark.parametrize("command", ["select", "list", "explain"])
def test_4_when_there_is_no_gpu_to_read(run, manifest, command):
    with FakeNvml("1xt4", NO_LIBRARY):
        code, out, err = run(command, "--manifest", manifest)
    assert (4, "") == (code, out)
    assert err.startswith("nimprofile: no GPU could be read")


@pytest.mark.parametrize("command", ["select", "list", "explain"])
def test_4_when_the_inventory_has_no_gpu(run, manifest, tmp_path, command):
    path = tmp_path / "box.json"
    path.write_text('{"gpus": []}', encoding="utf-8")
    code, out, err = run(command, "--manifest", manifest, "--inventory", path)
    assert (4, "") == (code, out)
    assert "nimprofile: no GPU could be read: the inventory has none\n" == err


@pytest.fixture
def gone(tmp_path, monkeypatch):
    """The working directory is one that is not there any more."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()


BUNDLED = ("--manifest", "llama-3.1-8b-instruct", "--gpus", "1xh100")
STARTING = [["launch"], ["render", "k8s"], ["render", "docker"], ["render", "compose"]]


@pytest.mark.usefixtures("gone")
@pytest.mark.parametrize("command", STARTING)
def test_0_when_the_working_directory_is_gone_and_not_needed(run, command):
    assert 0 == run(*command, *BUNDLED, "--server", "vllm")[0]


@pytest.mark.usefixtures("gone")
@pytest.mark.parametrize(
    ("command", "path"),
    [
        ("launch --server vllm --adapters lora", "lora"),
        ("launch --server triton", "."),
        ("launch --server tensorrt_llm --engine tensorrt_llm --precision bf16", "."),
        ("render k8s --server vllm --adapters lora", "lora"),
        ("render compose --server vllm --cache here", "here"),
        ("render docker --server vllm --cache here", "here"),
        ("render docker --server triton", "./."),
    ],
)
def test_3_when_the_working_directory_is_gone_and_needed(run, command, path):
    code, out, err = run(*command.split(), *BUNDLED)
    assert (3, "") == (code, out)
    said = "begins at the working directory, which is not there any more"
    assert err.startswith(f"nimprofile: {path} {said}")


def test_4_from_gpus_too(run):
    with FakeNvml("1xt4", NO_LIBRARY):
        assert 4 == run("gpus")[0]


def test_130_when_interrupted(run, monkeypatch):
    def interrupt(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("nimprofile.manifest.reader.load_manifest", interrupt)
    assert (130, "", "") == run("select", "--manifest", "x", "--gpus", "1xt4")


# Whole processes.


def test_the_module_runs_as_a_program():
    done = process("select", "--manifest", "llama-3.1-70b-instruct", "--gpus", "8xh100")
    assert (0, b"") == (done.returncode, done.stderr)
    assert done.stdout.startswith(b"profile  tensorrt_llm-h100-fp8-tp8-pp1-latency\n")


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("select", "--manifest", "llama-3.1-8b-instruct", "--gpus", "1xt600"), 1),
        (("select", "--nonsense"), 2),
        (("select", "--manifest", "nope", "--gpus", "1xt4"), 3),
        (("gpus",), 4),
    ],
)
def test_a_process_ends_with_its_exit_code_and_no_traceback(argv, code):
    done = process(*argv)
    assert (code, b"") == (done.returncode, done.stdout)
    assert b"Traceback" not in done.stderr


def test_a_process_reads_a_manifest_from_its_standard_input():
    argv = ("select", "--manifest", "-", "--gpus", "1xh100", "--format", "id")
    assert f"{ID_BF16}\n".encode() == process(*argv, stdin=MANIFEST.encode()).stdout


def test_a_process_obeys_nims_variables(manifest):
    argv = ("select", "--manifest", manifest, "--gpus", "2xh100", "--format", "id")
    assert f"{ID_BF16}\n".encode() == process(*argv, NIM_MODEL_PROFILE=ID_BF16).stdout


def test_an_error_of_ours_never_reaches_the_caller_as_a_traceback(run, tmp_path):
    path = tmp_path / "m.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    code, out, err = run("select", "--manifest", path, "--gpus", "1xt4")
    assert (3, "") == (code, out)
    with pytest.raises(ManifestError):
        parse("[")
    assert err.startswith(f"nimprofile: {path}:1: not a text file")
