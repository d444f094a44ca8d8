"""`nimprofile verify`: what runs, held against a lock and conditions."""

import io
import json

import pytest

from nimprofile import load_manifest, lock_of, mock_inventory, select
from nimprofile.lock.text import lock_text
from tests.support.http import ways
from tests.support.http.server import serving
from tests.support.paths import CORPUS
from tests.support.schemas import check

SELECTED = """\
INFO 2024-09-27 12:59:39.857 ngc_profile.py:233] Detected 2 compatible profile(s).
INFO 2024-09-27 12:59:39.858 ngc_injector.py:206] Selected profile: {id} ({name})
INFO 2024-09-27 12:59:39.860 ngc_injector.py:214] Profile metadata: llm_engine: tensorrt_llm
INFO 2024-09-27 12:59:39.860 ngc_injector.py:214] Profile metadata: precision: fp8
INFO 2024-09-27 12:59:39.860 ngc_injector.py:214] Profile metadata: tp: {tp}
"""
MANIFEST = "llama-3.1-70b-instruct"


def profile(name):
    (found,) = [each for each in load_manifest(MANIFEST).profiles if each.name == name]
    return found


FP8_TP8 = profile("tensorrt_llm-h100-fp8-tp8-pp1-latency")
FP8_TP4 = profile("tensorrt_llm-h100-fp8-tp4-pp1-throughput")


def log_of(profile):
    return SELECTED.format(id=profile.id, name=profile.name, tp=profile.tp)


@pytest.fixture
def log(tmp_path):
    def write(text, name="nim.log"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def lock(tmp_path):
    """A lock of the 70B model on eight H100."""
    manifest = load_manifest(MANIFEST)
    decision = select(manifest, mock_inventory("8xh100"))
    path = tmp_path / "nimprofile.lock"
    words = ("--manifest", MANIFEST)
    path.write_text(lock_text(lock_of(decision, manifest, words=words)), encoding="utf-8")
    return path


def test_0_where_everything_that_is_told_is_as_required(run, log):
    code, out, err = run(
        "verify", "--require", "precision=fp8,tp=8", "--logs", log(log_of(FP8_TP8))
    )
    assert (0, "") == (code, err)
    assert "2 proven, 0 contradicted, 0 not observable" == out.splitlines()[0]


def test_5_for_a_pin_to_tp8_with_a_log_of_tp4_with_the_line(run, log):
    path = log(log_of(FP8_TP4))
    code, out, _ = run("verify", "--require", "tp=8", "--logs", path)
    assert 5 == code
    assert f"contradicted\ttp=8\t{path}, line 5: Profile metadata: tp: 4" in out.splitlines()


def test_a_lock_of_tp8_with_a_log_of_tp4_is_contradicted(run, log, lock):
    code, out, err = run("verify", "--lock", lock, "--logs", log(log_of(FP8_TP4)))
    assert (5, "") == (code, err)
    first, *rows = out.splitlines()
    assert first.endswith(f" of {FP8_TP8.name}")
    found = {row.split("\t")[1]: row.split("\t")[0] for row in rows if "=" in row}
    assert "contradicted" == found["tp=8"] == found[f"id={FP8_TP8.id}"]
    assert "proven" == found["precision=fp8"] == found["engine=tensorrt_llm"]


def test_a_lock_is_proven_by_a_log_of_its_profile(run, log, lock):
    code, out, _ = run("verify", "--lock", lock, "--logs", log(log_of(FP8_TP8)))
    assert 0 == code
    assert " 0 contradicted" in out


def test_the_figures_of_a_lock_stand_beside_what_was_measured(run, log, lock):
    weights = "INFO 04-22 00:46:45 [gpu_model_runner.py:4854] Model loading took 8.49 GiB memory\n"
    tokens = "INFO 04-22 00:46:45 [kv_cache_utils.py:1319] GPU KV cache size: 1,550,000 tokens\n"
    _, out, _ = run("verify", "--lock", lock, "--logs", log(weights + tokens), "--json")
    report = json.loads(out)
    figures = {each["fact"]: each for each in report["figures"]}
    assert 1_550_000 == figures["kv_cache_tokens"]["measured"]
    assert pytest.approx(0.0053, abs=0.001) == figures["kv_cache_tokens"]["error"]
    assert None is figures["kv_cache_bytes"]["measured"]


def test_memory_bears_out_the_sizes_that_no_line_tells(run, log, lock):
    weights = "INFO 04-22 00:46:45 [gpu_model_runner.py:4854] Model loading took 8.49 GiB memory\n"
    tokens = "INFO 04-22 00:46:45 [kv_cache_utils.py:1319] GPU KV cache size: 1,550,000 tokens\n"
    _, out, _ = run("verify", "--lock", lock, "--logs", log(weights + tokens), "--json")
    (tp,) = [each for each in json.loads(out)["judgements"] if each["about"] == "tp"]
    assert ("proven", True) == (tp["outcome"], tp["indirect"])
    assert "this excludes " in tp["note"]


def test_the_words_of_a_lock_of_what_is_launchable_are_read_again(run, log, lock):
    words = lock.read_text(encoding="utf-8").replace(
        f"[--manifest, {MANIFEST}]", f"[--manifest, {MANIFEST}, --launchable]"
    )
    assert "--launchable" in words
    lock.write_text(words, encoding="utf-8")
    code, _, err = run("verify", "--lock", lock, "--logs", log(log_of(FP8_TP8)))
    assert (0, "") == (code, err)


def test_a_lock_whose_manifest_is_elsewhere_is_verified_without_neighbours(run, log, lock):
    moved = lock.read_text(encoding="utf-8").replace(MANIFEST, "/nowhere/manifest.yaml")
    lock.write_text(moved, encoding="utf-8")
    code, _, err = run("verify", "--lock", lock, "--logs", log(log_of(FP8_TP8)))
    assert 0 == code
    assert err.startswith("note: what other profiles would show is not known")


def test_the_manifest_tells_what_a_profile_is_that_is_only_named(run, log):
    path = log(
        "INFO 2026-07-14 13:10:44.080 profiles.py:188] Matched profile_id in manifest from env "
        f"NIM_MODEL_PROFILE to: {FP8_TP4.id}\n"
    )
    code, out, _ = run("verify", "--require", "tp=8", "--manifest", MANIFEST, "--logs", path)
    assert 5 == code
    assert f"tp=4 of {FP8_TP4.name}, which 'Matched profile_id in manifest" in out


def test_strict_exits_with_5_where_something_is_not_observable(run, log):
    options = ("--require", "max_model_len=4096", "--logs", log(log_of(FP8_TP8)))
    assert (0, 5) == (run("verify", *options)[0], run("verify", *options, "--strict")[0])


def test_a_log_can_come_by_standard_input(run, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(log_of(FP8_TP8).encode())))
    code, out, _ = run("verify", "--require", "tp=8", "--logs", "-")
    assert 0 == code
    assert "\t<stdin>, line 5: " in out


