"""Are the bytes of weights those of their headers, and is what the format rules out refused?"""

import json
import struct

import pytest

from nimprofile import ModelError
from nimprofile.model import safetensors
from nimprofile.model.safetensors import tensor_bytes


def headed(header):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text


def at(start, end):
    return {"data_offsets": [start, end]}


def written(tmp_path, data, name="m.safetensors"):
    (tmp_path / name).write_bytes(data)
    return str(tmp_path / name)


def test_bytes_are_those_of_every_tensor_but_what_is_left_out(tmp_path):
    first = written(tmp_path, headed({"__metadata__": {}, "a": at(0, 3), "b": at(3, 5)}) + b"12345")
    second = written(tmp_path, headed({"a.b": at(0, 1)}) + b"1", "n.safetensors")
    assert 6 == tensor_bytes([first, second])
    assert 2 == tensor_bytes([first, second], ("a",))
    assert 0 == tensor_bytes([])


def test_the_length_of_a_pointer_is_told_before_anything_is_read(tmp_path):
    path = written(tmp_path, b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(ModelError, match="a Git LFS pointer, or no safetensors file: fetch it"):
        tensor_bytes([path])


NOT_ONE = "not a safetensors file: its header is no "


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(b"\x01", f"{NOT_ONE}JSON", id="one byte"),
        pytest.param(headed(b"nope"), f"{NOT_ONE}JSON", id="words"),
        pytest.param(headed(b"\xff"), f"{NOT_ONE}text", id="bytes"),
        pytest.param(headed(b"[]"), f"{NOT_ONE}mapping", id="a list"),
        pytest.param(
            headed(b'{"a":{"data_offsets":[0,0]},"a":{}}'),
            f"{NOT_ONE}JSON (the key 'a' stands twice in one object)",
            id="a key twice",
        ),
        pytest.param(headed(b"[" * 400), f"{NOT_ONE}JSON (", id="cut short"),
        pytest.param(
            headed(b"[" * 400 + b"]" * 400),
            f"{NOT_ONE}JSON (nested more than 64 levels deep)",
            id="deep",
        ),
        pytest.param(headed({"a": 1}), "a: no data_offsets", id="a number for a tensor"),
        pytest.param(headed({"a": at(4, 0)}), "a: no data_offsets", id="backwards"),
        pytest.param(headed({"a": at(-4, 0)}), "a: no data_offsets", id="negative"),
        pytest.param(headed({"a": at(0.0, 4.0)}), "a: no data_offsets", id="fractions"),
        pytest.param(headed({"a": at(False, True)}), "a: no data_offsets", id="false and true"),
        pytest.param(headed({"a": at(False, 4)}), "a: no data_offsets", id="false"),
        *(
            pytest.param(
                headed({"a": {"dtype": dtype, "shape": shape, **at(0, 4)}}),
                "a: its dtype and shape do not take the 4 bytes of its data_offsets",
                id=name,
            )
            for name, dtype, shape in (
                ("too many", "BF16", [2, 3]),
                ("too few", "U8", [3]),
                ("one", "F64", []),
                ("none", "F32", [0, 1]),
                ("a shape that is none", "F32", "1"),
                ("a negative length", "U8", [-2, -2]),
                ("true for a length", "F32", [True]),
                ("a fraction", "F32", [1.0]),
                ("5,000 digits", "F32", [10**4000, 10**1000]),
            )
        ),
        pytest.param(headed({"a": at(0, 10**400)}), "a: no data_offsets", id="400 digits"),
        pytest.param(
            headed({"a": at(0, 10**20)}),
            f"incomplete: its tensors end at byte {10**20} behind its header, the file at 4: "
            "fetch it again",
            id="more than any disk has",
        ),
        pytest.param(headed({"a": at(0, 5)}), "incomplete: ", id="one byte more"),
        pytest.param(
            headed({"a": at(0, 4), "b": at(0, 4)}),
            "not a safetensors file: its tensors overlap",
            id="one upon the other",
        ),
    ],
)
def test_what_the_format_rules_out_is_refused(tmp_path, data, problem):
    path = written(tmp_path, data if len(data) < 8 else data + b"1234")
    with pytest.raises(ModelError) as caught:
        tensor_bytes([path])
    assert f"{path}: {problem}" == str(caught.value)[: len(f"{path}: {problem}")]


@pytest.mark.parametrize(
    ("dtype", "shape"), [("F32", []), ("BF16", [1, 2]), ("F8_E8M0", [2, 2]), ("F4", [2, 4]), (7, 1)]
)
def test_what_dtype_and_shape_take_is_as_the_offsets_say_or_unknown(tmp_path, dtype, shape):
    header = headed({"a": {"dtype": dtype, "shape": shape, **at(0, 4)}})
    assert 4 == tensor_bytes([written(tmp_path, header + b"1234")])


def test_an_empty_tensor_has_no_bytes(tmp_path):
    header = headed({"a": {"dtype": "F32", "shape": [10**18, 0], **at(0, 0)}})
    assert 0 == tensor_bytes([written(tmp_path, header)])


def test_headers_of_one_model_are_read_up_to_a_size_in_all(tmp_path, monkeypatch):
    data = headed({"a": at(0, 1)})
    paths = [written(tmp_path, data + b"1", f"{name}.safetensors") for name in "ab"]
    monkeypatch.setattr(safetensors, "MAX_HEADERS", 2 * (len(data) - 8))
    assert 2 == tensor_bytes(paths)
    monkeypatch.setattr(safetensors, "MAX_HEADERS", 2 * (len(data) - 8) - 1)
    with pytest.raises(ModelError, match="the headers of one model are longer than"):
        tensor_bytes(paths)
