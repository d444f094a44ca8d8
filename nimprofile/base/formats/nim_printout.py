"""The profiles and GPUs in a `list-model-profiles` printout or a start-up log.

Reads the layouts of NIM 1.0 to 2.x, with speech, retrieval and BioNeMo NIMs; `tests/corpus` has
examples.
"""

from __future__ import annotations

import math
import re

from nimprofile.base.errors import ManifestError
from nimprofile.base.gpu_ids import parse_device_id
from nimprofile.base.printable import clipped, quoted
from nimprofile.base.record import Record
from nimprofile.base.units import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import KW_ONLY

MAX_LINE = 4096

# Quantifiers that give nothing back (`*+`) keep a line of a million spaces from taking a day.
_HEADING = re.compile(
    r"\s*+-?\s*+(?P<title>Compatible with (?:the )?system[^:<]*|Incompatible with system"
    r"|Compilable to TRT-LLM[^:<…]*…?|All profiles|With LoRA support|MODEL PROFILES"
    r"|SYSTEM INFO|(?:Non-f|F)ree GPUs)\s*:?\s*(?P<rest>\S.*)?"
)
_NO_PROFILES = frozenset({"", "system info", "free gpus", "non-free gpus"})
_ROW = re.compile(
    r"\s*+-?\s*+(?P<id>[0-9a-f]{8}(?:[0-9a-f-]*[0-9a-f])?|[0-9a-f]{4,7}(?=…|\.\.\.))"
    r"(?:(?:…|\.\.\.)[0-9a-f]*+)?"
    r"(?:\s++\((?P<name>.*)\)|\s++-\s++(?P<pairs>[^\[]*[^\[\s]))?"
    r"(?:\s*\[requires (?P<need>[^\]]*)\])?\s*"
)
_VALID = re.compile(r"Valid profile: (?P<id>[0-9a-f-]{8,}) \((?P<name>.*)\) on GPUs \[[0-9, ]*\]")
_NEED = re.compile(
    r">=(?P<full>[0-9.]+) GB/gpu(?: per [0-9]+ GPUs)?"
    r"(?:, try --max-model-len=(?P<length>[0-9]{1,12})"
    r"(?: to reduce to >=(?P<least>[0-9.]+) GB/gpu)?)?"
)
_GPU = re.compile(
    r"\s*-\s+\[(?P<device>[0-9a-fA-F]{4}:[0-9a-fA-F]{4}|\?{4}:\?{4})\] \((?P<index>[0-9]{1,6})\) "
    r"(?P<name>[^\[]++|(?:[^\[]|\[(?!current utilization: ))++(?=\[))"
    r"(?:\[current utilization: (?P<used>[^%\]]{1,12})%\])?\s*"
)


class Row(Record):
    """One profile of a printout.

    Attributes:
        id, name: as printed.
        section: the heading it is listed under, lower case; `valid profile` or `matched profile`
            in a log.
        full_gb, least_gb: `[requires >=33 GB/gpu, try … to reduce to >=28 GB/gpu]`.
        length: of the `--max-model-len` to try.
        line: 1-based.
        tags: of a profile that a log tells with its tags; None where only the name is known.
    """

    id: str
    name: str
    section: str
    _: KW_ONLY
    full_gb: float | None
    least_gb: float | None
    length: int | None
    line: int
    tags: Mapping[str, str] | None = None


class ListedGpu(Record):
    """One GPU of a printout's SYSTEM INFO.

    Attributes:
        index, device_id: as printed; our own printouts have `????:????` for no PCI id.
        name: as printed, with the short name that NIM 1.x puts behind it in brackets:
            `NVIDIA A100-SXM4-80GB (A100 80GB)`. `Orin (nvgpu)` is a name of its own.
        used_percent: of its memory; None for `N/A%`.
        free: whether it is listed under "Free GPUs".
    """

    index: int
    device_id: str | None
    name: str
    _: KW_ONLY
    used_percent: float | None
    free: bool


def is_listing(text: str) -> bool:
    """Whether a text is a printout or a start-up log, by the headings it must have."""
    return any(
        _VALID.search(line)
        or "Matched profile" in line
        or ((match := _HEADING.fullmatch(line)) and "LoRA" not in match["title"])
        for line in text.splitlines()
        if len(line) <= MAX_LINE and (line.lstrip()[:1] in ("-", "M", "S") or "d profile" in line)
    )


def unwrap_json_lines(text: str) -> str:
    """A log of JSON lines (`NIM_JSONL_LOGGING`) as the messages in it; any other text as it is."""
    if '"message"' not in text:
        return text
    from nimprofile.base.formats.json_reader import JsonError, read_json

    lines = []
    for line in text.splitlines():
        try:
            entry = read_json(line) if line[:1] == "{" else None
        except JsonError:
            entry = None
        message = entry.get("message") if isinstance(entry, dict) else None
        lines.append(message if isinstance(message, str) else line)
    return "\n".join(lines)


