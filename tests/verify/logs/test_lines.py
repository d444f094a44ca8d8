"""Lines without what was put around them."""

import json

import pytest

from nimprofile.verify.logs.lines import MOST_OF_LINE, lines_of, log_lines

SAID = "GPU KV cache size: 93,872 tokens"
DRESSES = {
    "plain": SAID,
    "vLLM": "(EngineCore_0 pid=1812) INFO 09-04 01:04:29 [kv_cache_utils.py:849] ",
    "vLLM 0.4": "INFO 04-15 07:12:02 gpu_executor.py:80] ",
    "Ray": "(EngineCore_0 pid=1257) (RayWorkerWrapper pid=374, ip=10.254.6.219) INFO 09-03 04:41:48 [a.py:2] ",
    "NIM 1.x": "INFO 2024-09-27 12:59:39.857 ngc_profile.py:231] ",
    "NIM on a Spark": "INFO 2026-04-22 18:56:49.541 profiles.py:345 ",
    "SGLang": "[2025-07-08 06:56:36 DP0 TP0] ",
    "TensorRT-LLM": "[02/14/2025-09:38:53] [TRT-LLM] [I] ",
    "its ranks": "[02/14/2025-09:38:53] [TRT-LLM] [RANK 3] [I] ",
    "its engine": "[TensorRT-LLM][INFO] ",
    "Triton": "I1030 22:33:28.292879 1 http_server.cc:4497] ",
    "uvicorn": "INFO:     ",
    "logging": "2025-12-20 04:21:17,836 - INFO - flashinfer.jit: ",
    "colours": "\x1b[36m(VllmWorker TP1 pid=1431)\x1b[0m INFO 09-03 00:41:00 [gpu_model_runner.py:2708] ",
    "colours as text": "^[[36m(RayWorkerWrapper pid=2300)^[[0m INFO 03-25 08:34:16 [a.py:1140] ",
    "colours without escapes": "[36m(RayWorkerWrapper pid=317)[0m INFO 04-16 10:28:37 [a.py:1291] ",
    "compose": "vllm-1  | INFO 04-22 00:46:45 [core.py:7] ",
    "kubectl": "[pod/llama-0/server] INFO 04-22 00:46:45 [core.py:7] ",
    "timestamps": "2026-04-22T00:46:45.123456789Z INFO 04-22 00:46:45 [core.py:7] ",
    "CRI": "2026-04-22T00:46:45.123456789Z stdout F INFO 04-22 00:46:45 [core.py:7] ",
    "journal": "Nov 22 03:00:00 node-1 docker[123]: INFO 04-22 00:46:45 [core.py:7] ",
    "a progress bar": "Capturing CUDA graphs (decode, FULL):  99%|████▏| 66/67 [00:03<00:00, 20.10it/s]"
    "(VllmWorker TP1 pid=1431) INFO 09-03 00:41:00 [gpu_model_runner.py:2708] ",
}


def messages(*lines):
    return [line.message for line in log_lines(lines)]


@pytest.mark.parametrize("dress", DRESSES)
def test_a_message_is_found_behind_what_stands_before_it(dress):
    before = "" if dress == "plain" else DRESSES[dress]
    assert [SAID] == messages(f"{before}{SAID}\n")


@pytest.mark.parametrize(
    "record",
    [
        {"log": f"INFO 04-22 00:46:45 [core.py:7] {SAID}\n", "stream": "stdout", "time": "2026"},
        {"level": "INFO", "time": "2026", "file_name": "a.py", "message": SAID, "exc_info": "None"},
        {"log": json.dumps({"level": "INFO", "message": SAID}) + "\n", "stream": "stderr"},
    ],
)
def test_records_of_json_are_unwrapped(record):
    assert [SAID] == messages(json.dumps(record))


@pytest.mark.parametrize("quote", ["'", '"'])
def test_what_a_request_quotes_is_no_progress_bar(quote):
    said = f"Received request 7: prompt: {quote}1%||[]{SAID}{quote}"
    assert [said] == messages(f"INFO 04-22 00:46:45 [logger.py:42] {said}")


def test_json_without_a_message_stays_as_it_is():
    assert ['{"a": 1}', "{no json}"] == messages('{"a": 1}', "{no json}")


def test_a_line_that_containers_cut_is_one_line():
    parts = (
        "2026-04-22T00:46:45.1Z stdout P GPU KV cache size: ",
        "2026-04-22T00:46:45.1Z stdout F 93,872 tokens",
    )
    assert [(2, SAID)] == [(line.number, line.message) for line in log_lines(("", *parts))]
    long = "x" * (16 << 10)
    docker = [
        json.dumps({"log": long, "stream": "stdout"}),
        json.dumps({"log": "y\n", "stream": "stdout"}),
    ]
    assert [f"{long}y"] == messages(*docker)


def test_what_a_carriage_return_overwrites_is_a_line_of_its_own():
    assert ["Loading:  50%", SAID] == messages(f"Loading:  50%\r{SAID}")


@pytest.mark.parametrize(
    ("line", "process"),
    [
        ("(EngineCore_DP0 pid=1) INFO 09-04 01:04:29 [a.py:8] hello", "EngineCore_DP0 1"),
        ("(VllmWorker TP1 pid=1431) INFO 09-03 00:41:00 [a.py:2] hello", "VllmWorker TP1 1431"),
        ("[2025-07-08 06:56:36 DP0 TP7] hello", "DP0 TP7"),
        ("[02/14/2025-09:38:53] [TRT-LLM] [RANK 3] [I] hello", "RANK 3"),
        ("INFO:     hello", ""),
    ],
)
def test_the_process_that_spoke_is_named(line, process):
    (told,) = log_lines([line])
    assert (process, "hello") == (told.process, told.message)


def test_lines_come_out_of_bytes_as_soon_as_they_are_whole():
    given = []

    def parts():
        for part in (b"one\ntw", b"o\n\xff\n", b"three"):
            given.append(part)
            yield part

    lines = lines_of(parts())
    assert "one" == next(lines)
    assert 1 == len(given)
    assert ["two", "�", "three"] == list(lines)


def test_of_a_line_without_an_end_only_the_beginning_is_kept():
    lines = list(lines_of([b"a" * 100_000] * 4 + [b"\nb\n"]))
    assert ["a" * MOST_OF_LINE, "b"] == lines


def test_escapes_and_control_characters_are_no_part_of_a_message():
    assert ["red and bell"] == messages("\x1b[1;31mred\x1b[0m and \x07bell\x1b]0;title\x07")
