"""What an operator can set up, from variables too, and what is refused."""

import pytest

from nimprofile import LaunchError, RequestError, Setup
from nimprofile.launch.setup import absolute


@pytest.mark.parametrize("name", ["a,b", "a=b", "-a", "a b", ""])
def test_an_adapter_whose_name_would_be_read_as_more_is_refused(name):
    with pytest.raises(RequestError, match="would be read as something else: rename it"):
        Setup(adapters=((name, "/adapters/x"),))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"server": "foo"}, "'foo' is not a server; known: vllm, sglang"),
        ({"port": 0}, "0 is no port from 1 to 65535"),
        ({"port": "x"}, "'x' is no port"),
        ({"host": ""}, "'' is no address to listen on"),
        ({"host": "::1 x"}, "'::1 x' is no address"),
    ],
)
def test_a_setup_that_cannot_be_is_refused(fields, said):
    with pytest.raises(RequestError, match=said):
        Setup(**fields)


def test_nims_variables_are_read():
    setup = Setup.from_env(
        {
            "NIM_MODEL_PATH": "/models/a",
            "NIM_MODEL_NAME": "/models/b",
            "NIM_SERVED_MODEL_NAME": "a",
            "NIM_SERVER_PORT": "9000",
            "NIM_PEFT_SOURCE": "/adapters",
            "NIM_MAX_LORA_RANK": "64",
            "NIM_MAX_GPU_LORAS": "4",
            "NIM_MAX_CPU_LORAS": "8",
            "NIM_PASSTHROUGH_ARGS": "--seed 7 --name 'a b'",
        }
    )
    expected = Setup(
        model="/models/a",
        served_name="a",
        port=9000,
        peft_source="/adapters",
        max_lora_rank=64,
        max_loras=4,
        max_cpu_loras=8,
        passthrough=("--seed", "7", "--name", "a b"),
    )
    assert expected == setup
    assert (
        "/models/b" == Setup.from_env({"NIM_MODEL_NAME": "/models/b", "NIM_MODEL_PATH": " "}).model
    )


@pytest.mark.parametrize("value", ["0", "-1", "65536", "http", "８０"])
def test_a_port_that_is_none_is_said(value):
    with pytest.raises(
        RequestError, match=r"NIM_SERVER_PORT: '.*' is not a whole number from 1 to"
    ):
        Setup.from_env({"NIM_SERVER_PORT": value})


def test_a_path_without_a_working_directory_is_refused_and_one_from_the_root_is_not(
    tmp_path, monkeypatch
):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    assert str(tmp_path / "gone" / "x") == absolute("x")
    (tmp_path / "gone").rmdir()
    assert "/x/y" == absolute("/x/./y")
    with pytest.raises(
        LaunchError, match=r"^x begins at the working directory, which is not there"
    ):
        absolute("x")


@pytest.mark.parametrize("name", ["extra", "passthrough", "adapters", "variables", "installed"])
def test_one_text_where_several_values_belong_gets_a_sentence(name):
    with pytest.raises(TypeError) as caught:
        Setup(**{name: "--seed 7"})
    assert f"Setup: {name} is a tuple, not the str '--seed 7'" == str(caught.value)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"extra": [1]}, "Setup: extra holds a str, not the int 1"),
        ({"passthrough": (b"x",)}, "Setup: passthrough holds a str, not the bytes b'x'"),
        ({"adapters": ("ab",)}, "Setup: adapters holds a tuple, not the str 'ab'"),
        ({"adapters": (("a",),)}, "Setup: adapters holds pairs of texts, and one is none"),
        ({"variables": [("A", 3)]}, "Setup: variables holds pairs of texts, and one is none"),
        ({"model": 3}, "Setup: model is a str or a NoneType, not the int 3"),
        ({"host": 3}, "Setup: host is a str, not the int 3"),
        ({"folder": None}, "Setup: folder is a str, not None"),
        ({"trust_remote_code": "no"}, "Setup: trust_remote_code is a bool, not the str 'no'"),
        ({"startable": "vllm"}, "Setup: startable is a tuple or a NoneType, not the str 'vllm'"),
    ],
)
def test_a_value_of_another_type_gets_a_sentence(values, sentence):
    with pytest.raises(TypeError) as caught:
        Setup(**values)
    assert sentence == str(caught.value)


def test_a_list_is_as_good_as_a_tuple():
    assert Setup(extra=("--seed", "7")) == Setup(extra=["--seed", "7"])
