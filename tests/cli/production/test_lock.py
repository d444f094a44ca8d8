"""`nimprofile lock`: a new file, never rewritten silently, and nothing secret in it."""

import json
import os

import pytest

from nimprofile import load_lock, parse_lock


def test_without_a_file_the_lock_is_printed(folder, give):
    code, out, _ = give("lock --manifest m.yaml --gpus 8xh100")
    lock = parse_lock(out)
    assert (0, "eeee8888", ("--manifest", "m.yaml")) == (code, lock.choice.id, lock.words)
    assert ["m.yaml"] == os.listdir(folder)


def test_a_file_that_is_there_is_not_touched_without_update(locked, give):
    before = locked.read_text(encoding="utf-8")
    code, out, err = give("lock --manifest m.yaml --gpus 4xh100 -o a.lock")
    assert (3, "") == (code, out)
    assert "a.lock: is there already; --update prints what changes, and writes it anew" in err
    assert before == locked.read_text(encoding="utf-8")


def test_update_prints_both_sides_of_what_changes_and_writes(locked, give):
    code, out, err = give("lock --update -o a.lock --gpus 4xh100")
    assert 0 == code
    assert "profile: vllm-bf16-tp8-pp1 (eeee8888) → vllm-bf16-tp4-pp1 (eeee4444)" in out
    assert "tp: 8 → 4" in out.splitlines()
    assert "GPUs: 8 × NVIDIA H100 80GB HBM3 → 4 × NVIDIA H100 80GB HBM3" in out.splitlines()
    assert "nimprofile: a.lock: written: vllm-bf16-tp4-pp1" in err
    assert "eeee4444" == load_lock(locked).choice.id


def test_an_unchanged_lock_is_not_rewritten(locked, give):
    text = locked.read_text(encoding="utf-8").replace("written_by: 0.1.0", "written_by: 0.0.9")
    locked.write_text(text, encoding="utf-8")
    code, out, err = give("lock --update -o a.lock --gpus 8xh100")
    assert (0, "") == (code, out)
    assert "nothing changes, and it is left as it is" in err
    assert text == locked.read_text(encoding="utf-8")


@pytest.mark.parametrize("output", ["", "-o -"])
def test_update_without_a_file_is_refused(folder, give, output):
    code, out, err = give(f"lock --manifest m.yaml --gpus 8xh100 --update {output}")
    assert (2, "") == (code, out)
    assert "--update writes a lock anew: name its file with -o FILE" in err


def test_update_writes_a_file_that_is_not_there_yet(folder, give):
    assert 0 == give("lock --manifest m.yaml --gpus 8xh100 -o new.lock --update")[0]
    assert "eeee8888" == load_lock(folder / "new.lock").choice.id


def test_a_link_is_not_written_through(locked, give):
    (locked.parent / "link").symlink_to(locked)
    code, _, err = give("lock --update -o link --gpus 4xh100")
    assert 74 == code
    assert "this is a symbolic link, and only regular files are written" in err
    assert "eeee8888" == load_lock(locked).choice.id


@pytest.mark.parametrize("options", ["", "-o a.lock"])
def test_json_has_the_lock_and_where_it_was_written(folder, give, options):
    code, out, _ = give(f"lock --manifest m.yaml --gpus 8xh100 --json {options}")
    value = json.loads(out)
    path = "a.lock" if options else None
    assert (0, path, bool(options), []) == (
        code,
        value["path"],
        value["written"],
        value["changes"],
    )
    assert "eeee8888" == value["lock"]["choice"]["id"]
    assert (path is not None) is (folder / "a.lock").exists()


def test_the_words_keep_what_follows_the_dashes(folder, give):
    assert 0 == give("lock --manifest m.yaml --gpus 8xh100 -o a.lock -- --seed 7")[0]
    assert ("--manifest", "m.yaml", "--", "--seed", "7") == load_lock(folder / "a.lock").words


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--", "--api-key", "s3cr3t-f0r-acme"], 2),
        (["--served-model-name", "hf_abcdefghijklmnopqrstuvwxyz123456"], 2),
        (["--image", "nvcr.io/nim/m:nvapi-abcdefghijklmnopqrstuvwxyz0123456789"], 2),
    ],
)
def test_a_lock_with_a_secret_is_refused(folder, give, words, code):
    got, out, err = give("lock --manifest m.yaml --gpus 8xh100 -o a.lock", *words)
    assert (code, "") == (got, out)
    assert "secret" in err
    assert "s3cr3t" not in err
    assert "abcdefghij" not in err
    assert not (folder / "a.lock").exists()


