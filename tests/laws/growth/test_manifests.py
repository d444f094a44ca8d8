"""The time that a manifest takes grows with its size, whatever is written in it and asked of it."""

import hashlib
import json

import pytest

from nimprofile import parse_manifest
from nimprofile.authoring.diff import diff
from tests.support.growth.ratio import command, grows_with_the_square, on_a_terminal


def _id(number):
    return hashlib.sha256(str(number).encode()).hexdigest()


def _tags(number, **more):
    precision = ("bf16", "fp8")[number % 2]
    return {
        "llm_engine": "vllm",
        "precision": precision,
        "tp": str(1 << number % 4),
        "pp": "1",
    } | more


def _v2(profiles, **head):
    return json.dumps({"schema_version": "2.0", "model": "a/b", **head, "profiles": profiles})


def _profiles(count, tags=_tags, **more):
    return [{"id": _id(at), "tags": tags(at)} | more for at in range(count)]


def _one(tags=None, **more):
    return _v2([{"id": _id(0), "tags": _tags(0) | (tags or {})} | more])


_FIGURES = {
    "parameters": "1000000",
    "num_hidden_layers": "2",
    "num_key_value_heads": "2",
    "head_dim": "64",
    "max_position_embeddings": "4096",
}


def _listing(row, count):
    lines = "".join(row(at) for at in range(count))
    return f"MODEL PROFILES\n- Compatible with system and runnable:\n{lines}"


OF_MANY_PROFILES = {
    "alike": lambda n: _v2([{"id": _id(at), "tags": _tags(0)} for at in range(n)]),
    "of different sizes": lambda n: _v2(_profiles(n)),
    "of names": lambda n: _v2(
        [{"id": _id(at), "name": f"n{at}", "tags": _tags(0)} for at in range(n)]
    ),
    "of one name": lambda n: _v2(_profiles(n, name="x")),
    "of one id": lambda n: _v2([{"id": _id(0), "tags": _tags(at)} for at in range(n)]),
    "for GPUs that are not known": lambda n: _v2(
        _profiles(n, lambda at: _tags(at, gpu=f"board{at}"))
    ),
    "of tags that are not known": lambda n: _v2(
        _profiles(n, lambda at: _tags(at, **{f"tag{at}": "x"}))
    ),
    "of precisions that are not known": lambda n: _v2(
        _profiles(n, lambda at: _tags(at, precision=f"fp{at}"))
    ),
    "of patterns": lambda n: _v2(
        _profiles(n, lambda at: _tags(at, product_name_regex=f"^a.*{at}$"))
    ),
    "of checkpoints that are not there": lambda n: _v2(
        _profiles(n, lambda at: _tags(at, checkpoint=f"d{at}")),
        checkpoints=[{"name": f"c{at}", "model_shape": _FIGURES} for at in range(n)],
    ),
    "of wrong tags": lambda n: _v2(_profiles(n, lambda at: _tags(at, tp="x"))),
    "of no id": lambda n: _v2([{"id": [], "tags": {}}] * n),
    "in schema v1": lambda n: json.dumps(
        {_id(at): {"model": "a/b", "tags": _tags(at)} for at in range(n)}
    ),
    "in schema v1, of different models": lambda n: json.dumps(
        {_id(at): {"model": f"a/b{at}", "tags": _tags(at)} for at in range(n)}
    ),
    "in YAML": lambda n: (
        "schema_version: '2.0'\nprofiles:\n"
        + "".join(
            f"- id: {_id(at)}\n  tags: {{llm_engine: vllm, precision: bf16}}\n" for at in range(n)
        )
    ),
    "of the Metadata API": lambda n: json.dumps(
        {"profiles": [{"profile_id": _id(at), "inference_backend": "vllm"} for at in range(n)]}
    ),
    "of a printout": lambda n: _listing(lambda at: f"  - {_id(at)} (vllm-bf16-tp1-pp1-{at})\n", n),
    "of a log": lambda n: "".join(
        f"Matched profile_id in manifest from X {_id(at)} with tags: {{'precision': 'bf16'}}\n"
        for at in range(n)
    ),
}
GPUS = ("--gpus", "8xh100")
COMMANDS = {
    "select": lambda path: command("select", "--manifest", path, *GPUS),
    "list": lambda path: command("list", "--manifest", path, *GPUS, "--nim"),
    "list on a terminal": lambda path: on_a_terminal("list", "--manifest", path, *GPUS),
    "explain": lambda path: command("explain", "--manifest", path, *GPUS, "--json"),
    "explain of none": lambda path: command("explain", "--manifest", path, *GPUS, "nothing"),
    "check": lambda path: command("manifest", "check", path),
    "check on a terminal": lambda path: on_a_terminal("manifest", "check", path),
    "show": lambda path: command("manifest", "show", path),
    "convert": lambda path: command("manifest", "convert", path, "--to", "v1"),
    "diff": lambda path: command("manifest", "diff", path, "llama-3.1-8b-instruct"),
    "launch": lambda path: command("launch", "--manifest", path, *GPUS, "--engine", "vllm"),
}


def _files(tmp_path, text_of):
    def path_of(size):
        path = tmp_path / f"{size}.yaml"
        if not path.exists():
            path.write_text(text_of(size), encoding="utf-8")
        return str(path)

    return path_of


def _slow(commands, path_of, size):
    """The commands that take too long, each with how long."""
    return {
        name: more
        for name in commands
        if (more := grows_with_the_square(lambda n, of=COMMANDS[name]: of(path_of(n)), size))
    }


