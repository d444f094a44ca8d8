"""Every suggestion would do, and none is made where everything fits."""

from nimprofile import Precision, Serving, memory_budget, mock_inventory, shape_from_config
from nimprofile.engines.memory.need import MemoryNeed, Needs
from nimprofile.engines.memory.suggestions import suggestions
from tests.support.builders import make_profile
from tests.support.model_configs import LLAMA_8B

LLAMA = shape_from_config(LLAMA_8B)

H100 = mock_inventory("1xh100").gpus[0]

L4 = mock_inventory("1xl4").gpus[0]


def budget(shape=LLAMA, gpu=H100, **serving):
    return memory_budget(shape, Serving(**serving), gpu)


def need(found):
    return MemoryNeed(found.gpu_bytes(found.wanted_cache), 0, "estimated", budget=found)


def test_what_fits_needs_no_change():
    assert () == suggestions(need(budget()))


def test_every_change_named_would_do():
    found = budget(gpu=L4, max_model_len=65536, memory_fraction=0.9)
    kinds = {change.kind: change.value for change in suggestions(need(found))}
    assert {"context", "gpus"} <= kinds.keys()
    shorter = budget(gpu=L4, max_model_len=kinds["context"], memory_fraction=0.9)
    assert shorter.concurrency(kinds["context"]) >= 1
    assert budget(gpu=L4, max_model_len=65536, tp=kinds["gpus"]).concurrency(65536) >= 1


def test_another_precision_is_named_only_where_the_gpu_runs_it():
    ampere = L4.replace(
        name="NVIDIA A10", compute_capability=mock_inventory("1xa10").gpus[0].compute_capability
    )
    asked = {"max_model_len": 65536, "precision": Precision.BF16}
    assert "fp8" in {change.value for change in suggestions(need(budget(gpu=L4, **asked)))}
    assert "fp8" not in {
        c.value for c in suggestions(need(budget(gpu=ampere, **asked))) if c.kind == "precision"
    }


def test_what_is_suggested_for_one_gpu_is_not_taken_from_another_that_is_alike_in_size():
    """A GPU without FP8 and one with it, of no known name and of the same memory."""
    ada = L4.replace(name=None, device_id=None)
    turing = ada.replace(compute_capability=mock_inventory("1xt4").gpus[0].compute_capability)
    profile = make_profile(llm_engine="vllm", precision="bf16", tp="1")
    needs = Needs(lambda _: LLAMA, Serving(max_model_len=65536))
    offered = [
        {
            change.value
            for change in suggestions(needs.of(profile, gpu))
            if change.kind == "precision"
        }
        for gpu in (ada, turing, ada)
    ]
    assert [{"fp8"}, {"int4_awq"}, {"fp8"}] == offered
