"""`nimprofile check`: 0 the same, 5 drift with both sides and what moved, 3 an error."""

import json

import pytest

from nimprofile import load_lock, lock_text


def test_on_the_same_machine_it_is_as_the_lock_has_it(locked, give):
    assert (0, "as a.lock has it: vllm-bf16-tp8-pp1\n", "") == give(
        "check --lock a.lock --gpus 8xh100"
    )
    assert 0 == give("check --lock a.lock --gpus 8xh100 --strict")[0]


def test_drift_has_both_sides_the_gate_and_the_cause(locked, give):
    code, out, _ = give("check --lock a.lock --gpus 7xh100")
    assert 5 == code
    assert [
        "drift from a.lock: vllm-bf16-tp8-pp1 → vllm-bf16-tp4-pp1",
        (
            "GPU count: vllm-bf16-tp8-pp1 no longer runs: needs 8 GPUs of one product; there are "
            "7 × NVIDIA H100 80GB HBM3"
        ),
        "tp: 8 → 4",
        "gpus: 8 → 4",
        "since the lock: GPUs: 8 × NVIDIA H100 80GB HBM3 → 7 × NVIDIA H100 80GB HBM3",
    ] == out.splitlines()


def test_what_does_not_change_the_choice_is_a_note_and_strict_makes_it_5(locked, give):
    text = locked.read_text(encoding="utf-8")
    locked.write_text(text + "  driver: 550.54.15\n", encoding="utf-8")
    code, out, _ = give("check --lock a.lock --gpus 8xh100")
    assert 0 == code
    assert "since the lock: driver: 550.54.15 → not known" in out.splitlines()
    assert 5 == give("check --lock a.lock --gpus 8xh100 --strict")[0]


def test_other_arguments_of_the_server_are_a_note(locked, give):
    line = "check --lock a.lock --gpus 8xh100 --strict -- --enable-lora --max-lora-rank 64"
    code, out, _ = give(line)
    assert 5 == code
    said = "since the lock: server arguments: nothing → --enable-lora --max-lora-rank 64"
    assert said in out.splitlines()


def test_a_changed_manifest_that_chooses_the_same_is_a_note(locked, give):
    manifest = locked.parent / "m.yaml"
    manifest.write_text(f"# new\n{manifest.read_text(encoding='utf-8')}", encoding="utf-8")
    code, out, _ = give("check --lock a.lock --gpus 8xh100")
    assert 0 == code
    assert "since the lock: manifest digest: " in out


def test_a_profile_that_is_gone_is_drift(locked, give):
    manifest = locked.parent / "m.yaml"
    text = manifest.read_text(encoding="utf-8").replace("eeee8888", "ffff8888")
    manifest.write_text(text, encoding="utf-8")
    code, out, _ = give("check --lock a.lock --gpus 8xh100")
    assert 5 == code
    gone = "is gone; the profile of its name has the id ffff8888"
    assert f"manifest: vllm-bf16-tp8-pp1 {gone}" in out.splitlines()


def test_a_variable_that_changes_the_choice_is_named(locked, give, monkeypatch):
    monkeypatch.setenv("NIM_TAGS_SELECTOR", "tp=4")
    code, out, _ = give("check --lock a.lock --gpus 8xh100")
    assert 5 == code
    assert "since the lock: tags: nothing → tp=4" in out.splitlines()
    monkeypatch.delenv("NIM_TAGS_SELECTOR")
    assert 0 == give("check --lock a.lock --gpus 8xh100")[0]


def test_nothing_that_runs_is_drift_and_not_an_error(locked, give):
    code, out, _ = give("check --lock a.lock --gpus 1xt4")
    assert (5, "drift from a.lock: vllm-bf16-tp8-pp1 → nothing") == (code, out.splitlines()[0])


def test_a_pin_that_is_gone_is_drift_and_a_wrong_one_is_an_error(folder, give, monkeypatch):
    assert 0 == give("lock --manifest m.yaml --gpus 8xh100 --profile eeee8888 -o p.lock")[0]
    manifest = folder / "m.yaml"
    text = manifest.read_text(encoding="utf-8").replace("eeee8888", "ffff8888")
    manifest.write_text(text, encoding="utf-8")
    code, out, _ = give("check --lock p.lock --gpus 8xh100")
    assert 5 == code
    why = "is gone: --profile: 'eeee8888' is not a profile of this manifest"
    assert f"manifest: vllm-bf16-tp8-pp1 {why}" in out.splitlines()
    code, out, err = give("check --lock p.lock --gpus 8xh100 --profile nope")
    assert (3, "") == (code, out)
    assert "'nope' is not a profile" in err


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("check", 2, "--lock"),
        ("check --lock none.lock", 3, "none.lock: no such file"),
        ("check --lock m.yaml", 3, "this is no lock: `nimprofile lock -o FILE` writes one"),
        ("check --lock a.lock --gpus 8xh100 --manifest none.yaml", 3, "none.yaml: no such file"),
        ("check --lock a.lock --gpus 8xnope", 3, "nope"),
        ("check --lock a.lock --gpus 8xh100 --expect-gpus 9", 5, "9"),
    ],
)
def test_an_error_is_no_drift(locked, give, line, code, said):
    got, out, err = give(line)
    assert (code, "") == (got, out)
    assert said in err
    assert "drift" not in err


def test_words_that_this_version_does_not_know_are_told_as_the_locks(locked, give):
    lock = load_lock(locked)
    lock = lock.replace(words=(*lock.words, "--from-the-future", "1"))
    locked.write_text(lock_text(lock), encoding="utf-8")
    code, _, err = give("check --lock a.lock --gpus 8xh100")
    assert 3 == code
    assert "a.lock: words: check has no option --from-the-future" in err


def test_json_has_both_sides_and_what_moved(locked, give):
    code, out, _ = give("check --lock a.lock --gpus 7xh100 --json")
    value = json.loads(out)
    assert (5, True, "GPU count", "a.lock") == (
        code,
        value["drifted"],
        value["at"],
        value["lock"],
    )
    assert ("eeee8888", "eeee4444") == (value["locked"]["id"], value["today"]["id"])
    assert {"what": "tp", "old": "8", "new": "4"} in value["choice"]
    assert ["GPUs"] == [cause["what"] for cause in value["causes"]]
    same = json.loads(give("check --lock a.lock --gpus 8xh100 --json")[1])
    assert (False, True, []) == (same["drifted"], same["unchanged"], same["causes"])


def test_an_error_with_json_is_one_value(locked, give):
    code, out, _ = give("check --lock none.lock --json")
    assert (3, "lock", "none.lock") == (
        code,
        json.loads(out)["error"]["kind"],
        json.loads(out)["error"]["source"],
    )


def test_control_characters_of_a_lock_are_escapes(locked, give):
    lock = load_lock(locked)
    lock = lock.replace(choice=lock.choice.replace(name="a\x1b[2Jb\nnimprofile: c"))
    locked.write_text(lock_text(lock), encoding="utf-8")
    code, out, err = give("check --lock a.lock --gpus 7xh100")
    assert 5 == code
    assert "\x1b" not in out + err
    assert not any(line.startswith("nimprofile: c") for line in out.splitlines())
