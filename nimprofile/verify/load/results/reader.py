"""A file of results, of whichever program it is."""

from __future__ import annotations

from nimprofile.base.errors import ResultsError
from nimprofile.base.expect import expect_path
from nimprofile.base.formats.json_reader import JsonError, read_json
from nimprofile.base.formats.text_files import read_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any

    from nimprofile.verify.load.load_report import LoadReport

KNOWN = (
    "profile_export_aiperf.json of AIPerf, profile_export_genai_perf.json of GenAI-Perf, "
    "benchmarks.json of GuideLLM, what `vllm bench serve --save-result` writes, and what "
    "`python -m sglang.bench_serving --output-file` writes"
)
"""The files that are read, in words."""

MOST_REPORTS = 1000
"""Runs in one file."""


def read_results(path: str | os.PathLike[str]) -> tuple[LoadReport, ...]:
    """Read the results of AIPerf, GenAI-Perf, GuideLLM, vLLM or SGLang.

    Args:
        path: the file; at most 64 MiB.

    Returns:
        A report for each run in the file, in its order; at least one.

    Raises ResultsError for what is none of these, or has a figure that is no figure.
    """
    source = expect_path("read_results: path", path)
    text = read_text(source, what="results", error=ResultsError)
    try:
        return _of_document(read_json(text), source)
    except JsonError as error:
        if "\n" not in text.strip():
            raise ResultsError(error.problem, source=source, line=error.line) from None
    return _of_lines(text, source)


def _of_document(value: Any, source: str) -> tuple[LoadReport, ...]:
    from nimprofile.verify.load.results.aiperf import is_aiperf, read_aiperf
    from nimprofile.verify.load.results.engine_benchmarks import (
        is_engine_benchmark,
        read_engine_benchmark,
    )
    from nimprofile.verify.load.results.guidellm import is_guidellm, read_guidellm

    if is_guidellm(value):
        return read_guidellm(value, source)
    if is_aiperf(value):
        return (read_aiperf(value, source),)
    if is_engine_benchmark(value):
        return (read_engine_benchmark(value, source),)
    raise ResultsError(f"no results that are known; read are {KNOWN}", source=source)


def _of_lines(text: str, source: str) -> tuple[LoadReport, ...]:
    """The reports of a file with an object to a line, as both engines append them."""
    from nimprofile.verify.load.results.engine_benchmarks import (
        is_engine_benchmark,
        read_engine_benchmark,
    )

    reports: list[LoadReport] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = read_json(line)
        except JsonError as error:
            raise ResultsError(error.problem, source=source, line=number) from None
        if not is_engine_benchmark(value):
            problem = f"no results that are known; read are {KNOWN}"
            raise ResultsError(problem, source=source, line=number)
        if len(reports) == MOST_REPORTS:
            raise ResultsError(f"more than {MOST_REPORTS} runs", source=source, line=number)
        reports.append(read_engine_benchmark(value, source, number))
    return tuple(reports)