def test_a_manifest_that_cannot_be_read_again_is_refused(folder, give, monkeypatch):
    with (folder / "m.yaml").open() as file:
        code, _, err = give(f"lock --gpus 8xh100 --manifest /dev/fd/{file.fileno()}")
    assert 2 == code
    assert "checked against its manifest again: name a file" in err


def test_nothing_runs_and_nothing_is_locked(folder, give):
    code, out, err = give("lock --manifest m.yaml --gpus 1xt4 -o a.lock")
    assert (1, "") == (code, out)
    assert "No profile found" in err
    assert not (folder / "a.lock").exists()


def test_what_cannot_be_started_from_here_is_locked_with_a_note(folder, give):
    text = (folder / "m.yaml").read_text(encoding="utf-8")
    without = text[: text.index("checkpoints:")] + text[text.index("profiles:") :]
    (folder / "m.yaml").write_text(without, encoding="utf-8")
    code, out, err = give("lock --manifest m.yaml --gpus 8xh100 --launchable")
    assert (0, "eeee8888") == (code, parse_lock(out).choice.id)
    assert "note: nothing can be started from what is here: nobody says where the weights" in err


def test_the_image_tells_the_version_and_its_digest_is_kept(folder, give):
    image = f"vllm/vllm-openai:v0.26.0@sha256:{'a' * 64}"
    out = give(f"lock --manifest m.yaml --gpus 8xh100 --engine vllm --image {image}")[1]
    lock = parse_lock(out)
    assert ("0.26.0", "vllm/vllm-openai:v0.26.0", f"sha256:{'a' * 64}") == (
        lock.choice.engine_version,
        lock.image,
        lock.image_digest,
    )


def test_a_version_that_nothing_tells_is_not_made_up(folder, give):
    out = give("lock --manifest m.yaml --gpus 8xh100 --engine vllm")[1]
    assert None is parse_lock(out).choice.engine_version


WHAT_SELECT_SAYS = "tensorrt_llm-h100-fp8-tp8-pp1-latency"
WHAT_STARTS = "tensorrt_llm-h100-bf16-tp8-pp1-latency"
"""Of Llama 3.1 70B: no FP8 is made of its public weights, which have 16 bits."""


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ("", WHAT_SELECT_SAYS),
        ("--launchable", WHAT_STARTS),
        ("--server tensorrt_llm", WHAT_STARTS),
        ("--server nim", WHAT_SELECT_SAYS),
    ],
)
def test_what_select_says_is_locked_or_what_starts_where_a_server_is_meant(
    folder, give, options, name
):
    machine = "--gpus 8xh100"
    err = give(f"lock --manifest llama-3.1-70b-instruct {machine} -o a.lock {options}")[2]
    assert name == load_lock(folder / "a.lock").choice.name
    note = f"note: from what is here {WHAT_STARTS} would be started, which --launchable locks: "
    assert (not options) == (note in err)
    assert 0 == give(f"check --lock a.lock {machine}")[0]


def test_exec_starts_what_can_be_started_and_nothing_that_select_alone_says(give, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    machine = "--gpus 8xh100"
    for options, code in (("", 5), ("--launchable", 6)):  # 6: its server is not here
        give(f"lock --manifest llama-3.1-70b-instruct {machine} -o {code}.lock {options}")
        assert code == give(f"exec --lock {code}.lock {machine}")[0]


def test_a_lock_that_could_not_be_read_again_is_not_written(folder, give):
    words = " ".join(["--tags precision=bf16"] * 501)
    code, _, err = give(f"lock --manifest m.yaml --gpus 8xh100 -o a.lock {words}")
    assert (3, False) == (code, (folder / "a.lock").exists())
    assert "words: 1,004 words, of which a lock has 1,000 at most" in err


def test_words_of_a_lock_that_no_option_has_are_an_error_of_the_lock(locked, give):
    text = locked.read_text(encoding="utf-8").replace("--manifest", "--manifesto")
    locked.write_text(text, encoding="utf-8")
    for command in ("check --lock a.lock", "lock --update -o a.lock"):
        code, _, err = give(f"{command} --gpus 8xh100")
        assert (3, True) == (code, err.startswith("nimprofile: a.lock: words: "))
