"""Which of several values counts."""

from nimprofile.verify.logs.last_start import last_start
from nimprofile.verify.observation import Fact, Observation


def seen(fact, value, process="", text="", line=1):
    return Observation(fact, value, "log", place=f"line {line}", text=text, process=process)


def counts(fact, *told):
    return [each.value for each in last_start(told)[fact]]


def test_weights_are_those_of_the_fullest_gpu():
    told = [seen(Fact.WEIGHTS_BYTES, size, f"TP{size}") for size in (5, 7, 6)]
    assert [7, 6, 5] == counts(Fact.WEIGHTS_BYTES, *told)


def test_a_draft_model_does_not_replace_the_weights_of_the_model():
    told = [seen(Fact.WEIGHTS_BYTES, 13, "TP0"), seen(Fact.WEIGHTS_BYTES, 4, "TP0")]
    assert [13, 4] == counts(Fact.WEIGHTS_BYTES, *told)


def test_the_cache_is_that_of_the_gpu_with_the_least():
    told = [seen(Fact.KV_CACHE_BYTES, size, f"TP{size}") for size in (5, 4, 6)]
    assert [4, 5, 6] == counts(Fact.KV_CACHE_BYTES, *told)


def test_a_later_value_of_a_process_replaces_the_earlier():
    told = [seen(Fact.KV_CACHE_TOKENS, 80, "RANK 0"), seen(Fact.KV_CACHE_TOKENS, 220_480, "RANK 0")]
    assert [220_480] == counts(Fact.KV_CACHE_TOKENS, *told)


def test_stages_of_a_pipeline_replace_nothing():
    text = "GPU KV cache size: 1 tokens"
    told = [seen(Fact.KV_CACHE_TOKENS, size, text=text) for size in (132_464, 132_560, 132_400)]
    assert [132_400, 132_464, 132_560] == counts(Fact.KV_CACHE_TOKENS, *told)


def test_other_facts_are_as_they_were_told_last():
    told = [seen(Fact.MAX_MODEL_LEN, 131_072, "a"), seen(Fact.MAX_MODEL_LEN, 8192, "b")]
    assert [8192] == counts(Fact.MAX_MODEL_LEN, *told)


def test_only_the_last_start_counts():
    told = [
        seen(Fact.TP, 4),
        seen(Fact.FAILURE, "no memory"),
        seen(Fact.START, value=True),
        seen(Fact.TP, 8),
    ]
    assert {Fact.TP: [8]} == {
        fact: [each.value for each in which] for fact, which in last_start(told).items()
    }


def test_several_profiles_are_all_told():
    told = [seen(Fact.PROFILE_ID, "a"), seen(Fact.PROFILE_ID, "b")]
    assert ["a", "b"] == counts(Fact.PROFILE_ID, *told)


def test_a_failure_that_the_server_outlived_does_not_count():
    failure, ready = seen(Fact.FAILURE, "no memory", line=3), seen(Fact.READY, value=True, line=9)
    assert {Fact.READY: (ready,)} == last_start([failure, ready])
    later = seen(Fact.FAILURE, "engine died", line=12)
    assert (later,) == last_start([failure, ready, later])[Fact.FAILURE]


def test_what_an_interface_tells_replaces_nothing():
    told = [
        Observation(Fact.MAX_MODEL_LEN, length, "http://a", place=f"data[{at}]", text="")
        for at, length in enumerate((8192, 4096))
    ]
    assert [4096, 8192] == counts(Fact.MAX_MODEL_LEN, *told)


def test_the_context_of_a_model_that_drafts_is_not_that_of_requests():
    told = [
        seen(Fact.MAX_MODEL_LEN, 131_072, text="Using max model len 131072"),
        seen(Fact.MAX_MODEL_LEN, 262_144, text="Using max model len 262144"),
        seen(Fact.MAX_MODEL_LEN, 131_072, text="Maximum concurrency for 131,072 tokens"),
    ]
    assert [131_072] == counts(Fact.MAX_MODEL_LEN, *told)
