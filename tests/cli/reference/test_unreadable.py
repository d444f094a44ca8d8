"""A variable that a command refuses is told with that command's own sentence."""

import json

import pytest

from nimprofile.base.variables.table import VARIABLES, Use
from nimprofile.cli.reference.unreadable import unreadable_variables

REFUSED = {
    "NIM_KVCACHE_PERCENT": "abc",
    "NIM_MAX_MODEL_LEN": "8k",
    "NIM_TAGS_SELECTOR": "fp8",
    "NIM_RELAX_MEM_CONSTRAINTS": "maybe",
    "NIM_TENSOR_PARALLEL_SIZE": "0",
    "NIM_ENGINE_PRECISION": "fp7",
    "NIM_PASSTHROUGH_ARGS": "--api-key 's3cr3t",
}


@pytest.mark.parametrize(("name", "value"), REFUSED.items())
def test_variables_says_what_select_says_and_ends_as_it_does(run, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    code, out, _ = run("variables")
    refused, _, err = run("select", "--manifest", "llama-3.1-8b-instruct", "--gpus", "1xh100")
    assert 3 == code == refused
    sentence = err.strip().removeprefix("nimprofile: ")
    assert f"{name}\tcannot be read\t{sentence}\n" == out
    assert "s3cr3t" not in out


@pytest.mark.parametrize(("name", "value"), [("NIM_SERVER_PORT", "80a"), ("NIM_LOG_LEVEL", "LOUD")])
def test_what_only_a_start_reads_is_told_too(run, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    code, out, _ = run("variables")
    assert (3, [name, "cannot be read"]) == (code, out.split("\t")[:2])


def test_the_others_are_listed_beside_what_cannot_be_read(run, monkeypatch):
    monkeypatch.setenv("NIM_RELAX_MEM_CONSTRAINTS", "maybe")
    monkeypatch.setenv("NIM_NUM_KV_CACHE_SEQ_LENS", "2")
    monkeypatch.setenv("NIM_MAX_MODEL_LEN", "8192")
    code, out, _ = run("variables", "--json")
    uses = {row["name"]: row["use"] for row in json.loads(out)}
    assert 3 == code
    assert {
        "NIM_MAX_MODEL_LEN": "honoured",
        "NIM_NUM_KV_CACHE_SEQ_LENS": "not used",
        "NIM_RELAX_MEM_CONSTRAINTS": "cannot be read",
    } == uses


def test_of_variables_that_say_the_same_thing_only_the_one_that_counts_is_read():
    environ = {"NIM_GPU_MEM_FRACTION": "0.5", "NIM_KVCACHE_PERCENT": "abc"}
    assert {} == unreadable_variables(environ)
    assert ["NIM_GPU_MEM_FRACTION"] == [
        *unreadable_variables(environ | {"NIM_GPU_MEM_FRACTION": "x"})
    ]


def test_a_variable_of_a_switch_is_read_only_where_the_switch_is_on():
    environ = {"NIM_NUM_KV_CACHE_SEQ_LENS": "many"}
    assert {} == unreadable_variables(environ)
    on = environ | {"NIM_RELAX_MEM_CONSTRAINTS": "1"}
    assert [*environ] == [*unreadable_variables(on)]


def test_the_example_of_every_honoured_variable_can_be_read():
    honoured = (row for row in VARIABLES.values() if row.use is Use.HONOURED)
    assert {} == unreadable_variables({row.name: row.example for row in honoured})
