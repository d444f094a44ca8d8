"""A lock as YAML text, which a difference of two versions shows line by line."""

from __future__ import annotations

from nimprofile.base.errors import LockError
from nimprofile.base.expect import expect
from nimprofile.base.formats.yaml_writer import manifest_yaml
from nimprofile.lock.record import LOCK_VERSION, Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HEAD = """\
# The choice of a profile on record, written by `nimprofile lock`.
# `nimprofile check --lock FILE` says whether the same would be chosen today, `nimprofile exec
# --lock FILE` starts nothing else, `nimprofile verify --lock FILE` says whether it is what runs.
# `nimprofile lock -o FILE --update` prints what changes, and writes it anew.
"""

ORDER = (
    *("written_by", "choice", "expected", "words", "wishes", "policy", "policy_origin"),
    *("image", "image_digest", "manifest", "weights", "machine"),
)
"""The keys of a lock in the order of its text: what was chosen, then what it was made of."""


def lock_text(lock: Lock) -> str:
    """A lock as text, the same for the same lock; `parse_lock` reads it back.

    What is None or empty is left out. Raises LockError for a text that is not UTF-8.
    """
    expect("lock_text: lock", lock, Lock, hint="lock_of(decision, manifest) makes one")
    document = lock_document(lock)
    if not _is_text(document):
        raise LockError("a name or a path in it is not UTF-8: rename what has it")
    return HEAD + manifest_yaml(document)


def lock_document(lock: Lock) -> dict[str, Any]:
    """A lock as plain values, in the order of its text."""
    values = lock.to_dict()
    for mapping in (values["wishes"], values["choice"]["tags"]):
        ordered = sorted(mapping.items())
        mapping.clear()
        mapping.update(ordered)
    return {"lock_version": LOCK_VERSION, **_filled({key: values[key] for key in ORDER})}


def _filled(value: Any) -> Any:
    """Plain values without those that are None or empty, but for texts."""
    if isinstance(value, list):
        return [_filled(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: _filled(each) for key, each in value.items() if each not in (None, [], {})}


def _is_text(value: Any) -> bool:
    """Whether all texts in plain values can be written in UTF-8."""
    if isinstance(value, dict):
        return all(_is_text(each) for pair in value.items() for each in pair)
    if isinstance(value, list):
        return all(map(_is_text, value))
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return True
