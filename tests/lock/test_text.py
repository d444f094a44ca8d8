"""The text of a lock: stable, and what is None or empty is left out."""

import pytest

from nimprofile.base.errors import LockError
from nimprofile.lock.reader import parse_lock
from nimprofile.lock.record import Lock
from nimprofile.lock.text import HEAD, ORDER, lock_text
from tests.support.lock.locks import make_lock


def test_the_text_begins_with_what_wrote_it_and_what_reads_it():
    text = lock_text(make_lock())
    assert text.startswith(HEAD)
    assert all(line.startswith("# ") for line in HEAD.splitlines())
    assert {"lock", "check", "exec", "verify"} <= {word.strip("`") for word in HEAD.split()}


def test_every_field_has_its_place_in_the_text():
    assert sorted(Lock._fields) == sorted(ORDER)


def test_a_lock_is_read_back_as_it_was_written():
    lock = make_lock()
    assert lock == parse_lock(lock_text(lock))


def test_the_order_in_which_tags_and_wishes_came_does_not_change_the_text():
    lock = make_lock(wishes={"lora": "yes", "tags": "tp=8"})
    other = make_lock(wishes={"tags": "tp=8", "lora": "yes"})
    assert lock_text(lock) == lock_text(other)


def test_what_is_none_or_empty_is_left_out_and_read_back_as_it_was():
    lock = make_lock(expected=None, image=None, image_digest=None, weights=(), wishes={}, words=())
    text = lock_text(lock)
    assert not {"expected:", "image:", "weights:", "wishes:", "words:", "null"} & set(text.split())
    assert lock == parse_lock(text)


@pytest.mark.parametrize(
    "name", ["a\nb: c", "\x1b[2J", "#", "null", "yes", "", "'", '"', " x", "é"]
)
def test_a_text_of_any_kind_comes_back(name):
    choice = make_lock().choice.replace(name=name, tags={name: name})
    lock = make_lock(words=(name,), wishes={"pin": name}, choice=choice)
    text = lock_text(lock)
    assert lock == parse_lock(text)
    assert text.replace("\n", "").isprintable()


def test_a_name_that_is_not_utf_8_is_refused():
    with pytest.raises(LockError, match="is not UTF-8"):
        lock_text(make_lock(words=("--manifest", "\udcff.yaml")))
