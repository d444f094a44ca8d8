"""What was seen is gathered: of the last start, and in bounded memory."""

import pytest

from nimprofile.verify import gathering as module
from nimprofile.verify.gathering import Gathering
from nimprofile.verify.logs.reader import observations
from nimprofile.verify.observation import Fact, Observation


def seen(fact, value, source="a.log", line=1):
    return Observation(fact, value, source, place=f"line {line}", text=str(value))


def gathered(*observations):
    gathering = Gathering()
    for each in observations:
        gathering.add(each)
    return gathering


def test_several_sources_are_kept_apart():
    first, other = seen(Fact.TP, 8), seen(Fact.TP, 4, "b.log")
    assert [first, other] == [*gathered(first, other).settled()]


def test_of_a_log_of_two_starts_the_last_counts():
    old, new = seen(Fact.TP, 4), seen(Fact.TP, 8, line=9)
    other = seen(Fact.TP, 2, "b.log")
    start = seen(Fact.START, True, line=5)
    gathering = gathered(old, other, seen(Fact.READY, True), start, new)
    assert {other, new} == {*gathering.settled()}
    assert set() == gathering.ended


@pytest.mark.parametrize(
    ("observation", "ended"),
    [
        (seen(Fact.READY, True), {"a.log"}),
        (seen(Fact.READY, False), set()),
        (seen(Fact.FAILURE, "CUDA out of memory"), {"a.log"}),
        (seen(Fact.TP, 8), set()),
    ],
)
def test_a_source_has_ended_its_start_when_the_server_is_ready_or_failed(observation, ended):
    assert ended == gathered(observation).ended


def test_a_source_that_tells_ever_more_is_kept_within_bounds(monkeypatch):
    monkeypatch.setattr(module, "MOST", 10)
    gathering = gathered(*(seen(Fact.FAILURE, str(number)) for number in range(30)))
    assert (10, 20) == (len([*gathering.settled()]), gathering.left_out)


@pytest.mark.parametrize(
    ("word", "told"),
    [("None", ["bfloat16"]), ("fp8", []), ("compressed-tensors", []), ("gptq", [])],
)
def test_weights_that_are_not_quantised_are_stored_as_the_dtype_says(word, told):
    gathering = gathered(seen(Fact.QUANTIZATION, word), seen(Fact.DTYPE, "bfloat16"))
    assert told == [each.value for each in gathering.settled() if each.fact is Fact.PRECISION]


def test_a_kernel_that_unpacks_the_weights_of_a_gpu_that_need_not_is_a_finding():
    gathering = gathered(
        seen(Fact.PRECISION, "nvfp4"), seen(Fact.KERNEL, "marlin"), seen(Fact.TP, 1)
    )
    (finding,) = [each for each in gathering.settled(["NVIDIA B200"]) if each.fact is Fact.FINDING]
    assert "Marlin" in finding.value


def test_of_a_value_that_changed_while_a_server_started_the_last_counts():
    told = [seen(Fact.MAX_MODEL_LEN, length, line=length) for length in (8192, 4096, 8192)]
    assert [8192] == [each.value for each in gathered(*told).settled()]


def test_values_that_no_server_changes_contradict_each_other():
    told = [seen(Fact.TP, number, line=number) for number in (8, 4)]
    assert {8, 4} == {each.value for each in gathered(*told).settled()}


def test_a_log_of_several_services_is_over_once_each_server_is_ready_or_has_failed():
    gathering = Gathering()
    begun = ["a | vLLM API server version 0.9.0", "b | vLLM API server version 0.9.0"]
    for at, over in ((0, False), (1, True)):
        ready = f"{'ab'[at]} | Application startup complete."
        for observation in observations([*begun, ready], "x.log"):
            gathering.add(observation)
        assert over is gathering.over("x.log")
    assert not gathering.over("x")
