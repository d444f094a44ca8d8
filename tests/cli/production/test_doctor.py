"""`nimprofile doctor`: what is examined, as whom, and what its exit code says."""

import json
import os
import shutil
import socket
import subprocess
import sys

import pytest

from nimprofile import mock_inventory
from nimprofile.cli.arguments import read_arguments
from nimprofile.cli.main import build_parser
from nimprofile.cli.production import doctor as module
from nimprofile.doctor.finding import Finding
from nimprofile.doctor.subject import Subject
from tests.support.command_line import environment
from tests.support.paths import ROOT

MOUNTS = ROOT / "tests" / "support" / "doctor" / "mounts.py"
LLAMA = ("--manifest", "llama-3.1-8b-instruct", "--gpus", "2xh100")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """No disk is kept busy to learn of its speed."""
    monkeypatch.setattr("nimprofile.doctor.files.speed.MOST_WRITTEN", 1 << 12)
    monkeypatch.setattr("nimprofile.doctor.files.speed.BLOCK", 1 << 12)


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """A host with a program called docker, whose cache can be written."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "docker").write_text("#!/bin/sh\n", encoding="utf-8")
    (folder / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("NGC_API_KEY", "nvapi-" + "Ab1_" * 16)
    with socket.socket() as probe:  # 8000 may be that of somebody else here
        probe.bind(("", 0))
        monkeypatch.setenv("NIM_SERVER_PORT", str(probe.getsockname()[1]))
    cache = tmp_path / "cache"
    cache.mkdir()
    return str(cache)


@pytest.fixture
def examined(run):
    """The exit code of a command line, and the findings of each check."""

    def examined(*argv):
        code, out, err = run("doctor", *argv, "--json")
        printed = json.loads(out)
        assert "findings" in printed, err
        assert printed["starts"] == (code == 0)
        found = {}
        for each in printed["findings"]:
            found.setdefault(each["check"], []).append(each)
        return code, found

    return examined


def statuses(found, check):
    return [each["status"] for each in found[check]]


def test_a_host_that_is_well_is_0(run, docker):
    code, out, err = run("doctor", *LLAMA, "--server", "nim", "--cache", docker)
    assert (0, "") == (code, err)
    rows = [line.split("\t") for line in out.splitlines()]
    assert ["profile", "ok"] == rows[0][:2]
    assert "failed" not in {row[1] for row in rows[:-1]}
    assert " ok" in rows[-1][0]
    assert [] == os.listdir(docker), "what was written to try it is gone"


def test_a_host_with_a_fault_is_6_with_what_to_do(examined, docker, monkeypatch):
    monkeypatch.setattr("nimprofile.hardware.host.Host.in_container", lambda self: False)
    os.rmdir(docker)
    code, found = examined(*LLAMA, "--server", "nim", "--cache", docker, "--uid", "1000:1000")
    assert 6 == code
    (failed,) = found["cache"]
    assert ("failed", f"mkdir -p {docker} && chown 1000:1000 {docker}") == (
        failed["status"],
        failed["fix"],
    )


def test_without_a_manifest_the_host_alone_is_examined(examined, docker):
    code, found = examined("--gpus", "2xh100", "--cache", docker)
    assert 0 == code
    assert ["skipped"] == statuses(found, "profile")
    assert ["skipped"] == statuses(found, "program")
    assert "ok" == statuses(found, "cache")[0]


def test_a_machine_without_gpus_is_a_finding(examined, tmp_path):
    empty = tmp_path / "box.json"
    empty.write_text('{"schema_version": "1.0", "gpus": []}', encoding="utf-8")
    code, found = examined("--manifest", "llama-3.1-8b-instruct", "--inventory", empty)
    assert 6 == code
    assert [
        ("failed", "no GPU could be read: the inventory has none"),
    ] == [(each["status"], each["finding"]) for each in found["gpus"] if each["fix"]][:1]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--tp", "3"), "No profile found for what is asked"),
        (("--profile", "nonesuch"), "nonesuch"),
        (("--engine", "vllm", "--", "--tensor-parallel-size", "7"), "it cannot be started: your"),
    ],
)
def test_what_cannot_be_selected_or_started_is_a_finding(run, more, says):
    words = (*LLAMA, *more) if "--" not in more else (*LLAMA, *more[:2], *more[2:])
    code, out, _ = run("doctor", *words)
    assert 6 == code
    (row,) = [line for line in out.splitlines() if line.startswith("profile\tfailed")]
    assert says in row


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (("--manifest", "nonesuch", "--gpus", "1xh100"), 3),
        (("--gpus", "nonesuch"), 3),
        (("--uid", "me"), 2),
        (("--uid", "1:2:3"), 2),
        (("--timeout", "0"), 2),
    ],
)
def test_what_cannot_be_read_is_no_finding(run, argv, code):
    assert code == run("doctor", *argv)[0]


@pytest.mark.parametrize(
    ("argv", "uid"),
    [
        ((), 1000),
        (("--server", "nim"), 1000),
        (("--server", "nim", "--cache", "/nowhere"), os.geteuid()),
        (("--engine", "vllm"), os.geteuid()),
        (("--engine", "vllm", "--uid", "77"), 77),
        (("--server", "nim", "--uid", "77:78"), 77),
    ],
)
def test_the_user_is_the_one_that_the_server_runs_as(run, monkeypatch, argv, uid):
    monkeypatch.setattr("nimprofile.hardware.host.Host.in_container", lambda self: False)
    manifest = LLAMA if argv else LLAMA[2:]
    out = run("doctor", *manifest, *argv, "--json", "--timeout", "0.01")[1]
    assert uid == json.loads(out)["uid"]


def test_inside_of_a_container_the_user_is_the_one_who_asks(run, monkeypatch):
    monkeypatch.setattr("nimprofile.hardware.host.Host.in_container", lambda self: True)
    assert os.geteuid() == json.loads(run("doctor", *LLAMA[2:], "--json")[1])["uid"]


def test_a_manifest_that_hangs_is_a_finding_and_the_host_is_examined(examined, monkeypatch):
    def hangs(arguments):
        import threading

        threading.Event().wait()
        yield

    monkeypatch.setattr(module, "_made", hangs)
    code, found = examined("--gpus", "1xh100", "--timeout", "0.05", "--nvml-timeout", "0.05")
    assert 0 == code
    assert ["unknown"] == statuses(found, "profile")


def made(*argv):
    """What is known of the subject at last, and the findings on the way to it."""
    words, extra = [*argv], ()
    if "--" in words:
        words, extra = words[: words.index("--")], words[words.index("--") + 1 :]
    _, arguments = read_arguments(build_parser("doctor"), ["doctor", *words], {"extra": extra})
    values = [*module._made(arguments)]
    subjects = [value for value in values if isinstance(value, Subject)]
    found = [(str(each.status), each.finding) for each in values if isinstance(each, Finding)]
    return subjects[-1], found


def test_the_subject_has_all_that_is_to_be_started():
    subject, found = made(*LLAMA, "--engine", "vllm", "--online", "--timeout", "3")
    assert [("ok", "vllm-bf16-tp2-pp1 is selected, on GPUs 0-1")] == found
    assert ("vllm", 2, "serve") == (subject.job.server, len(subject.job.gpus), subject.plan.argv[1])
    assert subject.manifest.source.endswith("llama-3.1-8b-instruct.yaml")
    assert (True, False, 3.0) == (subject.online, subject.this_machine, subject.seconds)
    assert subject.inventory == subject.decision.inventory


def test_a_host_alone_has_its_machine():
    subject, found = made("--gpus", "2xh100")
    assert (2, None) == (len(subject.inventory.gpus), subject.job)
    assert ["skipped"] == [status for status, _ in found]


@pytest.mark.parametrize(
    ("more", "says", "known"),
    [
        (("--tp", "3"), "No profile found for what is asked", True),
        (("--profile", "nonesuch"), "nonesuch", False),
        (("--expect-gpus", "8"), "--expect-gpus 8: 2 can be used", False),
        (
            ("--engine", "vllm", "--", "--tensor-parallel-size", "7"),
            "it cannot be started: your --tensor-parallel-size 7",
            False,
        ),
    ],
)
def test_on_the_way_what_is_wrong_is_told_in_one_line(more, says, known):
    subject, found = made(*LLAMA, *more)
    ((status, finding),) = found
    assert ("failed", known, None) == (status, subject.decision is not None, subject.job)
    assert says in finding
    assert "\n" not in finding


def test_no_secret_of_the_environment_is_told(run, docker, monkeypatch):
    key = os.environ["NGC_API_KEY"]
    monkeypatch.setenv("NIM_MODEL_PROFILE", key)
    for more in ((), ("--json",)):
        _, out, err = run("doctor", *LLAMA, "--server", "nim", "--cache", docker, *more)
        assert key not in out + err


def test_notes_on_the_way_are_told(run, docker):
    _, _, err = run("doctor", *LLAMA, "--server", "nim", "--cache", docker, "--policy", "nim-2.0")
    assert "nim-2.0" not in err or err.startswith(("note: ", "warning: "))


def in_a_name_space(tmp_path, kind, *argv, folder=None, gpus="1xh100"):
    """The exit code and the findings of the doctor, in a name space where a folder is a fault."""
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare, which makes a name space of its own")
    folder = folder or tmp_path / "fault"
    os.makedirs(folder, exist_ok=True)
    words = [sys.executable, "-m", "nimprofile", "doctor", "--gpus", gpus, "--json"]
    words += [word.replace("FOLDER", str(folder)) for word in argv]
    done = subprocess.run(
        ["unshare", "-rm", sys.executable, MOUNTS, kind, folder, *words],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if "unshare" in done.stderr or "cannot mount" in done.stderr or "/dev/fuse" in done.stderr:
        pytest.skip(f"this machine lets nobody mount: {done.stderr.strip().splitlines()[-1]}")
    return done.returncode, json.loads(done.stdout)["findings"]


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("read-only", "making a directory: Read-only file system"),
        ("full", "writing to a file: No space left on device"),
    ],
)
def test_a_mount_that_takes_nothing_is_found_whatever_its_mode_says(tmp_path, kind, says):
    code, findings = in_a_name_space(tmp_path, kind, "--cache", "FOLDER", "--uid", "0")
    assert 6 == code
    (failed,) = [each for each in findings if each["status"] == "failed"]
    assert "cache" == failed["check"]
    assert failed["finding"].endswith(says), failed["finding"]
    assert failed["fix"].endswith("or name another directory with --cache")


def test_a_mount_that_hangs_hangs_no_check_but_its_own(tmp_path):
    argv = ("--cache", "FOLDER", "--uid", "0", "--timeout", "0.2")
    code, findings = in_a_name_space(tmp_path, "hung", *argv)
    assert 0 == code
    late = "there was no answer within 0.2 s"
    unknown = {each["check"] for each in findings if each["finding"] == late}
    assert {"cache", "space", "read speed", "leftovers"} <= unknown


def test_a_small_dev_shm_is_found_for_several_gpus(tmp_path):
    shm = "/dev/shm"
    argv = ("--manifest", "llama-3.1-8b-instruct", "--engine", "vllm", "--tp", "2")
    _, findings = in_a_name_space(tmp_path, "small", *argv, folder=shm, gpus="2xh100")
    (warning,) = [each for each in findings if each["check"] == "shared memory"]
    assert ("warning", "start the container with --ipc=host or --shm-size=16g") == (
        warning["status"],
        warning["fix"],
    )
    assert warning["finding"].startswith("/dev/shm has 0 MiB, and the ranks of an engine")


HOSTILE = "a\x1b[31m\nfailed\u202e"


def test_names_of_others_steer_no_terminal_and_begin_no_line(run, tmp_path):
    folder = tmp_path / HOSTILE
    folder.mkdir()
    (folder / f"{HOSTILE}.incomplete").touch()
    _, out, err = run("doctor", *LLAMA[2:], "--cache", str(folder))
    assert (out + err).replace("\n", "").replace("\t", "").isprintable()
    assert not any(line.startswith("failed") for line in out.splitlines())
    _, out, _ = run("doctor", *LLAMA[2:], "--cache", str(folder), "--json")
    assert out.isascii()


def test_a_manifest_on_a_mount_that_hangs_is_a_finding(tmp_path):
    argv = ("--manifest", "FOLDER/m.yaml", "--timeout", "0.1", "--nvml-timeout", "0.1")
    code, findings = in_a_name_space(tmp_path, "hung", *argv)
    assert 0 == code
    assert "nothing could be selected: there was no answer within 0.2 s" == findings[0]["finding"]


def test_a_port_that_is_held_and_a_key_that_cannot_be_are_6(examined, docker, monkeypatch):
    monkeypatch.setenv("NGC_API_KEY", "<your-key>")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = str(held.getsockname()[1])
        code, found = examined(*LLAMA, "--server", "nim", "--cache", docker, "--port", port)
    assert 6 == code
    assert (["failed"], ["failed"]) == (statuses(found, "port"), statuses(found, "ngc key"))
    # By the process of another check, perhaps, which begins as a copy of this one.
    assert "; process " in found["port"][0]["finding"]


def test_a_driver_and_a_fabric_that_are_not_up_to_it_are_6(examined, docker, tmp_path):
    box = mock_inventory("2xh100").to_dict()
    box["driver_version"] = "470.57.02"
    for gpu in box["gpus"]:
        gpu["health_issues"] = ["its NVLink fabric is not started"]
    path = tmp_path / "box.json"
    path.write_text(json.dumps(box), encoding="utf-8")
    words = ("--manifest", "llama-3.1-8b-instruct", "--inventory", path, "--server", "nim")
    image = "nvcr.io/nim/meta/llama-3.1-8b-instruct:1.15.4"
    code, found = examined(*words, "--cache", docker, "--image", image)
    assert 6 == code
    assert ["warning"] == statuses(found, "driver")
    assert "470.57.02 is older than 580" in found["driver"][0]["finding"]
    assert "failed" == statuses(found, "gpus")[0]