@pytest.mark.parametrize("kind", OF_MANY_PROFILES)
def test_profiles_are_judged_and_checked_in_time_in_proportion_to_their_number(kind, tmp_path):
    path_of = _files(tmp_path, OF_MANY_PROFILES[kind])
    assert {} == _slow(["list", "check"], path_of, 24)


def test_manifests_are_read_without_a_look_at_every_pair_of_profiles():
    def work_of(size):
        text = OF_MANY_PROFILES["of different sizes"](size)
        return lambda: parse_manifest(text)

    assert "" == grows_with_the_square(work_of, 800)


def test_every_command_takes_time_in_proportion_to_the_number_of_profiles(tmp_path):
    path_of = _files(tmp_path, OF_MANY_PROFILES["of names"])
    assert {} == _slow(COMMANDS, path_of, 24)


def test_two_manifests_are_compared_in_time_in_proportion_to_their_profiles():
    def work_of(size):
        old, new = (
            parse_manifest(
                _v2(
                    [{"id": _id(f"{side}{at}"), "name": f"n{at}", "tags": {}} for at in range(size)]
                )
            )
            for side in ("old", "new")
        )
        return lambda: diff(old, new)

    assert "" == grows_with_the_square(work_of, 100)


TEXTS = {
    "spaces": lambda n: " " * n,
    "brackets": lambda n: "[" * n,
    "flow mappings": lambda n: "a: {" * n,
    "dashes": lambda n: "- " * n,
    "questions": lambda n: "? " * n,
    "keys": lambda n: "\n".join(f"a{at}: 1" for at in range(n)),
    "keys, the first twice": lambda n: "\n".join(f"a{at}: 1" for at in range(n)) + "\na0: 2",
    "anchors": lambda n: "a: [" + ",".join(f"&x{at} 1" for at in range(n)) + "]",
    "directives": lambda n: "".join(f"%TAG !e{at}! tag:x,2000:\n" for at in range(n)) + "---\na: 1",
    "a long scalar": lambda n: "a: " + "x y " * n,
    "a long quoted scalar": lambda n: 'a: "' + "x\\n " * n + '"',
    "a folded scalar": lambda n: "a: >\n" + "  x\n\n" * n,
    "a long key": lambda n: "x " * n + ": 1",
    "comments": lambda n: "# x\n" * n + "a: 1",
    "a character that is none, at the end": lambda n: "a: b\n" * n + "\x01",
    "JSON that ends too early": lambda n: _v2(_profiles(n // 16))[:-1],
    "JSON in JSON": lambda n: '{"a":' * n,
    "a number of many digits": lambda n: '{"profiles": ' + "9" * n + "}",
    "many tags": lambda n: _one({f"t{at}": "x" for at in range(n // 8)}),
    "many GPUs": lambda n: _one({"gpu": ",".join(f"board{at}" for at in range(n // 8))}),
    "many PCI ids": lambda n: _one(
        {"gpu_device": ",".join(f"{at % 65536:04x}:10de" for at in range(n // 8))}
    ),
    "GPUs that contradict": lambda n: _one(
        {"gpu": ",".join(["h100"] * (n // 8)), "gpu_device": ",".join(["26b9:10de"] * (n // 8))}
    ),
    "a long id": lambda n: _v2([{"id": "x" * n, "tags": _tags(0)}]),
    "a long name": lambda n: _one(name="y " * n),
    "a long GPU": lambda n: _one({"gpu": "a " * n}),
    "a long precision": lambda n: _one({"precision": "9" * n}),
    "a long pattern": lambda n: _one({"product_name_regex": "(a+)+$" * n}),
    "a long release": lambda n: _v2(_profiles(1), release="1." * n),
    "a long version": lambda n: _v2(_profiles(1), engine_version="1." * n + "1"),
    "a long version of letters": lambda n: _v2(_profiles(1), engine_version="1.0+" + "a." * n),
    "a long requirement": lambda n: _one(requires={"engine": "vllm>=" + "0." * n + "1"}),
    "a long marker": lambda n: _one(requires={"engine": "vllm; " + "(" * n}),
    "many specifiers": lambda n: _one(requires={"driver": ">=1," * n + ">=1"}),
    "compatible specifiers": lambda n: _one(requires={"cuda": "~=1.0," * n + "~=1.0"}),
    "a long size": lambda n: _one(requires={"memory_gib_per_gpu": "1" * n}),
    "long rows": lambda n: _listing(lambda at: f"  - {_id(at)} ({'a-' * 1900})\n", n // 64),
    "rows of spaces": lambda n: _listing(lambda at: f"  - {_id(at)}{' ' * 3900}x\n", n // 64),
    "rows of brackets": lambda n: _listing(
        lambda at: f"  - {_id(at)} ({'(' * 1900})) [requires x\n", n // 64
    ),
    "rows of pairs": lambda n: _listing(lambda at: f"  - {_id(at)} ({'a:b|' * 900}c:d)\n", n // 64),
    "headings of spaces": lambda n: (
        "MODEL PROFILES\n" + f"- Compatible with system {' ' * 4000}<\n" * (n // 64)
    ),
    "valid profiles": lambda n: (
        "MODEL PROFILES\n" + f"Valid profile: {_id(0)} ({') on GPUs [' * 350}x\n" * (n // 64)
    ),
    "matched profiles": lambda n: (
        "MODEL PROFILES\n" + f"Matched profile {'01234567-' * 440}\n" * (n // 64)
    ),
    "lines of JSON": lambda n: '{"message":"MODEL PROFILES"}\n' + '{"a":\n' * n,
}


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_is_read_and_checked_in_time_in_proportion_to_its_length(kind, tmp_path):
    path_of = _files(tmp_path, TEXTS[kind])
    assert {} == _slow(["select", "check"], path_of, 1000)
