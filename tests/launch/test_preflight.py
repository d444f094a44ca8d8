"""Is what keeps a server from starting found before, and what is doubtful said?

`tests/cli/processes/test_exec.py` has the same as processes; here are the cases that a test machine has not.
"""

import os
from types import SimpleNamespace

import pytest

from nimprofile import Server, Setup, job_of, mock_inventory, select
from nimprofile.launch import preflight
from nimprofile.launch.planning import plan_of
from nimprofile.launch.preflight import host_problems
from tests.support.launch.cases import manifest_of


def found(server="vllm", machine="2xh100", environ=None, **setup):
    """The problems of a job of two GPUs, but for those of the PATH and the ports."""
    manifest = manifest_of("vllm", {"tp": machine[0]})
    job = job_of(select(manifest, mock_inventory(machine)), manifest, Setup(server, **setup))
    seen = host_problems(job, plan_of(job), {"HF_HUB_OFFLINE": "1"} | (environ or {}))
    return [each for each in seen if "PATH" not in each.problem and "port" not in each.problem]


def shared_memory(monkeypatch, mib):
    size = SimpleNamespace(f_frsize=1 << 20, f_blocks=mib)
    monkeypatch.setattr(os, "statvfs", lambda path: size)


def test_little_shared_memory_is_doubtful_for_several_gpus(monkeypatch):
    shared_memory(monkeypatch, 64)
    (problem,) = found()
    assert not problem.fatal
    assert str(problem) == (
        "/dev/shm has 64 MiB, and the ranks of an engine talk through it: start the container "
        "with --ipc=host or --shm-size=16g"
    )
    assert [] == found(machine="1xh100")


def test_a_variable_by_which_vllm_starts_several_copies_keeps_it_from_starting(monkeypatch):
    shared_memory(monkeypatch, 16 << 10)
    (problem,) = found(environ={"VLLM_DP_SIZE": "4"})
    assert problem.fatal
    assert (
        "VLLM_DP_SIZE is set, and vLLM would want GPUs for as many copies of the model: unset it: "
        "the profile was judged for one (vllm/envs.py, config/parallel.py)"
    ) == str(problem)
    assert [] == found(environ={"VLLM_DP_SIZE": "1"})
    assert [] == found(environ={"VLLM_DP_SIZE": ""})


def test_enough_shared_memory_is_no_matter(monkeypatch):
    shared_memory(monkeypatch, 16 << 10)
    assert [] == found()


def test_a_host_without_shared_memory_is_left_alone(monkeypatch):
    def absent(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "statvfs", absent)
    assert [] == found()


def test_a_nim_without_its_key_is_doubtful():
    (problem,) = found("nim")
    assert (False, "NGC_API_KEY is not set") == (problem.fatal, problem.problem)
    assert [] == found("nim", environ={"NGC_API_KEY": "k"})


@pytest.mark.parametrize(
    ("environ", "folder", "variable"),
    [
        ({"HF_HUB_CACHE": "/proc/sys/a"}, "/proc/sys/a", "HF_HUB_CACHE"),
        ({"HF_HOME": "/proc/sys"}, "/proc/sys/hub", "HF_HOME"),
        ({"XDG_CACHE_HOME": "/proc/sys"}, "/proc/sys/huggingface/hub", "HF_HOME"),
        ({"HOME": "/proc/sys"}, "/proc/sys/.cache/huggingface/hub", "HF_HOME"),
    ],
)
def test_the_cache_is_where_huggingface_hub_has_it(environ, folder, variable):
    (problem,) = found(machine="1xh100", environ={"HF_HUB_OFFLINE": "0"} | environ)
    assert problem.fatal
    assert f"the cache {folder} cannot be written (/proc/sys: " in problem.problem
    assert problem.fix.endswith(f"or name another with {variable}")


def test_a_nims_cache_is_the_directory_that_is_mounted():
    environ = {"NGC_API_KEY": "k"}
    (problem,) = found("nim", environ=environ, cache="/proc/sys/cache")
    assert problem.problem.startswith("the cache /proc/sys/cache cannot be written")
    assert problem.fix.endswith("or name another with --cache")


def folder_of(tmp_path, *names, index=None):
    for name in ("config.json", *names):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    if index is not None:
        path = tmp_path / "model.safetensors.index.json"
        path.write_text(index, encoding="utf-8")
    return str(tmp_path)


def test_a_directory_with_a_config_alone_has_no_weights(tmp_path):
    folder = folder_of(tmp_path, "tokenizer.json")
    setup = {"model": folder, "shape": manifest_of("vllm", {}).checkpoints[0].shape}
    (problem,) = found(machine="1xh100", **setup)
    assert problem.fatal
    assert (
        f"the weights are to be in {folder}, and it has no weights (*.safetensors, *.bin, …) "
        "beside its config.json: fetch them (`hf download NAME --local-dir DIR`), mount them "
        "there, or name another with --model or NIM_MODEL_PATH"
    ) == str(problem)
    for name in ("model.safetensors", "pytorch_model.bin", "consolidated.00.pth", "a.gguf"):
        folder_of(tmp_path, name)
        assert [] == found(machine="1xh100", **setup)
        (tmp_path / name).unlink()


@pytest.mark.parametrize(
    ("index", "missing"),
    [
        ('{"weight_map": {"a": "a.safetensors"}}', None),
        ('{"weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}', "no b.safetensors, of"),
        ('{"weight_map": {"b": "b.safetensors", "c": "c.safetensors"}}', "and 1 more, of which"),
        ("[", None),
        ("[]", None),
        ('{"weight_map": []}', None),
    ],
)
def test_every_file_that_an_index_names_is_there(tmp_path, index, missing):
    folder = folder_of(tmp_path, "a.safetensors", index=index)
    shape = manifest_of("vllm", {}).checkpoints[0].shape
    problems = found(machine="1xh100", model=folder, shape=shape)
    assert [] == problems if missing is None else missing in problems[0].problem


def test_every_server_has_a_program_to_look_for():
    from nimprofile.launch.server_spec import server_spec

    assert all(server_spec(server).program for server in Server)


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("#!/bin/sh\nexec sleep 600\n", id="that hangs"),
        pytest.param("#!/no/such/interpreter\n", id="that cannot be started"),
        pytest.param("\0", id="that is none"),
    ],
)
def test_a_python_that_cannot_be_asked_for_a_module_is_left_to_the_start(
    tmp_path, monkeypatch, program
):
    python = tmp_path / "python"
    python.write_text(program)
    python.chmod(0o755)
    monkeypatch.setattr("nimprofile.launch.preflight.PATIENCE", 0.2)
    assert preflight._has_module(str(python), "sglang")


def test_what_a_python_prints_that_is_asked_for_a_module_is_not_ours(tmp_path, capfd):
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho out; echo err >&2; exit 1\n")
    python.chmod(0o755)
    assert not preflight._has_module(str(python), "sglang")
    assert ("", "") == capfd.readouterr()
