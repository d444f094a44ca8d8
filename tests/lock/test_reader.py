"""Locks are read strictly: each mistake has its place, its line and what to do."""

import pytest

from nimprofile import parse_lock
from nimprofile.base.errors import LockError
from nimprofile.lock.reader import MAX_BYTES, MOST_WORDS, load_lock
from nimprofile.lock.text import lock_text
from tests.support.lock.locks import make_lock

TEXT = lock_text(make_lock())


def test_a_file_is_read(tmp_path):
    path = tmp_path / "nimprofile.lock"
    path.write_text(TEXT, encoding="utf-8")
    assert make_lock() == load_lock(path)


@pytest.mark.parametrize(
    ("old", "new", "place", "words"),
    [
        ("lock_version: '1.0'", "lock_version: '2.0'", "lock_version", "is not the form 1.0"),
        ("lock_version: '1.0'", "lock_version: [1]", "lock_version", "a list is not the form"),
        ("  engine: vllm", "  enginee: vllm", "choice.enginee", "did you mean engine?"),
        ("  tp: 8\n", "  tp: eight\n", "choice.tp", "'eight' is not a whole number"),
        ("  tp: 8\n", f"  tp: {'9' * 5000}\n", "choice.tp", "is not a whole number"),
        ("  tp: 8\n", "  tp: [8]\n", "choice.tp", "expected a whole number, this is a list"),
        ("  lora: false", "  lora: maybe", "choice.lora", "'maybe' is neither true nor false"),
        ("policy: nim-2.0", "policy:", "policy", "expected a text, and there is none"),
        ("policy: nim-2.0", "policy: {a: b}", "policy", "this is a mapping"),
        ("  max_model_len: '131072'", "  max_model_len: [1]", "wishes.max_model_len", "a list"),
        ("  unavailable: 0", "  unavailable: -1", "machine.unavailable", "is not a whole number"),
        ("  - name: NVIDIA", "  - nam: NVIDIA", "machine.gpus[0].nam", "did you mean name?"),
    ],
)
def test_a_mistake_has_its_place_and_its_line(old, new, place, words):
    assert old in TEXT
    text = TEXT.replace(old, new, 1)
    with pytest.raises(LockError, match="x:") as caught:
        parse_lock(text, "x")
    error = caught.value
    assert (place, True) == (error.place, words in error.problem), error
    line = text.splitlines()[error.line - 1]
    assert place.split(".")[-1].split("[")[0] in line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("{", "not YAML"),
        ("- a", "this is no lock: `nimprofile lock -o FILE` writes one"),
        ("profiles: []", "this is no lock"),
        ("a: &x b\nc: *x", "aliases"),
        ("lock_version: '1.0'", "expected a mapping, this is empty"),
        ("lock_version: '1.0'\nlock_version: '1.0'", "stands twice"),
        ("[" * 100, "nested more than 64 levels deep"),
    ],
)
def test_what_is_no_lock_is_refused(text, words, tmp_path):
    path = tmp_path / "lock"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(LockError, match=str(path)) as caught:
        load_lock(path)
    assert words in caught.value.problem


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "lock"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(LockError, match="larger than 1 MiB, which no lock is"):
        load_lock(path)


def test_a_path_that_is_empty_or_a_folder_is_refused(tmp_path):
    with pytest.raises(LockError, match="an empty path names no lock"):
        load_lock("")
    with pytest.raises(LockError, match="this is a directory; name the lock file in it"):
        load_lock(tmp_path)
    with pytest.raises(LockError, match="no such file"):
        load_lock(tmp_path / "none")


def test_a_lock_of_more_words_than_a_command_line_has_is_refused():
    words = make_lock().replace(words=("--nim",) * (MOST_WORDS + 1))
    assert parse_lock(lock_text(words.replace(words=words.words[:-1])))
    with pytest.raises(LockError, match="1,001 words, of which a lock has 1,000 at most"):
        parse_lock(lock_text(words))
