"""What is required, against the operator's arguments and weights that nobody has looked at."""

import pytest

from nimprofile import (
    LaunchError,
    Request,
    RequirementError,
    Server,
    Setup,
    launch_plan,
    mock_inventory,
    select,
)
from nimprofile.launch.server_spec import server_spec
from tests.support.launch.cases import manifest_of


def required(require, server=Server.VLLM, machine="2xh100", **setup):
    """The plan of a BF16 profile of tp 2, of which something is required."""
    manifest = manifest_of("vllm", {"tp": "2"})
    decision = select(manifest, mock_inventory(machine), Request(require=require))
    return launch_plan(decision, manifest, Setup(server=server, image="x/y:2.0.12", **setup))


@pytest.mark.parametrize("place", ["passthrough", "extra"])
@pytest.mark.parametrize("server", [Server.VLLM, Server.NIM])
@pytest.mark.parametrize(
    ("require", "words", "why"),
    [
        ("tp=2", ("--tensor-parallel-size", "4"), "tp=2 is required, and it would be 4"),
        ("tp<=2", ("-tp=4",), "tp<=2 is required, and it would be 4"),
        ("pp=1", ("--pipeline-parallel-size", "2"), "pp=1 is required, and it would be 2"),
        ("precision=bf16", ("--dtype", "half"), "precision=bf16 is required, and it would be fp16"),
        ("precision=bf16", ("-q", "fp8"), "precision=bf16 is required, and it would be fp8"),
        ("precision=bf16", ("-qawq",), "precision=bf16 is required, and what it would be then"),
        ("precision=bf16", ("--revision", "v2"), "precision=bf16 is required, and what it would"),
        ("precision!=fp8", ("-q", "bitsandbytes"), "what it would be then is not known"),
        ("precision=bf16", ("--model", "other"), "what it would be then is not known"),
        ("lora=false", ("--enable-lora",), "lora=false is required, and it would be true"),
    ],
)
def test_an_argument_that_breaks_what_is_required_is_refused(require, words, why, server, place):
    with pytest.raises(RequirementError) as caught:
        required(require, server, **{place: words})
    assert why in str(caught.value)
    assert str(caught.value).endswith("; leave that argument out")


@pytest.mark.parametrize(
    ("require", "words"),
    [
        ("tp=2", ("--tensor-parallel-size", "2")),
        ("tp>=2", ("--tensor-parallel-size", "2")),
        ("precision=bf16", ("--tensor-parallel-size", "2")),
        ("precision=bf16", ("--dtype", "bfloat16")),
        ("tp=2,engine=vllm", ("--seed", "7")),
    ],
)
def test_an_argument_that_keeps_what_is_required_stays(require, words):
    assert set(words) <= set(required(require, extra=words).argv)


def test_the_arguments_of_tritons_engine_are_those_of_its_variable():
    with pytest.raises(RequirementError, match="tp=2 is required, and it would be 4"):
        required("tp=2", Server.TRITON, passthrough=("-tp", "4"))
    assert required("tp=2", Server.TRITON, extra=("--log-verbose", "1")).argv


def test_what_is_not_required_is_still_as_it_was_judged():
    with pytest.raises(LaunchError, match="contradicts what was judged") as caught:
        required((), extra=("--tensor-parallel-size", "4"))
    assert LaunchError is type(caught.value)


def with_weights(require, server, **tags):
    """The plan of a profile whose weights are a name that nobody has looked at."""
    manifest = manifest_of(server_spec(server).runs[-2:][0], tags)
    decision = select(manifest, mock_inventory("1xh100"), Request(require=require))
    setup = Setup(server=server, model="hf://acme/other", image="x/y:2.0.12")
    return launch_plan(decision, manifest, setup)


@pytest.mark.parametrize("server", tuple(Server))
@pytest.mark.parametrize("require", ["precision=bf16", "precision!=fp8", "tp=1,precision=bf16"])
def test_weights_that_nobody_has_looked_at_do_not_meet_a_required_precision(server, require):
    with pytest.raises(RequirementError) as caught:
        with_weights(require, server)
    assert "is required, and whether " in str(caught.value)
    assert "acme/other meets it is not known" in str(caught.value)
    assert "name its directory with --model, or build its manifest with" in str(caught.value)


@pytest.mark.parametrize("server", tuple(Server))
@pytest.mark.parametrize("require", [(), "tp=1", "pp=1,lora=false"])
def test_what_does_not_depend_on_how_weights_are_stored_is_met(server, require):
    assert "acme/other" in str(with_weights(require, server).to_dict())
