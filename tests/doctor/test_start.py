"""What `exec` looks for before a start is found by the doctor in the same words."""

import pytest

from nimprofile.doctor import start
from nimprofile.doctor.finding import Finding, Status
from nimprofile.doctor.problems import NO_PROFILE, findings_of
from nimprofile.launch.preflight import HostProblem, host_problems
from tests.support.doctor.subjects import host, served, told


def test_a_problem_that_is_fatal_is_a_failure_and_another_a_warning():
    problems = [HostProblem("a", "b"), HostProblem("c", "d", fatal=False)]
    expected = [
        Finding("x", Status.FAILED, "a", fix="b"),
        Finding("x", Status.WARNING, "c", fix="d"),
    ]
    assert expected == [*findings_of("x", problems, "well")]
    assert [Finding("x", Status.OK, "well")] == [*findings_of("x", [], "well")]


@pytest.mark.parametrize("check", [start.program, start.weights, start.files, start.variables])
def test_without_a_profile_they_are_skipped(check):
    assert [("skipped", NO_PROFILE)] == told(check(host()))


def test_a_program_that_is_missing_is_told_as_exec_does():
    subject = served(environ={"PATH": "/nowhere"})
    (finding,) = start.program(subject)
    problem = next(host_problems(subject.job, subject.plan, subject.environ))
    assert ("failed", problem.problem, problem.fix) == (
        finding.status,
        finding.finding,
        finding.fix,
    )


def test_a_nim_is_not_installed_but_docker_is():
    (finding,) = start.program(served("nim", environ={"PATH": "/nowhere"}))
    assert "there is no docker on the PATH" == finding.finding
    assert finding.fix.startswith("install Docker and the NVIDIA Container Toolkit")


def test_weights_of_a_repository_are_named():
    expected = "they are meta-llama/Llama-3.1-8B-Instruct of a repository"
    assert [("ok", expected)] == told(start.weights(served()))


def test_the_weights_of_a_nim_are_its_own():
    assert [("ok", "the NIM has them")] == told(start.weights(served("nim")))


def test_a_directory_without_weights_is_a_failure(tmp_path):
    subject = served()
    job = subject.job.replace(model=str(tmp_path))
    (finding,) = start.weights(subject.replace(job=job))
    assert "failed" == finding.status
    assert f"the weights are to be in {tmp_path}, and it has no config.json" == finding.finding


def test_adapters_that_are_missing_are_told_beside_the_weights(tmp_path):
    tags = {"feat_lora": "true"}
    subject = served(tags=tags, peft_source=str(tmp_path / "none"))
    assert ["ok", "failed"] == [each.status for each in start.weights(subject)]


def test_files_of_the_plan_are_named(tmp_path):
    (finding,) = start.files(served("triton", engine="vllm", folder=str(tmp_path)))
    assert "ok" == finding.status
    assert str(tmp_path) in finding.finding


def test_a_folder_of_files_that_cannot_be_written_is_a_failure():
    (finding, *_) = start.files(served("triton", engine="vllm", folder="/proc/sys/none"))
    assert "failed" == finding.status
    assert "name another directory with --dir" == finding.fix


def test_a_server_without_files_needs_no_folder():
    assert ["skipped"] == [each.status for each in start.files(served())]


def test_variables_of_vllm_are_looked_at_for_vllm_alone():
    environ = {"VLLM_DP_SIZE": "4"}
    assert ["failed"] == [each.status for each in start.variables(served(environ=environ))]
    assert ["ok"] == [each.status for each in start.variables(served())]
    assert ["skipped"] == [each.status for each in start.variables(served("nim", environ=environ))]