def test_of_a_known_log_by_standard_input_nothing_is_noted(run, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(log_of(FP8_TP8).encode())))
    assert "" == run("verify", "--require", "tp=8", "--logs", "-")[2]


def test_logs_that_contradict_each_other_are_named(run, log):
    first, second = log(log_of(FP8_TP8), "a.log"), log(log_of(FP8_TP4), "b.log")
    code, out, _ = run("verify", "--require", "tp=8", "--logs", first, "--logs", second)
    assert 5 == code
    assert f"sources contradict each other: {second}, line 5 has '4', and {first}, line 5" in out


def test_a_wait_ends_as_soon_as_the_server_is_ready(run, log):
    path = log(log_of(FP8_TP8) + "INFO:     Application startup complete.\n")
    code, out, _ = run("verify", "--require", "tp=8", "--logs", path, "--wait")
    assert 0 == code
    assert f"proven\tready=true\t{path}, line 6: " in out


def test_a_wait_that_is_over_without_a_ready_server_is_contradicted(run, log):
    path = log(log_of(FP8_TP8))
    code, out, _ = run("verify", "--require", "tp=8", "--logs", path, "--wait", "0.01")
    assert 5 == code
    assert f"contradicted\tready=true\t{path}, after 0.01 s: no line says" in out


def test_json_is_as_its_schema_says(run, log, lock):
    _, out, _ = run("verify", "--lock", lock, "--logs", log(log_of(FP8_TP4)), "--json")
    report = json.loads(out)
    check("verification", report)
    assert (False, FP8_TP8.id) == (report["holds"], report["profile"]["id"])


SERVERS = json.loads((CORPUS / "servers.json").read_text(encoding="utf-8"))


def served(name, **instead):
    """A server on loopback that gives the recorded answers of this name, but for some."""
    answers = SERVERS[name]["answers"].items()
    given = {
        path: ways.answer(each["body"], each["status"], each["kind"]) for path, each in answers
    }
    return serving(given | {f"/v1/{path}": ways.answer(body) for path, body in instead.items()})


