"""A condition is read as it is written, and holds for what a profile is when it is started."""

import pytest

from nimprofile import Request, RequestError
from nimprofile.manifest.profile_conditions import (
    Condition,
    conditions_of,
    parse_conditions,
    tag_of,
    unmet,
)
from tests.support.builders import make_profile

VLLM = make_profile(
    "4f90" + "0" * 60,
    name="vllm-fp8-tp2-pp1-throughput",
    llm_engine="vllm",
    precision="fp8",
    tp="2",
    pp="1",
    profile="throughput",
    gpu="H100",
)
OPEN = make_profile("open", name="sglang", llm_engine="sglang")
LORA = make_profile("lora", name="l", llm_engine="vllm", tp="1", feat_lora="true")


def holds(text, profile=VLLM, gpus=2):
    return not [*unmet(parse_conditions(text), profile, gpus)]


@pytest.mark.parametrize(
    "text",
    [
        "precision=fp8",
        "precision==fp8",
        "Precision=FP8",
        "precision!=bf16",
        "tp=2",
        "tp=02",
        "tp>=2",
        "tp<=2",
        "tp>1",
        "tp<4",
        "pp<=1",
        "engine=vllm",
        "engine!=trtllm",
        "llm_engine=vllm",
        "objective=throughput",
        "profile=throughput",
        "lora=false",
        "name=vllm-*",
        "name=*-TP?-*",
        "id=4f90*",
        "gpu=h100",
        "GPU=h100",
        " precision = fp8 , tp >= 2 ",
        "kv_cache!=fp8",
    ],
)
def test_a_condition_holds(text):
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "precision=bf16",
        "precision!=fp8",
        "precision=fp*",
        "tp=4",
        "tp>=4",
        "tp<2",
        "tp>2",
        "tp<=1",
        "precision>=8",
        "engine=tensorrt_llm",
        "objective=latency",
        "lora=true",
        "name=vllm",
        "id=4f90",
        "gpu=h10",
        "kv_cache=fp8",
        "kv_cache>=8",
        "precision=fp8,tp=4",
    ],
)
def test_a_condition_does_not_hold(text):
    assert not holds(text)


def test_what_is_not_met_is_named_with_what_there_is_instead():
    asked = parse_conditions("precision=fp8,tp=4,kv_cache=fp8")
    assert [(asked[1], "2"), (asked[2], None)] == [*unmet(asked, VLLM, 2)]


@pytest.mark.parametrize("text", ["tp=4", "pp=1", "tp>=4,pp<=1"])
def test_of_a_profile_that_leaves_it_open_tp_is_the_number_of_gpus_and_pp_1(text):
    assert holds(text, OPEN, gpus=4)
    assert not holds("tp=4", OPEN, gpus=2)


def test_a_profile_without_gpus_is_held_to_one():
    assert holds("tp=1", OPEN, gpus=0)


@pytest.mark.parametrize(("profile", "text"), [(LORA, "lora=true"), (OPEN, "lora=false")])
def test_a_profile_serves_adapters_when_its_tag_says_so(profile, text):
    assert holds(text, profile)


def test_what_the_start_changes_counts_instead_of_the_tag():
    asked = parse_conditions("tp=2")
    assert [(asked[0], "4")] == [*unmet(asked, VLLM, 2, {"tp": "4"})]


@pytest.mark.parametrize(
    ("spelling", "engine"), [("trtllm", "tensorrt_llm"), ("TensorRT-LLM", "tensorrt_llm")]
)
def test_an_engine_is_known_by_each_of_its_spellings(spelling, engine):
    assert holds(f"engine={spelling}", make_profile(llm_engine=engine))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("fp8", "'fp8' is no condition such as precision=fp8 or tp>=4"),
        ("", "'' is no condition"),
        ("tp=", "'tp=' is no condition"),
        ("=2", "'=2' is no condition"),
        ("tp=>2", "'tp=>2' is no condition"),
        ("precision=fp8,", "'' is no condition"),
        ("tp>=many", "tp>=many: 'many' is no number"),
        ("tp=2,fp8", "tp=2,fp8: '2,fp8' is no number"),
    ],
)
def test_what_cannot_be_read_is_said(text, problem):
    with pytest.raises(RequestError) as caught:
        parse_conditions(text)
    assert str(caught.value).startswith(problem)