def read_listing(text: str, *, source: str) -> tuple[tuple[Row, ...], tuple[ListedGpu, ...]]:
    """Read the profiles and the GPUs of a printout, in the order printed.

    Raises ManifestError for a line that stands among the profiles and is not one.
    """
    rows: dict[tuple[str, str], Row] = {}
    gpus: dict[int, ListedGpu] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > MAX_LINE and not _is_bullet(line):
            continue  # a log line between those that are read
        if (match := _VALID.search(line)) and match["name"].isprintable():
            row = Row(
                match["id"],
                match["name"],
                "valid profile",
                full_gb=None,
                least_gb=None,
                length=None,
                line=number,
            )
            rows.setdefault((row.id, row.name), row)
        elif match := _GPU.fullmatch(line):
            gpu = _gpu(match, section)
            gpus[gpu.index] = gpu
        elif match := _HEADING.fullmatch(line):
            title = match["title"].strip().lower()
            section = section if title == "with lora support" else title
            if (rest := match["rest"]) and rest != "<None>":
                row = _row(rest, section, number, source)
                rows.setdefault((row.id, row.name), row)
        elif _is_bullet(line) and section.endswith("free gpus"):
            raise ManifestError(
                f"this line stands among the GPUs but is not one: {quoted(line.strip(), 80)}",
                source=source,
                line=number,
            )
        elif not line.strip():
            section = ""  # what follows a printout is other text
        elif _is_bullet(line) and (section not in _NO_PROFILES or _has_full_id(line)):
            row = _row(line, section, number, source)
            rows.setdefault((row.id, row.name), row)
    return tuple(_with_tags(rows, text)), tuple(gpus.values())


def _with_tags(rows: dict[tuple[str, str], Row], text: str) -> list[Row]:
    """The rows, with the tags that a log tells of them, and those that it tells by tags alone."""
    listed = list(rows.values())
    if "Matched profile" not in text:
        return listed
    from nimprofile.base.formats.matched_profiles import matched_profiles

    matched = {profile.id: profile for profile in matched_profiles(text.splitlines())}
    known = {row.id for row in listed}
    listed = [
        row.replace(tags=matched[row.id].tags) if row.id in matched else row for row in listed
    ]
    for profile in matched.values():
        if profile.id not in known:
            row = Row(
                profile.id,
                "",
                "matched profile",
                full_gb=None,
                least_gb=None,
                length=None,
                line=profile.line,
                tags=profile.tags,
            )
            listed.append(row)
    return listed


def _is_bullet(line: str) -> bool:
    return line.lstrip().startswith("- ") and line.strip("- \t") != "<None>"


def _has_full_id(line: str) -> bool:
    parts = line.split(maxsplit=2)
    return len(parts) > 1 and len(parts[1]) == 64 and parts[1].isalnum()


def _row(line: str, section: str, number: int, source: str) -> Row:
    # A line of a printout is short and printable; these patterns are not made for longer ones.
    line = line.expandtabs()
    match = _ROW.fullmatch(line) if len(line) <= MAX_LINE and line.isprintable() else None
    if match is None:
        raise ManifestError(
            f"this line stands among the profiles but is not one: {quoted(line.strip(), 80)}",
            source=source,
            line=number,
        )
    full = least = length = None
    if match["need"] is not None:
        need = _NEED.fullmatch(match["need"])
        if need is None:
            raise ManifestError(
                f"cannot read the requirement [requires {clipped(match['need'], 80)}]",
                source=source,
                line=number,
            )
        full = _gigabytes(need["full"], source, number)
        length = None if need["length"] is None else int(need["length"])
        least = None if need["least"] is None else _gigabytes(need["least"], source, number)
    name = match["name"] or match["pairs"] or ""
    return Row(match["id"], name, section, full_gb=full, least_gb=least, length=length, line=number)


def _gigabytes(text: str, source: str, number: int) -> float:
    try:
        return parse_size(text)
    except ValueError:
        problem = f"{quoted(text)} is not a size in GB"
        raise ManifestError(problem, source=source, line=number) from None


def _gpu(match: re.Match[str], section: str) -> ListedGpu:
    try:
        used = float(match["used"] or "")
    except ValueError:
        used = math.nan  # `N/A` on unified memory
    printed = match["device"].lower()
    try:
        device = None if "?" in printed else parse_device_id(printed)
    except ValueError:
        device = printed
    known = used if 0 <= used <= 100 else None
    return ListedGpu(
        int(match["index"]),
        device,
        match["name"].strip(),
        used_percent=known,
        free=section != "non-free gpus",
    )
