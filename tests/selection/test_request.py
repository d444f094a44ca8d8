"""NIM's variables are read as NIM reads them, and wishes as people write them."""

import pytest

from nimprofile import Engine, Pin, Request, RequestError, Serving
from nimprofile.base.enums import parse_engine
from nimprofile.hardware.gpu_groups import EMPTY_GPU_FRACTION
from nimprofile.selection.request import parse_tags


def test_without_variables_nothing_is_wished():
    assert Request() == Request.from_env({})


def test_other_variables_are_not_looked_at():
    assert Request() == Request.from_env({"PATH": "/", "NIM_CACHE_PATH": "x", "CUDA": "1"})


def test_every_variable_is_read():
    environ = {
        "NIM_MODEL_PROFILE": "vllm-bf16-tp1-pp1",
        "NIM_TAGS_SELECTOR": "precision=fp8, tp=1",
        "NIM_PEFT_SOURCE": "/adapters",
        "NIM_RELAX_MEM_CONSTRAINTS": "1",
        "NIM_MANIFEST_ALLOW_UNSAFE": "1",
        "NIM_ALLOW_NVFP4_EMULATION": "1",
        "NIM_MANIFEST_PATH": "/m.yaml",
    }
    assert Request(
        pin=Pin("vllm-bf16-tp1-pp1", "NIM_MODEL_PROFILE"),
        tags=(("precision", "fp8"), ("tp", "1")),
        lora=True,
        relax_memory=True,
        allow_unsafe=True,
        allow_nvfp4_emulation=True,
        manifest_path="/m.yaml",
    ) == Request.from_env(environ)


@pytest.mark.parametrize(
    "name",
    [
        "NIM_MODEL_PROFILE",
        "NIM_TAGS_SELECTOR",
        "NIM_PEFT_SOURCE",
        "NIM_RELAX_MEM_CONSTRAINTS",
        "NIM_MANIFEST_ALLOW_UNSAFE",
        "NIM_ALLOW_NVFP4_EMULATION",
        "NIM_MANIFEST_PATH",
    ],
)
@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_variable_is_unset(name, value):
    assert Request() == Request.from_env({name: value})


@pytest.mark.parametrize("value", [" default ", "Default", "DEFAULT"])
def test_a_default_pin_is_none(value):
    assert None is Request.from_env({"NIM_MODEL_PROFILE": value}).pin


def test_a_pin_is_stripped():
    assert Pin("abc") == Request.from_env({"NIM_MODEL_PROFILE": " abc\n"}).pin


FLAGS = [
    ("NIM_RELAX_MEM_CONSTRAINTS", "relax_memory"),
    ("NIM_MANIFEST_ALLOW_UNSAFE", "allow_unsafe"),
    ("NIM_ALLOW_NVFP4_EMULATION", "allow_nvfp4_emulation"),
]


@pytest.mark.parametrize(("name", "field"), FLAGS)
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", True),
        ("true", True),
        ("TRUE", True),
        ("Yes", True),
        ("on", True),
        (" 1 ", True),
        ("0", False),
        ("false", False),
        ("No", False),
        ("off", False),
    ],
)
def test_a_flag_is_read_in_its_usual_spellings(name, field, text, value):
    assert value is getattr(Request.from_env({name: text}), field)


@pytest.mark.parametrize(("name", "field"), FLAGS)
@pytest.mark.parametrize("text", ["2", "maybe", "truee", "-1"])
def test_any_other_flag_is_refused_by_name(name, field, text):
    with pytest.raises(RequestError, match=f"^{name}='{text}' is neither 0 nor 1$"):
        Request.from_env({name: text})


# Pins.


def test_a_request_is_pinned_by_value_and_source():
    assert Pin("x", "--profile") == Request().pinned(" x ", "--profile").pin


@pytest.mark.parametrize("value", ["", " ", "default", "Default", None])
def test_a_pin_is_taken_away(value):
    assert None is Request(pin=Pin("x")).pinned(value).pin


def test_a_pin_leaves_the_other_wishes():
    request = Request(lora=True, tags=(("a", "b"),))
    assert request == request.pinned("x").pinned(None)


# As people write them.


def test_a_pin_may_be_a_text():
    assert Request(pin=Pin("vllm-bf16", "pin")) == Request(pin="vllm-bf16")


