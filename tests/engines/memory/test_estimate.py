"""The budget worked out from a shape and the engine's habits leaves what logs say."""

import pytest

from nimprofile import Engine, Precision, Serving, memory_budget, mock_inventory, shape_from_config
from nimprofile.base.units import GIB
from tests.support.builders import make_gpu
from tests.support.model_configs import LLAMA_8B

LLAMA = shape_from_config(LLAMA_8B)

H100 = mock_inventory("1xh100").gpus[0]


def budget(shape=LLAMA, gpu=H100, **serving):
    return memory_budget(shape, Serving(**serving), gpu)


@pytest.mark.parametrize(
    ("dtype", "bytes_each"), [("auto", 2), ("bf16", 2), ("fp8", 1), ("nvfp4", 9 / 16)]
)
def test_the_cache_has_the_format_asked_for(dtype, bytes_each):
    assert 16 * 65536 * bytes_each == budget(kv_cache_dtype=dtype).request_bytes(16)


def test_auto_takes_the_checkpoints_format_from_vllm_0_17_on():
    block = {"quant_method": "modelopt", "quant_algo": "FP8", "kv_cache_quant_algo": "FP8"}
    shape = shape_from_config(LLAMA_8B | {"quantization_config": block})
    new, old = (budget(shape, engine_version=v).request_bytes(16) for v in ("0.17", "0.16"))
    assert 2 * new == old


def test_vllm_0_19_leaves_what_it_logged():
    # A log of Llama 3.1 8B on an H100: 58.11 GiB, 476,016 tokens, 58.11 requests of 8,192.
    gpu = make_gpu(total=round(79.19 * 1024), name=H100.name).replace(memory_reserved_mib=0)
    found = budget(
        gpu=gpu,
        engine_version="0.19.0",
        memory_fraction=0.95,
        max_model_len=8192,
        max_num_batched_tokens=8192,
        max_num_seqs=1024,
    )
    assert found.spare / GIB == pytest.approx(58.11, rel=0.001)
    assert found.printed_tokens == pytest.approx(476_016, rel=0.001)
    assert found.concurrency(8192) == pytest.approx(58.11, rel=0.001)


def test_sglang_leaves_what_it_logged():
    # A log on an H200: 139.2 GiB free before the weights, a fraction of 0.8718, 106.36 GiB of cache.
    gpu = make_gpu(total=round((139.2 + 0.55) * 1024)).replace(memory_reserved_mib=0)
    found = budget(gpu=gpu, engine=Engine.SGLANG, memory_fraction=0.8717961202189594)
    assert found.spare / GIB == pytest.approx(106.36, rel=0.005)


def test_tensorrt_llm_takes_a_fraction_of_what_is_free_at_last():
    found = budget(engine=Engine.TENSORRT_LLM, memory_fraction=0.5)
    assert found.spare == pytest.approx((found.total - found.held) / 2, abs=1)


def test_more_batched_requests_leave_less():
    assert budget(max_num_seqs=1024).spare < budget(max_num_seqs=256).spare


def test_cuda_graphs_count_from_vllm_0_20_unless_the_engine_is_eager():
    old, new = budget(engine_version="0.19.0"), budget(engine_version="0.20.0")
    assert old.overhead.bytes < new.overhead.bytes
    assert old.overhead.bytes == budget(engine_version="0.20.0", eager=True).overhead.bytes


@pytest.mark.parametrize(
    ("engine", "version", "whole"),
    [
        pytest.param(Engine.VLLM, "0.13.0", True, id="vLLM before it streamed"),
        pytest.param(Engine.VLLM, "0.14.0", False, id="vLLM that streams"),
        pytest.param(Engine.VLLM, None, False, id="the newest vLLM"),
        pytest.param(Engine.SGLANG, None, True, id="SGLang"),
    ],
)
def test_what_is_quantised_on_load_must_fit_as_it_is_stored(engine, version, whole):
    serving = Serving(engine, version, Precision.FP8, max_model_len=1024)
    found = memory_budget(LLAMA, serving, make_gpu(total=14 * 1024))
    assert 7 < found.weights.bytes / GIB < 9
    assert (14.9 < found.gpu_bytes(None) / GIB < 15.5) is whole
    assert (found.spare < 0, found.longest_context(1024)) == (
        (True, None) if whole else (False, 1024)
    )


def test_an_fp8_checkpoint_is_loaded_as_it_is():
    block = {"quant_method": "fp8", "weight_block_size": [128, 128]}
    shape = shape_from_config(LLAMA_8B | {"quantization_config": block})
    serving = Serving(Engine.SGLANG, None, Precision.FP8)
    assert 0 == memory_budget(shape, serving, make_gpu(total=14 * 1024)).peak


def test_a_context_that_is_left_to_what_fits_is_the_longest_that_does():
    l4 = mock_inventory("1xl4").gpus[0]
    whole = budget(gpu=l4)
    longest = whole.longest_context(whole.serving.max_model_len)
    assert budget(gpu=l4, max_model_len=longest) == budget(gpu=l4, max_model_len="auto")
    assert longest < whole.serving.max_model_len


@pytest.mark.parametrize("gpu", [H100, make_gpu(total=None), mock_inventory("1xt4").gpus[0]])
def test_where_all_of_it_fits_or_none_or_nobody_knows_it_is_the_full_context(gpu):
    assert budget(gpu=gpu) == budget(gpu=gpu, max_model_len="auto")
