"""Values are frozen through and through, can be hashed, and survive a pickle: a pool can select."""

import copy
import json
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from hypothesis import given, settings

from nimprofile import (
    POLICIES,
    PinError,
    Request,
    RequestError,
    Setup,
    launch_plan,
    load_manifest,
    mock_inventory,
    prefer,
    read_model,
    select,
)
from nimprofile.base.errors import LaunchError, ManifestError, NimProfileError
from nimprofile.base.record import FrozenDict, Record
from nimprofile.testing import Situation, situations
from tests.support.model_configs import LLAMA_8B


def changeable_in(value, place="it"):
    """The places in a value that could be changed without another value being made."""
    if isinstance(value, Record):
        if hasattr(value, "__dict__"):
            yield f"{place} has a __dict__"
        for field in value._fields:
            yield from changeable_in(getattr(value, field), f"{place}.{field}")
    elif isinstance(value, tuple | frozenset):
        for item in value:
            yield from changeable_in(item, f"{place}[]")
    elif type(value) is FrozenDict:
        for key, item in value.items():
            yield from changeable_in((key, item), f"{place}[{key!r}]")
    elif not (value is None or isinstance(value, str | int | float | type) or callable(value)):
        yield f"{place} is {type(value).__name__}"


def hold(*values):
    for value in values:
        assert [] == [*changeable_in(value)]
        again = pickle.loads(pickle.dumps(value))
        assert value == again == copy.deepcopy(value)
        assert hash(value) == hash(again)


@given(situations())
@settings(max_examples=settings().max_examples // 2)
def test_what_is_selected_of_and_what_is_selected_are_values(situation: Situation):
    decision = select(situation.manifest, situation.inventory, situation.request)
    hold(situation.manifest, situation.inventory, situation.request, decision)


@pytest.mark.parametrize("name", POLICIES)
def test_every_policy_is_a_value(name):
    hold(POLICIES[name])


@pytest.mark.parametrize("text", ["tp=2", "precision=fp8,engine", "engine=vllm,objective", "pp"])
def test_a_chain_of_ones_own_is_a_value(text):
    hold(prefer(text, POLICIES["nim"]))


def test_a_plan_and_a_model_are_values(tmp_path):
    (tmp_path / "config.json").write_text(
        json.dumps(LLAMA_8B | {"architectures": ["LlamaForCausalLM"]}), encoding="utf-8"
    )
    manifest = load_manifest("llama-3.1-8b-instruct")
    setup = Setup("vllm", extra=["--seed", "7"], adapters=[("it", "/adapters/it")])
    decision = select(manifest, mock_inventory("1xh100"), Request(engines=["vllm"]))
    hold(setup, launch_plan(decision, manifest, setup), read_model(tmp_path))


ERRORS = [
    NimProfileError("it"),
    RequestError("it"),
    ManifestError("it", source="a.yaml", place="profiles[0]", line=3),
    LaunchError("it", of_profile=True),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_of_another_process_is_the_same_error(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(error), str(error), vars(error)) == (type(again), str(again), vars(again))


def test_a_pool_of_processes_selects():
    manifest, policy = load_manifest("llama-3.1-70b-instruct"), POLICIES["nim"]
    machines = [mock_inventory(name) for name in ("8xh100", "4xl40s", "1xt4")]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        asked = [pool.submit(select, manifest, machine, policy=policy) for machine in machines]
        refused = pool.submit(select, manifest, machines[0], Request(pin="no-such-profile"))
        decisions = [each.result(timeout=60) for each in asked]
        with pytest.raises(PinError, match="no-such-profile"):
            refused.result(timeout=60)
    assert [select(manifest, machine, policy=policy) for machine in machines] == decisions
