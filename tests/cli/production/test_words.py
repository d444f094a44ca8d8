"""Which words a lock keeps, and how they are read again."""

import pytest

from nimprofile import LockError
from nimprofile.cli.production.words import kept, value_of, with_locked
from nimprofile.lock.text import lock_text
from tests.support.lock.locks import make_lock


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("--manifest m --gpus 8xh100 --json", "--manifest m"),
        ("--gpus=8xh100 --tags tp=8", "--tags tp=8"),
        ("-o a.lock --lora", "--lora"),
        ("-oa.lock --lora", "--lora"),
        ("--output a.lock --uuids --update --expect-gpus 8", "--expect-gpus 8"),
        ("--inventory box.json --nvml-timeout 3 --format json --color never", ""),
        ("--port 9000 --lock a --strict", "--port 9000"),
    ],
)
def test_a_lock_keeps_the_words_of_the_selection_and_the_server(words, left):
    assert tuple(left.split()) == kept(words.split())


def test_the_last_value_of_an_option_counts():
    words = ["--lock", "a", "--lock=b", "-oc", "-o", "d", "--output", "e", "--gpus"]
    assert ["b", "e", None, None] == [
        value_of(words, *names)
        for names in (("--lock",), ("-o", "--output"), ("--gpus",), ("--json",))
    ]


def _written(tmp_path, *words):
    path = tmp_path / "a.lock"
    path.write_text(lock_text(make_lock(words=words)), encoding="utf-8")
    return str(path)


def test_the_words_of_the_lock_are_read_before_the_command_lines_own(tmp_path):
    path = _written(tmp_path, "--manifest", "m", "--", "--seed", "7")
    argv, given = with_locked(["check", "--lock", path, "--lora"], ("--max-num-seqs", "4"))
    assert ["check", "--manifest", "m", "--lock", path, "--lora"] == argv
    assert ("--seed", "7", "--max-num-seqs", "4") == given["extra"]
    assert ("--manifest", "m", "--", "--seed", "7") == given["locked"].words


def test_an_update_without_words_takes_those_of_the_lock_and_with_some_just_these(tmp_path):
    path = _written(tmp_path, "--manifest", "m")
    argv, given = with_locked(["lock", "-o", path, "--update", "--gpus", "8xh100"], ())
    assert ["lock", "--manifest", "m", "-o", path, "--update", "--gpus", "8xh100"] == argv
    assert ("--manifest", "m") == given["words"]
    own = ["lock", "--manifest", "n", "-o", path, "--update"]
    assert (own, {"extra": (), "words": ("--manifest", "n")}) == with_locked(own, ())


def test_what_is_asked_for_help_reads_no_lock():
    words = ["check", "--lock", "/nowhere", "--help"]
    assert (words, {"extra": ()}) == with_locked(words, ())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--gpus", "8xh100"), "--gpus names the machine or the output"),
        (("--output=/etc/passwd",), "--output names the machine or the output"),
        (("--manifest", "m", "--json"), "--json names"),
        (("select",), "the first word is no option"),
    ],
)
def test_a_lock_with_words_that_no_lock_keeps_is_refused(tmp_path, words, said):
    path = _written(tmp_path, *words)
    with pytest.raises(LockError, match=said):
        with_locked(["exec", "--lock", path], ())
