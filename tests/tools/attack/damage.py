"""Damage to a file that others write: in its tree of values, in its bytes, or in what it is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import yaml

from tests.tools.attack.texts import hostile

SPARSE = 3 * 2**30
"""Bytes of a file that takes no room on the disk, and all memory where it is read whole."""


def write(
    random: Random,
    path: Path,
    text: str,
    pack: Callable[[bytes], bytes] = lambda data: data,
    *,
    tree: bool = True,
) -> None:
    """The file, damaged: as something that is no file, in its tree of values, or in its bytes."""
    chance = random.random()
    if chance < 0.1:
        random.choice(NO_FILES)(path)
    elif chance < 0.65 and tree:
        damaged = _damaged_tree(random, yaml.safe_load(text))
        path.write_bytes(pack(_document(random, damaged, text)))
    elif chance < 0.95:
        path.write_bytes(pack(_damaged_bytes(random, text.encode(errors="surrogatepass"))))
    else:
        path.write_bytes(_damaged_bytes(random, pack(text.encode(errors="surrogatepass"))))


def _sparse(path: Path) -> None:
    path.write_bytes(b"")
    os.truncate(path, SPARSE)


NO_FILES: tuple[Callable[[Path], None], ...] = (
    os.mkfifo,
    os.mkdir,
    _sparse,
    lambda path: path.symlink_to(path.name),
    lambda path: path.symlink_to("missing"),
    lambda path: path.symlink_to("/dev/zero"),
    lambda path: path.symlink_to("/dev/tty"),
    lambda path: path.symlink_to("/proc/self/mem"),
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(b"\0" * 10_000),
    lambda path: path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
)


def _document(random: Random, tree: object, text: str) -> bytes:
    """The tree as JSON, which YAML is as well, or as YAML where the file was."""
    written = json.dumps(tree, ensure_ascii=random.random() < 0.5)
    if not text.startswith("{") and random.random() < 0.5:
        with suppress(RecursionError, yaml.YAMLError):  # then it stays JSON
            written = yaml.safe_dump(tree)
    for old, new in _DEEP.items():
        written = written.replace(f'"{old}"', new).replace(old, new)
    return written.encode(errors="surrogatepass")


_DEEP = {
    "@list400": "[" * 400 + "]" * 400,
    "@list100000": "[" * 100_000 + "]" * 100_000,
    "@map400": '{"a":' * 400 + "1" + "}" * 400,
    "@digits400": "1" + "0" * 400,
    "@digits9000": "9" * 9000,
    "@infinity": "Infinity",
    "@nan": "NaN",
}
"""Values that `json.dumps` does not write, and the words that stand for them in a tree."""


def _value(random: Random) -> object:
    return random.choice(
        (
            *(None, True, False, 0, 1, -1, 2**31, 2**63, 10**20, 1e308, -0.5, 0.1),
            *([], {}, [[]], {"": ""}, [None] * 50, {"a": {"b": {"c": [1]}}}),
            *_DEEP,
            hostile(random),
            hostile(random),
            "x" * 300_000,
        )
    )


def _damaged_tree(random: Random, tree: object) -> object:
    for _ in range(random.choice((1, 1, 1, 2, 5))):
        tree = _changed(random, tree)
    return tree


def _changed(random: Random, node: object) -> object:
    """The tree with one node replaced, left out, doubled or named otherwise."""
    inside = node if isinstance(node, dict | list) and node else None
    if inside is None or random.random() < 0.12:
        return _value(random)
    if isinstance(inside, dict):
        key = random.choice([*inside])
        change = random.random()
        if change < 0.1:
            return {name: value for name, value in inside.items() if name != key}
        if change < 0.2:
            return {hostile(random) if name == key else name: inside[name] for name in inside}
        return inside | {key: _changed(random, inside[key])}
    at = random.randrange(len(inside))
    change = random.random()
    if change < 0.1:
        return inside[:at] + inside[at + 1 :]
    if change < 0.2:
        return inside + [inside[at]] * random.choice((1, 50))
    return [*inside[:at], _changed(random, inside[at]), *inside[at + 1 :]]


def _damaged_bytes(random: Random, data: bytes) -> bytes:
    for _ in range(random.choice((1, 2, 8))):
        begin = random.randrange(len(data) + 1)
        end = min(len(data), begin + random.choice((0, 1, 8, 100)))
        piece = random.choice(
            (
                *(
                    b"",
                    data[begin:end] * 2,
                    random.randbytes(4),
                    b"\0",
                    b"\xff\xfe",
                    b"\xef\xbb\xbf",
                ),
                hostile(random).encode(errors="surrogatepass"),
            )
        )
        data = data[:begin] + piece + data[end:]
    if random.random() < 0.05:
        return data.decode(errors="replace").encode(random.choice(("utf-16", "utf-32")))
    return data