def test_a_server_is_asked_what_it_runs(run):
    with served("vllm in development mode") as server:
        options = ("--require", "tp=8,precision=bf16,max_model_len=8192", "--url", server.url)
        code, out, _ = run("verify", *options)
    assert 5 == code
    rows = out.splitlines()
    assert "3 proven, 1 contradicted, 0 not observable" == rows[0]
    assert any(row.startswith(f"contradicted\ttp=8\t{server.url}, ") for row in rows)


def test_the_manifest_that_a_nim_serves_tells_what_its_profile_is(run):
    nim = "nim with its profile, on vLLM"
    (id_,) = SERVERS[nim]["facts"]["profile_id"]
    manifest = f'{{"profiles": [{{"id": "{id_}", "tags": {{"precision": "fp16", "tp": "1"}}}}]}}'
    with served(nim, manifest=manifest) as server:
        code, out, _ = run("verify", "--require", "precision=fp8", "--url", server.url)
    assert 5 == code
    assert "precision=fp16 of " in out


def test_a_manifest_of_a_server_that_cannot_be_read_is_noted(run):
    with served("nim with its profile, on vLLM", manifest="profiles: []") as server:
        code, _, err = run("verify", "--require", "precision=fp8", "--url", server.url)
    assert 0 == code
    assert "note: the manifest that the server has cannot be read: " in err


def test_a_log_and_a_server_that_contradict_each_other_are_named(run, log):
    path = log(log_of(FP8_TP8))
    with served("vllm in development mode") as server:
        options = ("--require", "tp=8", "--logs", path, "--url", server.url)
        code, out, _ = run("verify", *options)
    assert 5 == code
    assert f"sources contradict each other: {server.url}, " in out


def test_a_server_that_starts_is_asked_again_until_time_is_up(run):
    with served("nim that starts") as server:
        code, out, _ = run(*("verify", "--require", "tp=8", "--url", server.url, "--wait", "0.01"))
    assert 5 == code
    assert "contradicted\tready=true\t" in out


def test_3_where_nobody_answers(run):
    with serving({}) as server:
        url = server.url
    code, out, err = run("verify", "--require", "tp=8", "--url", url)
    assert (3, "") == (code, out)
    assert "127.0.0.1" in err


def test_2_for_an_address_that_is_none(run):
    code, _, err = run("verify", "--require", "tp=8", "--url", "ftp://host")
    assert code in {2, 3}
    assert "ftp" in err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "what the server says"),
        (("--logs", "x.log"), "what is expected"),
        (("--require", "tp=8"), "what the server says"),
        (
            ("--require", "tp=8", "--manifest", "-", "--logs", "-"),
            "only one of --manifest and --logs",
        ),
        (("--require", "tp=8", "--logs", "x", "--wait", "-1"), "is no number of seconds"),
    ],
)
def test_2_where_too_little_is_said(run, options, words):
    code, out, err = run("verify", *options)
    assert (2, "") == (code, out)
    assert words in err


def test_a_log_of_which_no_line_is_known_is_an_error(run, log):
    code, out, err = run("verify", "--require", "tp=4", "--logs", log("a\n\nb\n"))
    assert (3, "") == (code, out)
    assert "nothing that was looked at tells what runs" in err
    assert "no line of it is one that a server's start is known by" in err


def test_3_for_a_log_that_is_not_there(run, tmp_path):
    code, _, err = run("verify", "--require", "tp=8", "--logs", tmp_path / "no.log")
    assert 3 == code
    assert "no.log: no such file" in err


def test_3_for_a_lock_that_is_none(run, log):
    code, _, err = run("verify", "--lock", log("profiles: []"), "--logs", log("x", "y.log"))
    assert 3 == code
    assert "this is no lock" in err


def test_control_characters_and_secrets_of_a_log_are_not_printed(run, log):
    line = "INFO x.py:1] Model loading took 8.49 GiB memory \x1b]0;owned\x07 nvapi-{}\n"
    path = log(line.format("a1" * 32))
    for options in ((), ("--json",)):
        _, out, _ = run("verify", "--require", "weights_bytes>=1", "--logs", path, *options)
        assert "\x1b" not in out
        assert "nvapi-a1" not in out


def test_the_kernel_of_a_board_that_could_do_better_is_a_finding(run, log):
    line = "INFO 08-14 07:55:43 [nvfp4.py:270] Using 'MARLIN' NvFp4 MoE backend out of potential backends: []."
    words = ("--require", "kernel=marlin", "--logs", log(line))
    assert "finding" not in run("verify", *words)[1]
    code, out, _ = run("verify", *words, "--gpus", "2xrtx6000_blackwell_sv")
    assert 0 == code
    assert 1 == out.count("finding: the nvfp4 weights are multiplied by Marlin, in 16 bits")