def test_tags_may_be_a_mapping():
    assert Request(tags=(("precision", "fp8"), ("tp", "1"))) == Request(
        tags={"precision": "fp8", "tp": "1"}
    )


def test_a_request_written_so_can_be_hashed():
    written = Request(pin="x", tags={"tp": "1"})
    assert {written} == {Request(pin=Pin("x", "pin"), tags=(("tp", "1"),))}


# Tags.


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("", ()),
        ("  ", ()),
        ("tp=1", (("tp", "1"),)),
        (" precision = fp8 , tp = 1 ", (("precision", "fp8"), ("tp", "1"))),
        ("a=b=c", (("a", "b=c"),)),
        ("databases=uniref30,pdb70, pdb", (("databases", "uniref30,pdb70,pdb"),)),
        ("databases=a,b,tp=1", (("databases", "a,b"), ("tp", "1"))),
        ("mode=str,mode=ofl", (("mode", "str"), ("mode", "ofl"))),
        ("objective=latency,engine=vllm", (("objective", "latency"), ("llm_engine", "vllm"))),
        ("profile=latency,llm_engine=vllm", (("profile", "latency"), ("llm_engine", "vllm"))),
    ],
)
def test_a_selector_is_pairs(text, tags):
    assert tags == parse_tags(text, "--tags")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("fp8", "fp8"),
        ("tp=", "tp="),
        ("=1", "=1"),
        ("tp=1,", ""),
        (",tp=1", ""),
        ("fp8,tp=1", "fp8"),
        ("tp=1,,pdb", ""),
        (",", ""),
    ],
)
def test_a_selector_that_cannot_be_read_names_the_part(text, part):
    with pytest.raises(RequestError) as caught:
        parse_tags(text, "NIM_TAGS_SELECTOR")
    expected = f"NIM_TAGS_SELECTOR: {part!r} is not tag=value, as in precision=fp8,tp=1"
    assert expected == str(caught.value)


def test_without_a_source_the_part_comes_first():
    with pytest.raises(RequestError, match=r"^'fp8' is not tag=value, as in precision=fp8,tp=1$"):
        parse_tags("fp8", "")


# Engines.


@pytest.mark.parametrize(
    ("text", "engine"),
    [
        ("vllm", Engine.VLLM),
        (" VLLM ", Engine.VLLM),
        ("sglang", Engine.SGLANG),
        ("tensorrt_llm", Engine.TENSORRT_LLM),
        ("trtllm", Engine.TENSORRT_LLM),
        ("TensorRT-LLM", Engine.TENSORRT_LLM),
    ],
)
def test_an_engine_is_read_in_its_usual_spellings(text, engine):
    assert engine is parse_engine(text, "--engine")


def test_any_other_engine_is_refused_with_the_known_ones():
    message = "--engine: 'triton' is not an engine; known: tensorrt_llm, vllm, sglang"
    with pytest.raises(RequestError, match=f"^{message}$"):
        parse_engine("triton", "--engine")


def test_without_a_source_the_engine_comes_first():
    with pytest.raises(RequestError, match=r"^'triton' is not an engine; known: "):
        parse_engine("triton", "")


def test_the_gate_is_at_95_percent():
    assert EMPTY_GPU_FRACTION == 0.95


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("NIM_MAX_MODEL_LEN", "4096", "max_model_len", 4096),
        ("NIM_MAX_NUM_SEQS", "12", "max_num_seqs", 12),
        ("NIM_DISABLE_CUDA_GRAPH", "1", "eager", True),
    ],
)
def test_how_the_engine_is_started_is_read_and_an_error_names_the_variable(
    name, text, field, value
):
    assert Serving(**{field: value}) == Request.from_env({name: text}).serving
    with pytest.raises(RequestError) as caught:
        Request.from_env({name: "x"})
    assert str(caught.value).startswith(name)


def test_a_selector_in_the_environment_is_named_when_it_cannot_be_read():
    with pytest.raises(RequestError) as caught:
        Request.from_env({"NIM_TAGS_SELECTOR": "x"})
    assert str(caught.value).startswith("NIM_TAGS_SELECTOR: 'x' is not tag=value")


@pytest.mark.parametrize("value", ["", "  ", 3])
def test_a_pin_of_nothing_is_refused_with_what_asked_for_it(value):
    with pytest.raises(RequestError) as caught:
        Pin(value, "--profile")
    assert f"--profile: {value!r} names no profile; leave out the pin" == str(caught.value)
