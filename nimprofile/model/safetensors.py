"""The bytes of the tensors in a safetensors file, by its header.

At the head of a file are eight bytes of length, little-endian, and that much JSON: of each tensor,
where it begins and ends behind the header (huggingface.co/docs/safetensors, "format"). Nothing else
is read. What the format rules out is refused here, since an engine refuses it later: a key that
stands twice, tensors that overlap or end behind the file, and one whose dtype and shape take other
bytes than it has.
"""

from __future__ import annotations

from nimprofile.base.errors import ModelError
from nimprofile.base.formats.json_reader import JsonError, read_json
from nimprofile.base.formats.text_files import OpenFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MAX_HEADER = 100_000_000
"""The longest header the format allows, in bytes (safetensors, `MAX_HEADER_SIZE`)."""

MAX_HEADERS = 64 << 20
"""The most bytes that are read of the headers of one model. A tensor takes about 110 bytes, and the
models with the most experts have some 200,000 tensors."""


_BYTES = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64"), 8),
}
"""Bytes of an element, for the dtypes of the format that have whole ones."""


def tensor_bytes(paths: Iterable[str], left_out: tuple[str, ...] = ()) -> int:
    """Bytes of the tensors in the files of one model.

    Args:
        paths: the files.
        left_out: the beginnings of the names of tensors that are not counted.

    Raises ModelError.
    """
    total, left = 0, MAX_HEADERS
    for path in paths:
        with OpenFile(path, error=ModelError) as file:
            text = _header_of(file, left)
            space = (file.size or 0) - 8 - len(text)
        left -= len(text)
        extents = [*_extents(_mapping(text, path), path)]
        _require_within(extents, space, path)
        total += sum(
            end - start
            for name, start, end in extents
            if not (left_out and name.startswith(left_out))
        )
    return total


def _header_of(file: OpenFile, most: int) -> bytes:
    length = int.from_bytes(file.read(8), "little")
    if length > MAX_HEADER:  # the text of a pointer, read as a length, is enormous
        raise ModelError("a Git LFS pointer, or no safetensors file: fetch it", source=file.name)
    if length > most:
        problem = f"with it, the headers of one model are longer than {MAX_HEADERS:,} bytes"
        raise ModelError(problem, source=file.name)
    return file.read(length)


def _mapping(text: bytes, path: str) -> Mapping[str, object]:
    try:
        header = read_json(text.decode(), unique=True)
    except UnicodeDecodeError:
        raise ModelError("not a safetensors file: its header is no text", source=path) from None
    except JsonError as error:
        why = error.problem.removeprefix("not JSON: ")
        problem = f"not a safetensors file: its header is no JSON ({why})"
        raise ModelError(problem, source=path) from None
    if not isinstance(header, dict):
        raise ModelError("not a safetensors file: its header is no mapping", source=path)
    return header


def _extents(header: Mapping[str, object], path: str) -> Iterator[tuple[str, int, int]]:
    """Every tensor's name, its first byte behind the header, and that behind its last."""
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        fields = entry if isinstance(entry, dict) else {}
        match fields.get("data_offsets"):
            case [int(start), int(end)] if {type(start), type(end)} == {int} and 0 <= start <= end:
                pass
            case _:
                raise ModelError("no data_offsets", source=path, place=name)
        if not _takes(fields, end - start):
            problem = f"its dtype and shape do not take the {end - start} bytes of its data_offsets"
            raise ModelError(problem, source=path, place=name)
        yield name, start, end


def _takes(entry: Mapping[str, object], size: int) -> bool:
    """Whether a tensor's dtype and shape take so many bytes, as far as they are known."""
    dtype, shape = entry.get("dtype"), entry.get("shape")
    taken = _BYTES.get(dtype) if isinstance(dtype, str) else None
    if taken is None or shape is None:
        return True
    if not isinstance(shape, list):
        return False
    if any(type(length) is not int or length < 0 for length in shape):
        return False
    if 0 in shape:
        return size == 0
    for length in shape:
        taken *= length
        if taken > size:  # and what follows can be of any size
            return False
    return taken == size


def _require_within(extents: list[tuple[str, int, int]], space: int, path: str) -> None:
    """Refuse tensors that are not in the bytes behind the header, or not beside one another."""
    last = max((end for _, _, end in extents), default=0)
    if last > space:
        problem = f"its tensors end at byte {last} behind its header, the file at {space}"
        raise ModelError(f"incomplete: {problem}: fetch it again", source=path)
    if sum(end - start for _, start, end in extents) > space:
        raise ModelError("not a safetensors file: its tensors overlap", source=path)