def test_the_error_names_its_source():
    with pytest.raises(RequestError, match=r"^require: 'fp8' is no condition"):
        parse_conditions("fp8", "require")


@pytest.mark.parametrize(
    "value",
    [
        "precision=fp8,tp=2",
        {"precision": "fp8", "tp": "2"},
        ("precision=fp8", "tp=2"),
        ["precision=fp8,tp=2"],
        (Condition("precision", "=", "fp8"), "tp=2"),
    ],
)
def test_conditions_are_taken_in_any_form(value):
    expected = (Condition("precision", "=", "fp8"), Condition("tp", "=", "2"))
    assert expected == conditions_of(value, "require")


def test_a_value_may_have_commas():
    assert ["databases=uniref30,pdb70", "tp=1"] == [
        *map(str, parse_conditions("databases=uniref30, pdb70,tp=1"))
    ]


@pytest.mark.parametrize("value", ["", (), {}, " "])
def test_nothing_is_no_condition(value):
    assert () == conditions_of(value, "require")


@pytest.mark.parametrize("value", [7, (7,), {"tp": 2}, {"": "x"}])
def test_anything_else_is_refused(value):
    with pytest.raises(RequestError):
        conditions_of(value, "require")


def test_an_unknown_relation_is_refused():
    with pytest.raises(RequestError, match="'~' is not a relation; known: =, !=, >=, <=, >, <"):
        Condition("tp", "~", "4")


def test_a_condition_is_shown_in_our_names():
    assert ["engine=vllm", "tp>=4"] == [*map(str, parse_conditions("llm_engine=vllm,TP>=4"))]


@pytest.mark.parametrize("tag", ["max_model_len", "max-model-len", "MAX_MODEL_LEN"])
def test_a_context_is_a_number_of_tokens(tag):
    assert (Condition("max_model_len", ">=", "32768"),) == parse_conditions(f"{tag}>=32K")


def test_a_context_that_is_no_number_of_tokens_is_refused():
    with pytest.raises(RequestError, match="'long' is no number of tokens"):
        parse_conditions("max_model_len>=long")


def test_the_context_is_what_the_verdict_says():
    asked = parse_conditions("max_model_len>=32K")
    assert [(asked[0], None)] == [*unmet(asked, VLLM, 2)]
    assert [] == [*unmet(asked, VLLM, 2, {"max_model_len": "40960"})]


@pytest.mark.parametrize("text", ["throughput", "throughput-lora", "Throughput-LoRA"])
def test_an_objective_is_what_the_tag_says_in_any_spelling_and_the_tag_is_its_text(text):
    profile = make_profile(profile=text)
    assert holds("objective=throughput", profile)
    assert not holds("objective=throughput-lora,objective!=throughput", profile)
    assert holds(f"profile={text}", profile)
    assert holds("profile=throughput", profile) is (text == "throughput")
    assert "throughput" == tag_of(profile, "Objective")


def test_more_conditions_than_anybody_writes_are_refused():
    a_hundred = ",".join(f"t{at}=1" for at in range(100))
    assert 100 == len(parse_conditions(a_hundred))
    with pytest.raises(RequestError, match="101 conditions; 100 at most are read"):
        parse_conditions(f"{a_hundred},tp=1")
    with pytest.raises(RequestError, match="require: 101 conditions"):
        conditions_of([*a_hundred.split(","), "tp=1"], "require")
    with pytest.raises(RequestError, match="tags: 101 conditions"):
        Request(tags={f"t{at}": "1" for at in range(101)})
