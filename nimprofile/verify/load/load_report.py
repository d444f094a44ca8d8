"""`LoadReport`: what a run of requests measured, ours or that of another program.

Times are milliseconds, as the programs of the field state them. A figure that was not measured, or
that the file of a program does not state, is None.
"""

from __future__ import annotations

from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from dataclasses import KW_ONLY


class Spread(Record):
    """How a figure is spread over requests.

    Attributes:
        count: how many requests it is of.
        mean: their mean.
        least, most: the lowest and the highest.
        p50, p90, p95, p99: percentiles: p95 is not exceeded by 95 % of the requests.
    """

    count: int | None = None
    mean: float | None = None
    _: KW_ONLY
    least: float | None = None
    p50: float | None = None
    p90: float | None = None
    p95: float | None = None
    p99: float | None = None
    most: float | None = None


class Failures(Record):
    """Requests that failed in one way.

    Attributes:
        what: how they failed, `HTTP 429`.
        count: how many.
        example: what the server or the connection said of one of them.
    """

    what: str
    count: int
    example: str


class GpuMemory(Record):
    """The memory of one GPU of this host, in MiB.

    Attributes:
        index: of the GPU.
        name: of the GPU.
        total: all of it.
        idle: in use before the first request.
        peak: the most that was in use while requests ran.
    """

    index: int
    name: str | None
    _: KW_ONLY
    total: int | None
    idle: int | None
    peak: int | None


class LoadReport(Record):
    """What a run measured.

    Attributes:
        tool: the program that ran it, with its version where that is known.
        source: the address, or the file.
        model: the name of the model that was asked.
        interface: what was asked, `chat completions` or `completions`; None when it is not known.
        concurrency: the most requests that were to be in flight at once; None without a limit.
        requests: how many were to be sent; None without a limit.
        completed: requests that were answered to their end.
        failed: requests that were refused or broke off.
        unfinished: requests that were in flight when the run ended before them.
        seconds: from the first request to the end of the last.
        ttft_ms: time to the first token.
        tpot_ms: time per output token after the first: (latency - time to first token) /
            (output tokens - 1).
        latency_ms: from sending a request to the end of its answer.
        prompt_tokens, output_tokens: in all completed requests.
        tokens_from: what counted the tokens: `usage` is the server, `chunks` are parts of a stream,
            of which one may have several tokens; `tool` is the other program.
        requests_per_second: completed requests.
        output_tokens_per_second: of completed requests, all together.
        mean_concurrency: requests in flight at once, the mean that another program states.
        failures: what failed, by kind.
        gpus: the memory of the GPUs of this host; empty where the server is elsewhere.
        kv_cache_idle, kv_cache_peak: the part of the KV cache in use, 0 to 1.
        ended: why the run ended: `all requests`, `time`, `interrupted`, or `error`.
        notes: what a reader should know of the figures, in sentences.
    """

    tool: str
    source: str
    model: str | None
    _: KW_ONLY
    interface: str | None = None
    concurrency: int | None = None
    requests: int | None = None
    completed: int = 0
    failed: int = 0
    unfinished: int = 0
    seconds: float | None = None
    ttft_ms: Spread | None = None
    tpot_ms: Spread | None = None
    latency_ms: Spread | None = None
    prompt_tokens: int | None = None
    output_tokens: int | None = None
    tokens_from: str | None = None
    requests_per_second: float | None = None
    output_tokens_per_second: float | None = None
    mean_concurrency: float | None = None
    failures: tuple[Failures, ...] = ()
    gpus: tuple[GpuMemory, ...] = ()
    kv_cache_idle: float | None = None
    kv_cache_peak: float | None = None
    ended: str = "all requests"
    notes: tuple[str, ...] = ()
