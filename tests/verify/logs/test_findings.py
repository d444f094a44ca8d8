"""What the facts of a log mean together."""

import pytest

from nimprofile.verify.logs.findings import NO_GRAPHS, findings
from nimprofile.verify.logs.last_start import last_start
from nimprofile.verify.logs.reader import observations

MARLIN = (
    "(EngineCore pid=230) INFO 08-14 07:55:43 [nvfp4.py:270] Using 'MARLIN' NvFp4 MoE backend out "
    "of potential backends: ['FLASHINFER_TRTLLM', 'MARLIN']."
)
NO_FP4 = (
    "(EngineCore pid=230) WARNING 08-14 07:55:44 [marlin.py:34] Your GPU does not have native "
    "support for FP4 computation but FP4 quantization is being used. Weight-only FP4 compression "
    "will be used leveraging the Marlin kernel."
)
BLACKWELL = "NVIDIA RTX PRO 6000 Blackwell Server Edition"


def found(*lines, gpus=()):
    start = last_start(observations(lines, "vllm.log"))
    return [(each.value, each.place) for each in findings(start, gpus)]


def test_marlin_on_a_board_that_computes_in_the_format_is_a_finding_with_its_line():
    ((words, place),) = found(MARLIN, gpus=[BLACKWELL])
    assert (
        f"the nvfp4 weights are multiplied by Marlin, in 16 bits, and {BLACKWELL} computes in "
        "nvfp4 itself (compute capability 12.0)"
    ) == words
    assert "line 1" == place


def test_the_board_may_stand_in_the_log():
    listed = f"  -  [2bb5:10de] (0) {BLACKWELL} [current utilization: 1%]"
    assert 1 == len(found(listed, MARLIN))


@pytest.mark.parametrize("gpus", [(), ["NVIDIA A100-SXM4-80GB"], ["an unknown board"]])
def test_marlin_on_a_board_without_the_format_or_unknown_is_none(gpus):
    assert [] == found(MARLIN, gpus=gpus)


def test_another_kernel_is_none():
    line = MARLIN.replace("'MARLIN' NvFp4", "'FLASHINFER_CUTLASS' NvFp4")
    assert [] == found(line, gpus=[BLACKWELL])


def test_the_engine_says_itself_that_a_kernel_is_no_native_one():
    ((words, place),) = found(NO_FP4)
    assert "multiplied by Marlin" in words
    assert "line 1" == place


def test_a_cache_smaller_than_one_request_is_a_finding():
    line = (
        "ValueError: The model's max seq len (24000) is larger than the maximum number of tokens "
        "that can be stored in KV cache (6592). Try increasing `gpu_memory_utilization`"
    )
    assert [
        (
            "the KV cache holds 6,592 tokens, fewer than one request of the longest context, 24,000",
            "line 1",
        )
    ] == found(line)


@pytest.mark.parametrize(
    "line",
    [
        "INFO 06-01 10:00:00 [utils.py:233] non-default args: {'enforce_eager': True}",
        "WARNING 06-01 10:00:00 [gpu_model_runner.py:6485] Skipping CUDA graph capture. To turn on",
    ],
)
def test_a_server_without_cuda_graphs_is_told_once(line):
    assert [(NO_GRAPHS, "line 1")] == found(line)


def test_preemption_and_untuned_kernels_are_told():
    told = found(
        "WARNING 06-01 10:00:00 scheduler.py:1754] Sequence group cmpl-1 is preempted by "
        "PreemptionMode.RECOMPUTE mode because there is not enough KV cache space.",
        "WARNING 06-01 10:00:00 [fused_moe.py:683] Using default MoE config. Performance might be "
        "sub-optimal! Config file not found at /x.json",
    )
    assert ["line 1", "line 2"] == [place for _, place in told]


def test_a_log_without_trouble_has_no_findings():
    assert [] == found(
        "(EngineCore pid=2) INFO 04-22 00:47:07 [a.py:1] GPU KV cache size: 9 tokens"
    )
